"""The container files, which nothing here can run: to the letter of their references, and safe.

`make lint-docker` also runs hadolint over the Dockerfile.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml  # type: ignore[import-untyped]

from taskward.settings import Settings
from tests.support.process_environment import clean_environment
from tests.support.servers import HOST, ROOT, SECRET, free_port

COMPOSE_SCHEMA = Path(__file__).parent / "docker" / "compose-spec.json"
SUBSTITUTED = re.compile(r"\$\{(\w+)(:[?-])?([^}]*)\}")
SETTINGS = {name.upper() for name in Settings.model_fields}


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    parted = (line.partition(" ") for line in lines if line.strip())
    return [(word, rest.strip()) for word, _, rest in parted]


def last_stage() -> list[tuple[str, str]]:
    found = instructions()
    start = max(n for n, (word, _) in enumerate(found) if word == "FROM")
    return found[start:]


def every(word: str) -> list[str]:
    return [rest for instruction, rest in instructions() if instruction == word]


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return found


# Dockerfile


def test_the_image_has_stages_and_names_the_version_that_each_starts_from() -> None:
    images = [rest.split()[0] for rest in every("FROM")]
    page, *servers = images
    assert re.fullmatch(r"node:\d+-slim", page)
    assert len(servers) == 2
    assert all(re.fullmatch(r"python:3\.\d+-slim", image) for image in servers)


def test_what_runs_is_no_root_and_cannot_write_its_own_code() -> None:
    stage = dict(last_stage())
    uid, _, gid = stage["USER"].partition(":")
    assert int(uid) > 0 < int(gid)
    assert "--chown" not in " ".join(every("COPY"))
    order = [word for word, _ in last_stage()]
    assert order.index("USER") > max(n for n, word in enumerate(order) if word in {"COPY", "RUN"})


def test_only_locked_wheels_are_installed_and_nothing_is_fetched_otherwise() -> None:
    installs = [rest for rest in every("RUN") if "install" in rest and "pip" in rest]
    fetched, ours = installs
    assert "--require-hashes --only-binary :all: -r" in fetched
    assert "--no-index --no-build-isolation --no-deps ./packages/" in ours
    assert every("ADD") == []
    assert not re.search(r"curl|wget|apt-get|https?://(?!127\.0\.0\.1)", " ".join(every("RUN")))


def test_no_secret_is_part_of_the_image() -> None:
    given = " ".join(every("ENV") + every("ARG"))
    assert not re.search("SECRET|PASSWORD|TOKEN|DATABASE_URL", given)


def test_it_is_started_without_a_shell_so_that_signals_arrive() -> None:
    stage = dict(last_stage())
    assert json.loads(stage["ENTRYPOINT"]) + json.loads(stage["CMD"]) == [
        *("python", "-m", "taskward", "serve")
    ]


def test_its_environment_is_settings_that_exist() -> None:
    names = {part.partition("=")[0] for part in shlex.split(dict(last_stage())["ENV"])}
    others = {"PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}
    assert names - others <= SETTINGS


@contextmanager
def answering(status: int) -> Iterator[int]:
    """A server that gives this answer when asked whether it is alive."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/health/live" else 404)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer((HOST, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def health_of(port: int) -> int:
    _, _, command = dict(last_stage())["HEALTHCHECK"].partition("CMD ")
    program, *arguments = json.loads(command)
    assert program == "python"
    environment = clean_environment({"PORT": str(port)})
    return subprocess.run(
        [sys.executable, *arguments], env=environment, stderr=subprocess.DEVNULL, check=False
    ).returncode


def test_the_health_check_tells_alive_from_not() -> None:
    with answering(200) as alive, answering(503) as failing:
        assert (health_of(alive), health_of(failing), health_of(free_port())) == (0, 1, 1)


def test_what_is_copied_is_enough_to_run_and_nothing_else_is_sent(tmp_path: Path) -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    allowed = {line[1:] for line in ignored if line.startswith("!")}
    copied = {
        source.partition("/")[0]
        for rest in every("COPY")
        if "--from" not in rest
        for source in rest.split()[:-1]
    }
    assert copied == allowed
    shutil.copytree(ROOT / "packages", tmp_path / "packages")
    shutil.copy(ROOT / "main.py", tmp_path)
    path = [str(tmp_path / "packages" / name / "src") for name in ("authward", "taskward")]
    settings = {"DATABASE_URL": "postgresql://a@127.0.0.1:1/b", "BETTER_AUTH_SECRET": SECRET}
    subprocess.run(
        [sys.executable, "-c", "import main; main.app.openapi()"],
        cwd=tmp_path,
        env=clean_environment({**settings, "PYTHONPATH": os.pathsep.join(path)}),
        timeout=60,
        check=True,
    )


def test_hadolint_finds_nothing() -> None:
    beside = Path(sys.executable).parent / "hadolint"
    program = str(beside) if beside.exists() else shutil.which("hadolint")
    if program is None:
        pytest.skip("HADOLINT IS NOT INSTALLED: `make lint-docker` runs it")
    assert subprocess.run([program, ROOT / "Dockerfile"], check=False).returncode == 0


# compose.yaml


def test_the_compose_file_keeps_to_the_specification() -> None:
    jsonschema_rs.validate(json.loads(COMPOSE_SCHEMA.read_text()), compose())


def test_the_specification_would_find_a_mistake() -> None:
    wrong = compose() | {"services": {"app": {"imagee": "x"}}}
    with pytest.raises(jsonschema_rs.ValidationError):
        jsonschema_rs.validate(json.loads(COMPOSE_SCHEMA.read_text()), wrong)


def test_secrets_come_from_outside_and_have_no_default() -> None:
    text = (ROOT / "compose.yaml").read_text()
    found = SUBSTITUTED.findall(text)
    secrets = {name for name, _, _ in found if re.search("SECRET|PASSWORD", name)}
    assert secrets == {"POSTGRES_PASSWORD", "BETTER_AUTH_SECRET"}
    assert all(form == ":?" for name, form, _ in found if name in secrets)
    for line in re.findall(r"^.*(?:PASSWORD|SECRET).*:.*$", text, re.MULTILINE):
        assert "${" in line or line.lstrip().startswith("#"), line


def test_every_service_says_whether_it_is_well_and_the_app_waits_for_its_database() -> None:
    services = compose()["services"]
    assert all("healthcheck" in service for service in services.values())
    assert services["app"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert services["postgres"]["image"] == "postgres:18"
    assert services["postgres"]["volumes"] == ["postgres:/var/lib/postgresql"]


def test_the_app_can_do_nothing_that_it_need_not_and_gets_time_to_end() -> None:
    app = compose()["services"]["app"]
    assert app["read_only"] is True
    assert app["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in app["security_opt"]
    assert int(app["stop_grace_period"].removesuffix("s")) > 10 + 3 + 3
    assert set(app["environment"]) <= SETTINGS
    assert all(str(port).startswith("127.0.0.1:") for port in app["ports"])
    assert not any("9464" in str(port) for port in app["ports"])
