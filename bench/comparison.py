"""Taskward beside services that do the same."""

import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from bench import seeds
from bench.equality import require_equality
from bench.load import resident_mib
from bench.postgres import Postgres
from bench.rounds import Contestant, Plan, compete, geometric_mean, to_json
from bench.servers import TASKWARD, start_all

MEAN_OF = ("get one", "list 20", "create", "toggle")


def compare(plan: Plan) -> dict[str, Any]:
    """Check that all do the same, then measure them in alternating rounds."""
    with ExitStack() as stack:
        database = stack.enter_context(Postgres()).create("tasks")
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="taskward-bench-")))
        seeds.seed(database)
        servers = start_all(stack, database)
        require_equality(servers, database)
        very_many = seeds.list_very_many(scratch)
        jobs = {**seeds.jobs(database, scratch), very_many.name: very_many}
        contestants = [Contestant(name, server, jobs) for name, server in servers.items()]
        cells = to_json(compete(contestants, plan, partial(seeds.remove_created, database)))
        memory = {name: resident_mib(server.process.pid) for name, server in servers.items()}
    return {
        "seconds": plan.seconds,
        "rounds": plan.rounds,
        "cells": cells,
        "ratios": ratios(cells),
        "resident_mib": memory,
    }


def ratios(cells: dict[str, dict[str, Any]]) -> dict[str, dict[str, float]]:
    """How many times as many requests as each peer Taskward answers, by job and on the mean."""
    found: dict[str, dict[str, float]] = {}
    for job, row in cells.items():
        ours = row[TASKWARD]["median"]["per_second"]
        for name, figures in row.items():
            found.setdefault(name, {})[job] = ours / figures["median"]["per_second"]
    for row in found.values():
        row["geometric mean"] = geometric_mean(row[job] for job in MEAN_OF)
    return found
