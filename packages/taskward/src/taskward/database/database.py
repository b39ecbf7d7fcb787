"""One asyncpg pool for everything, and what happens when the database is not there.

Statements are single and atomic, so a connection needs no reset between two users of it, and an
answer is sent only after PostgreSQL has committed. What is lost on the way is never sent twice,
unless it only read.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, NamedTuple

import asyncpg
import structlog
from asyncpg.connection import LoggedQuery
from asyncpg.pool import PoolConnectionProxy

from authward.storage.statements import Statement
from taskward.database.batch_pairs import Together, make_batchers
from taskward.database.batcher import Batchable, Batcher
from taskward.database.connect import (
    Connector,
    NoServerError,
    ServerConnection,
    UnwantedServerError,
    connect,
)
from taskward.database.failover import PrimaryWatch
from taskward.database.plans import KEEP_PLANS, keep_plans
from taskward.database.pool import ConnectionCache
from taskward.database.unavailable import (
    LOST,
    CollidedError,
    DatabaseSlowError,
    DatabaseUnavailableError,
    ForgottenStatementError,
    NotSentError,
    PoolExhaustedError,
    ReadOnlyError,
    RolledBackError,
    unavailable,
)
from taskward.http.backpressure import LargeResponseQueue

__all__ = [
    "Database",
    "DatabaseUnavailableError",
    "PoolExhaustedError",
    "PoolUsage",
    "retry_until_reachable",
    "supports_prepared_statements",
]

# An answer takes at most the pool's waiting time (1.5 s), the first two and the URL's
# connect_timeout (10 s); a read that lost its connection on the way one more _COMMAND_TIMEOUT.
_CHECK_TIMEOUT = 2.0
_COMMAND_TIMEOUT = 10.0
_CLOSE_TIMEOUT = 5.0
_POOL_SIZE = 10
_IDLE_LIFETIME = 60.0  # well below the 300 s after which Neon suspends
_CHECK_AFTER_IDLE = 30.0
_RETRY_INTERVAL = 0.5
_REPEATS = 2
"""How often a statement that did nothing is asked again."""
_DID_NOTHING = (CollidedError, ForgottenStatementError, ReadOnlyError)

log = structlog.get_logger(__name__)


class PoolUsage(NamedTuple):
    """How full the pool is, in connections and in requests that wait for one."""

    limit: int
    size: int = 0
    in_use: int = 0
    waiting: int = 0


class _PooledConnection(ServerConnection):
    """A connection that knows how long it has been idle, and is not reset without need."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.idle_since = asyncio.get_running_loop().time()

    async def reset(self, *, timeout: float | None = None) -> None:
        """Roll back what was left open; no statement of a request sets any session state."""
        if self.is_in_transaction():
            await super().reset(timeout=timeout)
        self.idle_since = asyncio.get_running_loop().time()

    def get_reset_query(self) -> str:
        """Return what brings a session back to what `_prepare` made of it."""
        return f"{super().get_reset_query()}\n{KEEP_PLANS}"


