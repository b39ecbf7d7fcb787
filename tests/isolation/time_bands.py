"""Whether two kinds of request can be told apart by the time they take."""

import gc
import math
import random
import statistics
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import cycle

from tests.isolation.matrix import World
from tests.isolation.rows import Row

WARM_UP = 50


@dataclass(frozen=True, slots=True)
class Comparison:
    """Times of interleaved requests, in seconds."""

    ones: list[float]
    others: list[float]

    @property
    def told_apart(self) -> float:
        """How often one of the first kind takes longer than one of the second: ½ is by chance.

        This is the Mann-Whitney statistic divided by the number of pairs. Only the order of the
        times counts, so neither a pause of the machine nor the shape of the distribution does.
        """
        ranks = _ranks([*self.ones, *self.others])
        count = len(self.ones)
        above = sum(ranks[:count]) - count * (count + 1) / 2
        return above / (count * len(self.others))

    @property
    def band(self) -> float:
        """How far from ½ is still chance: five standard deviations, and at least 0.05.

        A bound of five is wrong once in two million comparisons. An attacker who takes one time
        within the band guesses right in 55 of 100 cases instead of 50.
        """
        n, m = len(self.ones), len(self.others)
        return max(0.05, 5 * math.sqrt((n + m + 1) / (12 * n * m)))

    @property
    def is_chance(self) -> bool:
        return abs(self.told_apart - 0.5) <= self.band

    def __str__(self) -> str:
        one, other = (statistics.median(times) * 1e6 for times in (self.ones, self.others))
        return (
            f"{len(self.ones)} pairs, medians {one:.0f} and {other:.0f} µs, "
            f"told apart {self.told_apart:.3f} (chance: 0.5 ± {self.band:.3f})"
        )


def _ranks(values: list[float]) -> list[float]:
    """The place of each value in their order; equal ones share theirs."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks, start = [0.0] * len(values), 0
    while start < len(order):
        end = start
        while end < len(order) and values[order[end]] == values[order[start]]:
            end += 1
        for place in order[start:end]:
            ranks[place] = (start + 1 + end) / 2
        start = end
    return ranks


async def compare(
    world: World, row: Row, ones: list[str], others: list[str], pairs: int
) -> Comparison:
    """Ask for names of both kinds, in random order, and take the times.

    In pairs, each would mostly come after the other, and be told apart by what that one left
    behind: a mail that is sent after the answer leaves the processor's caches to other code.
    """
    found, first, second = Comparison([], []), cycle(ones), cycle(others)
    order = [(found.ones, first), (found.others, second)] * pairs
    random.shuffle(order)
    async with _no_garbage_collection():
        for _, names in order[: 0 if row.hashes else 2 * WARM_UP]:
            await world.ask(row, next(names))
        for times, names in order:
            times.append((await world.ask(row, next(names))).seconds)
    return found


@asynccontextmanager
async def _no_garbage_collection() -> AsyncIterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
