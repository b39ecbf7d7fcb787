"""Better Auth's `secondaryStorage`: a store of texts that end by themselves, such as Redis."""

import time
from typing import Protocol, runtime_checkable


@runtime_checkable
class SecondaryStorage(Protocol):
    """What a storage can do; times to live are in seconds.

    `get_and_delete` and `increment` are atomic: of any number of callers at once, one gets a value,
    and each gets another count.
    """

    async def get(self, key: str) -> str | None:
        """Return the text, None if there is none or no longer."""

    async def set(self, key: str, value: str, ttl: int | None = None) -> None:
        """Keep a text in the place of any older one."""

    async def delete(self, key: str) -> None:
        """Remove a text, if it is there."""

    async def get_and_delete(self, key: str) -> str | None:
        """Return the text and remove it."""

    async def increment(self, key: str, ttl: int) -> int:
        """Return one more than last time; 1 at first, and again `ttl` after that."""


class InMemoryStorage:
    """In this process: for one worker, and nothing outlives it; the oldest go where it is full."""

    def __init__(self, max_entries: int = 100_000) -> None:
        """Begin with nothing."""
        self._max_entries = max_entries
        self._entries: dict[str, tuple[str, float | None]] = {}

    async def get(self, key: str) -> str | None:
        """Return the text, None if there is none or no longer."""
        value, until = self._entries.get(key, ("", 0.0))
        return value if until is None or until > time.monotonic() else None

    async def set(self, key: str, value: str, ttl: int | None = None) -> None:
        """Keep a text in the place of any older one."""
        self._entries.pop(key, None)
        self._entries[key] = (value, None if ttl is None else time.monotonic() + ttl)
        while len(self._entries) > self._max_entries:
            del self._entries[next(iter(self._entries))]

    async def delete(self, key: str) -> None:
        """Remove a text, if it is there."""
        self._entries.pop(key, None)

    async def get_and_delete(self, key: str) -> str | None:
        """Return the text and remove it."""
        value = await self.get(key)
        await self.delete(key)
        return value

    async def increment(self, key: str, ttl: int) -> int:
        """Return one more than last time; 1 at first, and again `ttl` after that."""
        value = await self.get(key)
        if value is None:
            await self.set(key, "1", ttl)
            return 1
        count = int(value) + 1
        self._entries[key] = (str(count), self._entries[key][1])
        return count
