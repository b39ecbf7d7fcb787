"""Sessions of many requests in one statement: each gets its own, or none."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authward.context import schema_of
from authward.options import BetterAuthOptions
from authward.schema.user_tables import UserTables
from authward.storage.arrays import array_text
from authward.storage.session_lookup import find_one
from authward.storage.sessions import Sessions
from taskward.app import create_app
from taskward.auth_plugins import auth_schema, session_lookup
from taskward.database.batcher import Batcher
from taskward.database.database import Database
from taskward.database.url import DatabaseURL
from tests.conftest import CreateDatabase, settings_for
from tests.database.batching import SEVERAL, Watched, at_once, together
from tests.support.databases import opened

USERS = """
    INSERT INTO "user" (id, name, email, "emailVerified", "createdAt", "updatedAt")
    SELECT 'user_' || n, 'User ' || n, n || '@example.com', false, now(), now()
    FROM generate_series(1, $1) n
"""
SESSIONS = """
    INSERT INTO session (id, "expiresAt", token, "createdAt", "updatedAt", "userId")
    SELECT 'session_' || n, $2, 'token_' || n, now(), now(), 'user_' || n
    FROM generate_series(1, $1) n
"""
ANYWHERE = "postgresql://user:password@localhost/any"
TOMORROW = datetime.now(UTC) + timedelta(days=1)
TOKENS = ["token_1", "token_2", "token_3", "nobody's", "", "ÿ", "token_\0"]


@pytest.fixture(scope="module")
async def url(create_migrated_database: CreateDatabase) -> DatabaseURL:
    found = DatabaseURL.parse(await create_migrated_database())
    async with opened(found) as database:
        await database.fetch(USERS, 500)
        await database.fetch(SESSIONS, 500, TOMORROW)
    return found


@pytest.fixture
async def batching(url: DatabaseURL) -> AsyncIterator[Database]:
    async with opened(url, [session_lookup(settings_for(ANYWHERE))]) as database:
        yield database


def sessions() -> Sessions:
    schema = schema_of(BetterAuthOptions(secret="s" * 32, base_url="http://localhost"), ())
    return Sessions(UserTables(schema))


@SEVERAL
@given(tokens=st.lists(st.sampled_from(TOKENS), max_size=12))
async def test_of_sessions_asked_for_in_one_moment_each_request_gets_its_own(
    batching: Database, plain: Database, tokens: list[str]
) -> None:
    find = sessions().find
    got = await together(*(find(batching, token) for token in tokens))
    assert got == [(await together(find(plain, token)))[0] for token in tokens]


async def test_sessions_of_one_moment_are_one_statement_and_one_alone_is_asked_for_as_ever(
    plain: Database,
) -> None:
    watched, lookup = Watched(plain), session_lookup(settings_for(ANYWHERE))
    batches = Batcher(lookup, watched.ask)
    found = await at_once(*(batches.fetch((f"token_{n}",)) for n in range(1, 21)))
    await at_once(batches.fetch(("token_1",)))
    assert watched.asked == [lookup.many.sql, lookup.one.sql]
    assert [row["userId"] for (row,) in found] == [f"user_{n}" for n in range(1, 21)]


def test_what_the_server_asks_is_what_is_shared() -> None:
    with_columns = settings_for(ANYWHERE, better_auth_plugins=["admin", "username"])
    for chosen in (settings_for(ANYWHERE), with_columns):
        database = create_app(chosen).state.database
        asked = find_one(UserTables(auth_schema(chosen)))
        assert database.batcher(asked) is not None


async def test_many_sessions_are_each_found_by_the_index(plain: Database) -> None:
    lookup = session_lookup(settings_for(ANYWHERE))
    async with plain.acquire() as connection:
        await connection.execute("ANALYZE")
        explained = f"EXPLAIN (FORMAT TEXT) {lookup.many.sql}"
        plan: list[Any] = await connection.fetch(explained, array_text(["token_1"] * 20))
    text = "\n".join(row[0] for row in plan)
    assert "Seq Scan" not in text, text
    assert "session_token_key" in text, text


async def test_an_ended_session_is_found_by_nobody_who_asks_after_its_end(
    url: DatabaseURL, batching: Database
) -> None:
    find = sessions().find
    asked = asyncio.gather(*(find(batching, f"token_{n}") for n in range(400, 420)))
    await sessions().end(batching, "session", token="token_400")
    after = await at_once(*(find(batching, f"token_{n}") for n in range(400, 420)))
    await asked
    assert [each is None for each in after] == [True, *[False] * 19]
