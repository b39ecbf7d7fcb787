"""`PrimaryWatch`: notices that the primary is frozen or unplugged, and another has taken its place.

A server that was killed ends its connections. One that is frozen, or behind a line that was cut,
says nothing, and whatever was asked waits until its time is over, even where a standby was promoted
long before. So where several servers are named and no statement of the pool is answered any more,
a new connection looks for the server that takes writes. If that is another one, all connections to
the silent server are ended: what only reads is asked again, what writes is answered with 503.
"""

import asyncio
from typing import Any

import asyncpg
import structlog

from taskward.database.connect import Connector
from taskward.database.pool import ConnectionCache
from taskward.database.unavailable import LOST

_LOOK_EVERY = 1.0
_SILENCE = 2.0

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
        self._task = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """End it."""
        self._task.cancel()
        await asyncio.wait({self._task})

    async def _watch(self) -> None:
        answered, since = -1, 0.0
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            now = asyncio.get_running_loop().time()
            if self._connections.in_use == 0 or self._connections.released != answered:
                answered, since = self._connections.released, now
            elif now - since >= _SILENCE:
                await self._look_elsewhere()

    async def _look_elsewhere(self) -> None:
        try:
            connection = await self._connector(**self._arguments)
        except (*LOST, asyncpg.PostgresError) as error:
            log.warning("the database is silent, and no other takes writes", error=str(error))
            return
        ended = self._connector.terminate_others(connection.address)
        await connection.close()
        if ended:
            log.warning("another server is the primary", server=str(connection.address))
