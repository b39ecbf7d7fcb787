"""A database that is busy or slow: nobody waits for long, and nothing piles up."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import asyncpg
import httpx
import pytest

from taskward.app import create_app
from taskward.database import database as database_module
from taskward.database import pool as pool_module
from taskward.database.database import DatabaseUnavailableError, PoolExhaustedError
from taskward.database.url import DatabaseURL
from tests.conftest import BASE_URL, CreateDatabase, settings_for, url_text
from tests.faults.proxy import Proxy
from tests.support.databases import POOL_SIZE, connected, opened

QUEUE_LIMIT = 1000
READ = "SELECT * FROM tasks WHERE user_id = 'nobody'"
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'tasks'::regclass"


@pytest.fixture(scope="module")
async def url(create_migrated_database: CreateDatabase) -> DatabaseURL:
    return DatabaseURL.parse(await create_migrated_database())


@asynccontextmanager
async def locked_table(url: DatabaseURL) -> AsyncIterator[asyncpg.Connection]:
    """Nobody reads or writes tasks for as long as the block lasts."""
    async with connected(url) as connection, connection.transaction():
        await connection.execute("LOCK TABLE tasks")
        yield connection


async def waiting(connection: asyncpg.Connection, number: int) -> None:
    """Until so many connections wait for the lock."""
    async with asyncio.timeout(20):
        while await connection.fetchval(WAITING) < number:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def refused_after(asked: Awaitable[object]) -> float:
    """How many seconds it took to be refused."""
    started = time.monotonic()
    with pytest.raises(PoolExhaustedError):
        await asked
    return time.monotonic() - started


async def test_behind_a_locked_table_hundreds_are_refused_long_before_a_statement_ends(
    url: DatabaseURL,
) -> None:
    async with opened(url) as database:
        async with locked_table(url) as holder:
            held = [asyncio.create_task(database.fetch(READ)) for _ in range(POOL_SIZE)]
            await waiting(holder, POOL_SIZE)
            seconds = await asyncio.gather(
                *(refused_after(database.fetch(READ)) for _ in range(300))
            )
        assert (
            max(seconds) < 5
        )  # a second and a half and what the machine adds; a statement has ten
        assert min(seconds) > 1  # they did wait: a short lock costs no request
        assert await asyncio.gather(*held) == [[]] * POOL_SIZE
        assert await asyncio.gather(*(database.fetch(READ) for _ in range(300))) == [[]] * 300


async def test_beyond_a_bounded_queue_nobody_waits(
    url: DatabaseURL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "_WAIT_TIMEOUT", 60.0)
    async with opened(url) as database, asyncio.timeout(30):
        async with locked_table(url) as holder:
            held = [asyncio.create_task(database.fetch(READ)) for _ in range(POOL_SIZE)]
            await waiting(holder, POOL_SIZE)
            held += [asyncio.create_task(database.fetch(READ)) for _ in range(QUEUE_LIMIT)]
            await asyncio.sleep(0)
            for _ in range(1000):
                await refused_after(database.fetch(READ))
        assert await asyncio.gather(*held) == [[]] * (POOL_SIZE + QUEUE_LIMIT)


async def test_who_gave_up_waiting_takes_no_place_in_the_queue(
    url: DatabaseURL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "_QUEUE_LIMIT", 1)
    async with opened(url) as database, locked_table(url) as holder:
        held = [asyncio.create_task(database.fetch(READ)) for _ in range(POOL_SIZE)]
        await waiting(holder, POOL_SIZE)
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(database.fetch(READ), 0.01)
        assert await refused_after(database.fetch(READ)) > 1
        for task in held:
            task.cancel()
        await asyncio.gather(*held, return_exceptions=True)


async def test_requests_behind_a_locked_table_get_503_and_retry_after_and_all_is_well_afterwards(
    url: DatabaseURL,
) -> None:
    app = create_app(settings_for(url_text(url)))
    token = app.state.better_auth.tokens.issue(secrets.token_hex(8))
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client,
    ):
        client.headers["Authorization"] = f"Bearer {token}"

        async with locked_table(url) as holder:
            # Changes, for they share no statement.
            changes = [client.put("/api/tasks/1", json={"title": "t"}) for _ in range(POOL_SIZE)]
            held = [asyncio.create_task(change) for change in changes]
            await waiting(holder, POOL_SIZE)
            refused = await asyncio.gather(
                *(client.post("/api/tasks", json={"title": "t"}) for _ in range(40))
            )
        assert {(answer.status_code, answer.headers["retry-after"]) for answer in refused} == {
            (503, "2")
        }
        assert {answer.status_code for answer in await asyncio.gather(*held)} == {404}
        assert (await client.post("/api/tasks", json={"title": "t"})).status_code == 201
        assert len((await client.get("/api/tasks")).json()) == 1


async def test_a_read_that_took_too_long_is_not_asked_again(
    url: DatabaseURL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "_COMMAND_TIMEOUT", 0.2)
    async with opened(url) as database, connected(url) as connection:
        await connection.execute("CREATE SEQUENCE asked")
        with pytest.raises(DatabaseUnavailableError):
            await database.fetch("SELECT nextval('asked'), pg_sleep(60)")
        assert await connection.fetchval("SELECT last_value FROM asked") == 1


async def test_a_slow_statement_is_ended_in_postgresql_too(
    url: DatabaseURL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "_COMMAND_TIMEOUT", 0.2)
    async with opened(url) as database, locked_table(url) as holder:
        asked = (database.fetch(READ) for _ in range(POOL_SIZE))
        errors = await asyncio.gather(*asked, return_exceptions=True)
        assert {isinstance(error, DatabaseUnavailableError) for error in errors} == {True}
        async with asyncio.timeout(10):
            while await holder.fetchval(WAITING):  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def test_nobody_waits_until_a_silent_server_has_confirmed_the_end_of_a_statement(
    url: DatabaseURL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "_COMMAND_TIMEOUT", 2.0)  # for the confirmation as well
    async with Proxy(url) as proxy, opened(proxy.url) as database:
        await database.fetch("SELECT 1")
        proxy.silence()
        started = time.monotonic()
        with pytest.raises(DatabaseUnavailableError):
            await database.fetch("SELECT 1")
        assert time.monotonic() - started < 3.8
        proxy.heal()


async def test_closing_does_not_wait_for_a_server_that_is_silent(
    url: DatabaseURL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "_CLOSE_TIMEOUT", 0.2)
    async with Proxy(url) as proxy, opened(proxy.url) as database:
        await database.fetch("SELECT 1")
        proxy.silence()
        asked = asyncio.create_task(database.fetch("SELECT 1"))
        await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await database.close()
        with pytest.raises(DatabaseUnavailableError):
            await asked
