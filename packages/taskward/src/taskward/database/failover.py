"""`PrimaryWatch`: notices that another server has taken the place of the primary.

A server that was killed ends its connections. One that is frozen, or behind a line that was cut,
says nothing; and when it comes back it answers as if nothing had been, although a standby was
promoted long before. So where several servers are named, each that the pool is not connected to is
asked once a second whether it has become the primary. Once one has, all connections to the former
one are ended: what only reads is asked again, what writes is answered with 503.

Where servers do not say which timeline theirs is, only silence tells: if no statement of the pool
is answered any more, a new connection looks for the server that takes writes.
"""

import asyncio
from typing import Any

import asyncpg
import structlog

from taskward.database.addresses import Address
from taskward.database.connect import Connector, ServerConnection, addresses_of
from taskward.database.pool import ConnectionCache
from taskward.database.timelines import timeline_of
from taskward.database.unavailable import LOST

_LOOK_EVERY = 1.0
_SILENCE = 2.0
_ANSWER_TIMEOUT = 2.0
_AFTER_FAILURE = 5.0
"""Seconds after which a server that could not be asked is asked again."""
_FAILED = (*LOST, asyncpg.PostgresError)

log = structlog.get_logger(__name__)


class PrimaryWatch:
    """Watches one pool from its making until `stop`."""

    def __init__(
        self, connections: ConnectionCache, connector: Connector, arguments: dict[str, Any]
    ) -> None:
        """Watch `connections`, which `connector` makes with `arguments`."""
        self._connections = connections
        self._connector = connector
        self._arguments = arguments
        lookouts = [
            _Lookout(address, connector, arguments)
            for address in addresses_of(arguments["host"], arguments["port"])
        ]
        watchers = (self._watch(), *(lookout.watch() for lookout in lookouts))
        self._tasks = {asyncio.create_task(watcher) for watcher in watchers}

    async def stop(self) -> None:
        """End it."""
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)

    async def _watch(self) -> None:
        """Look elsewhere when something was asked so long ago, and nothing was answered since."""
        answered, asked = -1, None
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            now = asyncio.get_running_loop().time()
            if self._connections.released != answered:
                answered, asked = self._connections.released, None
            if asked is None:
                asked = now if self._connections.in_use else None
            elif now - asked >= _SILENCE:
                await self._look_elsewhere()
                asked = asked if self._connections.in_use else None

    async def _look_elsewhere(self) -> None:
        try:
            connection = await self._connector(**self._arguments)
        except _FAILED as error:
            log.warning("the database is silent, and no other takes writes", error=str(error))
            return
        ended = self._connector.terminate_others(connection.address)
        await connection.close()
        if ended:
            log.warning("another server is the primary", server=str(connection.address))


class _Lookout:
    """Asks one server whether it has become the primary, over a connection that it keeps."""

    def __init__(self, address: Address, connector: Connector, arguments: dict[str, Any]) -> None:
        self._address = address
        self._connector = connector
        self._arguments = {**arguments, "command_timeout": _ANSWER_TIMEOUT}
        self._connection: ServerConnection | None = None

    async def watch(self) -> None:
        try:
            while True:
                await asyncio.sleep(_LOOK_EVERY)
                if self._is_elsewhere():
                    await self._ask()
                else:
                    await self._leave()
        finally:
            await self._leave()

    def _is_elsewhere(self) -> bool:
        """Whether the pool is connected, but not to here; an idle database is left asleep."""
        addresses = self._connector.addresses
        return bool(addresses) and self._address not in addresses

    async def _ask(self) -> None:
        try:
            if self._connection is None:
                self._connection = await self._connector.look_at(self._address, **self._arguments)
            await self._look(self._connection)
        except _FAILED:
            await self._leave()
            await asyncio.sleep(_AFTER_FAILURE)

    async def _look(self, connection: ServerConnection) -> None:
        async with connection.transaction():  # a pooler keeps the statement's parts together
            is_standby = await connection.fetchval("SELECT pg_is_in_recovery()")
        if not is_standby:
            self._connector.learn(self._address, await timeline_of(connection))

    async def _leave(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
