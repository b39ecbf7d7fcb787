"""`taskward distribute`, and a server on a database that says it is the coordinator of Citus."""

from typing import Any

import pytest

from taskward.cli.distribute import distribute
from taskward.cli.doctor import examine, sharding_finding
from taskward.cli.findings import Severity
from taskward.database.url import DatabaseURL
from taskward.migrations import migrate, table_check
from taskward.migrations.sharding import SHARDED, Sharding
from taskward.tasks import store as task_store
from taskward.tasks.batches import BATCHABLE
from taskward.tasks.schemas import TaskCreate
from taskward.tasks.store import LIST_TASKS
from tests.conftest import CreateDatabase, settings_for, url_text
from tests.database.batching import new_user_id, together
from tests.operations.commands import Environment, environment
from tests.support.databases import connected, opened
from tests.support.servers import auth_settings
from tests.support.sharding import make_coordinator

__all__ = ["environment"]  # fixtures

DISTRIBUTED = "SELECT logicalrelid::text, colocated FROM citus.pg_dist_partition"
KEYS = "SELECT indexdef FROM pg_indexes WHERE tablename = 'tasks' ORDER BY indexdef"
IS_KNOWN = "SELECT custom_plans > 0 FROM pg_prepared_statements WHERE statement = $1"


@pytest.fixture
async def cluster(create_migrated_database: CreateDatabase) -> DatabaseURL:
    url = DatabaseURL.parse(await create_migrated_database())
    async with connected(url) as connection:
        await make_coordinator(connection)
    return url


async def test_distribute_changes_the_key_and_distributes_both_tables_by_their_owner(
    cluster: DatabaseURL, environment: Environment
) -> None:
    environment(auth_settings(url_text(cluster)))
    said = await distribute()
    assert "key of tasks is (user_id, id)" in said
    assert "on 2 workers, in 32 shards each" in said
    async with connected(cluster) as connection:
        assert [tuple(row) for row in await connection.fetch(DISTRIBUTED)] == [
            ("tasks", "default"),
            ("idempotency_keys", "tasks"),
        ]
        (key,) = await connection.fetch(KEYS)
    assert key["indexdef"].endswith("(user_id, id)")


async def test_distribute_may_be_run_twice_and_finishes_what_was_half_done(
    cluster: DatabaseURL, environment: Environment
) -> None:
    environment(auth_settings(url_text(cluster)))
    await distribute()
    assert (await distribute()).startswith("Nothing was to be done. ")
    async with connected(cluster) as connection:
        await connection.execute(
            "DELETE FROM citus.pg_dist_partition WHERE logicalrelid = 'idempotency_keys'::regclass"
        )
    assert (await distribute()).startswith("idempotency_keys is distributed by user_id. ")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("UPDATE citus.pg_dist_local_group SET groupid = 1", "must name the coordinator"),
        ("DELETE FROM citus.pg_dist_node", "no worker yet"),
        ("UPDATE alembic_version SET version_num = '0002'", "run `taskward migrate` first"),
        ("ALTER TABLE tasks ENABLE ROW LEVEL SECURITY", "Row-level security is in force"),
        ("DELETE FROM citus.pg_extension", "PostgreSQL without Citus"),
    ],
)
async def test_what_cannot_be_distributed_is_left_as_it_is_and_said_in_one_sentence(
    cluster: DatabaseURL, environment: Environment, change: str, reason: str
) -> None:
    environment(auth_settings(url_text(cluster)))
    async with connected(cluster) as connection:
        await connection.execute(change)
        before = await connection.fetch(KEYS)
        with pytest.raises(SystemExit, match=reason) as ended:
            await distribute()
        assert "\n" not in str(ended.value)
        assert (await connection.fetch(KEYS), await connection.fetch(DISTRIBUTED)) == (before, [])


async def test_plain_postgresql_is_left_alone_in_one_sentence(
    create_migrated_database: CreateDatabase, environment: Environment
) -> None:
    environment(auth_settings(await create_migrated_database()))
    with pytest.raises(SystemExit, match="without Citus: there are no workers"):
        await distribute()


async def test_a_server_finds_the_tables_as_it_needs_them_with_either_key(
    cluster: DatabaseURL, environment: Environment
) -> None:
    environment(auth_settings(url_text(cluster)))
    await distribute()
    await migrate(cluster.connect_arguments())
    async with opened(cluster) as database:
        await table_check.check(database)
        task = await task_store.create(database, "user_1", TaskCreate(title="t"))
        assert await task_store.get(database, "user_1", task["id"]) == task
    async with connected(cluster) as connection:
        await connection.execute("ALTER TABLE tasks DROP CONSTRAINT tasks_pkey")
        document = await connection.fetchval(table_check.find_tables())
    assert "lacks a unique index" in table_check.sentence(table_check.problems(document))


async def test_on_a_coordinator_nothing_is_sent_together_and_no_plan_is_forced(
    cluster: DatabaseURL,
) -> None:
    """There a batch is a transaction of several nodes, and a plan has to know its shard."""
    users = [new_user_id() for _ in range(5)]
    async with opened(cluster, BATCHABLE) as database:
        assert not database._batches
        created: list[Any] = await together(
            *(task_store.create(database, who, TaskCreate(title="t")) for who in users)
        )
        assert [task["user_id"] for task in created] == users
        async with database.acquire() as connection:
            await LIST_TASKS["all"].fetchrow(connection, user_id=users[0])
            assert await connection.fetchval(IS_KNOWN, LIST_TASKS["all"].sql)


# doctor


async def test_doctor_knows_what_is_distributed(
    cluster: DatabaseURL, environment: Environment
) -> None:
    settings = settings_for(url_text(cluster))
    environment(auth_settings(url_text(cluster)))
    before = {finding.subject: finding async for finding in examine(settings)}["sharding"]
    await distribute()
    after = {finding.subject: finding async for finding in examine(settings)}["sharding"]
    assert (before.severity, after.severity) == (Severity.WARNING, Severity.OK)
    assert "taskward distribute" in before.advice
    assert after.message == "Citus 13.2-1: 32 shards on 2 workers"


@pytest.mark.parametrize(
    ("sharding", "guarded", "severity"),
    [
        (Sharding(), False, Severity.OK),
        (Sharding(), True, Severity.OK),
        (Sharding("13", is_coordinator=False, workers=2), False, Severity.ERROR),
        (Sharding("13", workers=2, tables=SHARDED), True, Severity.ERROR),
        (Sharding("13", workers=2, tables=SHARDED), False, Severity.OK),
        (Sharding("13", workers=2, tables=SHARDED[:1]), False, Severity.WARNING),
    ],
)
def test_what_would_not_work_on_shards_is_trouble(
    sharding: Sharding, *, guarded: bool, severity: Severity
) -> None:
    assert sharding_finding(sharding, row_level_security=guarded).severity is severity
