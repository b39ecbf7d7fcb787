"""What the faults happen to: PostgreSQL, a proxy in front of it, and two servers."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import asyncpg
import psutil

from taskward.database.url import DatabaseURL
from tests.conftest import url_text
from tests.faults.expectations import WATCH
from tests.faults.proxy import Proxy
from tests.support.clusters import Cluster
from tests.support.servers import START_SECONDS, TaskwardServer, auth_settings
from tests.support.tables import make_tables

CONNECT_TIMEOUT = 2.0
READY = "Taskward is ready"


@dataclass(frozen=True, kw_only=True)
class Servers:
    """Two servers, of which one has two workers, on one database."""

    several: TaskwardServer
    single: TaskwardServer
    last_words: list[str] = field(default_factory=list)
    """The logs of servers that have been replaced."""

    @property
    def database(self) -> DatabaseURL:
        """Where the harness itself looks."""
        raise NotImplementedError

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
        """A connection of the harness's own."""
        connection = await asyncpg.connect(**self.database.connect_arguments())
        try:
            yield connection
        finally:
            await connection.close()


@dataclass(frozen=True, kw_only=True)
class Testbed(Servers):
    """A PostgreSQL that is reached through a proxy."""

    cluster: Cluster
    proxy: Proxy

    @property
    def database(self) -> DatabaseURL:
        return self.cluster.url


@asynccontextmanager
async def prepared(*, short: bool = False) -> AsyncIterator[Testbed]:
    """Everything started; it ends with the block. In the short form one process plays both."""
    async with AsyncExitStack() as stack:
        cluster = stack.enter_context(Cluster())
        await make_tables(cluster.url)
        proxy = await stack.enter_async_context(Proxy(cluster.url))
        several, single = await started(stack, url_text(proxy.url), short=short)
        testbed = Testbed(cluster=cluster, proxy=proxy, several=several, single=single)
        async with testbed.connected() as connection:
            await connection.execute(WATCH)
        yield testbed


async def started(
    stack: AsyncExitStack, url: str, *, short: bool
) -> tuple[TaskwardServer, TaskwardServer]:
    """The server with two workers and the one with one, or in the short form one for both."""
    settings = auth_settings(f"{url}&connect_timeout={CONNECT_TIMEOUT}")
    single = TaskwardServer(settings)
    several = single if short else TaskwardServer(settings, workers=2)
    await _start(stack, *{several, single})
    return several, single


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
