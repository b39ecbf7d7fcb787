"""Better Auth's `secondaryStorage`: a store of texts that end by themselves, such as Redis."""

import asyncio
import time
from collections.abc import Awaitable
from typing import Protocol, TypeVar, runtime_checkable

import structlog

from authward.codes import Code
from authward.errors import APIError

_T = TypeVar("_T")
_SECONDS = 3.0
"""For which a storage may be silent."""
_MOST_DIGITS = 16

log = structlog.get_logger(__name__)


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


@runtime_checkable
class ComparingStorage(SecondaryStorage, Protocol):
    """One that can tell whether a text is still the one that was read.

    With any other, the last of several who change a text at once wins, as in the original.
    """

    async def compare_and_set(
        self, key: str, expected: str | None, value: str | None, ttl: int | None
    ) -> bool:
        """Replace the text, or with None remove it, if it is the expected one (None: none)."""


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

    async def compare_and_set(
        self, key: str, expected: str | None, value: str | None, ttl: int | None
    ) -> bool:
        """Replace the text, or with None remove it, if it is the expected one (None: none)."""
        if await self.get(key) != expected:
            return False
        await (self.delete(key) if value is None else self.set(key, value, ttl))
        return True


class StorageUnavailableError(APIError):
    """503: the storage cannot be asked now; what was asked may or may not have happened."""

    def __init__(self) -> None:
        super().__init__(
            Code.SERVICE_UNAVAILABLE,
            message="The secondary storage is unavailable, try again",
            headers={"retry-after": "2"},
        )


def whole_number(text: str | None) -> int:
    """Return a number that was kept; 0 if it is something else."""
    is_number = text is not None and len(text) <= _MOST_DIGITS and text.isdecimal()
    return int(text) if text is not None and is_number else 0


class PromptStorage:
    """A storage as the server asks it: whatever fails there, or takes too long, is one error.

    All methods raise `StorageUnavailableError`.
    """

    def __init__(self, storage: SecondaryStorage, seconds: float = _SECONDS) -> None:
        """Take the application's, and for how long it may be silent."""
        self._storage = storage
        self._seconds = seconds

    async def get(self, key: str) -> str | None:
        """Return the text, None if there is none or no longer."""
        return await self._asked(self._storage.get(key))

    async def set(self, key: str, value: str, ttl: int | None = None) -> None:
        """Keep a text in the place of any older one."""
        await self._asked(self._storage.set(key, value, ttl))

    async def delete(self, key: str) -> None:
        """Remove a text, if it is there."""
        await self._asked(self._storage.delete(key))

    async def get_and_delete(self, key: str) -> str | None:
        """Return the text and remove it."""
        return await self._asked(self._storage.get_and_delete(key))

    async def increment(self, key: str, ttl: int) -> int:
        """Return one more than last time; 1 at first, and again `ttl` after that."""
        return await self._asked(self._storage.increment(key, ttl))

    async def replace(self, key: str, old: str | None, new: str | None, ttl: int | None) -> bool:
        """Replace or remove the text that was read; False if it is another one meanwhile."""
        if isinstance(self._storage, ComparingStorage):
            return await self._asked(self._storage.compare_and_set(key, old, new, ttl))
        await (self.delete(key) if new is None else self.set(key, new, ttl))
        return True

    async def _asked(self, answer: Awaitable[_T]) -> _T:
        try:
            async with asyncio.timeout(self._seconds):
                return await answer
        except Exception as error:
            # Its words may have keys in them, which are tokens.
            log.warning("secondary storage unavailable", error=type(error).__name__)
            raise StorageUnavailableError from error
