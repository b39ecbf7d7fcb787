"""`taskward distribute`: tasks and their keys on the workers of a Citus cluster, by their owner.

A shard is found by `user_id`, so it has to be in every unique key: tasks lose the key on `id`
alone, which stays unique because one sequence numbers all. Better Auth's tables stay where they
are, on the coordinator: they are small beside tasks, and a session is found by its token.
"""

import asyncpg

from taskward.app import postgres
from taskward.cli.database import connected_to
from taskward.database.url import DatabaseURL
from taskward.migrations import HEAD, LOCK, current_revision
from taskward.migrations.sharding import SHARDED, Sharding, change_key, find_sharding
from taskward.settings import load_settings

_SHARD_KEY = "user_id"
_IS_GUARDED = "SELECT relrowsecurity FROM pg_class WHERE oid = 'tasks'::regclass"
_DISTRIBUTE = "SELECT create_distributed_table($1::text::regclass, $2, colocate_with => $3)"
_REMOVE_COPY = "SELECT truncate_local_data_after_distributing_table($1::text::regclass)"
_REFUSED = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)


async def distribute() -> str:
    """Distribute the tables, unless they are, and return what was done.

    Raises:
        SystemExit: there is no Citus, or it cannot be done; says why in one sentence.
    """
    async with postgres(load_settings()) as url:
        direct = url.direct()
        async with connected_to(direct) as connection:
            sharding = await find_sharding(connection)
            if reason := await _reason_against(connection, sharding, direct):
                raise SystemExit(reason)
            try:
                done = await _distribute(connection)
            except _REFUSED as error:
                raise SystemExit(f"Cannot distribute the tables of {url}: {error}") from None
            return _sentence(done, await find_sharding(connection))


async def _reason_against(
    connection: asyncpg.Connection, sharding: Sharding, url: DatabaseURL
) -> str:
    if sharding.version is None:
        return f"{url} is PostgreSQL without Citus: there are no workers to distribute tables to."
    if not sharding.is_coordinator:
        return "This is a worker of the cluster: DATABASE_URL must name the coordinator."
    if not sharding.workers:
        return "The cluster has no worker yet: add one with `SELECT citus_add_node(host, port)`."
    if await current_revision(url.connect_arguments()) != HEAD:
        return "The tables are not up to date: run `taskward migrate` first."
    if await connection.fetchval(_IS_GUARDED):
        return "Row-level security is in force on tasks, which Citus does not know: end it first."
    return ""


async def _distribute(connection: asyncpg.Connection) -> list[str]:
    """Change the key and distribute, all or nothing; then remove what the coordinator still has."""
    done: list[str] = []
    async with connection.transaction():
        await connection.execute(f"SELECT pg_advisory_xact_lock({LOCK})")
        sharded = (await find_sharding(connection)).tables
        if await change_key(connection):
            done.append("The key of tasks is (user_id, id) now, and serves the list as well.")
        for table in [name for name in SHARDED if name not in sharded]:
            beside = "default" if table == SHARDED[0] else SHARDED[0]
            await connection.execute("SET LOCAL client_min_messages = warning")
            await connection.fetch(_DISTRIBUTE, table, _SHARD_KEY, beside)
            done.append(f"{table} is distributed by {_SHARD_KEY}.")
    for table in SHARDED:
        await connection.fetch(_REMOVE_COPY, table)
    return done


def _sentence(done: list[str], sharding: Sharding) -> str:
    rest = (
        f"{' and '.join(SHARDED)} are on {sharding.workers} workers, in {sharding.shards} shards "
        "each; all other tables are the coordinator's."
    )
    return " ".join([*(done or ["Nothing was to be done."]), rest])
