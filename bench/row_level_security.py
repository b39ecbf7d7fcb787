"""`python -m bench.row_level_security [SECONDS]`: what row-level security costs; prints two tables.

The first compares ways of telling PostgreSQL for whom a statement is, each with the same `SELECT`
of one task. The second compares the server without ROW_LEVEL_SECURITY and with it.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg
import psutil

from bench import seeds
from bench.load import require_wrk
from bench.postgres import Database, Postgres
from bench.rounds import Contestant, Plan, compete, median
from tests.support.servers import TaskwardServer, auth_settings

ROLE = "guarded"
CONNECTIONS = 10
ROUNDS = 5
Ask: TypeAlias = Callable[[asyncpg.Connection, int, str], Awaitable[Any]]

_ROLE = f"""
DO $$ BEGIN CREATE ROLE {ROLE} LOGIN; EXCEPTION WHEN duplicate_object THEN END $$;
GRANT ALL ON ALL TABLES IN SCHEMA public TO {ROLE};
ALTER TABLE tasks OWNER TO {ROLE};
ALTER DATABASE "<database>" OWNER TO {ROLE};
"""
_POLICY = """
ALTER TABLE tasks ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY p ON tasks USING (user_id = current_setting('taskward.user_id', true));
CREATE FUNCTION one_task(bigint, text) RETURNS SETOF tasks LANGUAGE plpgsql AS $$ BEGIN
    PERFORM set_config('taskward.user_id', $2, true);
    RETURN QUERY SELECT * FROM tasks WHERE id = $1 AND user_id = $2;
END $$;
"""
_GET = "SELECT * FROM tasks WHERE id = $1 AND user_id = $2"
_SET = "SELECT set_config('taskward.user_id', $1, $2)"
_IN_TRANSACTION = True
_IN_ONE = """
SELECT * FROM tasks WHERE id = $1
AND user_id = (SELECT set_config('taskward.user_id', $2, true))
"""
_IN_A_CTE = """
WITH me AS MATERIALIZED (SELECT set_config('taskward.user_id', $2, true) AS id)
SELECT tasks.* FROM me JOIN tasks ON tasks.user_id = me.id WHERE tasks.id = $1
"""


async def plain(connection: asyncpg.Connection, task: int, user: str) -> Any:
    return await connection.fetch(_GET, task, user)


async def in_a_transaction(connection: asyncpg.Connection, task: int, user: str) -> Any:
    async with connection.transaction():
        await connection.fetch(_SET, user, _IN_TRANSACTION)
        return await connection.fetch(_GET, task, user)


async def for_the_session(connection: asyncpg.Connection, task: int, user: str) -> Any:
    await connection.fetch(_SET, user, not _IN_TRANSACTION)
    return await connection.fetch(_GET, task, user)


async def by_a_function(connection: asyncpg.Connection, task: int, user: str) -> Any:
    return await connection.fetch("SELECT * FROM one_task($1, $2)", task, user)


async def in_a_subquery(connection: asyncpg.Connection, task: int, user: str) -> Any:
    return await connection.fetch(_IN_ONE, task, user)


async def in_a_cte(connection: asyncpg.Connection, task: int, user: str) -> Any:
    return await connection.fetch(_IN_A_CTE, task, user)


WAYS: dict[str, tuple[str, Ask]] = {
    "no policy": ("off", plain),
    "policy, nothing set (finds nothing)": ("on", plain),
    "transaction, SET LOCAL: 4 round trips": ("on", in_a_transaction),
    "set for the session: 2 round trips": ("on", for_the_session),
    "PL/pgSQL function: 1 round trip": ("on", by_a_function),
    "set in a subquery: 1 round trip": ("on", in_a_subquery),
    "set in a CTE: 1 round trip": ("on", in_a_cte),
}


def main() -> None:
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    require_wrk()
    with ExitStack() as stack:
        postgres = stack.enter_context(Postgres())
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="taskward-bench-")))
        names = ("off", "on", "server_off", "server_on")
        databases = {name: prepared(postgres, name) for name in names}
        databases["on"].run(lambda connection: connection.execute(_POLICY))
        print(f"{'way':40} finds  per second  CPU µs")
        for name, figures in asyncio.run(ways(databases, seconds)).items():
            print(f"{name:40} {figures[0]:5} {figures[1]:11.0f} {figures[2]:7.0f}")
        servers(stack, databases, scratch, seconds)


def prepared(postgres: Postgres, name: str) -> Database:
    database = postgres.create(name)
    seeds.seed(database, collected=1)
    role = _ROLE.replace("<database>", name)
    database.run(lambda connection: connection.execute(role))
    return database


async def ways(
    databases: Mapping[str, Database], seconds: int
) -> dict[str, tuple[int, float, float]]:
    """Rows found for one's own task, and medians of rounds in which all ways take turns."""
    found: dict[str, int] = {}
    rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in WAYS}
    for _ in range(ROUNDS):
        for name, (database, ask) in WAYS.items():
            arguments = databases[database].connect_arguments | {"user": ROLE}
            connections = [await asyncpg.connect(**arguments) for _ in range(CONNECTIONS)]
            found[name] = len(await ask(connections[0], 1, seeds.USERS[0]))
            rounds[name].append(await measured(connections, ask, seconds))
            await asyncio.gather(*(connection.close() for connection in connections))
    return {
        name: (found[name], *(statistics.median(column) for column in zip(*rows, strict=True)))
        for name, rows in rounds.items()
    }


async def measured(
    connections: list[asyncpg.Connection], ask: Ask, seconds: int
) -> tuple[float, float]:
    """Statements per second, and CPU microseconds of both sides for each."""
    done, ends = 0, time.monotonic() + seconds
    processes = [psutil.Process(), *(psutil.Process(c.get_server_pid()) for c in connections)]
    before, began = cpu(processes), time.monotonic()

    async def work(connection: asyncpg.Connection) -> None:
        nonlocal done
        while time.monotonic() < ends:
            await ask(connection, done % 20 + 1, seeds.USERS[0])
            done += 1

    await asyncio.gather(*(work(connection) for connection in connections))
    return done / (time.monotonic() - began), (cpu(processes) - before) / done * 1e6


def cpu(processes: list[psutil.Process]) -> float:
    times = [process.cpu_times() for process in processes]
    return sum(each.user + each.system for each in times)


def servers(
    stack: ExitStack, databases: Mapping[str, Database], scratch: Path, seconds: int
) -> None:
    contestants = []
    for name, setting in (("server_off", "false"), ("server_on", "true")):
        database = databases[name]
        settings = auth_settings(database.url.replace(f"//{database.server.user}@", f"//{ROLE}@"))
        settings |= {"LOG_FORMAT": "json", "ROW_LEVEL_SECURITY": setting}
        server = stack.enter_context(TaskwardServer(settings))
        jobs = seeds.jobs(database, scratch, prefix=name)
        contestants.append(Contestant(name, server, jobs))
    print("request     off/s    on/s  ratio  CPU µs off   on")
    for job, row in compete(contestants, Plan(seconds=seconds, rounds=3)).items():
        off, on = (median(row[name]) for name in ("server_off", "server_on"))
        ratio = on.per_second / off.per_second
        cells = f"{off.per_second:8.0f} {on.per_second:7.0f} {ratio:6.2f}"
        print(f"{job:10} {cells} {off.cpu_us:11.0f} {on.cpu_us:5.0f}")


if __name__ == "__main__":
    main()
