"""A database of the last version before the library was one: everything in it goes on as it was.

Its tables are those of revision 0002, written down here as PostgreSQL had them, and so are its
rows: what today's code writes is no witness for what yesterday's wrote.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote

import httpx
import pytest
from alembic import command
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import Connection

from taskward.app import create_app
from taskward.database.url import DatabaseURL
from taskward.migrations import HEAD, alembic_config, create_engine
from tests.conftest import BASE_URL, PASSWORD, CreateDatabase, settings_for, url_text
from tests.database.catalog import COLUMNS, CONSTRAINTS, INDEXES
from tests.support.databases import connected
from tests.support.password_hashes import VECTORS

SECRET = "tests-only-5f0c8e7d6b1a4293a8c6e0d1"
ADA, TOKEN, EMAIL = "adaadaadaadaadaadaadaadaadaadaad", "t" * 32, "ada@example.com"
REVISION = "0002"
SCHEMA = """
    CREATE TABLE alembic_version (version_num varchar(32) NOT NULL PRIMARY KEY);
    CREATE TABLE "user" (
        id text PRIMARY KEY, name text NOT NULL, email text NOT NULL UNIQUE,
        "emailVerified" boolean NOT NULL, image text,
        "createdAt" timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
        "updatedAt" timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP);
    CREATE TABLE session (
        id text PRIMARY KEY, "expiresAt" timestamptz NOT NULL, token text NOT NULL UNIQUE,
        "createdAt" timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
        "updatedAt" timestamptz NOT NULL, "ipAddress" text, "userAgent" text,
        "userId" text NOT NULL REFERENCES "user" (id) ON DELETE CASCADE);
    CREATE TABLE account (
        id text PRIMARY KEY, "accountId" text NOT NULL, "providerId" text NOT NULL,
        "userId" text NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
        "accessToken" text, "refreshToken" text, "idToken" text,
        "accessTokenExpiresAt" timestamptz, "refreshTokenExpiresAt" timestamptz,
        scope text, password text,
        "createdAt" timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
        "updatedAt" timestamptz NOT NULL);
    CREATE TABLE verification (
        id text PRIMARY KEY, identifier text NOT NULL, value text NOT NULL,
        "expiresAt" timestamptz NOT NULL,
        "createdAt" timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
        "updatedAt" timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP);
    CREATE TABLE "rateLimit" (
        id text PRIMARY KEY, key text NOT NULL UNIQUE, count integer NOT NULL,
        "lastRequest" bigint NOT NULL);
    CREATE INDEX "session_userId_idx" ON session ("userId");
    CREATE INDEX "account_userId_idx" ON account ("userId");
    CREATE INDEX verification_identifier_idx ON verification (identifier);
    CREATE TABLE tasks (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id varchar(255) NOT NULL,
        title varchar(200) NOT NULL, description text, completed boolean NOT NULL DEFAULT false,
        created_at timestamptz NOT NULL DEFAULT date_trunc('milliseconds', now()),
        updated_at timestamptz NOT NULL DEFAULT date_trunc('milliseconds', now()),
        CONSTRAINT tasks_title_check CHECK (char_length(title) BETWEEN 1 AND 200),
        CONSTRAINT tasks_description_check CHECK (char_length(description) <= 10000),
        CONSTRAINT tasks_user_id_check CHECK (user_id ~ '^[A-Za-z0-9_-]+$'));
    CREATE INDEX tasks_user_id_id_idx ON tasks (user_id, id);
    CREATE TABLE idempotency_keys (
        user_id varchar(255) NOT NULL, key varchar(255) NOT NULL, fingerprint text NOT NULL,
        task text NOT NULL, created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (user_id, key));
    CREATE INDEX idempotency_keys_created_at_idx ON idempotency_keys (created_at);
"""
ANSWER = '{"id":2,"title":"Kept","updated_at":"2026-01-03T10:00:00.002Z"}'
FINGERPRINT = hashlib.sha256(b'{"title":"Kept"}').hexdigest()
ROWS = f"""
    INSERT INTO alembic_version VALUES ('{REVISION}');
    INSERT INTO "user" VALUES
        ('{ADA}', 'Ada', '{EMAIL}', true, 'https://example.com/ada.png',
         '2026-01-01T10:00:00.123Z', '2026-01-02T10:00:00.456Z'),
        ('bob', 'Bob', 'bob@example.com', false, NULL, now(), now());
    INSERT INTO account (id, "accountId", "providerId", "userId", password, "updatedAt") VALUES
        ('a1', '{ADA}', 'credential', '{ADA}', '{VECTORS[PASSWORD]}', now());
    INSERT INTO account (id, "accountId", "providerId", "userId", scope, "updatedAt") VALUES
        ('a2', '4711', 'github', '{ADA}', 'read:user,user:email', now());
    INSERT INTO session VALUES
        ('s1', now() + interval '6 days', '{TOKEN}', now(), now(), '192.0.2.1', 'curl', '{ADA}');
    INSERT INTO tasks (user_id, title, description, completed, created_at, updated_at) VALUES
        ('{ADA}', 'Old', 'as it was', true, '2026-01-03T10:00:00.001Z', '2026-01-03T10:00:00.002Z'),
        ('{ADA}', 'Kept', NULL, false, now(), now()),
        ('bob', 'Not hers', NULL, false, now(), now());
    INSERT INTO idempotency_keys (user_id, key, fingerprint, task) VALUES
        ('{ADA}', 'k', '{FINGERPRINT}', '{ANSWER}');
