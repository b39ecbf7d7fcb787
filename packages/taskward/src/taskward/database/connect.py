"""Connections to PostgreSQL: to the one of several servers that is wanted, and bounded in time.

asyncpg goes through the hosts one after the other within one time limit, so one that is frozen or
unplugged keeps it from the others. Here each host has the whole limit. The next one is asked when
the one before has refused, or has said nothing for a moment; who answers first and is wanted, wins.
While one is silent, those that refused are asked again: a standby may have become the primary.

A former primary that nobody has ended may say that it takes writes. So a pool that may choose
between several asks each for its timeline, once for each connection. The latest counts: on an
earlier one no connection is made, and those that there are are ended.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeAlias
from weakref import WeakSet

import asyncpg
import structlog

from taskward.database.addresses import Address, TargetSession
from taskward.database.timelines import Timeline, Timelines, timeline_of
from taskward.database.unavailable import LOST, unavailable

_NEXT_HOST = 0.5
"""Seconds of silence after which the next host is asked, and those that refused are once more."""
_CLOSE_TIMEOUT = 2.0
_FAILED = (*LOST, asyncpg.PostgresError)
_STATE = "SELECT pg_is_in_recovery(), current_setting('transaction_read_only') = 'on'"

log = structlog.get_logger(__name__)


class UnwantedServerError(ConnectionError):
    """A server answers, but takes no writes, or is not the kind that the URL asks for."""


class NoServerError(ConnectionError):
    """None of several servers can be used now; the message says why for each."""


class ServerConnection(asyncpg.Connection):
    """A connection that knows its server, and whose end never takes long."""

    address: Address | None = None
    timeline: Timeline | None = None

    async def close(self, *, timeout: float | None = None) -> None:
        """Say goodbye; if that takes too long or fails, the connection is cut."""
        with suppress(*_FAILED):
            await super().close(timeout=_CLOSE_TIMEOUT if timeout is None else timeout)


_Attempt: TypeAlias = Callable[[Address], Coroutine[Any, Any, ServerConnection]]
_Check: TypeAlias = Callable[[ServerConnection], Coroutine[Any, Any, None]]


async def connect(**arguments: Any) -> ServerConnection:
    """Connect to the first server that answers and is wanted.

    Args:
        arguments: what `asyncpg.connect` takes, as `DatabaseURL.connect_arguments` gives them;
            `timeout` is for each host.

    Raises:
        UnwantedServerError: the only host is not what `target_session_attrs` asks for.
        NoServerError: of several hosts none can be used now.
        OSError, asyncpg.PostgresError, asyncpg.InterfaceError: the server cannot be reached or
            refuses.
    """
    return await Connector()(**arguments)


class Connector:
    """Makes the connections of a pool, and knows which they are."""

    def __init__(self, *, writes: bool = False) -> None:
        """Connect only to servers that take writes now, if `writes`, whatever the URL says."""
        self._writes = writes
        self._last: Address | None = None
        self._made: WeakSet[ServerConnection] = WeakSet()
        self._timelines = Timelines()
        self.overrides: dict[str, Any] = {}
        """Arguments for new connections that count more than those given."""

    async def __call__(self, _: None = None, /, **arguments: Any) -> ServerConnection:
        """Do what `connect` does."""
        addresses = addresses_of(arguments.pop("host"), arguments.pop("port"))
        target = TargetSession(arguments.pop("target_session_attrs"))
        arguments = {"connection_class": ServerConnection, **arguments, **self.overrides}
        if target is TargetSession.PREFER_STANDBY:
            with suppress(*_FAILED):
                return await self._connect(addresses, TargetSession.STANDBY, arguments)
            target = TargetSession.ANY
        return await self._connect(addresses, target, arguments)

    async def look_at(self, address: Address, /, **arguments: Any) -> ServerConnection:
        """Connect to one server, whatever it is, for other purposes than the pool's."""
        for name in ("host", "port", "target_session_attrs"):
            del arguments[name]
        arguments = {"connection_class": ServerConnection, **arguments, **self.overrides}
        return await _connect_to(address, arguments)

    @property
    def addresses(self) -> set[Address | None]:
        """Where the connections go that are open."""
        return {connection.address for connection in self._open()}

    def learn(self, address: Address | None, timeline: Timeline | None) -> None:
        """Hear of a primary; if it is the latest, all connections to former ones are ended."""
        if self._timelines.learn(timeline):
            self._last = address
            past = [c for c in self._open() if self._timelines.is_past(c.timeline)]
            ended = _terminate(past)
            log.warning("a standby has become the primary", server=str(address), ended=ended)

    def terminate_others(self, address: Address | None) -> int:
        """End all connections to other servers, and what is asked on them; returns how many."""
        return _terminate([c for c in self._open() if c.address != address])

    def _open(self) -> list[ServerConnection]:
        return [connection for connection in self._made if not connection.is_closed()]

    async def _connect(
        self, addresses: Sequence[Address], target: TargetSession, arguments: Mapping[str, Any]
    ) -> ServerConnection:
        if self._writes and target is TargetSession.ANY:
            target = TargetSession.READ_WRITE

        has_choice = self._writes and len(addresses) > 1

        async def check(connection: ServerConnection) -> None:
            await _refuse_unwanted(connection, target)
            if has_choice:
                await self._refuse_former(connection)
            self._made.add(connection)

        async def attempt(address: Address) -> ServerConnection:
            return await _connect_to(address, arguments, check)

        if len(addresses) == 1:
            connection = await attempt(addresses[0])
        else:
            limit = arguments["timeout"] + _NEXT_HOST * (len(addresses) - 1)
            connection = await _first(self._in_order(addresses, target), attempt, limit)
        self._last = connection.address
        return connection

    async def _refuse_former(self, connection: ServerConnection) -> None:
        connection.timeline = await timeline_of(connection)
        self.learn(connection.address, connection.timeline)
        if self._timelines.is_past(connection.timeline):
            raise UnwantedServerError("it was the primary, and another has taken its place")

    def _in_order(self, addresses: Sequence[Address], target: TargetSession) -> Sequence[Address]:
        """The primary is most likely where it was; of what anybody can be, the first is meant."""
        if target is TargetSession.ANY:
            return addresses
        return sorted(addresses, key=lambda address: address != self._last)


