"""The command line: what it finds wrong, and what it does to the database."""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import jwt
import pytest
from fastapi import FastAPI

from taskward.cli.database import issue_token, log_pseudonym, migrate
from taskward.cli.doctor import (
    Finding,
    Verdict,
    clock_finding,
    examine,
    tables_finding,
    tls_finding,
)
from taskward.cli.seed import seed
from taskward.config import Settings
from taskward.database_url import DatabaseURL
from taskward.migrations import HEAD
from taskward.observability import pseudonyms
from tests.conftest import BASE_URL, PASSWORD, CreateDatabase, new_email, settings_for
from tests.servers import ROOT, SECRET, auth_settings, clean_environment

UNREACHABLE = "postgresql://someone:hunter2-is-secret@127.0.0.1:1/tasks"
REMOTE = DatabaseURL.parse("postgresql://u:p@db.example.com/d")
NAMES = {name.upper() for name in Settings.model_fields}
Environment = Callable[[dict[str, str]], None]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Environment:
    """Sets what a command finds around it, in a directory of its own."""
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)

    def set_up(variables: dict[str, str]) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return set_up


def taskward(directory: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "taskward", *arguments],
        cwd=directory,
        env=clean_environment({**settings, "PYTHONPATH": str(ROOT)}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


# doctor


async def examined(settings: Settings) -> dict[str, Finding]:
    return {finding.subject: finding async for finding in examine(settings)}


async def test_a_sound_installation_has_no_trouble(app: FastAPI, settings: Settings) -> None:
    found = await examined(settings)
    assert {"secret", "database", "clock", "TLS", "tables", "connections"} <= found.keys()
    assert {s for s, finding in found.items() if finding.verdict is Verdict.TROUBLE} == set()
    assert found["tables"] == Finding("tables", Verdict.GOOD, f"revision {HEAD}")


async def test_missing_tables_are_trouble_where_no_start_makes_them(
    create_database: CreateDatabase,
) -> None:
    found = await examined(settings_for(await create_database(), migrate_on_start=False))
    assert found["tables"].verdict is Verdict.TROUBLE
    assert "taskward migrate" in found["tables"].advice


async def test_a_database_that_is_not_there_is_told_apart_from_a_server_that_is_not(
    database_url: str,
) -> None:
    url = database_url.replace("/taskward_test_", "/nothing_here_")
    no_database = (await examined(settings_for(url)))["database"]
    no_server = (await examined(settings_for(UNREACHABLE)))["database"]
    assert no_database.verdict is no_server.verdict is Verdict.TROUBLE
    assert "create the database" in no_database.advice
    assert "nothing listens" in no_server.advice


def test_tables_of_a_newer_version_are_trouble() -> None:
    finding = tables_finding("9999", migrates_at_start=True)
    assert finding.verdict is Verdict.TROUBLE
    assert tables_finding("0000", migrates_at_start=True).verdict is Verdict.NOTICE


@pytest.mark.parametrize("seconds", [-30, -1.5, 1.5, 30])
def test_a_clock_that_is_wrong_is_trouble(seconds: float) -> None:
    assert clock_finding(timedelta(seconds=seconds)).verdict is Verdict.TROUBLE
    assert clock_finding(timedelta(seconds=seconds / 100)).verdict is Verdict.GOOD


@pytest.mark.parametrize(
    ("host", "sslmode", "version", "verdict"),
    [
        ("db.example.com", "prefer", None, Verdict.TROUBLE),
        ("db.example.com", "require", "TLSv1.3", Verdict.NOTICE),
        ("db.example.com", "verify-full", "TLSv1.3", Verdict.GOOD),
        ("127.0.0.1", "prefer", None, Verdict.GOOD),
        ("/run/postgresql", "prefer", None, Verdict.GOOD),
    ],
)
def test_a_way_to_the_database_that_anybody_can_read_is_trouble(
    host: str, sslmode: str, version: str | None, verdict: Verdict
) -> None:
    url = DatabaseURL.parse(f"postgresql://u:p@db.example.com/d?sslmode={sslmode}")
    assert tls_finding(replace(url, host=host), version).verdict is verdict


def test_doctor_says_what_to_do_without_the_password_and_fails(tmp_path: Path) -> None:
    ended = taskward(tmp_path, "doctor", **auth_settings(UNREACHABLE))
    assert ended.returncode == 1
    assert "→ nothing listens there" in ended.stdout
    assert "hunter2" not in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr


# migrate


async def test_migrate_makes_the_tables_once(
    create_database: CreateDatabase, environment: Environment
) -> None:
    environment(auth_settings(await create_database()))
    assert await migrate() == f"The tables are now of revision {HEAD} (before: none)."
    assert await migrate() == f"The tables are up to date (revision {HEAD})."


async def test_migrate_says_in_one_sentence_why_it_cannot(environment: Environment) -> None:
    environment(auth_settings(UNREACHABLE))
    with pytest.raises(SystemExit, match=r"^Cannot migrate postgresql://someone:\*\*\*@"):
        await migrate()


# token and pseudonym


async def test_a_token_works_for_the_server_with_the_same_secret(
    client: httpx.AsyncClient, settings: Settings, environment: Environment
) -> None:
    assert settings.better_auth_secret is not None
    environment({"BETTER_AUTH_SECRET": settings.better_auth_secret.get_secret_value()})
    token = await issue_token("somebody", 60)
    answer = await client.post(
        "/api/tasks", json={"title": "t"}, headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.json()["user_id"] == "somebody"
    claims = jwt.decode(token, options={"verify_signature": False})
    assert 0 < claims["exp"] - time.time() <= 60


async def test_a_user_may_be_named_by_e_mail_address(
    client: httpx.AsyncClient, database_url: str, environment: Environment
) -> None:
    body = {"email": new_email(), "password": PASSWORD}
    user = (await client.post("/api/auth/signup", json=body)).json()["user"]
    environment(auth_settings(database_url))
    token = await issue_token(body["email"].upper(), 60)
    claims = jwt.decode(token, SECRET, ["HS256"], audience=BASE_URL)
    assert claims["sub"] == user["id"]
    assert await log_pseudonym(body["email"]) == pseudonyms(SECRET)(user["id"])
    with pytest.raises(SystemExit, match="no user with the e-mail address"):
        await issue_token(new_email(), 60)


@pytest.mark.parametrize("user", ["", "a b", "x" * 256, "é", "a/b"])
async def test_what_no_token_can_name_is_refused(environment: Environment, user: str) -> None:
    environment({"BETTER_AUTH_SECRET": SECRET})
    with pytest.raises(SystemExit, match="letters, digits"):
        await issue_token(user, 60)


def test_without_a_secret_there_is_no_token_and_none_is_made(tmp_path: Path) -> None:
    ended = taskward(tmp_path, "token", "somebody")
    assert ended.returncode == 1
    assert ended.stderr.startswith("There is no secret yet. Set BETTER_AUTH_SECRET")
    assert ended.stdout == ""
    assert list(tmp_path.iterdir()) == []


# seed


async def test_seeded_users_can_sign_in_and_have_their_share_of_the_tasks(
    app: FastAPI, client: httpx.AsyncClient, database_url: str, environment: Environment
) -> None:
    environment(auth_settings(database_url))
    hashed = await app.state.better_auth.passwords.hash(PASSWORD)
    said = await seed(3, 20_002, password_hash=hashed)
    assert said.startswith("3 users and 20,002 tasks")
    emails = [word for word in said.replace(" to ", " ").split() if "@" in word]
    answer = await client.post("/api/auth/login", json={"email": emails[0], "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    headers = {"Authorization": f"Bearer {answer.json()['token']}"}
    tasks = (await client.get("/api/tasks", headers=headers)).json()
    assert len(tasks) == 6668
    assert tasks == sorted(tasks, key=lambda task: (task["created_at"], task["id"]), reverse=True)
    assert {task["completed"] for task in tasks} == {True, False}


async def test_seeded_users_without_a_password_cannot_sign_in(
    client: httpx.AsyncClient, database_url: str, environment: Environment
) -> None:
    environment(auth_settings(database_url))
    said = await seed(1, 0)
    email = next(word for word in said.split() if "@" in word)
    answer = await client.post("/api/auth/login", json={"email": email, "password": PASSWORD})
    assert answer.status_code == 401


@pytest.mark.parametrize("hashed", ["", "plain", "ab:cd", f"{'a' * 32}:{'g' * 128}"])
async def test_a_hash_that_nobody_could_sign_in_with_is_refused(
    database_url: str, environment: Environment, hashed: str
) -> None:
    environment(auth_settings(database_url))
    with pytest.raises(SystemExit, match="32 hex digits"):
        await seed(1, 1, password_hash=hashed)


async def test_seeding_a_database_without_tables_says_what_to_do(
    create_database: CreateDatabase, environment: Environment
) -> None:
    environment(auth_settings(await create_database()))
    with pytest.raises(SystemExit, match="taskward migrate"):
        await seed(1, 1)


# The commands


def test_help_names_the_commands_and_a_wrong_one_is_refused(tmp_path: Path) -> None:
    helped, wrong = taskward(tmp_path, "--help"), taskward(tmp_path, "sever")
    for command in ("serve", "migrate", "doctor", "token", "pseudonym", "seed"):
        assert command in helped.stdout
    assert (helped.returncode, wrong.returncode) == (0, 2)
    assert "sever" in wrong.stderr
