"""Connections to the servers' databases, which stay open from one scenario to the next.

Scenarios are played in threads, hundreds of them a run, and most begin with rows: opening a
connection for each took longer than writing them.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg

T = TypeVar("T")


class Connections:
    """One for each database, on an event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._opened: dict[str, asyncpg.Connection] = {}
        self._thread.start()

    def use(self, url: str, action: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
        """Do something with the connection to a database, which no other thread uses now."""
        return asyncio.run_coroutine_threadsafe(self._use(url, action), self._loop).result()

    def close(self) -> None:
        """Close all of them, for good."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _use(self, url: str, action: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
        if url not in self._opened:
            self._opened[url] = await asyncpg.connect(url)
        return await action(self._opened[url])

    async def _close(self) -> None:
        for connection in self._opened.values():
            await connection.close()
