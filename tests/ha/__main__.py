"""`python -m tests.ha`: what is promised, kept through Patroni's failovers and our releases."""

import argparse
import asyncio
import sys

from tests.faults.__main__ import summary
from tests.faults.faults import Fault
from tests.faults.rounds import HEADER, WRITERS, Report, Rounds
from tests.ha import patroni, releases
from tests.ha.events import EVENTS, prepared_patroni


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--successes", type=int, default=300, help="before and after each event")
    parser.add_argument("--only", default="", help="events with these words in their name")
    options = parser.parse_args()
    if what := patroni.missing():
        print(f"NOTHING WAS TRIED: this needs {what}", file=sys.stderr)
        return 0
    return asyncio.run(run(options))


async def run(options: argparse.Namespace) -> int:
    wrong = 0
    for proxied, how in ((False, "both hosts in DATABASE_URL"), (True, "through HAProxy")):
        if events := [event for event in EVENTS if options.only in f"{event.name}, {how}"]:
            print(f"Patroni, {how}, {WRITERS} writers:", HEADER, sep="\n", flush=True)
            wrong += summary(await _failovers(events, options, proxied=proxied))
    for release in releases.ALL:
        if options.only in release.__name__:
            wrong += not await release()
    return 1 if wrong else 0


async def _failovers(
    events: list[Fault], options: argparse.Namespace, *, proxied: bool
) -> list[Report]:
    reports = []
    async with prepared_patroni(proxied=proxied) as testbed:
        rounds = Rounds(testbed, options.seed, repeats=True)
        async for report in rounds.run(events, options.successes):
            reports.append(report)
            print(report, *report.violations[:10], sep="\n  ", flush=True)
    return reports


if __name__ == "__main__":
    sys.exit(main())
