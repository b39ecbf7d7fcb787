"""Redis as secondary storage, for all workers and for the original beside them.

storage = RedisStorage(redis.asyncio.Redis.from_url("redis://localhost"))
"""

from typing import Any

from authward.extras import needs

with needs("redis"):
    from redis.asyncio import Redis

_INCREMENT = """
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return count
"""
_COMPARE_AND_SET = """
local found = redis.call('GET', KEYS[1])
if (found or '') ~= ARGV[1] then return 0 end
if ARGV[2] == '' then redis.call('DEL', KEYS[1])
elseif ARGV[3] == '' then redis.call('SET', KEYS[1], ARGV[2])
else redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3]) end
return 1
"""


class RedisStorage:
    """The keys of a Redis server, below a prefix; it is the application that closes the client."""

    def __init__(self, client: Redis, key_prefix: str = "better-auth:") -> None:
        """Take a client of redis-py, and what all keys begin with, as at the original's package."""
        self._client = client
        self._prefix = key_prefix
        self._count = client.register_script(_INCREMENT)
        self._compare_and_set = client.register_script(_COMPARE_AND_SET)

    async def get(self, key: str) -> str | None:
        """Return the text, None if there is none or no longer."""
        return _text(await self._client.get(self._prefix + key))

    async def set(self, key: str, value: str, ttl: int | None = None) -> None:
        """Keep a text in the place of any older one."""
        await self._client.set(self._prefix + key, value, ex=ttl)

    async def delete(self, key: str) -> None:
        """Remove a text, if it is there."""
        await self._client.delete(self._prefix + key)

    async def get_and_delete(self, key: str) -> str | None:
        """Return the text and remove it."""
        return _text(await self._client.getdel(self._prefix + key))

    async def increment(self, key: str, ttl: int) -> int:
        """Return one more than last time; 1 at first, and again `ttl` after that."""
        return int(await self._count(keys=[self._prefix + key], args=[ttl]))

    async def compare_and_set(
        self, key: str, expected: str | None, value: str | None, ttl: int | None
    ) -> bool:
        """Replace the text, or with None remove it, if it is the expected one (None: none)."""
        arguments: list[str | int] = [expected or "", value or "", ttl or ""]
        return bool(await self._compare_and_set(keys=[self._prefix + key], args=arguments))


def _text(value: Any) -> str | None:
    return value.decode() if isinstance(value, bytes) else value
