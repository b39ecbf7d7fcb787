"""`python -m tests.faults`: the long form, with figures; ends with 1 if a promise was broken."""

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import Sequence
from itertools import cycle, islice

from tests.faults.failovers import FAILOVERS, prepared_pair
from tests.faults.faults import FAULTS, Fault
from tests.faults.rounds import HEADER, READ_LIMIT, WRITE_LIMIT, WRITERS, Report, Rounds
from tests.faults.testbed import prepared


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=0, help="of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--successes", type=int, default=300, help="before and after each fault")
    parser.add_argument("--only", default="", help="faults with these words in their name")
    return asyncio.run(run(parser.parse_args()))


async def run(options: argparse.Namespace) -> int:
    print(f"A write takes at most {WRITE_LIMIT} s, a read {READ_LIMIT} s. {WRITERS} writers.")
    print(HEADER)
    reports: list[Report] = []
    if chosen := _chosen(FAULTS, options):
        async with prepared() as testbed:
            reports += await _run(Rounds(testbed, options.seed), chosen, options.successes)
    if chosen := _chosen(FAILOVERS, options):
        async with prepared_pair() as pair:
            rounds = Rounds(pair, options.seed, repeats=True)
            reports += await _run(rounds, chosen, options.successes)
    return summary(reports)


def _chosen(faults: Sequence[Fault], options: argparse.Namespace) -> list[Fault]:
    chosen = [fault for fault in faults if options.only in fault.name]
    return list(islice(cycle(chosen), options.rounds or len(chosen)))


async def _run(rounds: Rounds, faults: Sequence[Fault], successes: int) -> list[Report]:
    reports = []
    async for report in rounds.run(faults, successes):
        reports.append(report)
        print(report, *report.violations[:10], sep="\n  ", flush=True)
    return reports


def summary(reports: list[Report]) -> int:
    statuses: Counter[int | None] = sum((report.statuses for report in reports), Counter())
    violations = sum(len(report.violations) for report in reports)
    last = reports[-1]
    print(
        f"{len(reports)} rounds, {statuses.total()} requests: "
        f"{sum(report.done for report in reports)} done, {statuses[503]} times 503, "
        f"{statuses[None]} cut. {last.tasks} titles, {last.unclear} unclear, of which "
        f"{last.unclear_but_there} are there. Slowest {max(r.slowest for r in reports):.1f} s, "
        f"back after at most {max(r.back_after for r in reports):.2f} s. {violations} violations."
    )
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
