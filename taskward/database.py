"""One asyncpg pool for everything, and what happens when the database is not there.

Statements are single and atomic, so a connection needs no reset between two users of it, and an
answer is sent only after PostgreSQL has committed. What is lost on the way is never sent twice,
unless it only read.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple

import asyncpg
from asyncpg.connection import LoggedQuery
from asyncpg.pool import PoolConnectionProxy

_POOL_SIZE = 10
_ACQUIRE_TIMEOUT = 5.0
_COMMAND_TIMEOUT = 10.0
_CLOSE_TIMEOUT = 3.0
_IDLE_LIFETIME = 60.0  # well below the 300 s after which Neon suspends
_CHECK_AFTER_IDLE = 30.0
_CHECK_TIMEOUT = 2.0
_LOST = (OSError, asyncpg.InterfaceError, asyncpg.PostgresConnectionError)
_UNAVAILABLE_CLASSES = ("08", "53", "57")


class DatabaseUnavailableError(ConnectionError):
    """The database cannot be asked now; what was asked may or may not have happened."""


class PoolExhaustedError(DatabaseUnavailableError):
    """Every connection is busy, or none can be made."""


class PoolUsage(NamedTuple):
    """How full the pool is, in connections and in requests that wait for one."""

    limit: int
    size: int
    in_use: int
    waiting: int


class _PooledConnection(asyncpg.Connection):
    """A connection that knows how long it has been idle, and is not reset without need."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.idle_since = asyncio.get_running_loop().time()

    async def reset(self, *, timeout: float | None = None) -> None:
        """Roll back what was left open; no statement of ours sets any other session state."""
        if self.is_in_transaction():
            await super().reset(timeout=timeout)
        self.idle_since = asyncio.get_running_loop().time()


class Database:
    """A pool of connections; `open` it before use and `close` it afterwards."""

    def __init__(self) -> None:
        self._pool: asyncpg.Pool | None = None
        self._turns = asyncio.Semaphore(_POOL_SIZE)
        self._per_transaction = False
        self._waiting = 0
        self.on_statement: Callable[[LoggedQuery], None] | None = None
        """Is told of each statement that is over, if set before `open`."""

    def usage(self) -> PoolUsage:
        """Return how full the pool is at this moment."""
        pool = self._pool
        size, idle = (pool.get_size(), pool.get_idle_size()) if pool is not None else (0, 0)
        return PoolUsage(_POOL_SIZE, size, size - idle, self._waiting)

    async def open(self, connect_arguments: dict[str, Any]) -> None:
        """Connect.

        Args:
            connect_arguments: what `asyncpg.connect` takes.

        Raises:
            OSError, asyncpg.PostgresError: the database cannot be reached or refuses.
        """
        self._per_transaction = not await keeps_prepared_statements(connect_arguments)
        arguments = connect_arguments | (
            {"statement_cache_size": 0} if self._per_transaction else {}
        )
        self._pool = await asyncpg.create_pool(
            init_size=1,
            min_size=0,  # an idle pool closes every connection and lets the database sleep
            max_size=_POOL_SIZE,
            max_inactive_connection_lifetime=_IDLE_LIFETIME,
            connection_class=_PooledConnection,
            init=self._observe,
            command_timeout=_COMMAND_TIMEOUT,
            **arguments,
        )

    async def close(self) -> None:
        """Wait a few seconds for the statements under way, then disconnect."""
        if self._pool is not None:
            with suppress(TimeoutError):  # then asyncpg has cut every connection
                async with asyncio.timeout(_CLOSE_TIMEOUT):
                    await self._pool.close()
            self._pool = None

    async def fetch(self, query: str, /, *args: Any) -> Sequence[asyncpg.Record]:
        """Return all rows of a statement.

        Raises:
            DatabaseUnavailableError: try again later.
        """
        try:
            return await self._ask(query, args)
        except PoolExhaustedError:
            raise
        except DatabaseUnavailableError:
            if not query.startswith("SELECT"):
                raise
        return await self._ask(query, args)

    async def fetchrow(self, query: str, /, *args: Any) -> asyncpg.Record | None:
        """Return the first row of a statement, or None.

        Raises:
            DatabaseUnavailableError: try again later.
        """
        rows = await self.fetch(query, *args)
        return rows[0] if rows else None

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[PoolConnectionProxy]:
        """Lend a connection.

        Raises:
            DatabaseUnavailableError: none is free in time, or it was lost while lent.
        """
        connection = await self._acquire()
        try:
            yield connection
        except _LOST as error:
            raise DatabaseUnavailableError from error
        except asyncpg.PostgresError as error:
            raise _unavailable(error) or error from None
        finally:
            await self._release(connection)

    async def _observe(self, connection: asyncpg.Connection) -> None:
        if self.on_statement is not None:
            connection.add_query_logger(self.on_statement)

    async def _ask(self, query: str, args: tuple[Any, ...]) -> Sequence[asyncpg.Record]:
        connection = await self._acquire()
        try:
            if not self._per_transaction:
                return await connection.fetch(query, *args)
            async with connection.transaction():
                return await connection.fetch(query, *args)
        except _LOST as error:
            raise DatabaseUnavailableError from error
        except asyncpg.PostgresError as error:
            raise _unavailable(error) or error from None
        finally:
            await self._release(connection)

    async def _acquire(self) -> PoolConnectionProxy:
        """Wait for a turn, for a short time, then for a connection, as long as the URL allows."""
        if self._pool is None:
            raise PoolExhaustedError("the pool is not open")
        await self._take_turn()
        try:
            return await _living_connection(self._pool)
        except (*_LOST, asyncpg.PostgresError) as error:
            self._turns.release()
            raise PoolExhaustedError from error
        except BaseException:
            self._turns.release()
            raise

    async def _take_turn(self) -> None:
        if not self._turns.locked():
            await self._turns.acquire()
            return
        self._waiting += 1
        try:
            async with asyncio.timeout(_ACQUIRE_TIMEOUT):
                await self._turns.acquire()
        except TimeoutError as error:
            raise PoolExhaustedError from error
        finally:
            self._waiting -= 1

    async def _release(self, connection: PoolConnectionProxy) -> None:
        try:
            if self._pool is not None:
                await self._pool.release(connection)
        finally:
            self._turns.release()


