"""Taskward beside services that do the same."""

import os
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from bench import cores, seeds
from bench.equality import require_equality
from bench.load import resident_mib
from bench.postgres import Postgres
from bench.rounds import Contestant, Plan, compete, geometric_mean, say, to_json
from bench.servers import TASKWARD, start_all

MEAN_OF = ("get one", "list 20", "create", "toggle")
OWN_CORE, SHARED = "a core for the server", "all cores for all"


def compare(plan: Plan) -> dict[str, Any]:
    """Check that all do the same, then measure them in alternating rounds, in both arrangements."""
    with ExitStack() as stack:
        postgres = stack.enter_context(Postgres())
        database = postgres.create("tasks")
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="taskward-bench-")))
        seeds.seed(database)
        servers = start_all(stack, database)
        require_equality(servers, database)
        very_many = seeds.list_very_many(scratch)
        jobs = {**seeds.jobs(database, scratch), very_many.name: very_many}
        contestants = [Contestant(name, server, jobs) for name, server in servers.items()]
        arrangements = {}
        for name, of_servers, of_rest in (
            (OWN_CORE, cores.SERVERS, cores.REST),
            (SHARED, cores.ALL, cores.ALL),
        ):
            say(f"= {name}")
            for server in servers.values():
                cores.pin(server.process.pid, of_servers)
            cores.pin(postgres.pid, of_rest)
            cores.pin(os.getpid(), of_rest)  # wrk is started from here
            table = compete(contestants, plan, partial(seeds.remove_created, database))
            arrangements[name] = _figures(to_json(table))
        memory = {name: resident_mib(server.process.pid) for name, server in servers.items()}
    return {
        "seconds": plan.seconds,
        "rounds": plan.rounds,
        "arrangements": arrangements,
        "resident_mib": memory,
    }


def _figures(cells: dict[str, dict[str, Any]]) -> dict[str, Any]:
    more, less = ratios(cells, "per_second"), ratios(cells, "cpu_us")
    cpu = {name: {job: 1 / value for job, value in row.items()} for name, row in less.items()}
    return {"cells": cells, "ratios": more, "cpu_ratios": cpu}


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
