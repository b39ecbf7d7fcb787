"""Goals: what Taskward is to reach beside the others, and whether `results.json` shows that."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bench import seeds
from bench.auth import ORIGINAL, SESSION
from bench.edge import WITH
from bench.results import Results
from bench.servers import CEILING, ELYSIA, FASTIFY, GO, TASKWARD
from bench.workers import GO_TWO, TWO

MEAN = "geometric mean"
Figure = Callable[[Results], float]


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure and its bound: at least, or, where less is better, at most."""

    what: str
    bound: float
    figure: Figure
    at_most: bool = False
    unit: str = " times"

    def row(self, results: Results) -> list[str] | None:
        """What, the goal, what was found and whether that is it; None if it was not measured."""
        try:
            found = self.figure(results)
        except KeyError:
            return None
        reached = found <= self.bound if self.at_most else found >= self.bound
        sign = "≤" if self.at_most else "≥"
        digits = ".0f" if self.bound >= 100 else ".2f"
        goal = f"{sign} {self.bound:g}{self.unit}"
        return [self.what, goal, f"{found:{digits}}{self.unit}", "yes" if reached else "**no**"]


def rows(results: Results) -> list[list[str]]:
    """A row for each goal that was measured."""
    return [row for goal in GOALS if (row := goal.row(results)) is not None]


def _ratio(figure: str, peer: str, job: str) -> Figure:
    return lambda results: float(results["tasks"]["found"]["ratios"][figure][peer][job])


def _of_pair(part: str, job: str, ours: str, theirs: str, figure: str) -> Figure:
    def ratio(results: Results) -> float:
        row = results[part]["found"]["cells"][job]
        return float(row[ours]["median"][figure] / row[theirs]["median"][figure])

    return ratio


def _at_rate(results: Results) -> float:
    fixed: Mapping[str, Any] = results["tasks"]["found"]["fixed_rate"]
    return float(fixed["cells"][seeds.MIX][TASKWARD]["median"]["p99_ms"])


def _edge(results: Results) -> float:
    return float(results["edge"]["found"]["cpu_ratios"][seeds.MIX])


def _memory(results: Results) -> float:
    return float(results["memory"]["found"]["end_mib"])


def _sign_in(results: Results) -> float:
    storm = results["sign_in"]["found"]
    ours, theirs = (storm[name]["median"]["per_second"] for name in (TASKWARD, ORIGINAL))
    return float(ours / theirs)


_RATE = "requests/s over"
GOALS = (
    Goal(f"{_RATE} Go + pgx's, {MEAN}", 1.5, _ratio("per_second", GO, MEAN)),
    Goal(f"{_RATE} Elysia's on Bun, {MEAN}", 1.4, _ratio("per_second", ELYSIA, MEAN)),
    Goal(f"{_RATE} Fastify's, {MEAN}", 3.5, _ratio("per_second", FASTIFY, MEAN)),
    Goal(f"{_RATE} bare ASGI's, {MEAN}", 2.0, _ratio("per_second", CEILING, MEAN)),
    Goal(f"{_RATE} Go + pgx's, get one", 2.0, _ratio("per_second", GO, "get one")),
    Goal(f"{_RATE} Go + pgx's, list 20", 1.2, _ratio("per_second", GO, "list 20")),
    Goal("CPU of the mix over Go + pgx's", 0.55, _ratio("cpu_us", GO, seeds.MIX), at_most=True),
    Goal("CPU of the mix over Bun's", 0.55, _ratio("cpu_us", ELYSIA, seeds.MIX), at_most=True),
    Goal("p99 of the mix over Go + pgx's", 1.0, _ratio("p99_ms", GO, seeds.MIX), at_most=True),
    Goal("p99 of the mix at 1,000/s", 5, _at_rate, at_most=True, unit=" ms"),
    Goal(f"CPU with {WITH} over without", 1.15, _edge, at_most=True),
    Goal(
        "two workers over Go with two processors, mix",
        1.0,
        _of_pair("workers", seeds.MIX, TWO, GO_TWO, "per_second"),
    ),
    Goal("memory after requests of 10,000 users", 115, _memory, at_most=True, unit=" MiB"),
    Goal(
        f"`{SESSION}`: {_RATE} the original's",
        10,
        _of_pair("sessions", SESSION, TASKWARD, ORIGINAL, "per_second"),
    ),
    Goal("sign-ins/s over the original's", 1.5, _sign_in),
)
