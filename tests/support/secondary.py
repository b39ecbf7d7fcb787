"""Secondary storages for tests: in this process, and in Redis."""

from collections.abc import AsyncIterator
from secrets import token_hex

import pytest
from redis.asyncio import Redis

from authward import InMemoryStorage, SecondaryStorage
from authward.redis_storage import RedisStorage
from tests.support.redis_server import shared_redis


@pytest.fixture(scope="module", params=["memory", "redis"])
async def every_storage(request: pytest.FixtureRequest) -> AsyncIterator[SecondaryStorage]:
    """A storage of each kind that there is, for the tests of a module."""
    if request.param == "memory":
        yield InMemoryStorage()
        return
    async with Redis(unix_socket_path=str(shared_redis().socket)) as client:
        yield RedisStorage(client, f"{token_hex(8)}:")