"""


def cookie() -> dict[str, str]:
    """The session's cookie as it was signed then."""
    mac = base64.b64encode(hmac.digest(SECRET.encode(), TOKEN.encode(), "sha256")).decode()
    return {"cookie": f"better-auth.session_token={quote(f'{TOKEN}.{mac}', safe='')}"}


def bearer() -> dict[str, str]:
    """A JSON Web Token as it was issued then, for as long as there are tests."""
    claims = {"sub": ADA, "iat": 1767225600, "exp": 4102444800, "iss": BASE_URL, "aud": BASE_URL}
    parts = [_part(json.dumps(each).encode()) for each in ({"alg": "HS256", "typ": "JWT"}, claims)]
    signature = hmac.digest(SECRET.encode(), ".".join(parts).encode(), "sha256")
    return {"authorization": f"Bearer {'.'.join([*parts, _part(signature)])}"}


def _part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@pytest.fixture
async def url(create_database: CreateDatabase) -> DatabaseURL:
    """A database of that version, with people and their tasks."""
    url = DatabaseURL.parse(await create_database())
    async with connected(url) as connection:
        await connection.execute(SCHEMA + ROWS)
    return url


@asynccontextmanager
async def started(url: DatabaseURL) -> AsyncIterator[tuple[FastAPI, httpx.AsyncClient]]:
    """Today's server on it."""
    secret = SecretStr(SECRET)
    app = create_app(settings_for(url_text(url), better_auth_secret=secret))
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client,
    ):
        yield app, client


async def test_the_schema_that_is_written_down_is_the_one_of_that_revision(
    url: DatabaseURL, create_database: CreateDatabase
) -> None:
    made = DatabaseURL.parse(await create_database())
    engine = create_engine(made.connect_arguments())
    config = alembic_config()
    async with engine.begin() as connection:

        def upgrade(connection: Connection) -> None:
            config.attributes["connection"] = connection
            command.upgrade(config, REVISION)

        await connection.run_sync(upgrade)
    await engine.dispose()
    for query in (COLUMNS, CONSTRAINTS, INDEXES):
        assert await _found(url, query) == await _found(made, query)


async def _found(url: DatabaseURL, query: str) -> set[tuple[object, ...]]:
    async with connected(url) as connection:
        return {tuple(row) for row in await connection.fetch(query)}


async def test_an_upgraded_database_has_every_row_as_it_was(url: DatabaseURL) -> None:
    tables = ("user", "account", "session", "tasks", "idempotency_keys")

    async def rows() -> dict[str, list[str]]:
        async with connected(url) as connection:
            return {
                table: [str(r[0]) for r in await connection.fetch(f'SELECT t FROM "{table}" t')]
                for table in tables
            }

    before = await rows()
    async with started(url) as (app, _):
        revision = await app.state.database.fetchrow("SELECT version_num FROM alembic_version")
        assert revision[0] == HEAD
    assert all(before.values())
    assert await rows() == before


async def test_an_upgraded_databases_cookie_password_and_accounts_count(url: DatabaseURL) -> None:
    async with started(url) as (_, client):
        session = (await client.get("/api/auth/get-session", headers=cookie())).json()
        assert (session["user"]["id"], session["session"]["token"]) == (ADA, TOKEN)
        assert session["user"]["createdAt"] == "2026-01-01T10:00:00.123Z"
        accounts = (await client.get("/api/auth/list-accounts", headers=cookie())).json()
        assert {account["providerId"] for account in accounts} == {"credential", "github"}
        body = {"email": EMAIL, "password": PASSWORD}
        client.cookies.clear()
        assert (await client.post("/api/auth/sign-in/email", json=body)).status_code == 200
        client.cookies.clear()
        taken = {**body, "name": "Another"}
        assert (await client.post("/api/auth/sign-up/email", json=taken)).status_code == 422


async def test_an_upgraded_databases_tasks_are_their_owners(url: DatabaseURL) -> None:
    async with started(url) as (_, client):
        client.headers.update(bearer())
        tasks = (await client.get("/api/tasks")).json()
        assert [task["title"] for task in tasks] == ["Kept", "Old"]
        assert tasks[1]["updated_at"] == "2026-01-03T10:00:00.002Z"
        assert (await client.get("/api/tasks/3")).status_code == 404
        toggled = await client.patch("/api/tasks/2/complete")
        assert toggled.json()["completed"] is True
        kept = await client.post(
            "/api/tasks", json={"title": "Kept"}, headers={"Idempotency-Key": "k"}
        )
        assert (kept.status_code, kept.json()["id"]) == (201, 2)
        new = await client.post("/api/tasks", json={"title": "New"})
        assert new.json()["id"] == 4


async def test_nothing_of_an_upgraded_databases_user_outlives_the_user(url: DatabaseURL) -> None:
    async with started(url) as (app, client):
        headers = {**cookie(), "origin": BASE_URL}
        body = {"password": PASSWORD}
        gone = await client.post("/api/auth/delete-user", json=body, headers=headers)
        assert gone.status_code == 200, gone.text
        for table in ("tasks", "idempotency_keys"):
            assert not await app.state.database.fetch(
                f"SELECT FROM {table} WHERE user_id = $1", ADA
            )
        assert (await client.get("/api/tasks", headers=bearer())).status_code == 401
