"""Growth: a table of a million tasks of fifty thousand users, beside a nearly empty one."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import asyncpg

from bench import seeds
from bench.postgres import Database, Postgres
from bench.rounds import Contestant, Plan, compete, to_json
from bench.servers import taskward

TASKS = 1_000_000
OWNERS = 50_000
MEASURED = tuple(f"user_{number}" for number in range(0, OWNERS, OWNERS // 50))
JOBS = ("get one", "list 20", "create")


def measure_growth(plan: Plan) -> dict[str, Any]:
    """The same fifty users, with the same twenty tasks each, in both tables."""
    with ExitStack() as stack:
        postgres = stack.enter_context(Postgres())
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="taskward-bench-")))
        empty, grown = postgres.create("empty"), postgres.create("grown")
        seeds.seed(empty, MEASURED, collected=0)
        grown.run(fill)
        contestants = [_contestant(stack, empty, scratch), _contestant(stack, grown, scratch)]

        def remove_created() -> None:
            seeds.remove_created(empty)
            seeds.remove_created(grown)

        cells = to_json(compete(contestants, plan, remove_created))
    return {"cells": cells, "ratios": {job: ratio(cells[job]) for job in cells}}


def ratio(row: dict[str, Any]) -> float:
    """The grown table's requests per second over the empty one's; 1 is no loss at all."""
    return float(row["grown"]["median"]["per_second"] / row["empty"]["median"]["per_second"])


async def fill(connection: asyncpg.Connection) -> None:
    """COPY the million in, users interleaved as in life."""
    columns = ["user_id", "title", "description"]
    await connection.copy_records_to_table("tasks", records=rows(), columns=columns)
    await connection.execute("VACUUM (ANALYZE) tasks")


def rows() -> Iterator[tuple[str, str, str]]:
    for number in range(TASKS):
        yield f"user_{number % OWNERS}", f"Task number {number}", "Some words about it"


def _contestant(stack: ExitStack, database: Database, scratch: Path) -> Contestant:
    jobs = seeds.jobs(database, scratch, MEASURED, prefix=database.name)
    server = stack.enter_context(taskward(database))
    return Contestant(database.name, server, {name: jobs[name] for name in JOBS})
