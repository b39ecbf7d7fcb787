"""`ConnectionCache`: acquire and release a connection without a detour through asyncpg's pool.

asyncpg's pool opens, checks and closes connections, but each acquire costs it a task and several
coroutines, as much as a small query. So connections in use stay outside of it: one request hands
them to the next. They return to asyncpg's pool after a few seconds of idleness or after an error.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

import asyncpg
from asyncpg.pool import PoolConnectionProxy as Connection

_WAIT_TIMEOUT = 1.5
_QUEUE_LIMIT = 1000  # about what ten connections serve in the time that one waits
_RELEASE_TIMEOUT = 2.0
_CACHE_SECONDS = 5.0


class NoFreeConnectionError(ConnectionError):
    """Every connection is busy."""


class ConnectionCache:
    """Holds at most as many connections as asyncpg's pool may have; `close` returns all."""

    def __init__(
        self, pool: asyncpg.Pool, acquire_new: Callable[[], Awaitable[Connection]]
    ) -> None:
        """Cache the connections of `pool`, which `acquire_new` acquires from it."""
        self._pool = pool
        self._acquire_new = acquire_new
        self._free_slots = pool.get_max_size()
        self._idle: list[tuple[Connection, float]] = []
        self._waiting: deque[asyncio.Future[Connection | None]] = deque()
        self._returns: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._sweep_timer: asyncio.TimerHandle | None = None
        self._closed = False
        self.released = 0
        """How many times a connection came back without an error."""

    @property
    def in_use(self) -> int:
        """How many connections are in use, or being opened or closed."""
        return self._pool.get_max_size() - self._free_slots - len(self._idle)

    @property
    def waiting(self) -> int:
        """How many callers wait for a connection."""
        return len(self._waiting)

    async def acquire(self) -> Connection:
        """Acquire a connection.

        Raises:
            NoFreeConnectionError: none became free in time, or too many callers wait.
            OSError, asyncpg.PostgresError: no connection can be opened.
        """
        while True:
            if self._idle:
                connection: Connection | None = self._idle.pop()[0]
            elif self._free_slots:
                self._free_slots -= 1
                connection = None
            else:
                connection = await self._wait()
            if connection is None:
                return await self._fill_slot()
            if _is_open(connection):
                return connection
            self.return_later(connection)

    def release(self, connection: Connection) -> None:
        """Release a connection that had no error."""
        self.released += 1
        if self._closed:
            self.return_later(connection)
        elif not self._hand_to_waiter(connection):
            self._idle.append((connection, self._loop.time()))
            if self._sweep_timer is None:
                self._schedule_sweep()

    def return_later(self, connection: Connection) -> None:
        """Return a connection to asyncpg's pool in the background; its slot is free after that."""
        task = self._loop.create_task(self._return(connection))
        self._returns.add(task)
        task.add_done_callback(self._returns.discard)

    def return_idle(self) -> None:
        """Return all that are idle, which asyncpg's pool then closes if they have expired."""
        self._return_idle_since(self._loop.time())

    async def close(self) -> None:
        """Return idle connections; those in use follow when they are released."""
        self._closed = True
        if self._sweep_timer is not None:
            self._sweep_timer.cancel()
        self.return_idle()
        if self._returns:
            await asyncio.wait(self._returns)

    async def _fill_slot(self) -> Connection:
        """Acquire a connection from asyncpg's pool for a slot that is reserved already."""
        try:
            return await self._acquire_new()
        except BaseException:
            self._free_slot()
            raise

    async def _return(self, connection: Connection) -> None:
        try:
            with suppress(OSError, asyncpg.InterfaceError, asyncpg.PostgresError):
                await self._pool.release(connection, timeout=_RELEASE_TIMEOUT)
        finally:
            self._free_slot()

    def _free_slot(self) -> None:
        """Give the slot to the first waiter, who opens a connection."""
        if not self._hand_to_waiter(None):
            self._free_slots += 1

    def _hand_to_waiter(self, connection: Connection | None) -> bool:
        while self._waiting:
            first = self._waiting.popleft()
            if not first.done():
                first.set_result(connection)
                return True
        return False

    async def _wait(self) -> Connection | None:
        """Wait for a connection, or (None) for a free slot."""
        if len(self._waiting) >= _QUEUE_LIMIT:
            raise NoFreeConnectionError("too many wait for a connection")
        waiter: asyncio.Future[Connection | None] = self._loop.create_future()
        timer = self._loop.call_later(_WAIT_TIMEOUT, self._time_out, waiter)
        self._waiting.append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            with suppress(ValueError):  # it was served already
                self._waiting.remove(waiter)
            self._return_unused(waiter)
            raise
        finally:
            timer.cancel()

    def _time_out(self, waiter: "asyncio.Future[Connection | None]") -> None:
        """All wait equally long, so those that have timed out are at the front."""
        if not waiter.done():
            waiter.set_exception(NoFreeConnectionError("no connection became free in time"))
        while self._waiting and self._waiting[0].done():
            self._waiting.popleft()

    def _return_unused(self, waiter: "asyncio.Future[Connection | None]") -> None:
        """Pass on what a waiter was given at the moment it was cancelled."""
        if waiter.cancelled() or waiter.exception() is not None:
            return
        if (connection := waiter.result()) is None:
            self._free_slot()
        else:
            self.release(connection)

    def _schedule_sweep(self) -> None:
        self._sweep_timer = self._loop.call_later(_CACHE_SECONDS, self._sweep)

    def _sweep(self) -> None:
        self._sweep_timer = None
        self._return_idle_since(self._loop.time() - _CACHE_SECONDS)
        if self._idle:
            self._schedule_sweep()

    def _return_idle_since(self, moment: float) -> None:
        """Return those that are idle since then; the longest idle ones are at the front."""
        while self._idle and self._idle[0][1] <= moment:
            self.return_later(self._idle.pop(0)[0])


def _is_open(connection: Connection) -> bool:
    """Whether it can be used. One that the server closed has left asyncpg's pool and raises."""
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:
        return False
