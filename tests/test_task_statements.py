"""Every statement on `tasks`, wherever in the package it is, names the owner."""

import ast
import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

import taskward
from taskward.statements import Statement

PACKAGE = Path(taskward.__file__).parent
RUN_ON_IMPORT = re.compile(r"taskward\.(asgi|migrations\.(env|versions.*)|(.*\.)?__main__)")
TASKS = r'(?:ONLY\s+)?(?:"?public"?\s*\.\s*)?"?tasks"?(?![\w.])'
RAW_SQL = re.compile(rf"\b(?:FROM|INTO|UPDATE|JOIN|USING|TABLE|COPY)\s+{TASKS}", re.IGNORECASE)
USE = re.compile(rf"\b(FROM|INTO|UPDATE|JOIN|USING)\s+{TASKS}|,\s*tasks\b(?!\.)")
OWNER = re.compile(r"\buser_id = (?:\(SELECT )?\$\d+")
OF_EACH_WHO_ASKS = re.compile(r"unnest\([^()]+\) AS asked\([^()]*\buser_id\b[^()]*\)")
OWNER_INSERTED = re.compile(r"INTO tasks \([^)]*\buser_id\b[^)]*\) (VALUES|SELECT)")


@cache
def statements() -> dict[str, Statement]:
    """Every compiled statement of the package that mentions `tasks`, by where it is kept."""
    names = [m.name for m in pkgutil.walk_packages([str(PACKAGE)], "taskward.")]
    modules = [importlib.import_module(n) for n in names if not RUN_ON_IMPORT.fullmatch(n)]
    return {
        where: statement
        for module in modules
        for where, statement in kept_in(vars(module), module.__name__)
        if re.search(r"\btasks\b", statement.sql)
    }


def kept_in(value: Any, where: str, depth: int = 3) -> Iterator[tuple[str, Statement]]:
    """The statements in a namespace, in collections and in classes, whatever their nesting."""
    if isinstance(value, Statement):
        yield where, value
    elif depth and isinstance(value, dict | list | tuple | set | frozenset):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from kept_in(item, f"{where}.{key}", depth - 1)
    elif depth and isinstance(value, type) and value.__module__.startswith("taskward"):
        yield from kept_in(dict(vars(value)), where, depth - 1)


def forgotten(sql: str) -> list[str]:
    """The parts of a statement that use `tasks` and do not say whose."""
    if OF_EACH_WHO_ASKS.search(sql):  # an array of owners, one for each row that is asked for
        sql = re.sub(r"\buser_id = (asked|mine)\.user_id\b", "user_id = $1", sql)
    starts = [use.start() for use in USE.finditer(sql)] or [0]
    parts = [sql[start:end] for start, end in pairwise([*starts, len(sql)])]
    return [part for part in parts if not names_the_owner(part)]


def names_the_owner(part: str) -> bool:
    if part.startswith("INTO"):
        return bool(OWNER_INSERTED.match(part))
    return bool(OWNER.search(part)) and not re.search(r"\bOR\b", part)


def calls_of_statement(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "Statement":
            yield node


def hidden_statements(source: str) -> list[int]:
    """The lines on which a function makes a statement, where no walk over modules finds it."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    inner = [node for node in ast.walk(ast.parse(source)) if isinstance(node, functions)]
    return [call.lineno for function in inner for call in calls_of_statement(function)]


def raw_sql(source: str) -> list[int]:
    """The lines with SQL on `tasks` in a string that is no docstring."""
    tree = ast.parse(source)
    docs = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs
        if RAW_SQL.search(node.value)
    ]


def sources() -> Iterator[tuple[str, str]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        name = str(path.relative_to(PACKAGE))
        if not name.startswith("migrations/"):
            yield name, path.read_text()


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
    assert bool(scans) == (not statement.sql.startswith("INSERT"))
    for texts in scans:
        assert any(re.search(r"user_id\)?(::text)? = ", text) for text in texts), plan
        assert not any(" OR " in text for text in texts)
