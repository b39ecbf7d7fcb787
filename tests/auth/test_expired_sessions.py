"""Expired sessions leave the table, those that live never do, and nobody waits for it."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import asyncpg
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from authward.storage.expired_sessions import ROWS, ExpiredSessions
from tests.conftest import PASSWORD, CreateDatabase
from tests.support.factories import running_on, signed_in

ADD = """
INSERT INTO session (id, "expiresAt", token, "createdAt", "updatedAt", "ipAddress", "userAgent",
                     "userId")
SELECT id, now() + left_over, id, now(), now(), '198.51.100.7', 'an agent', $3
FROM unnest($1::text[], $2::interval[]) AS new (id, left_over)
"""


@pytest.fixture(scope="module")
async def own_url(create_migrated_database: CreateDatabase) -> str:
    """A database in which only these tests remove sessions."""
    return await create_migrated_database()


@pytest.fixture(scope="module")
async def own_app(own_url: str) -> AsyncIterator[FastAPI]:
    async with running_on(own_url) as app:
        yield app


async def walk_through(app: FastAPI, walk: ExpiredSessions) -> None:
    """As many steps as are enough from any place, with one that begins anew."""
    row = await app.state.database.fetchrow("SELECT count(*) FROM session")
    for _ in range(row["count"] // ROWS + 3):
        await walk.remove_batch()


IDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)
AGES = st.integers(-100, 100).filter(lambda seconds: abs(seconds) > 30)


async def add(app: FastAPI, user_id: str, left: dict[str, int]) -> None:
    times = [timedelta(seconds=seconds) for seconds in left.values()]
    await app.state.database.fetch(ADD, list(left), times, user_id)


async def remaining(app: FastAPI, user_id: str) -> set[str]:
    rows = await app.state.database.fetch('SELECT id FROM session WHERE "userId" = $1', user_id)
    return {row["id"] for row in rows}


@given(left=st.dictionaries(IDS, AGES, max_size=30))
@examples(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_what_is_over_is_removed_and_nothing_else(
    own_app: FastAPI, left: dict[str, int]
) -> None:
    async with user_without_session(own_app) as user_id:
        await add(own_app, user_id, left)
        await walk_through(own_app, ExpiredSessions(own_app.state.database))
        assert await remaining(own_app, user_id) == {key for key, time in left.items() if time > 0}


async def test_a_step_is_bounded_and_the_walk_comes_to_every_row(own_app: FastAPI) -> None:
    async with user_without_session(own_app) as user_id:
        count = 2 * ROWS + 100
        await add(own_app, user_id, {secrets.token_hex(16): -60 for _ in range(count)})
        walk = ExpiredSessions(own_app.state.database)
        await walk.remove_batch()
        assert len(await remaining(own_app, user_id)) >= count - ROWS
        await walk_through(own_app, walk)
        assert await remaining(own_app, user_id) == set()


async def test_a_session_that_is_extended_at_that_moment_stays(
    own_app: FastAPI, own_url: str
) -> None:
    async with user_without_session(own_app) as user_id:
        await add(own_app, user_id, {"extended": -60, "over": -60})
        connection = await asyncpg.connect(own_url)
        extend = """UPDATE session SET "expiresAt" = now() + '1 day' WHERE id = 'extended'"""
        async with connection.transaction():
            await connection.execute(extend)
            walk = ExpiredSessions(own_app.state.database)
            await asyncio.wait_for(walk_through(own_app, walk), 10)
            assert await remaining(own_app, user_id) == {"extended"}
        await connection.close()
        await walk_through(own_app, walk)
        assert await remaining(own_app, user_id) == {"extended"}


async def test_whoever_gets_a_session_sets_the_next_step_going(own_app: FastAPI) -> None:
    context = own_app.state.better_auth.context
    usual, context.expired_sessions = (
        context.expired_sessions,
        ExpiredSessions(context.pool, every=0),
    )
    try:
        async with signed_in(own_app) as ada, user_without_session(own_app) as user_id:
            await add(own_app, user_id, {secrets.token_hex(16): -60 for _ in range(50)})
            for _ in range(3):
                body = {"email": ada.email, "password": PASSWORD}
                assert (await ada.post("sign-in/email", **body)).status_code == 200
            assert await remaining(own_app, user_id) == set()
    finally:
        context.expired_sessions = usual


async def test_steps_are_far_apart(own_app: FastAPI) -> None:
    walk = ExpiredSessions(own_app.state.database, every=3600)
    assert not any(walk.is_due() for _ in range(10))
    walk = ExpiredSessions(own_app.state.database, every=0)
    assert walk.is_due()


@asynccontextmanager
async def user_without_session(app: FastAPI) -> AsyncIterator[str]:
    """A user without a session."""
    async with signed_in(app) as browser:
        await browser.post("sign-out")
        yield browser.user["id"]
        await app.state.database.fetch('DELETE FROM "user" WHERE id = $1', browser.user["id"])
