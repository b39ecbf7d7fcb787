"""A server that drops connections while they are idle, in each of the ways: costs no request."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from taskward.database import database as database_module
from taskward.database import pool as pool_module
from taskward.database.database import Database, retry_until_reachable
from taskward.database.url import DatabaseURL
from tests.conftest import CreateDatabase
from tests.faults.proxy import Proxy
from tests.support.databases import END_CONNECTIONS, POOL_SIZE, connected, opened

COUNT = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()"
WRITE = "INSERT INTO notes VALUES (1) RETURNING 1"
WRITE_AND_LIMIT = """
    INSERT INTO notes SELECT 1 FROM set_config('idle_session_timeout', '500', false) RETURNING 1
"""
"""A limit from the first write on: a new connection does not meet it before it was ever used."""


@pytest.fixture
async def url(create_migrated_database: CreateDatabase) -> DatabaseURL:
    """A database of the test's own."""
    url = DatabaseURL.parse(await create_migrated_database())
    async with connected(url) as connection:
        await connection.execute("CREATE TABLE notes (note int)")
    return url


@pytest.fixture
async def elsewhere(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    async with connected(DatabaseURL.parse(database_url)) as connection:
        yield connection


async def write(database: Database, times: int, query: str = WRITE) -> None:
    """All at once, so that every connection of the pool is used."""
    await asyncio.gather(*(database.fetch(query) for _ in range(times)))


async def at_rest(database: Database) -> None:
    """Until no connection is in use or at hand."""
    async with asyncio.timeout(20):
        while database.usage().in_use or not database._connections or database._connections._idle:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def notes(database: Database) -> int:
    (row,) = await database.fetch("SELECT count(*) FROM notes")
    return int(row[0])


async def no_connections(elsewhere: asyncpg.Connection, url: DatabaseURL) -> None:
    async with asyncio.timeout(20):
        while await elsewhere.fetchval(COUNT, url.database):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def goodbyes_have_arrived(proxy: Proxy) -> None:
    """All that was said is in the client's sockets; it reads them in its next turn."""
    async with asyncio.timeout(20):
        while proxy.hidden_ends < POOL_SIZE:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def test_postgresql_s_own_limit_of_idle_time_costs_no_request(
    url: DatabaseURL, elsewhere: asyncpg.Connection
) -> None:
    async with opened(url) as database:
        for _ in range(3):
            await write(database, 3 * POOL_SIZE, WRITE_AND_LIMIT)
            await no_connections(elsewhere, url)
        assert await notes(database) == 9 * POOL_SIZE


async def test_a_goodbye_that_arrives_before_the_end_of_the_connection_costs_no_request(
    url: DatabaseURL, elsewhere: asyncpg.Connection
) -> None:
    async with Proxy(url) as proxy, opened(proxy.url) as database:
        await write(database, 3 * POOL_SIZE)
        proxy.hides_ends = True
        await elsewhere.fetch(END_CONNECTIONS, url.database)
        await goodbyes_have_arrived(proxy)
        await write(database, 3 * POOL_SIZE)
        proxy.hides_ends = False
        assert await notes(database) == 6 * POOL_SIZE


async def test_connections_that_are_reset_when_they_are_used_again_cost_no_request(
    url: DatabaseURL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "_CACHE_SECONDS", 0.0)
    async with Proxy(url) as proxy, opened(proxy.url) as database:
        await write(database, 3 * POOL_SIZE)
        await at_rest(database)
        proxy.reset_when_used()
        monkeypatch.setattr(database_module, "_CHECK_AFTER_IDLE", 0.0)
        await write(database, 3 * POOL_SIZE)
        assert await notes(database) == 6 * POOL_SIZE


async def test_many_silent_connections_cost_one_check_and_not_one_each(
    url: DatabaseURL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "_CACHE_SECONDS", 0.0)
    monkeypatch.setattr(database_module, "_CHECK_TIMEOUT", 0.5)
    async with Proxy(url) as proxy, opened(proxy.url) as database:
        await asyncio.gather(*(database.fetch("SELECT pg_sleep(0.2)") for _ in range(POOL_SIZE)))
        await at_rest(database)
        proxy.silence()
        monkeypatch.setattr(database_module, "_CHECK_AFTER_IDLE", 0.0)
        started = asyncio.get_running_loop().time()
        await database.fetch(WRITE)
        assert asyncio.get_running_loop().time() - started < 0.5 * POOL_SIZE / 2


# At start


async def test_a_patient_start_waits_until_the_database_can_be_reached(url: DatabaseURL) -> None:
    async with Proxy(url) as proxy:
        await proxy.refuse()
        database = Database()
        start = retry_until_reachable(lambda: database.open(proxy.url.connect_arguments()), 30)
        started = asyncio.create_task(start)
        await asyncio.wait({started}, timeout=0.7)
        assert not started.done()
        await proxy.listen()
        await started
        await write(database, 1)
        await database.close()


async def test_a_start_without_patience_fails_at_once(url: DatabaseURL) -> None:
    async with Proxy(url) as proxy:
        await proxy.refuse()
        with pytest.raises(OSError, match=r"refused|failed"):
            await retry_until_reachable(lambda: Database().open(proxy.url.connect_arguments()), 0)


async def test_patience_does_not_help_where_something_is_wrong(url: DatabaseURL) -> None:
    arguments = url.connect_arguments() | {"database": "no_such_database"}
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await asyncio.wait_for(retry_until_reachable(lambda: Database().open(arguments), 60), 20)
