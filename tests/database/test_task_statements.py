"""Every statement on `tasks`, wherever in the package it is, names the owner."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI

from tests.database.statements import forgotten, hidden_statements, raw_sql, sources, statements


@pytest.mark.parametrize("where", sorted(statements()))
def test_every_statement_on_tasks_names_the_owner(where: str) -> None:
    assert forgotten(statements()[where].sql) == []


def test_all_statements_of_the_six_operations_are_looked_at() -> None:
    kinds = [statement.sql.split()[0] for statement in statements().values()]
    assert {"INSERT", "SELECT", "UPDATE", "DELETE"} <= {kind.strip("(") for kind in kinds}
    assert len(kinds) >= 9


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT tasks.id FROM tasks WHERE tasks.id = $1::BIGINT",
        "SELECT tasks.id FROM tasks WHERE tasks.id = $1 AND tasks.user_id = $2 OR tasks.completed",
        "SELECT tasks.user_id FROM tasks ORDER BY tasks.user_id",
        "SELECT a.id FROM session, tasks WHERE a.id = $1",
        "INSERT INTO tasks (title) VALUES ($1) RETURNING tasks.user_id",
        "UPDATE tasks SET title=$1 WHERE tasks.id = $2 AND tasks.user_id != $3",
        "UPDATE tasks SET title=$1 FROM session WHERE session.user_id = tasks.user_id",
        "DELETE FROM tasks RETURNING tasks.user_id",
        "WITH one AS (SELECT id FROM tasks WHERE user_id = $1) DELETE FROM tasks WHERE id = $2",
        "SELECT count(*) AS tasks",
        "SELECT tasks.id FROM asked JOIN tasks ON tasks.user_id = asked.user_id",
        "SELECT tasks.id FROM unnest($1) AS asked(id) JOIN tasks ON tasks.user_id = asked.user_id",
    ],
)
def test_a_statement_that_forgets_the_owner_is_found(sql: str) -> None:
    assert forgotten(sql)


def test_no_statement_is_made_where_this_test_does_not_see_it() -> None:
    assert {name: hidden_statements(source) for name, source in sources()} == {
        name: [] for name, _ in sources()
    }
    assert hidden_statements("def f():\n    return Statement(delete(Task))") == [2]


def test_there_is_no_sql_on_tasks_but_in_statements_and_migrations() -> None:
    assert {name: raw_sql(source) for name, source in sources()} == {
        name: [] for name, _ in sources()
    }


@pytest.mark.parametrize(
    "code",
    [
        'x = "SELECT 1 FROM tasks"',
        "f('delete from only \"tasks\" where id = $1')",
        'f(f"UPDATE public.tasks SET {x}")',
        'f("""INSERT\n  INTO tasks (a)\n""")',
        'f("TRUNCATE TABLE tasks")',
    ],
)
def test_sql_on_tasks_in_a_string_is_found(code: str) -> None:
    assert raw_sql(code) != []


def conditions(node: dict[str, Any]) -> list[str]:
    return [text for key, text in node.items() if key.endswith(("Cond", "Filter"))]


def scans_of_tasks(plan: dict[str, Any], join: list[str]) -> Iterator[list[str]]:
    """The conditions of each scan of the table, and of the join that it is a side of."""
    if plan.get("Relation Name") == "tasks" and "Scan" in plan["Node Type"]:
        yield conditions(plan) + join
    for inner in plan.get("Plans", []):
        yield from scans_of_tasks(inner, conditions(plan) if "Join Type" in plan else [])


READS = re.compile(r"\b(FROM|UPDATE|JOIN|USING)\s+tasks\b")


@pytest.mark.parametrize("where", sorted(statements()))
async def test_postgresql_reads_only_rows_of_the_owner(app: FastAPI, where: str) -> None:
    """The judge is the plan: each scan of the table has a condition on `user_id`, and no OR."""
    statement = statements()[where]
    nulls = ", ".join("NULL" for _ in statement.names)
    async with app.state.database.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        await connection.execute(f"PREPARE looked_at AS {statement.sql}")
        explain = f"EXPLAIN (FORMAT JSON, VERBOSE) EXECUTE looked_at({nulls})"
        plan = json.loads(await connection.fetchval(explain))[0]["Plan"]
        await connection.execute("DEALLOCATE looked_at")
    scans = list(scans_of_tasks(plan, []))
    assert bool(scans) == bool(READS.search(statement.sql))
    for texts in scans:
        assert any(re.search(r"user_id\)?(::text)? = ", text) for text in texts), plan
        assert not any(" OR " in text for text in texts)
