"""What is known of Citus on a PostgreSQL server: whether it is there, and which tables it has."""

from typing import NamedTuple

import asyncpg

from authward.storage.statements import Executor
from taskward.tasks.schemas import IdempotencyKey, Task

SHARDED = (str(Task.__tablename__), str(IdempotencyKey.__tablename__))
"""The tables that are distributed by their owner; no other may be, and none of these alone."""

_VERSION = "SELECT extversion FROM pg_extension WHERE extname = 'citus'"
_CLUSTER = """
SELECT (SELECT groupid = 0 FROM pg_dist_local_group) AS is_coordinator,
    (SELECT count(*) FROM pg_dist_node
        WHERE noderole = 'primary' AND isactive AND shouldhaveshards) AS workers,
    (SELECT array_agg(wanted) FROM unnest($1::text[]) AS wanted JOIN pg_dist_partition
        ON logicalrelid = to_regclass(wanted) AND partmethod = 'h') AS tables,
    (SELECT count(*) FROM pg_dist_shard WHERE logicalrelid = to_regclass($1[1])) AS shards
"""
_KEY_OF_TASKS = """
SELECT quote_ident(conname) FROM pg_constraint
WHERE conrelid = 'tasks'::regclass AND contype = 'p' AND cardinality(conkey) = 1
"""


class Sharding(NamedTuple):
    """Citus on a server; without a `version` it is not there.

    `workers` are the nodes that hold shards, `shards` the number of those of tasks.
    """

    version: str | None = None
    is_coordinator: bool = True
    workers: int = 0
    tables: tuple[str, ...] = ()
    shards: int = 0

    @property
    def is_done(self) -> bool:
        """Whether all tables are distributed that should be."""
        return {*self.tables} == {*SHARDED}


async def find_sharding(database: Executor) -> Sharding:
    """Ask a server for its Citus.

    Raises:
        OSError, asyncpg.PostgresError: it cannot be asked.
    """
    found = await database.fetchrow(_VERSION)
    if found is None:
        return Sharding()
    (row,) = await database.fetch(_CLUSTER, [*SHARDED])
    tables = tuple(row["tables"] or ())
    return Sharding(found[0], row["is_coordinator"], row["workers"], tables, row["shards"])


async def change_key(connection: asyncpg.Connection) -> bool:
    """Make (user_id, id) the key of tasks, which serves the list as well; False if it is already.

    Raises:
        asyncpg.PostgresError: it cannot be done, or not by this role.
    """
    key = await connection.fetchval(_KEY_OF_TASKS)
    if key is not None:
        await connection.execute(
            f"ALTER TABLE tasks DROP CONSTRAINT {key}, ADD PRIMARY KEY (user_id, id)"
        )
        await connection.execute("DROP INDEX IF EXISTS tasks_user_id_id_idx")
    return key is not None
