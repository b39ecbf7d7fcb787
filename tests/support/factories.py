"""People for tests: their rows at no cost for hashing, their cookies, and apps of one's own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

import httpx
from fastapi import FastAPI

from authward import BetterAuth
from authward.security.cookies import encode_uri_component
from authward.storage.statements import Executor
from taskward.app import create_app
from tests.conftest import BASE_URL, PASSWORD, new_email, settings_for
from tests.support.password_hashes import VECTORS

INSERT_SIGNED_UP_USER = """
WITH person AS (
  INSERT INTO "user" (id, name, email, "emailVerified", "createdAt", "updatedAt")
  SELECT $1, $2, $3, false, moment, moment
  FROM (SELECT date_trunc('milliseconds', now()) AS moment) AS clock
  RETURNING id, "createdAt" AS moment
), credential AS (
  INSERT INTO account (id, "accountId", "providerId", "userId", password, "createdAt", "updatedAt")
  SELECT replace(gen_random_uuid()::text, '-', ''), id, 'credential', id, $4, moment, moment
  FROM person
)
INSERT INTO session (id, "expiresAt", token, "createdAt", "updatedAt", "ipAddress", "userAgent",
                     "userId")
SELECT replace(gen_random_uuid()::text, '-', ''), moment + interval '7 days', $5, moment, moment,
       '', '', id
FROM person
"""
"""What either server writes at a sign-up: user id, name, e-mail, hash of the password, token."""
HASH_OF_PASSWORD = VECTORS[PASSWORD]


@dataclass
class Browser:
    """Somebody who is signed in, with the cookie."""

    client: httpx.AsyncClient
    email: str
    user: dict[str, Any]

    async def get(self, path: str) -> httpx.Response:
        return await self.client.get(f"/api/auth/{path}")

    async def post(self, path: str, **content: Any) -> httpx.Response:
        return await self.client.post(f"/api/auth/{path}", json=content)


async def create_user(database: Executor, auth: BetterAuth) -> tuple[str, str]:
    """Somebody signed in, at no cost for hashing: the e-mail and the cookie's value."""
    user_id, email, token = token_hex(16), new_email(), token_hex(16)
    await database.fetch(INSERT_SIGNED_UP_USER, user_id, "Ada", email, HASH_OF_PASSWORD, token)
    return email, encode_uri_component(auth.signer.sign(token))


@asynccontextmanager
async def signed_in(app: FastAPI) -> AsyncIterator[Browser]:
    email, cookie = await create_user(app.state.database, app.state.better_auth)
    transport, headers = httpx.ASGITransport(app), {"origin": BASE_URL}
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL, headers=headers) as client:
        client.cookies.set("better-auth.session_token", cookie, domain="localhost.local")
        session = await client.get("/api/auth/get-session")
        yield Browser(client, email, session.json()["user"])


@asynccontextmanager
async def running_on(database_url: str, **changes: object) -> AsyncIterator[FastAPI]:
    """The app with other settings, or on a database of its own, in which tests may break things."""
    app = create_app(settings_for(database_url, **changes))
    async with app.router.lifespan_context(app):
        yield app


async def rows_of(app: FastAPI, email: str) -> dict[str, list[dict[str, Any]]]:
    """What the database holds about an e-mail address, in any case."""
    fetch = app.state.database.fetch
    users = await fetch('SELECT * FROM "user" WHERE lower(email) = lower($1)', email)
    ids = [user["id"] for user in users]
    of_users = 'SELECT * FROM {} WHERE "userId" = ANY($1) ORDER BY "createdAt"'
    return {
        "user": [dict(row) for row in users],
        "account": [dict(row) for row in await fetch(of_users.format("account"), ids)],
        "session": [dict(row) for row in await fetch(of_users.format("session"), ids)],
    }
