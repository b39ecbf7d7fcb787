"""Connections at hand: lent and taken back within one turn of the event loop.

asyncpg's pool makes, mends and ends connections, but each loan of one costs it a task and several
coroutines, as much as a small query. So connections in use stay out of it: they go from one user
straight to the next, and return to asyncpg's pool when they have been idle for a moment or when
anything went wrong with them.
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
_AT_HAND_SECONDS = 5.0


class NoFreeConnectionError(ConnectionError):
    """Every connection is busy."""


class ConnectionsAtHand:
    """At most as many connections as asyncpg's pool may have; `close` gives all back."""

    def __init__(self, pool: asyncpg.Pool, take: Callable[[], Awaitable[Connection]]) -> None:
        """Lend the connections of `pool`, which `take` gets out of it."""
        self._pool = pool
        self._take = take
        self._free_places = pool.get_max_size()
        self._idle: list[tuple[Connection, float]] = []
        self._waiting: deque[asyncio.Future[Connection | None]] = deque()
        self._returns: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._sweep_planned: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def in_use(self) -> int:
        """How many connections are lent, or being made or ended."""
        return self._pool.get_max_size() - self._free_places - len(self._idle)

    @property
    def waiting(self) -> int:
        """How many wait for a connection."""
        return len(self._waiting)

    async def acquire(self) -> Connection:
        """Borrow a connection.

        Raises:
            NoFreeConnectionError: none became free in time, or too many wait already.
            OSError, asyncpg.PostgresError: none can be made.
        """
        while True:
            if self._idle:
                connection: Connection | None = self._idle.pop()[0]
            elif self._free_places:
                self._free_places -= 1
                connection = None
            else:
                connection = await self._wait()
            if connection is None:
                return await self._take_new()
            if _is_open(connection):
                return connection
            self.return_later(connection)

    def release(self, connection: Connection) -> None:
        """Take back a connection with which nothing went wrong."""
        if self._closed:
            self.return_later(connection)
        elif not self._hand_over(connection):
            self._idle.append((connection, self._loop.time()))
            if self._sweep_planned is None:
                self._plan_sweep()

    def return_later(self, connection: Connection) -> None:
        """Give a connection back to asyncpg's pool, without waiting; its place is free after."""
        task = self._loop.create_task(self._return(connection))
        self._returns.add(task)
        task.add_done_callback(self._returns.discard)

    async def close(self) -> None:
        """Give back what is idle; what is lent follows when it is released."""
        self._closed = True
        if self._sweep_planned is not None:
            self._sweep_planned.cancel()
        self._return_idle_since(self._loop.time())
        if self._returns:
            await asyncio.wait(self._returns)

    async def _take_new(self) -> Connection:
        """Take a connection out of asyncpg's pool, into a place that is reserved for it."""
        try:
            return await self._take()
        except BaseException:
            self._free_place()
            raise

    async def _return(self, connection: Connection) -> None:
        try:
            with suppress(OSError, asyncpg.InterfaceError, asyncpg.PostgresError):
                await self._pool.release(connection, timeout=_RELEASE_TIMEOUT)
        finally:
            self._free_place()

    def _free_place(self) -> None:
        """Let the first who waits take a new connection."""
        if not self._hand_over(None):
            self._free_places += 1

    def _hand_over(self, connection: Connection | None) -> bool:
        while self._waiting:
            first = self._waiting.popleft()
            if not first.done():
                first.set_result(connection)
                return True
        return False

    async def _wait(self) -> Connection | None:
        """Wait for one's turn: for a connection, or for the place of one."""
        if len(self._waiting) >= _QUEUE_LIMIT:
            raise NoFreeConnectionError("too many wait for a connection")
        turn: asyncio.Future[Connection | None] = self._loop.create_future()
        timer = self._loop.call_later(_WAIT_TIMEOUT, self._give_up, turn)
        self._waiting.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            self._pass_on(turn)
            raise
        finally:
            timer.cancel()

    def _give_up(self, turn: "asyncio.Future[Connection | None]") -> None:
        """All wait equally long, so those whose time is over are the first."""
        if not turn.done():
            turn.set_exception(NoFreeConnectionError("no connection became free in time"))
        while self._waiting and self._waiting[0].done():
            self._waiting.popleft()

    def _pass_on(self, turn: "asyncio.Future[Connection | None]") -> None:
        """Nobody uses what was handed over: whoever waited was cancelled at that moment."""
        if turn.cancelled() or turn.exception() is not None:
            return
        if (connection := turn.result()) is None:
            self._free_place()
        else:
            self.release(connection)

    def _plan_sweep(self) -> None:
        self._sweep_planned = self._loop.call_later(_AT_HAND_SECONDS, self._sweep)

    def _sweep(self) -> None:
        self._sweep_planned = None
        self._return_idle_since(self._loop.time() - _AT_HAND_SECONDS)
        if self._idle:
            self._plan_sweep()

    def _return_idle_since(self, moment: float) -> None:
        """The last to be idle is the first to be used, so the oldest are at the front."""
        while self._idle and self._idle[0][1] <= moment:
            self.return_later(self._idle.pop(0)[0])


def _is_open(connection: Connection) -> bool:
    """A connection that the server ended has left asyncpg's pool, and refuses every call."""
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:
        return False
