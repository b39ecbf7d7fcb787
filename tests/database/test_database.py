"""The pool: connections that are lost, busy, asleep or dead."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from taskward.app import create_app
from taskward.database import database as database_module
from taskward.database import pool as pool_module
from taskward.database.database import Database, DatabaseUnavailableError
from taskward.database.url import DatabaseURL
from tests.conftest import (
    BASE_URL,
    PASSWORD,
    TRUSTED_ORIGIN,
    CreateDatabase,
    new_email,
    settings_for,
    url_text,
)
from tests.faults.proxy import Proxy
from tests.support.databases import END_CONNECTIONS, POOL_SIZE, connected, opened

TASK = {"title": "t"}
COUNT_CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1"
FRAGILE = """
    CREATE SEQUENCE calls;
    CREATE FUNCTION break_at_first_call() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
    DECLARE
        call bigint := nextval('calls');  -- not undone with the transaction
    BEGIN
        IF call = 1 THEN
            PERFORM pg_terminate_backend(pg_backend_pid());
            PERFORM pg_sleep(10);
        END IF;
        RETURN call;
    END $$;
"""
FRAGILE_WRITES = f"""{FRAGILE}
    CREATE FUNCTION break_trigger() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM break_at_first_call();
        RETURN NEW;
    END $$;
    CREATE TRIGGER break_trigger BEFORE INSERT OR UPDATE ON tasks
    FOR EACH ROW EXECUTE FUNCTION break_trigger();
"""
FRAGILE_READS = f"""{FRAGILE}
    ALTER TABLE tasks RENAME TO tasks_table;
    CREATE VIEW tasks AS SELECT tasks_table.* FROM tasks_table, break_at_first_call();
"""


@asynccontextmanager
async def served(url: DatabaseURL) -> AsyncIterator[tuple[FastAPI, httpx.AsyncClient]]:
    """An app of the test's own, and somebody who is signed in there."""
    app = create_app(settings_for(url_text(url)))
    token = app.state.better_auth.tokens.issue(secrets.token_hex(8))
    headers = {"Authorization": f"Bearer {token}", "Origin": TRUSTED_ORIGIN}
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=BASE_URL, headers=headers) as client,
    ):
        yield app, client


@pytest.fixture(scope="module")
async def url(create_migrated_database: CreateDatabase) -> DatabaseURL:
    """A database that no test of this module changes."""
    return DatabaseURL.parse(await create_migrated_database())


@pytest.fixture
async def own_url(create_migrated_database: CreateDatabase) -> DatabaseURL:
    """A database of the test's own."""
    return DatabaseURL.parse(await create_migrated_database())


async def end_connections(url: DatabaseURL) -> int:
    """End every other connection to this database and wait until they are gone; how many."""
    async with connected(url) as connection:
        return len(await connection.fetch(END_CONNECTIONS, url.database))


async def in_parallel(client: httpx.AsyncClient, method: str, times: int) -> set[int]:
    requests = [client.request(method, "/api/tasks", json=TASK) for _ in range(times)]
    return {answer.status_code for answer in await asyncio.gather(*requests)}


async def use_several_connections(client: httpx.AsyncClient) -> None:
    """By changes, for they share no statement; none has to wait for another's connection."""
    changes = [client.put("/api/tasks/1", json=TASK) for _ in range(POOL_SIZE)]
    assert {answer.status_code for answer in await asyncio.gather(*changes)} == {404}


# Connections that are gone


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_connection_that_the_server_ended_while_idle_costs_no_request(
    own_url: DatabaseURL, method: str
) -> None:
    async with served(own_url) as (_, client):
        await use_several_connections(client)
        assert await end_connections(own_url) > 1
        assert await in_parallel(client, method, 30) <= {200, 201}


