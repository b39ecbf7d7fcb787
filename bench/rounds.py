"""Rounds: contestants take turns (A B C, A B C, …), so that all of them meet the same weather."""

import math
import statistics
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from bench.load import Job, Measurement, Run, measure
from tests.servers import Server

LEAD_IN_SECONDS = 1
Table = dict[str, dict[str, list[Measurement]]]
"""Job → contestant → one measurement for each round."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long each run takes and how often it is repeated."""

    seconds: int
    rounds: int


FULL = Plan(seconds=3, rounds=3)
QUICK = Plan(seconds=1, rounds=1)


@dataclass(frozen=True, slots=True)
class Contestant:
    """A server, and the jobs that it is given."""

    name: str
    server: Server
    jobs: Mapping[str, Job]


def compete(
    contestants: Sequence[Contestant], plan: Plan, before_round: Callable[[], None] = lambda: None
) -> Table:
    """Measure everyone at everything, each after an uncounted lead-in.

    Raises:
        LoadError: there was any answer but 2xx.
    """
    table: Table = {}
    for number in range(plan.rounds):
        before_round()
        for job in contestants[0].jobs:
            for contestant in contestants:
                found = _measure(contestant, contestant.jobs[job], plan.seconds)
                table.setdefault(job, {}).setdefault(contestant.name, []).append(found)
                say(f"round {number + 1}: {job}: {contestant.name}: {found.per_second:.0f}/s")
    return table


def _measure(contestant: Contestant, job: Job, seconds: int) -> Measurement:
    if not job.min_seconds:
        with Run(contestant.server, job, LEAD_IN_SECONDS) as lead_in:
            lead_in.wait()
    return measure(contestant.server, job, seconds)


def median(measurements: Iterable[Measurement]) -> Measurement:
    """The median of each figure by itself."""
    rows = [asdict(measurement) for measurement in measurements]
    values = {
        field.name: statistics.median(row[field.name] for row in rows)
        for field in fields(Measurement)
    }
    return Measurement(**values)


def to_json(table: Table) -> dict[str, dict[str, Any]]:
    """Medians and all rounds, as `results.json` has them."""
    return {
        job: {name: figures(measurements) for name, measurements in row.items()}
        for job, row in table.items()
    }


def figures(measurements: Sequence[Measurement]) -> dict[str, Any]:
    rounds = [asdict(measurement) for measurement in measurements]
    return {"median": asdict(median(measurements)), "rounds": rounds}


def geometric_mean(values: Iterable[float]) -> float:
    logarithms = [math.log(value) for value in values]
    return math.exp(sum(logarithms) / len(logarithms))


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
