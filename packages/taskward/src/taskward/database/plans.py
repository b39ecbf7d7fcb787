"""Plans that PostgreSQL keeps, and whether it is Citus: one message for each new connection.

PostgreSQL plans a list anew for each user, because their number of tasks is not the average, and
that takes longer than the list. A value hidden in a subquery would prevent it too, but then Citus
cannot see which shard is meant. Citus needs the value each time, so there plans are not kept.
"""

import asyncpg

KEEP_PLANS = """
SELECT set_config('plan_cache_mode', 'force_generic_plan', false)
WHERE NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus')
"""


async def keep_plans(connection: asyncpg.Connection) -> bool:
    """Let the session keep the plan of each statement; False on Citus, where it may not.

    Behind a pooler in transaction mode the setting stays with whatever connection it met, and the
    others plan more often; a startup parameter would be refused there.

    Raises:
        OSError, asyncpg.PostgresError, asyncpg.InterfaceError: the database cannot be asked.
    """
    return await connection.execute(KEEP_PLANS) == "SELECT 1"