class Database:
    """A pool of connections; `open` it before use and `close` it afterwards."""

    def __init__(
        self, batchable: Iterable[Batchable] = (), together: Iterable[Together] = ()
    ) -> None:
        """Ask for what is `batchable` together with others of the same moment."""
        self._batches = make_batchers(batchable, together, self._fetch)
        self._pool: asyncpg.Pool | None = None
        self._connections: ConnectionCache | None = None
        self._connector = Connector(writes=True)
        self._watch: PrimaryWatch | None = None
        self._per_transaction = False
        self.large_responses = LargeResponseQueue()
        self.on_statement: Callable[[LoggedQuery], None] | None = None
        """Is told of each statement that is over, if set before `open`; then none is shared."""
        self.on_created: Callable[[str], None] = lambda _: None
        """Is told for whom something was created, or may have been."""

    def batcher(self, statement: Statement) -> Batcher | None:
        """Return what asks a statement together with others of the same moment, if anything."""
        return self._batches.get(statement.sql)

    def usage(self) -> PoolUsage:
        """Return how full the pool is at this moment."""
        if self._pool is None or self._connections is None:
            return PoolUsage(_POOL_SIZE)
        in_use, waiting = self._connections.in_use, self._connections.waiting
        return PoolUsage(_POOL_SIZE, self._pool.get_size(), in_use, waiting)

    async def open(self, connect_arguments: dict[str, Any]) -> None:
        """Connect. To a server that takes no writes now too, but then all is unavailable.

        Args:
            connect_arguments: what `DatabaseURL.connect_arguments` gives.

        Raises:
            OSError, asyncpg.PostgresError: the database cannot be reached or refuses.
        """
        if self.on_statement is not None:
            self._batches = {}
        self._connector = Connector(writes=True)
        self._per_transaction = not await supports_prepared_statements(connect_arguments)
        if self._per_transaction:
            self._prepare_nothing()
        self._pool = await asyncpg.create_pool(
            init_size=0,
            min_size=0,  # an idle pool closes every connection and lets the database sleep
            max_size=_POOL_SIZE,
            max_inactive_connection_lifetime=_IDLE_LIFETIME,
            connect=self._connector,  # type: ignore[call-overload]
            connection_class=_PooledConnection,
            init=self._prepare,
            command_timeout=_COMMAND_TIMEOUT,
            **connect_arguments,
        )
        self._connections = ConnectionCache(self._pool, partial(_checked_connection, self._pool))
        if isinstance(connect_arguments["host"], list):
            self._watch = PrimaryWatch(self._connections, self._connector, connect_arguments)
        await self._connect_first(self._connections)

    async def close(self) -> None:
        """Wait for the statements under way, for a short time, then disconnect."""
        if self._watch is not None:
            await self._watch.stop()
        if self._pool is not None and self._connections is not None:
            with suppress(*LOST):
                async with asyncio.timeout(_CLOSE_TIMEOUT):
                    await self._connections.close()
                    await self._pool.close()
            self._connector.terminate_others(None)
        self._pool = self._connections = self._watch = None

    async def fetch(self, query: str, /, *args: Any) -> Sequence[asyncpg.Record]:
        """Return all rows of a statement.

        Raises:
            DatabaseUnavailableError: try again later.
        """
        if (batches := self._batches.get(query)) is not None:
            return await batches.fetch(args)
        return await self._fetch(query, *args)

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
        connections, connection = await self._acquire()
        try:
            yield connection
        except BaseException as error:
            if (reason := await self._discard(connections, connection, error)) is not None:
                raise reason from error
            raise
        connections.release(connection)

    async def set_user(self, connection: Any, user_id: str) -> None:
        """Say in whose name the rest of a transaction is, where PostgreSQL wants to know."""

    async def _prepare(self, connection: asyncpg.Connection) -> None:
        if not await keep_plans(connection):
            self._batches = {}  # on Citus they would be transactions of several nodes
        if self.on_statement is not None:
            connection.add_query_logger(self.on_statement)

    async def _connect_first(self, connections: ConnectionCache) -> None:
        try:
            with suppress(UnwantedServerError, NoServerError):
                connections.release(await connections.acquire())
        except BaseException:
            await self.close()
            raise

    def _prepare_nothing(self) -> None:
        """From now on keep a statement's parts together, in a transaction, and prepare none."""
        self._per_transaction = True
        self._connector.overrides["statement_cache_size"] = 0

    async def _fetch(self, query: str, /, *args: Any) -> Sequence[asyncpg.Record]:
        """Ask once, and again if nothing can have happened."""
        for _ in range(_REPEATS):
            try:
                return await self._fetch_once(query, args)
            except _DID_NOTHING:
                continue
        return await self._fetch_once(query, args)

    async def _fetch_once(self, query: str, args: tuple[Any, ...]) -> Sequence[asyncpg.Record]:
        try:
            return await self._execute(query, args)
        except (PoolExhaustedError, DatabaseSlowError, *_DID_NOTHING):
            raise
        except DatabaseUnavailableError as error:
            if not (isinstance(error, NotSentError) or query.startswith("SELECT")):
                raise
        return await self._execute_again(query, args)

    async def _execute(self, query: str, args: tuple[Any, ...]) -> Sequence[asyncpg.Record]:
        connections, connection = await self._acquire()
        try:
            if self._per_transaction:
                async with connection.transaction():
                    rows = await connection.fetch(query, *args)
            else:
                rows = await connection.fetch(query, *args)
        except BaseException as error:
            if (reason := await self._discard(connections, connection, error)) is not None:
                raise reason from error
            raise
        connections.release(connection)
        return rows

    async def _execute_again(self, query: str, args: tuple[Any, ...]) -> Sequence[asyncpg.Record]:
        try:
            async with asyncio.timeout(_COMMAND_TIMEOUT):
                while True:
                    with suppress(NotSentError):
                        return await self._execute(query, args)
        except TimeoutError as error:
            raise DatabaseSlowError from error

    async def _acquire(self) -> tuple[ConnectionCache, PoolConnectionProxy]:
        """Wait for a connection for a short time; for a new one, as long as the URL allows."""
        if (connections := self._connections) is None:
            raise PoolExhaustedError("the pool is not open")
        try:
            return connections, await connections.acquire()
        except (*LOST, asyncpg.PostgresError) as error:
            raise PoolExhaustedError(str(error)) from error

    async def _discard(
        self,
        connections: ConnectionCache,
        connection: PoolConnectionProxy,
        error: BaseException,
    ) -> DatabaseUnavailableError | None:
        """Give back the connection of what failed; nobody waits until a statement is cancelled."""
        reason = unavailable(error)
        if reason is not None and not isinstance(reason, DatabaseSlowError | RolledBackError):
            _terminate(connection)
        connections.return_later(connection)
        if isinstance(reason, ForgottenStatementError):
            self._prepare_nothing()
        if isinstance(reason, ForgottenStatementError | ReadOnlyError) and self._pool is not None:
            await self._pool.expire_connections()
            connections.return_idle()
        return reason