def addresses_of(host: str | Sequence[str], port: int | Sequence[int]) -> list[Address]:
    """Return the addresses that `connect_arguments` names, in their order."""
    hosts = [host] if isinstance(host, str) else host
    ports = [port] * len(hosts) if isinstance(port, int) else port
    return [Address(*pair) for pair in zip(hosts, ports, strict=True)]


async def _first(addresses: Iterable[Address], attempt: _Attempt, limit: float) -> ServerConnection:
    waiting = deque(addresses)
    running: dict[asyncio.Task[ServerConnection], Address] = {}
    refused: dict[Address, Exception] = {}
    loop = asyncio.get_running_loop()
    deadline = loop.time() + limit
    try:
        while (waiting or running) and (left := deadline - loop.time()) > 0:
            if waiting:
                address = waiting.popleft()
                running[loop.create_task(attempt(address))] = address
            patience = min(left, _NEXT_HOST)
            done, _ = await asyncio.wait(
                running, timeout=patience, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                address = running.pop(task)
                try:
                    return task.result()
                except _FAILED as error:
                    refused[address] = error
            if not done and not waiting:
                waiting.extend(address for address in refused if address not in running.values())
    finally:
        for task in running:
            _abandon(task)
    raise _summary({**dict.fromkeys(running.values(), TimeoutError()), **refused})


def _abandon(task: asyncio.Task[ServerConnection]) -> None:
    """Nobody waits for it; a connection that it has made or still makes is ended."""
    task.add_done_callback(_end)
    task.cancel()


def _end(task: asyncio.Task[ServerConnection]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().terminate()


def _summary(refused: Mapping[Address, Exception]) -> Exception:
    """Say it for each host; what will not pass, such as a wrong password, is said alone."""
    for error in refused.values():
        if unavailable(error) is None:
            return error
    reasons = (f"{address}: {_reason(error)}" for address, error in refused.items())
    return NoServerError("; ".join(reasons))


def _reason(error: Exception) -> str:
    return str(error) or ("no answer" if isinstance(error, TimeoutError) else type(error).__name__)


def _terminate(connections: Sequence[ServerConnection]) -> int:
    for connection in connections:
        connection.terminate()
    return len(connections)


async def _connect_to(
    address: Address, arguments: Mapping[str, Any], check: _Check | None = None
) -> ServerConnection:
    async with asyncio.timeout(arguments["timeout"]):
        connection: ServerConnection = await asyncpg.connect(  # type: ignore[call-overload]
            host=address.host, port=address.port, target_session_attrs="any", **arguments
        )
        connection.address = address
        try:
            if check is not None:
                await check(connection)
        except BaseException:
            connection.terminate()
            raise
    return connection


async def _refuse_unwanted(connection: asyncpg.Connection, target: TargetSession) -> None:
    """Look at what the server says of itself, and ask where it says nothing or the wrong thing.

    A pooler may say it, for a server that was another one before.
    """
    settings = connection.get_settings()
    standby = getattr(settings, "in_hot_standby", None)
    read_only = getattr(settings, "default_transaction_read_only", None)
    if None not in (standby, read_only) and not _unwanted(
        target, standby=standby == "on", read_only="on" in (standby, read_only)
    ):
        return
    if target is TargetSession.ANY:
        return
    async with connection.transaction():  # a pooler keeps the statement's parts together
        standby, read_only = await connection.fetchrow(_STATE)  # type: ignore[misc]
    if reason := _unwanted(target, standby=standby, read_only=read_only):
        raise UnwantedServerError(reason)


def _unwanted(target: TargetSession, *, standby: bool, read_only: bool) -> str:
    """Why such a server is not wanted, or nothing."""
    match target:
        case TargetSession.PRIMARY if standby:
            return "it is a standby"
        case TargetSession.STANDBY if not standby:
            return "it is no standby"
        case TargetSession.READ_WRITE if read_only:
            return "it is a standby" if standby else "it takes no writes (read-only)"
        case TargetSession.READ_ONLY if not read_only:
            return "it takes writes"
    return ""
