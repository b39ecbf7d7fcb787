"""ASGI servers: the same application under uvicorn, as it is served and otherwise, and granian."""

import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from bench import seeds
from bench.load import resident_mib
from bench.postgres import Database, Postgres
from bench.rounds import Contestant, Plan, compete, to_json
from tests.support.servers import HOST, ROOT, TaskwardServer, auth_settings

UVICORN = "uvicorn: uvloop, httptools, our limits"
_JOBS = ("get one", "list 20", "create")
_MAIN = ("main:app", "--host", HOST, "--port")


def measure_asgi_servers(plan: Plan) -> dict[str, Any]:
    """One worker each, in alternating rounds."""
    with ExitStack() as stack:
        database = stack.enter_context(Postgres()).create("tasks")
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="taskward-bench-")))
        seeds.seed(database, collected=1)
        jobs = {name: seeds.jobs(database, scratch)[name] for name in _JOBS}
        contestants = [
            Contestant(name, stack.enter_context(_served(database, command)), jobs)
            for name, command in _COMMANDS.items()
        ]
        cells = to_json(compete(contestants, plan, partial(seeds.remove_created, database)))
        memory = {each.name: resident_mib(each.server.process.pid) for each in contestants}
    return {"cells": cells, "resident_mib": memory}


class _Served(TaskwardServer):
    def __init__(self, env: dict[str, str], served_by: Sequence[str]) -> None:
        super().__init__(env)
        self._served_by = served_by

    def command(self) -> Sequence[str]:
        module, *options = self._served_by
        return [sys.executable, "-m", module, *_MAIN, str(self.port), *options]

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "PYTHONPATH": str(ROOT)}


def _served(database: Database, command: Sequence[str]) -> _Served:
    return _Served(auth_settings(database.url) | {"LOG_FORMAT": "json"}, command)


_LIMITS = ("--http", "taskward.http.protocol:BoundedHttpProtocol", "--ws", "none")
_COMMANDS: dict[str, Sequence[str]] = {
    UVICORN: ("uvicorn", *_LIMITS),
    "uvicorn: uvloop, httptools": ("uvicorn",),
    "uvicorn: asyncio, h11": ("uvicorn", "--loop", "asyncio", "--http", "h11"),
    "granian": ("granian", "--interface", "asgi", "--loop", "uvloop", "--no-ws"),
}
