"""Taskward beside services that do the same."""

import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from bench import seeds
from bench.equality import require_equality
from bench.fixed_rate import measure_at_fixed_rate
from bench.load import resident_mib
from bench.postgres import Postgres
from bench.rounds import Contestant, Plan, compete, geometric_mean, to_json
from bench.servers import SERVERS, TASKWARD, start_all

MEAN_OF = (seeds.MIX, "get one", "list 20", "create", "toggle")
FIGURES = ("per_second", "cpu_us", "p99_ms")


def compare(plan: Plan) -> dict[str, Any]:
    """Check that all do the same, then measure them in alternating rounds."""
    with ExitStack() as stack:
        database = stack.enter_context(Postgres()).create("tasks")
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="taskward-bench-")))
        seeds.seed(database)
        servers = start_all(stack, database)
        require_equality(servers, database)
        very_many, tidy = seeds.list_very_many(scratch), partial(seeds.remove_created, database)
        known = seeds.jobs(database, scratch)
        jobs = {**{name: known[name] for name in MEAN_OF}, very_many.name: very_many}
        contestants = [Contestant(name, server, jobs) for name, server in servers.items()]
        cells = to_json(compete(contestants, plan, tidy))
        memory = {name: resident_mib(server.process.pid) for name, server in servers.items()}
        at_rate = {seeds.MIX: jobs[seeds.MIX]}
        fixed_rate = measure_at_fixed_rate(servers, at_rate, plan, tidy)
    return {
        "seconds": plan.seconds,
        "rounds": plan.rounds,
        "cells": cells,
        "ratios": {figure: ratios(cells, figure) for figure in FIGURES},
        "fixed_rate": fixed_rate,
        "resident_mib": memory,
        "missing": [name for name in SERVERS if name not in servers],
    }


def ratios(cells: dict[str, dict[str, Any]], figure: str) -> dict[str, dict[str, float]]:
    """Taskward's figure over each peer's, by job and on the mean."""
    found: dict[str, dict[str, float]] = {}
    for job, row in cells.items():
        ours = row[TASKWARD]["median"][figure]
        for name, figures in row.items():
            found.setdefault(name, {})[job] = ours / figures["median"][figure]
    for row in found.values():
        row["geometric mean"] = geometric_mean(row[job] for job in MEAN_OF)
    return found
