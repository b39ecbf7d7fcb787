"""What the access log and the metrics cost: Taskward with both, beside itself with neither.

Request ids and headers are in both: no setting takes them away.
"""

import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from bench import seeds
from bench.load import LoadError
from bench.postgres import Database, Postgres
from bench.rounds import Contestant, Plan, compete, to_json
from bench.servers import TaskwardAsRun, taskward
from tests.support.servers import Server, auth_settings, free_port

WITH, WITHOUT = "access log and metrics", "neither"
_A_LINE = '"event":"GET /api/tasks'


class _Quiet(TaskwardAsRun):
    """Taskward whose access log writes nothing."""

    def command(self) -> list[str]:
        python = super().command()[0]
        return [python, "-c", _QUIET]


_QUIET = """
from taskward.observability.logs import AccessLog
AccessLog.__call__ = lambda *_, **__: None
from taskward.serve import serve
serve()
"""


def measure_edge(plan: Plan) -> dict[str, Any]:
    """The mix and a get, in alternating rounds."""
    with ExitStack() as stack:
        database = stack.enter_context(Postgres()).create("tasks")
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="taskward-bench-")))
        seeds.seed(database, collected=1)
        known = seeds.jobs(database, scratch)
        jobs = {name: known[name] for name in (seeds.MIX, "get one")}
        loud = stack.enter_context(taskward(database, METRICS_PORT=str(free_port())))
        quiet = stack.enter_context(_quiet(database))
        contestants = [Contestant(WITH, loud, jobs), Contestant(WITHOUT, quiet, jobs)]
        cells = to_json(compete(contestants, plan, partial(seeds.remove_created, database)))
        _require_difference(loud, quiet)
    return {"cells": cells, "cpu_ratios": {job: _cpu_ratio(row) for job, row in cells.items()}}


def _quiet(database: Database) -> Server:
    return _Quiet(auth_settings(database.url) | {"LOG_FORMAT": "json"})


def _cpu_ratio(row: dict[str, Any]) -> float:
    """CPU for each request with both over that with neither."""
    return float(row[WITH]["median"]["cpu_us"] / row[WITHOUT]["median"]["cpu_us"])


def _require_difference(loud: Server, quiet: Server) -> None:
    """Or the two were the same, and what was measured means nothing."""
    if _A_LINE not in loud.log() or _A_LINE in quiet.log():
        raise LoadError("the access log is not where this part of the bench expects it")
