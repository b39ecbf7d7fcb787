"""What secondary storages do, in this process and in Redis."""

import asyncio
import contextlib
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from authward import (
    BetterAuth,
    BetterAuthOptions,
    ComparingStorage,
    ConfigurationError,
    InMemoryStorage,
    Limit,
    RateLimitOptions,
    SecondaryStorage,
)
from authward.redis_storage import RedisStorage
from tests.conftest import BASE_URL

SECRET = "tests-only-5f0c8e7d6b1a4293a8c6e0d1"
ANY: Any = None
START_SECONDS = 20


@pytest.fixture(scope="module")
def redis_socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("REDIS IS NOT INSTALLED: apt-get install redis-server; only memory was tried")
    folder = tmp_path_factory.mktemp("redis")
    path = folder / "socket"
    arguments = ["--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(folder)]
    server = subprocess.Popen([program, *arguments], stdout=subprocess.DEVNULL)
    try:
        yield path
    finally:
        server.terminate()
        server.wait()


async def _answers(client: Redis) -> None:
    async with asyncio.timeout(START_SECONDS):
        while True:
            with contextlib.suppress(RedisConnectionError):
                await client.ping()
                return


@pytest.fixture(params=["memory", "redis"])
async def storage(request: pytest.FixtureRequest) -> AsyncIterator[SecondaryStorage]:
    if request.param == "memory":
        yield InMemoryStorage()
        return
    path = request.getfixturevalue("redis_socket")
    async with Redis(unix_socket_path=str(path)) as client:
        await _answers(client)
        await client.flushall()
        yield RedisStorage(client)


async def test_a_text_is_there_until_it_is_removed(storage: SecondaryStorage) -> None:
    assert isinstance(storage, SecondaryStorage)
    assert await storage.get("a") is None
    await storage.set("a", "é\n")
    await storage.set("b", "2", 60)
    assert [await storage.get(key) for key in "ab"] == ["é\n", "2"]
    await storage.delete("a")
    await storage.delete("a")
    assert [await storage.get(key) for key in "ab"] == [None, "2"]


async def test_a_text_is_taken_once(storage: SecondaryStorage) -> None:
    await storage.set("a", "1")
    taken = await asyncio.gather(*(storage.get_and_delete("a") for _ in range(5)))
    assert sorted(map(str, taken)) == ["1", "None", "None", "None", "None"]


async def test_every_count_is_another(storage: SecondaryStorage) -> None:
    counts = await asyncio.gather(*(storage.increment("a", 60) for _ in range(20)))
    assert sorted(counts) == [*range(1, 21)]


async def test_a_count_ends_when_the_first_one_said(storage: SecondaryStorage) -> None:
    assert await storage.increment("a", 2) == 1
    assert await storage.increment("a", 60) == 2
    async with asyncio.timeout(10):
        while await storage.get("a") is not None:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert await storage.increment("a", 60) == 1


async def test_a_text_is_replaced_only_if_it_is_the_one_that_was_read(
    storage: SecondaryStorage,
) -> None:
    assert isinstance(storage, ComparingStorage)
    assert not await storage.compare_and_set("a", "0", "1", 60)
    assert await storage.compare_and_set("a", None, "é", 60)
    assert not await storage.compare_and_set("a", None, "2", 60)
    assert await storage.compare_and_set("a", "é", "2", 60)
    assert await storage.get("a") == "2"
    at_once = (storage.compare_and_set("a", "2", each, 60) for each in "34567")
    assert (await asyncio.gather(*at_once)).count(True) == 1
    assert not await storage.compare_and_set("a", "2", None, 60)
    assert await storage.compare_and_set("a", await storage.get("a"), None, 60)
    assert await storage.get("a") is None


async def test_memory_is_bounded() -> None:
    storage = InMemoryStorage(max_entries=3)
    for number in range(5):
        await storage.set(str(number), "x", 60)
    assert [await storage.get(str(number)) for number in range(5)] == [None, None, "x", "x", "x"]


def _options(**given: Any) -> BetterAuthOptions:
    return BetterAuthOptions(secret=SECRET, base_url=BASE_URL, **given)


async def test_two_servers_count_together(storage: SecondaryStorage) -> None:
    limits = RateLimitOptions(
        storage="secondary-storage", custom_rules={"/ok": Limit(window=60, max=2)}
    )
    statuses = []
    for _ in range(3):
        app = FastAPI()
        BetterAuth(_options(secondary_storage=storage, rate_limit=limits), ANY).install(app)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
            answer = await client.get("/api/auth/ok")
        statuses.append((answer.status_code, answer.headers.get("retry-after")))
    assert statuses == [(200, None), (200, None), (429, "60")]


async def test_an_application_counts_by_itself() -> None:
    class Never:
        async def consume(self, key: str, limit: Limit) -> float | None:
            return 1500 if key.endswith("/ok") and limit.max else None

    app = FastAPI()
    BetterAuth(_options(rate_limit=RateLimitOptions(custom_storage=Never())), ANY).install(app)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        answer = await client.get("/api/auth/ok")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"rate_limit": RateLimitOptions(storage="secondary-storage")}, "no secondary_storage"),
        ({"secondary_storage": {}}, "secondary_storage lacks"),
        ({"rate_limit": RateLimitOptions(storage="redis")}, "rate_limit.storage"),  # type: ignore[arg-type]
        ({"rate_limit": RateLimitOptions(custom_storage="redis")}, "custom_storage"),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_count_is_refused(given: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        BetterAuth(_options(**given), ANY)
