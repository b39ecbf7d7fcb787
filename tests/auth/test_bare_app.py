"""`authward` alone: a Better Auth server in any FastAPI app, without anything of the tasks."""

import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

import authward
from authward import BetterAuth, BetterAuthOptions, CurrentUser
from authward.endpoint import Endpoint
from authward.schema.tables import metadata
from authward.server import ENDPOINTS
from authward.storage.statements import Executor
from taskward.database.url import DatabaseURL
from tests.conftest import BASE_URL, PASSWORD, CreateDatabase, new_email
from tests.support.auth_options import UNLIMITED
from tests.support.factories import create_user

TABLES = ("user", "session", "account", "verification", "rateLimit")
PACKAGE = Path(authward.__file__).parent
SECRET = "tests-only-5f0c8e7d6b1a4293a8c6e0d1"


@pytest.fixture(scope="module")
async def pool(create_database: CreateDatabase) -> AsyncIterator[asyncpg.Pool]:
    """An ordinary asyncpg pool on a database with Better Auth's tables only."""
    url = DatabaseURL.parse(await create_database())
    async with asyncpg.create_pool(**url.connect_arguments(), min_size=1, max_size=3) as pool:
        dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
        for name in TABLES:
            table = CreateTable(metadata.tables[name])
            await pool.execute(str(table.compile(dialect=dialect)))
        yield pool


class Archive:
    """What an app may do when a user is deleted; this one can fail at it."""

    fails = False

    def __init__(self) -> None:
        self.deleted: list[str] = []

    async def on_user_deleted(self, connection: Executor, user_id: str) -> None:
        found = await connection.fetchrow('SELECT name FROM "user" WHERE id = $1', user_id)
        assert found is not None
        if self.fails:
            raise RuntimeError("the archive is full")
        self.deleted.append(user_id)


@pytest.fixture(scope="module")
def archive() -> Archive:
    return Archive()


@pytest.fixture(scope="module")
def bare_app(pool: asyncpg.Pool, archive: Archive) -> FastAPI:
    app = FastAPI()
    options = BetterAuthOptions(
        secret=SECRET,
        base_url=BASE_URL,
        rate_limit=UNLIMITED,
        on_user_deleted=(archive.on_user_deleted,),
    )
    BetterAuth(options, pool).install(app)

    @app.get("/me")
    async def me(user_id: CurrentUser) -> dict[str, str]:
        return {"user_id": user_id}

    return app


@pytest.fixture
async def client(bare_app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(bare_app, raise_app_exceptions=False)
    headers = {"origin": BASE_URL}
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL, headers=headers) as client:
        yield client


async def sign_up(client: httpx.AsyncClient) -> dict[str, Any]:
    body = {"name": "Ada", "email": new_email(), "password": PASSWORD}
    response = await client.post("/api/auth/sign-up/email", json=body)
    assert response.status_code == 200
    user: dict[str, Any] = response.json()["user"]
    return user


async def test_a_bare_app_signs_up_in_and_out_and_knows_whose_request_it_is(
    client: httpx.AsyncClient,
) -> None:
    user = await sign_up(client)
    assert (await client.get("/api/auth/get-session")).json()["user"] == user
    token = (await client.get("/api/auth/token")).json()["token"]
    assert (await client.get("/me")).status_code == 401
    mine = await client.get("/me", headers={"Authorization": f"Bearer {token}"})
    assert mine.json() == {"user_id": user["id"]}
    assert (await client.post("/api/auth/sign-out")).json() == {"success": True}
    assert (await client.get("/api/auth/get-session")).json() is None
    credentials = {"email": user["email"], "password": PASSWORD}
    signed_in = await client.post("/api/auth/sign-in/email", json=credentials)
    assert signed_in.json()["user"] == user
    assert (await client.get("/api/auth/list-sessions")).status_code == 200


