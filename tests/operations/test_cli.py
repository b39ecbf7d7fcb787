"""The command line: what it finds wrong, and what it does to the database."""

import io
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import jwt
import pytest
from fastapi import FastAPI

from taskward.app import create_app
from taskward.cli.database import issue_token, log_pseudonym, migrate
from taskward.cli.doctor import (
    clock_finding,
    examine,
    tables_finding,
    tls_finding,
)
from taskward.cli.findings import Finding, Severity
from taskward.cli.password import set_password
from taskward.cli.seed import seed
from taskward.database.url import DatabaseURL
from taskward.migrations import HEAD
from taskward.observability.logs import pseudonyms
from taskward.settings import Settings, load_settings
from tests.conftest import BASE_URL, PASSWORD, CreateDatabase, new_email, settings_for
from tests.operations.commands import UNREACHABLE, Environment, environment, taskward
from tests.support.servers import SECRET, auth_settings

__all__ = ["environment"]  # fixtures

REMOTE = DatabaseURL.parse("postgresql://u:p@db.example.com/d")


# doctor


async def examined(settings: Settings) -> dict[str, Finding]:
    return {finding.subject: finding async for finding in examine(settings)}


async def test_a_sound_installation_has_no_trouble(app: FastAPI, settings: Settings) -> None:
    found = await examined(settings)
    assert {"secret", "database", "clock", "TLS", "tables", "connections"} <= found.keys()
    assert {s for s, finding in found.items() if finding.severity is Severity.ERROR} == set()
    assert found["tables"] == Finding("tables", Severity.OK, f"revision {HEAD}")


async def test_missing_tables_are_trouble_where_no_start_makes_them(
    create_database: CreateDatabase,
) -> None:
    found = await examined(settings_for(await create_database(), migrate_on_start=False))
    assert found["tables"].severity is Severity.ERROR
    assert "taskward migrate" in found["tables"].advice


async def test_a_database_that_is_not_there_is_told_apart_from_a_server_that_is_not(
    database_url: str,
) -> None:
    url = database_url.replace("/taskward_test_", "/nothing_here_")
    no_database = (await examined(settings_for(url)))["database"]
    no_server = (await examined(settings_for(UNREACHABLE)))["database"]
    assert no_database.severity is no_server.severity is Severity.ERROR
    assert "create the database" in no_database.advice
    assert "nothing listens" in no_server.advice


def test_tables_of_a_newer_version_are_trouble() -> None:
    finding = tables_finding("9999", migrates_at_start=True)
    assert finding.severity is Severity.ERROR
    assert tables_finding("0000", migrates_at_start=True).severity is Severity.WARNING


@pytest.mark.parametrize("seconds", [-30, -1.5, 1.5, 30])
def test_a_clock_that_is_wrong_is_trouble(seconds: float) -> None:
    assert clock_finding(timedelta(seconds=seconds)).severity is Severity.ERROR
    assert clock_finding(timedelta(seconds=seconds / 100)).severity is Severity.OK


@pytest.mark.parametrize(
    ("host", "sslmode", "version", "severity"),
    [
        ("db.example.com", "prefer", None, Severity.ERROR),
        ("db.example.com", "require", "TLSv1.3", Severity.WARNING),
        ("db.example.com", "verify-full", "TLSv1.3", Severity.OK),
        ("127.0.0.1", "prefer", None, Severity.OK),
        ("/run/postgresql", "prefer", None, Severity.OK),
    ],
)
def test_a_way_to_the_database_that_anybody_can_read_is_trouble(
    host: str, sslmode: str, version: str | None, severity: Severity
) -> None:
    url = DatabaseURL.parse(f"postgresql://u:p@db.example.com/d?sslmode={sslmode}")
    assert tls_finding(replace(url, host=host), version).severity is severity


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
    token = await issue_token("user_1", 60)
    answer = await client.post(
        "/api/tasks", json={"title": "t"}, headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.json()["user_id"] == "user_1"
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
    ended = taskward(tmp_path, "token", "user_1")
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


# Tables of others


async def test_commands_find_people_in_tables_of_others_and_fill_only_their_own(
    create_database: CreateDatabase, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = await create_database()
    chosen = {"BETTER_AUTH_TABLES": "drizzle", "BETTER_AUTH_GENERATE_ID": "uuid"}
    environment(auth_settings(url) | chosen)
    await migrate()
    body = {"email": new_email(), "password": PASSWORD, "name": "Ada"}
    app = create_app(load_settings())
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client,
    ):
        user = (await client.post("/api/auth/sign-up/email", json=body)).json()["user"]
        token = await issue_token(user["email"], 60)
        assert app.state.better_auth.tokens.verify(token) == user["id"]
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"another good password\n")))
        assert "is set" in await set_password(user["email"])
        client.cookies.clear()
        changed = body | {"password": "another good password"}
        assert (await client.post("/api/auth/sign-in/email", json=changed)).status_code == 200
    with pytest.raises(SystemExit, match="BETTER_AUTH_TABLES"):
        await seed(1, 1)


# The commands


def test_help_names_the_commands_and_a_wrong_one_is_refused(tmp_path: Path) -> None:
    helped, wrong = taskward(tmp_path, "--help"), taskward(tmp_path, "sever")
    commands = "serve migrate distribute doctor token set-password pseudonym seed dump restore"
    for command in commands.split():
        assert command in helped.stdout
    assert (helped.returncode, wrong.returncode) == (0, 2)
    assert "sever" in wrong.stderr
