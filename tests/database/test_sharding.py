"""Every statement on tasks and their keys is one that a sharded database takes."""

import pytest
from fastapi import FastAPI

from taskward.tasks import batches, idempotency, store, tool_statements
from tests.database.sharding_rules import Rules
from tests.database.statements import kept_in

STATEMENTS = {
    where: statement
    for module in (store, batches, tool_statements, idempotency)
    for where, statement in kept_in(vars(module), module.__name__.rpartition(".")[2])
}
BATCHES = {batchable.many.sql for batchable in batches.BATCHABLE} | {
    pair.both.sql for pair in batches.TOGETHER
}
OF_ALL_OWNERS = {idempotency.FIND_EXPIRED.sql, idempotency.PRUNE_KEYS.sql}
"""What removes keys whose time is over asks all shards, once for many keys."""
BY_THE_COORDINATOR = {tool_statements.ADD_TASKS.sql}
"""Rows out of arrays: the coordinator makes them, and sends them to the one shard."""


async def broken_by(app: FastAPI, sql: str) -> list[str]:
    async with app.state.database.acquire() as connection, connection.transaction():
        return await (await Rules.read(connection)).broken_by(connection, sql)


@pytest.mark.parametrize("where", sorted(STATEMENTS))
async def test_a_statement_on_tasks_or_keys_is_taken_by_a_sharded_database(
    app: FastAPI, where: str
) -> None:
    sql = STATEMENTS[where].sql
    if sql in BATCHES:
        pytest.skip("batches are off there")
    allowed = ["owner"] if sql in OF_ALL_OWNERS | BY_THE_COORDINATOR else []
    assert await broken_by(app, sql) == allowed, sql


NOW = "date_trunc('milliseconds', clock_timestamp())"
KEEP = """
    INSERT INTO idempotency_keys (user_id, key, fingerprint, task) VALUES ($1, $2, '', '')
    ON CONFLICT (user_id, key) DO UPDATE SET created_at
"""
REFUSED = {
    "INSERT INTO tasks (user_id, title) VALUES ($1, $2)"
    " RETURNING to_char(timezone('UTC', created_at), 'YYYY')": ["RETURNING"],
    "DELETE FROM tasks WHERE user_id = $1 RETURNING to_json(title)": ["RETURNING"],
    "DELETE FROM tasks WHERE user_id = $1 RETURNING created_at::text": ["RETURNING"],
    f"UPDATE tasks SET updated_at = {NOW} WHERE user_id = $1": ["volatile"],
    "UPDATE tasks SET updated_at = updated_at + interval '1 ms' WHERE user_id = $1": [
        "STABLE with a column"
    ],
    "UPDATE tasks SET title = $2 WHERE user_id = $1"
    " AND to_char(timezone('UTC', updated_at), 'YYYY') = $3": ["STABLE with a column"],
    "UPDATE tasks SET created_at = coalesce($2, now()) WHERE user_id = $1": ["CASE"],
    "SELECT title FROM tasks WHERE user_id = (SELECT $1::text)": ["owner"],
    "SELECT title FROM tasks WHERE user_id = $1 OR completed": ["owner"],
    "SELECT title FROM tasks WHERE user_id = ANY($1::text[])": ["owner"],
    "WITH c AS (DELETE FROM tasks WHERE id = $1 RETURNING id) SELECT * FROM c": ["owner"],
    "SELECT (SELECT count(*) FROM tasks)": ["owner"],
    "SELECT id FROM tasks WHERE user_id = $1 AND random() > 0.5": ["volatile"],
    f"{KEEP} = now()": ["ON CONFLICT"],
    f"{KEEP} = CURRENT_TIMESTAMP": ["ON CONFLICT"],
    "DELETE FROM idempotency_keys WHERE (user_id, key) IN ("
    "SELECT user_id, key FROM idempotency_keys WHERE created_at < now() FOR UPDATE)": [
        "owner",
        "FOR UPDATE",
    ],
}


@pytest.mark.parametrize("sql", REFUSED)
async def test_a_statement_that_it_would_refuse_is_found(app: FastAPI, sql: str) -> None:
    assert await broken_by(app, sql) == REFUSED[sql]


TAKEN = [
    "INSERT INTO tasks (user_id, title, updated_at) VALUES ($1, $2, now()) RETURNING id",
    "UPDATE tasks SET updated_at = greatest(now(), updated_at) WHERE user_id = $1",
    "SELECT to_char(created_at, 'YYYY') FROM tasks WHERE user_id = $1 AND id = $2",
    "DELETE FROM idempotency_keys WHERE user_id = $1 AND created_at < now() - interval '1 day'",
    f"{KEEP} = excluded.created_at",
]


@pytest.mark.parametrize("sql", TAKEN)
async def test_a_statement_that_it_takes_is_not_complained_of(app: FastAPI, sql: str) -> None:
    assert await broken_by(app, sql) == []