async def retry_until_reachable(connect: Callable[[], Awaitable[None]], patience: float) -> None:
    """Connect; while the database is away, try again for `patience` seconds.

    Raises:
        OSError, asyncpg.PostgresError: it stayed away, or what is wrong will not pass.
    """
    deadline = asyncio.get_running_loop().time() + patience
    while True:
        try:
            return await connect()
        except Exception as error:
            if unavailable(error) is None or asyncio.get_running_loop().time() >= deadline:
                raise
            log.warning("the database is away, trying again", error=repr(error))
        await asyncio.sleep(_RETRY_INTERVAL)


async def supports_prepared_statements(connect_arguments: dict[str, Any]) -> bool:
    """Whether a prepared statement is still there in the next transaction.

    It is not behind a pooler in transaction mode that does not track them (PgBouncer before 1.21,
    or without `max_prepared_statements`). Such a pooler gives itself away: it announces a process
    id that is not the server's, and passes our statement's name through unchanged.
    """
    name = f"taskward_{secrets.token_hex(8)}"
    connection = await connect(**connect_arguments, statement_cache_size=0)
    try:
        async with connection.transaction():
            if await connection.fetchval("SELECT pg_backend_pid()") == connection.get_server_pid():
                return True
            probe = await connection.prepare("SELECT 1", name=name)
            names = "SELECT 1 FROM pg_prepared_statements WHERE name = $1"
            passed_through = await connection.fetchval(names, name)
            del probe  # asyncpg closes what nobody refers to
            if passed_through:
                await connection.execute(f"DEALLOCATE {name}")
            return not passed_through
    finally:
        await connection.close()


async def _checked_connection(pool: asyncpg.Pool) -> PoolConnectionProxy:
    """Take a connection from the pool; if it is found dead, one that was made or used since."""
    started = asyncio.get_running_loop().time()
    connection = await pool.acquire()
    if _idle_since(connection) > started - _CHECK_AFTER_IDLE or await _is_alive(connection, pool):
        return connection
    while _idle_since(connection := await pool.acquire()) < started:
        await _end(connection, pool)
    return connection


async def _is_alive(connection: PoolConnectionProxy, pool: asyncpg.Pool) -> bool:
    """Whether the server is still at the other end; if not, or if given up, the connection ends."""
    answered = False
    try:
        # One message: a pooler cannot come between its parts.
        await connection.execute("SELECT 1", timeout=_CHECK_TIMEOUT)
        answered = True
    except (*LOST, asyncpg.PostgresError):
        pass
    finally:
        if not answered:
            await _end(connection, pool)
    return answered


async def _end(connection: PoolConnectionProxy, pool: asyncpg.Pool) -> None:
    _terminate(connection)
    await pool.release(connection)


def _terminate(connection: PoolConnectionProxy) -> None:
    with suppress(asyncpg.InterfaceError):  # one that ended by itself is no longer lent
        connection.terminate()


def _idle_since(connection: PoolConnectionProxy) -> float:
    return connection.idle_since  # type: ignore[attr-defined, no-any-return]
