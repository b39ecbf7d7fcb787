"""Rounds: work, a fault, work again, and then everything that was promised is looked up."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from taskward.database import database, pool
from tests.faults.expectations import Contents, differences
from tests.faults.faults import Fault
from tests.faults.testbed import CONNECT_TIMEOUT, Servers
from tests.faults.writers import Answer, Load, Writer

WRITERS = 50
WRITE_LIMIT = sum(
    (
        pool._WAIT_TIMEOUT,
        database._CHECK_TIMEOUT,
        CONNECT_TIMEOUT,
        database._COMMAND_TIMEOUT,
    )
)
READ_LIMIT = WRITE_LIMIT + database._COMMAND_TIMEOUT
SLACK = 2.0
"""Seconds that an answer may take longer, because servers and writers share two cores."""
PATIENCE = 60.0
"""Seconds after which the service counts as never back."""
BAD_WORDS = ("Traceback", "internal error", "never retrieved")


@dataclass(frozen=True)
class Report:
    """One round in figures."""

    fault: str
    statuses: Counter[int | None]
    slowest: float
    """Seconds that the slowest answer took."""
    back_after: float
    """Seconds from the end of the fault to the first success of a request begun since."""
    outage: float
    """The longest time in seconds in which nothing succeeded."""
    tasks: int
    unclear: int
    """Tasks whose creation got no clear answer."""
    unclear_but_there: int
    violations: Sequence[str]

    @property
    def done(self) -> int:
        return sum(n for status, n in self.statuses.items() if status in {200, 201, 204})

    @property
    def refused(self) -> int:
        return sum(n for status, n in self.statuses.items() if status in {401, 404, 422})

    def __str__(self) -> str:
        return (
            f"{self.fault:36}{self.done:7}{self.refused:8}{self.statuses[503]:6}"
            f"{self.statuses[None]:5}{self.slowest:9.2f}{self.back_after:7.2f}{self.outage:8.2f}"
            f"{self.unclear:9}{self.unclear_but_there:7}{len(self.violations):11}"
        )


HEADER = (
    f"{'fault':36}{'done':>7}{'refused':>8}{'503':>6}{'cut':>5}{'slowest':>9}{'back':>7}{'outage':>8}"
    f"{'unclear':>9}{'there':>7}{'violations':>11}"
)


class Rounds:
    """Fifty writers, half of them at either server, and what they were told."""

    def __init__(
        self,
        testbed: Servers,
        seed: int,
        pause: float = 0.0,
        writers: int = WRITERS,
        *,
        repeats: bool = False,
    ) -> None:
        random.seed(seed)
        self.testbed = testbed
        self.load = Load(READ_LIMIT + SLACK, pause, repeats)
        self.writers = [
            Writer(testbed.servers[number % 2], self.load, seed * WRITERS + number)
            for number in range(writers)
        ]
        self.tasks: list[asyncio.Task[None]] = []

    async def run(self, faults: Sequence[Fault], successes: int) -> AsyncIterator[Report]:
        """Yield a report of each fault; at least so many requests succeed before and after it."""
        self.tasks = [asyncio.create_task(writer.work()) for writer in self.writers]
        try:
            for fault in faults:
                yield await self._round(fault, successes)
        finally:
            for task in self.tasks:
                task.cancel()
            await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _round(self, fault: Fault, successes: int) -> Report:
        self.load.answers, self.load.violations = [], []
        self.load.running.set()
        await self._succeed(successes, since=time.monotonic())
        self.load.may_hang_up, self.load.polite = fault.ends_servers, fault.polite
        await fault.cause(self.testbed)
        over = time.monotonic()
        back = await self._succeed(1, since=over)
        await asyncio.sleep(max(0.0, over + fault.back_within - time.monotonic()))
        self.load.may_hang_up = self.load.polite = False
        await self._succeed(successes, since=over + fault.back_within)
        self.load.running.clear()
        await asyncio.gather(*(writer.is_idle.wait() for writer in self.writers))
        violations = [*self.load.violations, *self._too_late(fault, over, back)]
        return await self._report(fault, back - over, violations)

    async def _succeed(self, number: int, since: float) -> float:
        """Wait until so many requests begun since have succeeded; when that was."""
        async with asyncio.timeout(PATIENCE):
            while len(ends := self._successes(since)) < number:
                await asyncio.sleep(0.02)
                for task in self.tasks:
                    if task.done():
                        task.result()
        return sorted(ends)[number - 1]

    def _successes(self, since: float) -> list[float]:
        return [
            answer.started + answer.seconds
            for answer in self.load.answers
            if answer.started >= since and answer.status in {200, 201, 204}
        ]

    def _outage(self) -> float:
        ends = sorted(self._successes(since=0.0))
        return max((later - end for end, later in pairwise(ends)), default=0.0)

    def _too_late(self, fault: Fault, over: float, back: float) -> Iterator[str]:
        """Yield what took too long; without any worker a request waits until there is one."""
        if back > over + fault.back_within:
            yield f"back in service after {back - over:.1f} s"
        for answer in self.load.answers:
            limit = READ_LIMIT if answer.method == "GET" else WRITE_LIMIT
            if answer.seconds > limit + SLACK and not fault.ends_servers:
                yield f"{answer.method}: took {answer.seconds:.1f} s"
            if answer.is_unclear and answer.started > over + fault.back_within:
                yield f"{answer.method}: {answer.status} {answer.started - over:.1f} s after"

    async def _report(self, fault: Fault, back_after: float, violations: list[str]) -> Report:
        async with self.testbed.connected() as connection:
            contents = await Contents.read(connection)
        expectations = [expected for writer in self.writers for expected in writer.expectations]
        logs = self.testbed.logs()
        violations += differences(expectations, contents)
        violations += [f"a log says: {word}" for word in BAD_WORDS if word in logs]
        unclear = [
            expected for expected in expectations if expected.id is None and not expected.refused
        ]
        answers: list[Answer] = self.load.answers
        return Report(
            fault.name,
            Counter(answer.status for answer in answers),
            max(answer.seconds for answer in answers),
            back_after,
            self._outage(),
            len(expectations),
            len(unclear),
            sum(1 for expected in unclear if expected.title in contents.rows),
            violations,
        )
