"""What is done to a primary with a synchronous standby, between which the servers choose."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from taskward.database.url import DatabaseURL
from tests.faults.expectations import WATCH
from tests.faults.faults import Fault
from tests.faults.testbed import Servers, started
from tests.support.replication import Pair
from tests.support.tables import make_tables

BACK_WITHIN = 5.0
"""Seconds after a promotion within which the service is back."""
AWAY = 2.0
THAWED = 2.5


@dataclass(frozen=True, kw_only=True)
class PairTestbed(Servers):
    """A primary and its standby, whose addresses are both in DATABASE_URL."""

    pair: Pair
    later: list[asyncio.Task[None]] = field(default_factory=list)
    """What still happens after a fault is over."""

    @property
    def database(self) -> DatabaseURL:
        return self.pair.url.at(self.pair.primary.address)


@asynccontextmanager
async def prepared_pair(*, short: bool = False) -> AsyncIterator[PairTestbed]:
    """Everything started; it ends with the block. In the short form one process plays both."""
    async with AsyncExitStack() as stack:
        pair = stack.enter_context(Pair())
        await make_tables(pair.url)
        several, single = await started(stack, pair.url_text(), short=short)
        testbed = PairTestbed(several=several, single=single, pair=pair)
        async with testbed.connected() as connection:
            await connection.execute(WATCH)
        yield testbed
        await asyncio.gather(*testbed.later)


async def whole(testbed: PairTestbed) -> Pair:
    """The pair, in which a former primary is a standby again."""
    await asyncio.gather(*testbed.later)
    testbed.later.clear()
    if not await asyncio.to_thread(testbed.pair.standby.answers):
        await asyncio.to_thread(testbed.pair.rejoin, rewind=True)
    return testbed.pair


async def kill_and_promote(testbed: PairTestbed) -> None:
    """For a moment there is only a standby."""
    pair = await whole(testbed)
    await asyncio.to_thread(pair.primary.kill)
    await asyncio.sleep(AWAY)
    await asyncio.to_thread(pair.promote)


async def switch_over(testbed: PairTestbed) -> None:
    """As an operator does it, who leaves the former primary as the standby."""
    pair = await whole(testbed)
    await asyncio.to_thread(pair.primary.stop)
    await asyncio.to_thread(pair.promote)
    testbed.later.append(asyncio.create_task(asyncio.to_thread(pair.rejoin, rewind=False)))


async def freeze_and_promote(testbed: PairTestbed) -> None:
    """The former primary is thawed under load, and only then ended."""
    pair = await whole(testbed)
    await asyncio.to_thread(pair.primary.freeze)
    await asyncio.sleep(AWAY)
    await asyncio.to_thread(pair.promote)
    testbed.later.append(asyncio.create_task(_thaw_and_end(pair)))


async def _thaw_and_end(pair: Pair) -> None:
    await asyncio.sleep(THAWED)
    await asyncio.to_thread(pair.standby.thaw)
    await asyncio.sleep(THAWED)
    await asyncio.to_thread(pair.standby.kill)


async def freeze_for_a_moment(testbed: PairTestbed) -> None:
    """Nobody is promoted."""
    pair = await whole(testbed)
    await asyncio.to_thread(pair.primary.freeze)
    await asyncio.sleep(AWAY)
    await asyncio.to_thread(pair.primary.thaw)


async def refuse_writes(testbed: PairTestbed) -> None:
    """The connections stay, and what they write is refused."""
    pair = await whole(testbed)
    await asyncio.to_thread(pair.primary.take_no_writes)
    await asyncio.sleep(AWAY)
    await asyncio.to_thread(pair.primary.take_writes)


async def demote(testbed: PairTestbed) -> None:
    """The primary comes back at once, at its old address, as the standby of the other."""
    pair = await whole(testbed)
    await asyncio.to_thread(pair.primary.stop)
    former = pair.primary
    await asyncio.to_thread(former.follow, pair.standby)
    await asyncio.sleep(AWAY)  # two standbys
    await asyncio.to_thread(pair.promote)
    await asyncio.to_thread(pair.be_synchronous)


async def lose_the_standby(testbed: PairTestbed) -> None:
    """Commits wait for it: none of them is answered before it is back, or given up."""
    pair = await whole(testbed)
    await asyncio.to_thread(pair.standby.kill)
    await asyncio.sleep(AWAY)
    await asyncio.to_thread(pair.standby.start)


SHORT_FAILOVERS = (
    Fault("killed, then promoted", kill_and_promote, back_within=BACK_WITHIN),
    Fault("frozen, promoted, thawed", freeze_and_promote, back_within=BACK_WITHIN),
)
FAILOVERS = (
    *SHORT_FAILOVERS,
    Fault("switched over", switch_over, back_within=BACK_WITHIN),
    Fault("frozen for a moment", freeze_for_a_moment, back_within=BACK_WITHIN),
    Fault("the primary takes no writes", refuse_writes, back_within=BACK_WITHIN),
    Fault("demoted where it is", demote, back_within=BACK_WITHIN),
    Fault("the standby is killed", lose_the_standby, back_within=BACK_WITHIN),
)
