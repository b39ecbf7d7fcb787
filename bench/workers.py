"""Workers: one process beside two, on one database."""

import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from bench import seeds
from bench.postgres import Postgres
from bench.rounds import Contestant, Plan, compete, to_json
from bench.servers import taskward


def measure_workers(plan: Plan) -> dict[str, Any]:
    """Requests per second with one worker and with two."""
    with ExitStack() as stack:
        database = stack.enter_context(Postgres()).create("tasks")
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="taskward-bench-")))
        seeds.seed(database, collected=1)
        jobs = seeds.jobs(database, scratch)
        contestants = [
            Contestant(str(count), stack.enter_context(taskward(database, count)), jobs)
            for count in (1, 2)
        ]
        cells = to_json(compete(contestants, plan, partial(seeds.remove_created, database)))
    return {"cells": cells, "ratios": {job: ratio(row) for job, row in cells.items()}}


def ratio(row: dict[str, Any]) -> float:
    """Two workers' requests per second over one's."""
    return float(row["2"]["median"]["per_second"] / row["1"]["median"]["per_second"])