@pytest.mark.parametrize("requests_before", [0, 1])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_connection_that_went_silent_while_idle_for_long_costs_no_request(
    url: DatabaseURL, monkeypatch: pytest.MonkeyPatch, method: str, requests_before: int
) -> None:
    monkeypatch.setattr(database_module, "_CHECK_TIMEOUT", 0.2)
    monkeypatch.setattr(database_module, "_COMMAND_TIMEOUT", 1.0)
    monkeypatch.setattr(pool_module, "_CACHE_SECONDS", 0.0)
    async with Proxy(url) as link, served(link.url) as (app, client):
        await in_parallel(client, "GET", requests_before)
        while (at_hand := app.state.database._connections)._idle or at_hand._returns:  # noqa: ASYNC110
            await asyncio.sleep(0)
        link.silence()
        monkeypatch.setattr(database_module, "_CHECK_AFTER_IDLE", 0.0)
        answer = await client.request(method, "/api/tasks", json=TASK)
        assert answer.is_success


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_database_that_wakes_up_slowly_costs_no_request(
    own_url: DatabaseURL, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setattr(pool_module, "_WAIT_TIMEOUT", 0.2)
    async with Proxy(own_url) as link, served(link.url) as (_, client):
        await end_connections(own_url)
        link.delay = 0.1
        answer = await client.request(method, "/api/tasks", json=TASK)
        link.delay = 0.0
        assert answer.is_success


async def test_a_read_that_lost_its_connection_is_asked_again(own_url: DatabaseURL) -> None:
    async with served(own_url) as (_, client), connected(own_url) as connection:
        await client.post("/api/tasks", json=TASK)
        await connection.execute(FRAGILE_READS)
        answer = await client.get("/api/tasks")
        assert (answer.status_code, len(answer.json())) == (200, 1)
        assert await connection.fetchval("SELECT last_value FROM calls") == 2


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
async def test_a_write_that_lost_its_connection_is_never_sent_twice(
    own_url: DatabaseURL, method: str
) -> None:
    async with served(own_url) as (_, client), connected(own_url) as connection:
        path = (await client.post("/api/tasks", json=TASK)).headers["location"]
        await connection.execute(FRAGILE_WRITES)
        paths = {"POST": "/api/tasks", "PUT": path, "PATCH": f"{path}/complete"}
        answer = await client.request(method, paths[method], json={"title": "new"})
        assert answer.status_code == 503
        assert await connection.fetchval("SELECT last_value FROM calls") == 1
        listed = (await client.get("/api/tasks")).json()
        assert [(task["title"], task["completed"]) for task in listed] == [("t", False)]


# A database that wants to sleep, as Neon's does


async def test_a_pool_that_nobody_uses_gives_up_its_connections(
    own_url: DatabaseURL, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "_CACHE_SECONDS", 0.05)
    monkeypatch.setattr(database_module, "_IDLE_LIFETIME", 0.05)
    async with (
        connected(DatabaseURL.parse(database_url)) as elsewhere,
        served(own_url) as (_, client),
    ):
        await use_several_connections(client)
        async with asyncio.timeout(5):
            while await elsewhere.fetchval(COUNT_CONNECTIONS, own_url.database):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert await in_parallel(client, "POST", 1) == {201}


async def test_a_pool_whose_connections_were_ended_makes_none_until_somebody_asks(
    own_url: DatabaseURL, database_url: str
) -> None:
    async with (
        connected(DatabaseURL.parse(database_url)) as elsewhere,
        opened(own_url) as database,  # an app's worker asks by itself a second after its start
    ):
        await asyncio.gather(*(database.fetch("SELECT pg_sleep(0.1)") for _ in range(POOL_SIZE)))
        assert await elsewhere.fetchval(COUNT_CONNECTIONS, own_url.database) > 1
        async with asyncio.timeout(60):
            while await elsewhere.fetch(END_CONNECTIONS, own_url.database):
                pass  # on a busy machine an end may take longer than that waits
        counts = [await elsewhere.fetchval(COUNT_CONNECTIONS, own_url.database) for _ in range(100)]
        assert set(counts) == {0}
        assert len(await database.fetch("SELECT 1")) == 1


# Connections that are busy


async def test_with_every_connection_busy_reads_and_writes_are_503_after_the_same_short_wait(
    url: DatabaseURL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "_WAIT_TIMEOUT", 2.0)
    async with served(url) as (app, client):
        async with AsyncExitStack() as held:
            for _ in range(POOL_SIZE):
                await held.enter_async_context(app.state.database.acquire())
            started = time.monotonic()
            statuses = await asyncio.gather(
                in_parallel(client, "GET", 5),
                in_parallel(client, "POST", 5),
            )
            seconds = time.monotonic() - started
        assert [*statuses] == [{503}, {503}]
        assert 1.9 < seconds < 3.9
        assert await in_parallel(client, "POST", 1) == {201}


async def test_a_request_that_its_client_gave_up_gives_its_connection_back(
    url: DatabaseURL,
) -> None:
    async with asyncio.timeout(25), opened(url) as database, asyncio.timeout(20):
        for patience in range(3 * POOL_SIZE):
            await give_up(database, patience / 2000)
        borrowed = [database.fetch("SELECT 1") for _ in range(2 * POOL_SIZE)]
        assert len(await asyncio.gather(*borrowed)) == 2 * POOL_SIZE


async def test_a_request_given_up_while_its_connection_is_checked_gives_it_back_too(
    url: DatabaseURL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "_CHECK_AFTER_IDLE", 0.0)
    monkeypatch.setattr(pool_module, "_CACHE_SECONDS", 0.0)
    async with (
        asyncio.timeout(25),
        Proxy(url) as link,
        opened(link.url) as database,
        asyncio.timeout(20),
    ):
        await asyncio.gather(*(database.fetch("SELECT pg_sleep(0.2)") for _ in range(POOL_SIZE)))
        link.silence()
        await asyncio.gather(*(give_up(database, 0.1) for _ in range(POOL_SIZE)))
        borrowed = [database.fetch("SELECT 1") for _ in range(2 * POOL_SIZE)]
        assert len(await asyncio.gather(*borrowed)) == 2 * POOL_SIZE


async def give_up(database: Database, patience: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(database.fetch("SELECT pg_sleep(60)"), patience)


# What an error means


@pytest.mark.parametrize(
    "sqlstate",
    [
        *("08006", "08P01", "53300", "53100", "57P01", "57P03", "57014"),
        *("40000", "40001", "40002", "40003", "40P01"),
        *("25006", "25P03", "25P04", "26000", "42P05", "55P03", "58000", "58030", "XX000"),
    ],
)
async def test_what_means_not_now_is_reported_as_unavailable(
    url: DatabaseURL, sqlstate: str
) -> None:
    raising = f"DO $$ BEGIN RAISE 'no' USING ERRCODE = '{sqlstate}'; END $$"
    async with opened(url) as database:
        with pytest.raises(DatabaseUnavailableError):
            await database.fetch(raising)
        with pytest.raises(DatabaseUnavailableError):
            async with database.acquire() as connection:
                await connection.execute(raising)


@pytest.mark.parametrize(
    "sqlstate", ["22021", "23505", "42P01", "42501", "58P01", "XX001", "P0001"]
)
async def test_what_means_not_like_this_is_not_reported_as_unavailable(
    url: DatabaseURL, sqlstate: str
) -> None:
    raising = f"DO $$ BEGIN RAISE 'no' USING ERRCODE = '{sqlstate}'; END $$"
    async with opened(url) as database:
        with pytest.raises(asyncpg.PostgresError) as caught:
            await database.fetch(raising)
        assert caught.value.sqlstate == sqlstate


@pytest.mark.parametrize(
    ("kind", "value"),
    [("bigint", 2**63), ("bigint", "1"), ("text", "\ud800"), ("text", "\0"), ("text", 1)],
)
async def test_a_value_that_cannot_be_stored_is_no_fault_of_the_database(
    url: DatabaseURL, kind: str, value: object
) -> None:
    async with opened(url) as database:
        with pytest.raises(asyncpg.DataError):
            await database.fetchrow(f"SELECT $1::{kind}", value)
        with pytest.raises(asyncpg.DataError):
            async with database.acquire() as connection:
                await connection.execute(f"SELECT $1::{kind}", value)


async def test_an_error_of_the_borrower_stays_what_it_is(url: DatabaseURL) -> None:
    async with opened(url) as database:
        with pytest.raises(ValueError, match=r"^a bug of ours$"):
            async with database.acquire():
                raise ValueError("a bug of ours")


async def test_a_pool_that_is_not_open_is_unavailable() -> None:
    with pytest.raises(DatabaseUnavailableError):
        await Database().fetchrow("SELECT 1")


# What the client is told


async def test_a_database_that_is_away_is_503_with_retry_after_until_it_is_back(
    own_url: DatabaseURL, database_url: str
) -> None:
    allow = f'ALTER DATABASE "{own_url.database}" ALLOW_CONNECTIONS'
    async with (
        served(own_url) as (_, client),
        connected(DatabaseURL.parse(database_url)) as elsewhere,
    ):
        await elsewhere.execute(f"{allow} false")
        await elsewhere.fetch(END_CONNECTIONS, own_url.database)
        for method in ("GET", "POST"):
            answer = await client.request(method, "/api/tasks", json=TASK)
            assert answer.status_code == 503
            assert type(answer.json()["detail"]) is str
            assert int(answer.headers["retry-after"]) > 0
            assert answer.headers["access-control-allow-origin"] == TRUSTED_ORIGIN
        someone = {"email": new_email(), "password": PASSWORD}
        answer = await client.post("/api/auth/sign-in/email", json=someone)
        assert (answer.status_code, answer.json()["code"]) == (503, "SERVICE_UNAVAILABLE")
        await elsewhere.execute(f"{allow} true")
        assert (await client.post("/api/tasks", json=TASK)).status_code == 201
