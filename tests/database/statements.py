"""Every statement on tasks of the whole package."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import taskward
from authward.storage.statements import Statement

PACKAGE = Path(taskward.__file__).parent


OF_ALL_OWNERS = "cli/dump.py"  # a backup is of everybody


RUN_ON_IMPORT = re.compile(r"taskward\.(asgi|migrations\.(env|versions.*)|(.*\.)?__main__)")


TASKS = r'(?:ONLY\s+)?(?:"?public"?\s*\.\s*)?"?tasks"?(?![\w.])'


RAW_SQL = re.compile(rf"\b(?:FROM|INTO|UPDATE|JOIN|USING|TABLE|COPY)\s+{TASKS}", re.IGNORECASE)


USE = re.compile(rf"\b(FROM|INTO|UPDATE|JOIN|USING)\s+{TASKS}|,\s*tasks\b(?!\.)")


OWNER = re.compile(r"\buser_id = (?:\(SELECT )?\$\d+")


OF_EACH_WHO_ASKS = re.compile(
    r"unnest\((?:CAST\(\$\d+::\w+ AS \w+\[\]\)(?:, )?)+\) WITH ORDINALITY "
    r"AS asked\([^()]*\buser_id\b[^()]*\)"
)


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
            name = getattr(key, "__name__", key)
            yield from kept_in(item, f"{where}.{name}", depth - 1)
    elif depth and is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from kept_in(getattr(value, field.name), f"{where}.{field.name}", depth - 1)
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
        if not name.startswith("migrations/") and name != OF_ALL_OWNERS:
            yield name, path.read_text()
