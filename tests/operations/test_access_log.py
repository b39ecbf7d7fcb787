"""The access log: who did what, to be found again, without saying who or any secret."""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, redirect_stdout
from io import StringIO
from typing import Any

import httpx
import pytest
from anyio import run_process
from fastapi import FastAPI

from taskward.app import create_app
from taskward.observability.health import LIVE_PATHS, READY_PATH
from taskward.observability.logs import pseudonyms
from tests.conftest import BASE_URL, PASSWORD, new_email, settings_for
from tests.support.process_environment import clean_environment
from tests.support.servers import ROOT


@pytest.fixture
async def own_app(database_url: str) -> AsyncIterator[FastAPI]:
    """An app of the test's own, with lines as for machines."""
    app = create_app(settings_for(database_url))
    async with app.router.lifespan_context(app):
        yield app


@asynccontextmanager
async def access_log() -> AsyncIterator[list[dict[str, Any]]]:
    """The lines that are written inside, there once it is over."""
    lines: list[dict[str, Any]] = []
    await asyncio.sleep(0)  # they are written in the next turn of the loop
    with redirect_stdout(StringIO()) as written:
        yield lines
        await asyncio.sleep(0)
    lines += [json.loads(line) for line in written.getvalue().splitlines()]


@pytest.fixture
async def own_client(own_app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(own_app)
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        yield client


async def test_a_line_has_the_request_id_and_a_keyed_hash_of_the_user(
    own_app: FastAPI, own_client: httpx.AsyncClient
) -> None:
    token = own_app.state.better_auth.tokens.issue("user_1")
    async with access_log() as written:
        for path in ("/api/tasks", "/api/tasks/x", "/api/tasks"):  # past the fast path, too
            answer = await own_client.get(path, headers={"Authorization": f"Bearer {token}"})
    secret = own_app.state.better_auth.options.secret
    assert [line["user"] for line in written] == [pseudonyms(secret)("user_1")] * 3
    assert written[-1]["request_id"] == answer.headers["x-request-id"]
    assert "user_1" not in str(written)
    assert token not in str(written)


async def test_a_session_names_its_user_alike(
    own_app: FastAPI, own_client: httpx.AsyncClient
) -> None:
    body = {"name": "N", "email": new_email(), "password": PASSWORD}
    async with access_log() as written:
        signed_up = await own_client.post("/api/auth/sign-up/email", json=body)
        await own_client.get("/api/auth/get-session")
    user_id = signed_up.json()["user"]["id"]
    secret = own_app.state.better_auth.options.secret
    assert [line["user"] for line in written] == [pseudonyms(secret)(user_id)] * 2
    for said in (user_id, body["email"], PASSWORD, signed_up.json()["token"]):
        assert said not in str(written)


def test_a_user_who_was_forgotten_meanwhile_is_named_as_before() -> None:
    pseudonym = pseudonyms("s" * 32)
    before = [pseudonym(f"user_{n}") for n in range(3)]
    assert len({*before, *(pseudonym(f"other_{n}") for n in range(10_000))}) == 10_003
    assert len(pseudonym.__self__) == 10_000  # type: ignore[attr-defined]
    assert [pseudonym(f"user_{n}") for n in range(3)] == before
    assert len(pseudonym.__self__) == 10_000  # type: ignore[attr-defined]


async def test_a_stranger_has_no_name(own_client: httpx.AsyncClient) -> None:
    async with access_log() as written:
        await own_client.get("/api/tasks")
        await own_client.get("/api/tasks", headers={"Authorization": "Bearer a.b.c"})
    assert ["user" in line for line in written] == [False, False]


def test_a_pseudonym_needs_the_secret() -> None:
    ours, theirs = pseudonyms("a" * 32), pseudonyms("b" * 32)
    assert ours("user_1") == pseudonyms("a" * 32)("user_1")
    assert len({ours("user_1"), theirs("user_1"), ours("another")}) == 3
    assert len(ours("x" * 255)) == 16


async def test_a_link_to_reset_a_password_is_logged_without_its_token(
    own_client: httpx.AsyncClient,
) -> None:
    async with access_log() as written:
        await own_client.get("/api/auth/reset-password/hunter2?callbackURL=/")
    assert [line["event"] for line in written] == ["GET /api/auth/reset-password/***"]


async def test_probes_of_health_make_no_lines_while_all_is_well(
    own_client: httpx.AsyncClient,
) -> None:
    async with access_log() as written:
        for path in (*LIVE_PATHS, READY_PATH):
            assert (await own_client.get(path)).status_code == 200
        await own_client.get("/health/nothing")
    assert [line["event"] for line in written] == ["GET /health/nothing"]


FAILING = """
import asyncio, sys
import asyncpg, structlog
from taskward.database.url import DatabaseURL
from taskward.observability.logs import configure_logging

INSERT = "INSERT INTO tasks (user_id, title) VALUES ('not an id!', 'hunter2')"

async def fail():
    connection = await asyncpg.connect(**DatabaseURL.parse(sys.argv[1]).connect_arguments())
    try:
        await connection.execute(INSERT)
    except asyncpg.PostgresError as error:
        print("hunter2" in str(error), file=sys.stderr)
        structlog.get_logger("test").exception("internal error")

for style in sys.argv[2:]:
    configure_logging(style)
    asyncio.run(fail())
    print("--- that was", style)
"""


async def test_a_logged_error_of_the_database_does_not_quote_rows(
    own_app: FastAPI, database_url: str
) -> None:
    """In one process, as it takes a second to begin."""
    command = [sys.executable, "-c", FAILING, database_url, "json", "console"]
    ended = await run_process(command, env=clean_environment({"PYTHONPATH": str(ROOT)}))
    assert ended.stderr == b"True\nTrue\n"  # PostgreSQL did quote the row
    lines, console, _ = re.split(r"--- that was .*\n", ended.stdout.decode())
    assert (lines.startswith("{"), console.startswith("{")) == (True, False)
    for written in (lines, console):
        assert "CheckViolationError" in written
        assert "tasks_user_id_check" in written
        assert "hunter2" not in written
