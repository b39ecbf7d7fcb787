"""Memory: what Taskward holds after a hundred thousand requests of ten thousand users."""

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench import seeds
from bench.load import Job, measure, resident_mib
from bench.postgres import Postgres
from bench.rounds import say
from bench.servers import taskward
from tests.support.servers import Server

REQUESTS = 100_000
USERS = tuple(f"user_{number}" for number in range(10_000))
BURST_SECONDS = 5


def measure_memory(requests: int = REQUESTS) -> dict[str, Any]:
    """Resident MiB at the start, after a tenth of the requests, and after all of them."""
    with ExitStack() as stack:
        database = stack.enter_context(Postgres()).create("tasks")
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="taskward-bench-")))
        seeds.seed(database, USERS, collected=1)
        mixed = seeds.jobs(database, scratch, USERS)[seeds.MIX]
        server = stack.enter_context(taskward(database))
        return {"requests": requests, "users": len(USERS), **_watch(server, mixed, requests)}


def _watch(server: Server, job: Job, requests: int) -> dict[str, Any]:
    pid = server.process.pid
    start, sent, samples = resident_mib(pid), 0, list[tuple[int, float]]()
    while sent < requests:
        sent += measure(server, job, BURST_SECONDS).requests
        samples.append((sent, resident_mib(pid)))
        say(f"memory: {sent} requests: {samples[-1][1]:.0f} MiB")
    tenth = next(mib for count, mib in samples if count >= requests / 10)
    return {"start_mib": start, "tenth_mib": tenth, "end_mib": samples[-1][1], "samples": samples}
