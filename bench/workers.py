"""Workers: one process beside two, on one database, and Go with two processors beside them."""

import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from bench import seeds
from bench.postgres import Database, Postgres
from bench.rounds import Contestant, Plan, compete, to_json
from bench.servers import go, start_all, taskward
from tests.support.servers import Server

ONE, TWO, GO_TWO = "Taskward, one", "Taskward, two", "Go, two processors"
_JOBS = (seeds.MIX, "get one", "list 20", "create")


def measure_workers(plan: Plan) -> dict[str, Any]:
    """Requests per second with one worker and with two, and of Go with GOMAXPROCS=2."""
    with ExitStack() as stack:
        database = stack.enter_context(Postgres()).create("tasks")
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="taskward-bench-")))
        seeds.seed(database, collected=1)
        known = seeds.jobs(database, scratch)
        servers = start_all(stack, database, _SERVERS)
        jobs = {name: known[name] for name in _JOBS}
        contestants = [Contestant(name, server, jobs) for name, server in servers.items()]
        cells = to_json(compete(contestants, plan, partial(seeds.remove_created, database)))
    return {"cells": cells}


_SERVERS: Mapping[str, Callable[[Database], Server]] = {
    ONE: taskward,
    TWO: partial(taskward, workers=2),
    GO_TWO: partial(go, processors=2),
}


def ratio(row: dict[str, Any], below: str) -> float | None:
    """Two workers' requests per second over those of another; None if that was not measured."""
    if below not in row:
        return None
    return float(row[TWO]["median"]["per_second"] / row[below]["median"]["per_second"])