async def test_the_plain_spellings_work_in_a_bare_app(client: httpx.AsyncClient) -> None:
    body = {"email": new_email(), "password": PASSWORD}
    assert (await client.post("/api/auth/signup", json=body)).status_code == 201
    answer = await client.post("/api/auth/login", json=body)
    mine = await client.get("/me", headers={"Authorization": f"Bearer {answer.json()['token']}"})
    assert mine.json() == {"user_id": answer.json()["user"]["id"]}
    wrong = await client.post("/api/auth/login", json={**body, "password": "wrong password"})
    assert (wrong.status_code, wrong.json()) == (401, {"detail": "Invalid email or password"})


async def test_errors_of_a_bare_app_are_those_of_the_protocol(client: httpx.AsyncClient) -> None:
    refused = await client.post("/api/auth/sign-in/email", json={"email": "a@b.co"})
    assert refused.status_code == 400
    assert refused.json()["code"] == "VALIDATION_ERROR"
    unknown = await client.get("/api/auth/nothing")
    assert (unknown.status_code, unknown.content) == (404, b"")
    invalid = await client.get("/me", headers={"Authorization": "Bearer nonsense"})
    assert (invalid.status_code, invalid.json()) == (401, {"detail": "Invalid token"})


async def test_a_deleted_user_is_announced_to_the_app_in_the_same_transaction(
    client: httpx.AsyncClient, pool: asyncpg.Pool, archive: Archive
) -> None:
    user = await sign_up(client)
    count = 'SELECT count(*) FROM "user" WHERE id = $1'
    archive.fails = True
    failed = await client.post("/api/auth/delete-user", json={})
    assert failed.status_code == 500
    assert await pool.fetchval(count, user["id"]) == 1
    assert (await client.get("/api/auth/get-session")).json()["user"] == user
    archive.fails = False
    assert (await client.post("/api/auth/delete-user", json={})).status_code == 200
    assert archive.deleted[-1:] == [user["id"]]
    assert await pool.fetchval(count, user["id"]) == 0


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.path)
async def test_what_postgresql_cannot_hold_is_refused_without_the_help_of_the_app(
    bare_app: FastAPI, client: httpx.AsyncClient, endpoint: Endpoint
) -> None:
    auth = bare_app.state.better_auth
    email, cookie = await create_user(auth.pool, auth)
    client.cookies.set("better-auth.session_token", cookie)
    path = re.sub(r"{\w+}", "%00", f"/api/auth{endpoint.path}")
    fields = [*endpoint.body.fields] if endpoint.body else []
    names = [*endpoint.query.fields] if endpoint.query else []
    right = {"name": "A", "email": email, "password": PASSWORD, "newEmail": new_email()}
    query = "?" + "&".join(f"{name}=%00" for name in names)
    for method in endpoint.methods:
        for field in [*fields, "name", "image"]:
            body = {name: right.get(name, "text") for name in fields} | {field: "\0"}
            if "/sign-" in path and field != "email":
                body["email"] = new_email()
            answer = await client.request(method, path + query, json=body)
            assert answer.status_code < 500, (method, field, answer.text)
            if endpoint.session and answer.status_code == 401:
                break


async def test_the_server_may_live_under_another_path(pool: asyncpg.Pool) -> None:
    app = FastAPI()
    options = BetterAuthOptions(
        secret=SECRET, base_url=BASE_URL, base_path="/accounts", rate_limit=UNLIMITED
    )
    BetterAuth(options, pool).install(app)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        assert (await client.get("/accounts/ok")).json() == {"ok": True}
        assert (await client.get("/api/auth/ok")).status_code == 404


def test_the_secret_is_in_no_representation_of_the_options() -> None:
    options = BetterAuthOptions(secret=SECRET, base_url=BASE_URL)
    assert SECRET not in repr(options)
    assert SECRET not in str(options)


def test_importing_the_library_loads_nothing_of_the_application() -> None:
    code = "import sys, authward; print(*(m for m in sys.modules if m.startswith('taskward')))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []
