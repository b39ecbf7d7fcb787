"""What happens to the leader of a Patroni cluster, under the load of `make faults`."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass

import asyncpg

from taskward.database.connect import connect
from taskward.database.url import DatabaseURL
from tests.faults.expectations import WATCH
from tests.faults.faults import Fault
from tests.faults.testbed import Servers, started
from tests.ha.patroni import START_SECONDS, Member, PatroniCluster
from tests.support.tables import make_tables

BACK_WITHIN = 5.0
"""Seconds after Patroni has promoted within which the service is back."""


@dataclass(frozen=True, kw_only=True)
class PatroniTestbed(Servers):
    """Servers whose database is wherever the leader is."""

    cluster: PatroniCluster

    @property
    def database(self) -> DatabaseURL:
        return self.cluster.url.at(self.cluster.leader.address)


@asynccontextmanager
async def prepared_patroni(*, proxied: bool) -> AsyncIterator[PatroniTestbed]:
    """Everything started; servers that name both hosts, or HAProxy in front of them."""
    async with AsyncExitStack() as stack:
        cluster = stack.enter_context(PatroniCluster())
        await make_tables(cluster.url)
        url = cluster.proxy_url if proxied else cluster.url_text
        several, single = await started(stack, url, short=False)
        testbed = PatroniTestbed(several=several, single=single, cluster=cluster)
        async with testbed.connected() as connection:
            await connection.execute(WATCH)
        yield testbed


async def kill_the_leader(testbed: PatroniTestbed) -> None:
    """Patroni and PostgreSQL at once, as when a machine loses its power."""
    leader, other = await _whole(testbed)
    await asyncio.to_thread(leader.kill)
    await _promoted(testbed, other)
    leader.start()


async def freeze_the_leader(testbed: PatroniTestbed) -> None:
    """It is thawed when the other has become the leader, and finds out."""
    leader, other = await _whole(testbed)
    await asyncio.to_thread(leader.signal, signal.SIGSTOP)
    await _promoted(testbed, other)
    await asyncio.to_thread(leader.signal, signal.SIGCONT)


async def switch_over(testbed: PatroniTestbed) -> None:
    """As an operator does."""
    await _whole(testbed)
    await asyncio.to_thread(testbed.cluster.switch_over)


async def kill_postgres_of_the_leader(testbed: PatroniTestbed) -> None:
    """Patroni lives, and starts it again or gives the lead away."""
    leader, _ = await _whole(testbed)
    await asyncio.to_thread(leader.kill_postgres)
    await _writable(testbed.cluster)


async def _whole(testbed: PatroniTestbed) -> tuple[Member, Member]:
    await asyncio.to_thread(testbed.cluster.be_whole)
    return testbed.cluster.leader, testbed.cluster.other


async def _promoted(testbed: PatroniTestbed, other: Member) -> None:
    await asyncio.to_thread(testbed.cluster.wait, lambda: other.says("/primary"))


async def _writable(cluster: PatroniCluster) -> None:
    """Wait until a commit is confirmed by whoever confirms it now."""
    async with asyncio.timeout(START_SECONDS):
        while True:
            with suppress(OSError, asyncpg.PostgresError):
                connection = await connect(**cluster.url.connect_arguments())
                try:
                    await connection.fetchval("SELECT txid_current()", timeout=2)
                    return
                finally:
                    await connection.close()
            await asyncio.sleep(0.1)


EVENTS = (
    Fault("leader killed", kill_the_leader, back_within=BACK_WITHIN),
    Fault("leader frozen, thawed", freeze_the_leader, back_within=BACK_WITHIN),
    Fault("switched over", switch_over, back_within=BACK_WITHIN),
    Fault("leader's PostgreSQL killed", kill_postgres_of_the_leader, back_within=BACK_WITHIN),
)
