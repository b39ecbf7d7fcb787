"""A by B: every operation that can name a thing of somebody else, asked twice.

Alice asks once for a thing of Bob's and once for a thing that is not there; `rows.py` says how.
"""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI

from authward.ids import generate_id
from authward.password_options import PasswordOptions
from taskward.app import create_app
from taskward.database.database import Database
from tests.conftest import PASSWORD, TRUSTED_ORIGIN, new_email, settings_for
from tests.isolation.rows import NAME, WITH_JWT, Row
from tests.support.databases import ASKING, teller_in_context
from tests.support.factories import create_user
from tests.support.mailing import mailing_site
from tests.support.password_hashes import VECTORS

AS_EVER: dict[str, Any] = {"email_and_password__password": PasswordOptions()}
"""Times are compared too: what is hashed for nobody has to take what somebody's hash takes."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, when its last byte was sent, and what the database was asked until then."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    seconds: float
    statements: list[str]

    @property
    def seen(self) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        """All that the client sees, but for the time."""
        return self.status, self.headers, self.body


@dataclass
class World:
    """Alice, Bob, what Bob has, and what nobody has."""

    app: FastAPI
    mailing: FastAPI
    alice: str
    bob: str
    bob_email: str
    cookie: str
    foreign: dict[str, list[str]] = field(default_factory=dict)
    missing: dict[str, list[str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    """The statements that the database was sent so far."""

    @property
    def database(self) -> Database:
        return self.app.state.database  # type: ignore[no-any-return]

    def access_token(self, user_id: str) -> str:
        token: str = self.app.state.better_auth.tokens.issue(user_id)
        return token

    async def ask(self, row: Row, name: str, more: Mapping[str, str] | None = None) -> Answer:
        """Send the row's request with a name in it, as Alice or as nobody."""
        path = row.path.replace(NAME, quote(name, safe=""))
        said = f'"{NAME}"' if row.repeats else NAME
        body = b"" if row.body is None else json.dumps(row.body).replace(said, name).encode()
        who = self.credentials(path) if row.signed_in else {}
        answer = await self.send(row.method, path, body, {**who, **row.headers, **(more or {})})
        return _with_the_name_left_out(answer, name) if row.repeats else answer

    def credentials(self, path: str) -> dict[str, str]:
        if path.startswith(WITH_JWT):
            return {"Authorization": f"Bearer {self.access_token(self.alice)}"}
        return {"Cookie": f"better-auth.session_token={self.cookie}"}

    async def send(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Call the application as a server does, with as little around it as can be."""
        target, _, query = path.partition("?")
        given = {
            "Host": "localhost:8000",
            "Origin": TRUSTED_ORIGIN,
            "X-Request-ID": "the-same",
            **(headers or {}),
        }
        if body:
            given |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": target,
            "raw_path": target.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(k.lower().encode(), v.encode()) for k, v in given.items()],
            "server": ("localhost", 8000),
            "client": ("127.0.0.1", 50_000),
        }
        app = self.app if target.startswith(WITH_JWT) else self.mailing
        return await self._call(app, scope, body)

    async def _call(self, app: FastAPI, scope: dict[str, Any], body: bytes) -> Answer:
        messages: list[Any] = []
        await asyncio.sleep(0)  # asyncpg tells of a statement in the loop's next turn
        already, ended, asked = len(self.asked), 0.0, 0

        async def receive() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            nonlocal ended, asked
            messages.append(message)
            ended = time.perf_counter()
            await asyncio.sleep(0)
            asked = len(self.asked)

        began = time.perf_counter()
        token = ASKING.set(True)
        await app(scope, receive, send)
        ASKING.reset(token)
        await asyncio.sleep(0)
        sent = b"".join(message.get("body", b"") for message in messages[1:])
        start = messages[0]
        statements = self.asked[already:asked]
        return Answer(start["status"], [*start["headers"]], sent, ended - began, statements)

    async def with_another_alice(self) -> "World":
        """The same world, where somebody new asks: what happens to her, happens to no other."""
        email, cookie = await create_user(self.database, self.app.state.better_auth)
        return replace(self, alice=await _id_of(self.app, email), cookie=cookie)

    async def state_of_bob(self) -> list[Any]:
        """All that Bob has, but for single-use tokens."""
        tables = {"tasks": "user_id", "session": '"userId"', "account": '"userId"', '"user"': "id"}
        return [
            sorted(
                tuple(row.values())
                for row in await self.database.fetch(
                    f"SELECT t::text FROM {table} t WHERE {owner} = $1", self.bob
                )
            )
            for table, owner in tables.items()
        ]


@asynccontextmanager
async def world(database_url: str, size: int) -> AsyncIterator[World]:
    """Make a world in which Bob has `size` things of each kind."""
    settings = settings_for(database_url)
    app, asked = create_app(settings), list[str]()
    app.state.database.on_statement = teller_in_context(asked)
    async with app.router.lifespan_context(app), mailing_site(app, settings, **AS_EVER) as site:
        users = [await create_user(app.state.database, app.state.better_auth) for _ in range(2)]
        ids = [await _id_of(app, email) for email, _ in users]
        (_, cookie), (bob_email, _) = users
        made = World(app, site.app, ids[0], ids[1], bob_email, cookie, asked=asked)
        await _give_things(made, size)
        yield made


def _with_the_name_left_out(answer: Answer, name: str) -> Answer:
    headers = [(k, v) for k, v in answer.headers if k != b"content-length"]
    named = re.compile(rb"\btask %b\b" % name.encode())
    return replace(answer, headers=headers, body=named.sub(b"task " + NAME.encode(), answer.body))


async def _id_of(app: FastAPI, email: str) -> str:
    rows = await app.state.database.fetch('SELECT id FROM "user" WHERE email = $1', email)
    return str(rows[0]["id"])


async def _give_things(made: World, size: int) -> None:
    give = made.database.fetch
    tasks = await give(_TASKS, made.bob, 2 * size)
    await give("DELETE FROM tasks WHERE id = ANY($1)", [row["id"] for row in tasks[size:]])
    made.foreign["task"] = [str(row["id"]) for row in tasks[:size]]
    made.missing["task"] = [str(row["id"]) for row in tasks[size:]]
    for kind, statement in (("session", _SESSIONS), ("account", _ACCOUNTS)):
        made.foreign[kind], made.missing[kind] = _names(size), _names(size)
        await give(statement, made.foreign[kind], made.bob)
    await give(_ACCOUNTS, _names(1), made.alice)  # or the only account could not be unlinked
    made.foreign["deletion"], made.missing["deletion"] = _names(size), _names(size)
    await give(_DELETIONS, made.foreign["deletion"], made.bob)
    made.foreign["access token"] = [made.access_token(made.bob)] * size
    made.missing["access token"] = [made.access_token(name) for name in _names(size)]
    made.foreign["e-mail"], made.missing["e-mail"] = (
        [new_email() for _ in range(size)] for _ in "12"
    )
    await give(_USERS, made.foreign["e-mail"], VECTORS[PASSWORD])


def _names(count: int) -> list[str]:
    return [generate_id().lower() for _ in range(count)]


_TASKS = """
INSERT INTO tasks (user_id, title) SELECT $1, 'Bob''s ' || n FROM generate_series(1, $2::int) n
RETURNING id
"""
_SESSIONS = """
INSERT INTO session (id, token, "expiresAt", "updatedAt", "userId")
SELECT token, token, now() + interval '7 days', now(), $2 FROM unnest($1::text[]) token
"""
_ACCOUNTS = """
INSERT INTO account (id, "accountId", "providerId", "userId", "updatedAt")
SELECT id, id, 'github', $2, now() FROM unnest($1::text[]) id
"""
_DELETIONS = """
INSERT INTO verification (id, identifier, value, "expiresAt")
SELECT token, 'delete-account-' || token, $2, now() + interval '1 day'
FROM unnest($1::text[]) token
"""
_USERS = """
WITH u AS (INSERT INTO "user" (id, name, email, "emailVerified")
    SELECT md5(email), 'Somebody', email, false FROM unnest($1::text[]) email)
INSERT INTO account (id, "accountId", "providerId", "userId", password, "updatedAt")
SELECT md5(email), md5(email), 'credential', md5(email), $2, now() FROM unnest($1::text[]) email
"""
