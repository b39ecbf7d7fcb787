"""The SDK's server, loaded by the first request that needs it: its import takes a second."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.types import ASGIApp

from taskward.database.database import Database
from taskward.mcp.observing import ToolCalls

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager


class LazyServer:
    """One server for each process, between the begin and the end of its application's lifespan."""

    def __init__(self, database: Database, calls: ToolCalls) -> None:
        self._database, self._calls = database, calls
        self._reset()

    def _reset(self) -> None:
        self._owner: asyncio.Task[None] | None = None
        self._ready: asyncio.Future[ASGIApp] | None = None
        self._ended = asyncio.Event()

    async def app(self) -> ASGIApp:
        """Return what serves requests; all who ask meanwhile wait for the same import."""
        return await asyncio.shield(self.begin())

    def begin(self) -> "asyncio.Future[ASGIApp]":
        """Begin to load it, if nobody has."""
        if self._ready is None or (self._ready.done() and self._ready.exception() is not None):
            self._ready = asyncio.get_running_loop().create_future()
            self._owner = asyncio.create_task(self._own(self._ready))
        return self._ready

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve while inside."""
        self._reset()
        try:
            yield
        finally:
            self._ended.set()
            if self._owner is not None:
                await asyncio.wait({self._owner})

    async def _own(self, ready: "asyncio.Future[ASGIApp]") -> None:
        """Begin and end it in one task, as its cancel scopes demand; import it in a thread."""
        try:
            manager = await asyncio.to_thread(_load, self._database, self._calls)
            async with manager.run():
                ready.set_result(manager.handle_request)
                await self._ended.wait()
        except Exception as error:  # noqa: BLE001 - whoever waits for it raises it
            if not ready.done():
                ready.set_exception(error)


def _load(database: Database, calls: ToolCalls) -> "StreamableHTTPSessionManager":
    from taskward.mcp.server import make_session_manager  # noqa: PLC0415

    return make_session_manager(database, calls)
