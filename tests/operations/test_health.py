"""Health: alive is not ready, one question for many who ask, and no answer waits for long."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from taskward.app import create_app
from taskward.database.url import DatabaseURL
from taskward.observability import health
from tests.conftest import BASE_URL, CreateDatabase, settings_for
from tests.support.databases import END_CONNECTIONS, POOL_SIZE, tell_of_requests

READY = (200, {"status": "ready"})
UNAVAILABLE = (503, {"status": "unavailable", "detail": "The database does not answer"})


@asynccontextmanager
async def served(url: str) -> AsyncIterator[tuple[FastAPI, httpx.AsyncClient]]:
    """An app of the test's own, so that nobody else has asked whether it is ready."""
    app = create_app(settings_for(url))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE_URL) as client,
    ):
        yield app, client


async def ready(client: httpx.AsyncClient) -> tuple[int, dict[str, str]]:
    answer = await client.get("/health/ready")
    return answer.status_code, answer.json()


async def test_without_a_database_it_is_alive_but_not_ready(database_url: str) -> None:
    app = create_app(settings_for(database_url))  # and its lifespan never begins
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE_URL) as client:
        alive = await client.get("/health/live")
        assert (alive.status_code, alive.json()) == (200, {"status": "alive"})
        answer = await client.get("/health/ready")
    assert (answer.status_code, answer.json()) == UNAVAILABLE
    assert answer.headers["content-type"] == "application/json"
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize("path", ["/health/live", "/health", "/health/ready"])
async def test_probes_may_ask_by_head_and_nothing_keeps_the_answer(
    client: httpx.AsyncClient, path: str
) -> None:
    answer = await client.head(path)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers.get_list("cache-control") == ["no-store"]
    assert (await client.post(path)).status_code == 405


async def test_health_is_no_part_of_the_documented_api(client: httpx.AsyncClient) -> None:
    assert "/health" not in (await client.get("/openapi.json")).text


async def test_of_many_who_ask_at_once_and_soon_after_one_asks_the_database(
    database_url: str,
) -> None:
    sent: list[str] = []
    async with served(database_url) as (app, client):
        async with app.state.database.acquire() as connection:
            tell_of_requests(connection, sent)
        answers = await asyncio.gather(*(ready(client) for _ in range(50)))
        answers.append(await ready(client))
        await client.get("/health/live")
    assert answers == [READY] * 51
    assert sent == [health._MAY_WRITE]


async def test_a_database_that_goes_away_and_comes_back_is_noticed(
    create_migrated_database: CreateDatabase, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("taskward.observability.health._REMEMBERED", 0)
    url = await create_migrated_database()
    name = DatabaseURL.parse(url).database
    elsewhere = await asyncpg.connect(**DatabaseURL.parse(database_url).connect_arguments())
    try:
        async with served(url) as (_, client):
            assert await ready(client) == READY
            await elsewhere.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            await elsewhere.fetch(END_CONNECTIONS, name)
            assert await ready(client) == UNAVAILABLE
            await elsewhere.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
            assert await ready(client) == READY
    finally:
        await elsewhere.close()


async def test_a_probe_does_not_wait_for_a_database_that_hangs(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("taskward.observability.health._PATIENCE", 0.2)
    async with served(database_url) as (app, client), AsyncExitStack() as stack:
        for _ in range(POOL_SIZE):  # a question now gets no answer, as from one that hangs
            await stack.enter_async_context(app.state.database.acquire())
        async with asyncio.timeout(2):
            assert await ready(client) == UNAVAILABLE
