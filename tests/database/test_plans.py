"""The plan of a list is kept, whosever it is, and its owner is named where a shard can be told."""

from taskward.database.url import DatabaseURL
from taskward.tasks.store import LIST_TASKS
from tests.conftest import CreateDatabase
from tests.database.batching import new_user_id
from tests.support.databases import opened

HOW_PLANNED = "SELECT custom_plans, generic_plans FROM pg_prepared_statements WHERE statement = $1"
UNEQUAL = """
    INSERT INTO tasks (user_id, title)
    SELECT CASE WHEN n % 2 = 0 THEN 'has_most' ELSE 'user_' || n % 1000 END, 't'
    FROM generate_series(1, 20000) AS n; ANALYZE tasks
"""
LIST = LIST_TASKS["all"]


async def test_a_list_is_planned_once_however_unequal_users_are(
    create_migrated_database: CreateDatabase,
) -> None:
    url = DatabaseURL.parse(await create_migrated_database())
    async with opened(url) as database, database.acquire() as connection:
        await connection.execute(UNEQUAL)
        for user_id in ("has_most", "user_1", "user_3", new_user_id()) * 3:
            await LIST.fetchrow(connection, user_id=user_id)
        planned = await connection.fetchrow(HOW_PLANNED, LIST.sql)
    assert planned is not None
    assert tuple(planned) == (0, 12)


async def test_plans_are_kept_after_a_transaction_that_was_left_open(
    create_migrated_database: CreateDatabase,
) -> None:
    url = DatabaseURL.parse(await create_migrated_database())
    async with opened(url) as database, database.acquire() as connection:
        await connection.execute("BEGIN")
        await connection.reset()
        mode = await connection.fetchval("SELECT current_setting('plan_cache_mode')")
    assert mode == "force_generic_plan"


def test_the_owner_is_named_and_not_hidden() -> None:
    for statement in LIST_TASKS.values():
        assert "tasks.user_id = $1" in statement.sql
