"""What the faults happen to: PostgreSQL, a proxy in front of it, and two servers."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import asyncpg
import psutil

from taskward.migrations import migrate
from tests.clusters import Cluster
from tests.conftest import url_text
from tests.faults.ledger import WATCH
from tests.faults.proxy import Proxy
from tests.servers import START_SECONDS, TaskwardServer, auth_settings

CONNECT_TIMEOUT = 2.0
READY = "Taskward is ready"


@dataclass(frozen=True)
class Stage:
    """Two servers, of which one has two workers, on one database, reached through one proxy."""

    cluster: Cluster
    proxy: Proxy
    several: TaskwardServer
    single: TaskwardServer
    last_words: list[str] = field(default_factory=list)
    """The logs of servers that have been replaced."""

    @property
    def servers(self) -> tuple[TaskwardServer, TaskwardServer]:
        return (self.several, self.single)

    def logs(self) -> str:
        return "".join([*self.last_words, *(server.log() for server in self.servers)])

    def workers(self) -> list[int]:
        """The processes that serve, of the server that has several."""
        children = psutil.Process(self.several.process.pid).children()
        return [child.pid for child in children if "spawn_main" in " ".join(child.cmdline())]

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection of the harness's own, past the proxy."""
        connection = await asyncpg.connect(**self.cluster.url.connect_arguments())
        try:
            yield connection
        finally:
            await connection.close()


@asynccontextmanager
async def prepared() -> AsyncIterator[Stage]:
    """Everything started; it ends with the block."""
    async with AsyncExitStack() as stack:
        cluster = stack.enter_context(Cluster())
        await migrate(cluster.url.connect_arguments())
        proxy = await stack.enter_async_context(Proxy(cluster.url))
        url = f"{url_text(proxy.url)}&connect_timeout={CONNECT_TIMEOUT}"
        several = TaskwardServer(auth_settings(url), workers=2)
        single = TaskwardServer(auth_settings(url))
        await _start(stack, several, single)
        stage = Stage(cluster, proxy, several, single)
        async with stage.connected() as connection:
            await connection.execute(WATCH)
        yield stage


async def _start(stack: AsyncExitStack, *servers: TaskwardServer) -> None:
    with ThreadPoolExecutor(len(servers)) as pool:
        for server in servers:
            stack.callback(server.close)
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(pool, server.start) for server in servers))
    for server in servers:
        await ready(server, server.workers)


async def ready(server: TaskwardServer, workers: int) -> None:
    """Wait until so many workers have become ready since the server's start."""
    async with asyncio.timeout(START_SECONDS):
        while server.log().count(READY) < workers:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
