"""Rounds: contestants take turns (A B C, A B C, …), so that all of them meet the same weather."""

import math
import statistics
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from bench.load import Job, Measurement, Run, measure
from tests.support.servers import Server

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

LEAD_IN_SECONDS = 1
_Figures = TypeVar("_Figures", bound="DataclassInstance")
Table = dict[str, dict[str, list[Measurement]]]
"""Job → contestant → one measurement for each round."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long each run takes and how often it is repeated."""

    seconds: int
    rounds: int


FULL = Plan(seconds=3, rounds=3)
SHORT = Plan(seconds=2, rounds=3)
QUICK = Plan(seconds=1, rounds=1)


@dataclass(frozen=True, slots=True)
class Contestant:
    """A server, and the jobs that it is given."""

    name: str
    server: Server
    jobs: dict[str, Job]


def compete(
    contestants: Sequence[Contestant], plan: Plan, before_run: Callable[[], None] = lambda: None
) -> Table:
    """Measure everyone at everything, in the first round after an uncounted lead-in.

    `before_run` restores what the run before has changed.

    Raises:
        LoadError: there was any answer but 2xx.
    """
    table: Table = {}
    for number in range(plan.rounds):
        for job in contestants[0].jobs:
            for contestant in contestants:
                if job not in contestant.jobs:
                    continue
                if number < contestant.jobs[job].rounds:
                    before_run()
                    found = _measure(contestant, contestant.jobs[job], plan, number)
                    table.setdefault(job, {}).setdefault(contestant.name, []).append(found)
                    say(f"round {number + 1}: {job}: {contestant.name}: {found.per_second:.0f}/s")
    return table


def _measure(contestant: Contestant, job: Job, plan: Plan, number: int) -> Measurement:
    if number == 0 and not job.min_seconds:
        with Run(contestant.server, job, LEAD_IN_SECONDS) as lead_in:
            lead_in.wait()
    return measure(contestant.server, job, plan.seconds)


def to_json(table: Table) -> dict[str, dict[str, Any]]:
    """Medians and all rounds, as `results.json` has them."""
    return {
        job: {name: figures(measurements) for name, measurements in row.items()}
        for job, row in table.items()
    }


def median(measurements: Sequence[_Figures]) -> _Figures:
    """The median of each figure by itself."""
    rows = [asdict(measurement) for measurement in measurements]
    values = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
    return type(measurements[0])(**values)


def figures(measurements: Sequence["DataclassInstance"]) -> dict[str, Any]:
    """Medians and all rounds of any dataclass of numbers."""
    rounds = [asdict(measurement) for measurement in measurements]
    return {"median": asdict(median(measurements)), "rounds": rounds}


def geometric_mean(values: Iterable[float]) -> float:
    logarithms = [math.log(value) for value in values]
    return math.exp(sum(logarithms) / len(logarithms))


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