async def keeps_prepared_statements(connect_arguments: dict[str, Any]) -> bool:
    """Whether a prepared statement is still there in the next transaction.

    It is not behind a pooler in transaction mode that does not track them (PgBouncer before 1.21,
    or without `max_prepared_statements`). Such a pooler gives itself away: it announces a process
    id that is not the server's, and passes our statement's name through unchanged.
    """
    connection = await asyncpg.connect(**connect_arguments, statement_cache_size=0)
    try:
        async with connection.transaction():
            if await connection.fetchval("SELECT pg_backend_pid()") == connection.get_server_pid():
                return True
            probe = await connection.prepare("SELECT 1", name="taskward_probe")
            names = "SELECT 1 FROM pg_prepared_statements WHERE name = 'taskward_probe'"
            passed_through = await connection.fetchval(names)
            del probe
            await connection.execute("DEALLOCATE ALL") if passed_through else None
            return passed_through is None
    finally:
        await connection.close()


async def _living_connection(pool: asyncpg.Pool) -> PoolConnectionProxy:
    """Take connections from the pool until one is alive; also if given up, the others go back."""
    while True:
        connection, alive = await pool.acquire(), False
        try:
            alive = await _is_alive(connection)
        finally:
            if not alive:
                connection.terminate()
                await pool.release(connection)
        if alive:
            return connection


async def _is_alive(connection: PoolConnectionProxy) -> bool:
    """Ask a connection that sat idle for long whether the server is still at its other end."""
    idle_since = connection.idle_since  # type: ignore[attr-defined]
    if asyncio.get_running_loop().time() - idle_since < _CHECK_AFTER_IDLE:
        return True
    try:
        await connection.fetchval("SELECT 1", timeout=_CHECK_TIMEOUT)
    except (*_LOST, asyncpg.PostgresError):
        return False
    return True


def _unavailable(error: asyncpg.PostgresError) -> DatabaseUnavailableError | None:
    """Translate what means "not now": connection, resources, and the server's own shutdown."""
    if (error.sqlstate or "").startswith(_UNAVAILABLE_CLASSES):
        return DatabaseUnavailableError(str(error))
    return None
