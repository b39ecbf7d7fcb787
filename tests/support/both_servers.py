"""The original and ours on one database, where one goes on with what the other has begun."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import anyio.to_thread

from tests.conftest import BASE_URL
from tests.support.servers import OriginalServer, Server, TaskwardServer, node


@asynccontextmanager
async def both_servers(
    settings: Mapping[str, str], *, ours: type[Server] = TaskwardServer
) -> AsyncIterator[list[Server]]:
    """Start the original, which makes the tables, and then ours."""
    node()
    async with AsyncExitStack() as stack:
        started: list[Server] = []
        for kind in (OriginalServer, ours):
            server: Server = kind({**settings, "BETTER_AUTH_URL": BASE_URL})
            await anyio.to_thread.run_sync(server.__enter__)
            stack.push_async_callback(anyio.to_thread.run_sync, server.__exit__, None, None, None)
            started.append(server)
        yield started
