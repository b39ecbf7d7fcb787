"""What PostgreSQL's own parser makes of a statement, as a tree that can be asked."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg

_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|[{}()\[\]]|(?:\\.|[^\s{}()\[\]"\\])+')
_BODY = "SELECT prosqlbody::text FROM pg_proc WHERE oid = to_regproc($1)"
_NAMES = """
    SELECT array_agg(oid::regtype::text ORDER BY place)
    FROM unnest($1::oid[]) WITH ORDINALITY AS given (oid, place)
"""


@dataclass(frozen=True)
class Node:
    """A node of PostgreSQL's: its kind in upper case, and its fields, which are lists."""

    kind: str
    fields: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    def one(self, name: str) -> Any:
        """The only value of a field; None where it has none."""
        values = self.fields.get(name) or [None]
        return None if values[0] == "<>" else values[0]

    def number(self, *names: str) -> int:
        """The first of these fields that there is, as a number; 0 where there is none."""
        return next((int(self.one(name)) for name in names if self.one(name)), 0)


def nodes(value: Any, *, nested: bool = True) -> Iterator[Node]:
    """All nodes of a part of a tree, outermost first; not `nested`: without those of subqueries."""
    if isinstance(value, Node):
        if value.kind == "QUERY" and not nested:
            return
        yield value
        value = value.fields.values()
    if not isinstance(value, str):
        for inner in value:
            yield from nodes(inner, nested=nested)


async def tree_of(connection: asyncpg.Connection, sql: str) -> Node:
    """The statement as PostgreSQL keeps it in the body of a function: names resolved, unplanned."""
    statement = await connection.prepare(sql)
    oids = [parameter.oid for parameter in statement.get_parameters()]
    types = ", ".join(await connection.fetchval(_NAMES, oids) or [])
    await connection.execute(
        f"CREATE FUNCTION pg_temp.looked_at({types}) RETURNS void LANGUAGE sql"
        f" BEGIN ATOMIC {sql}; END"
    )
    text = await connection.fetchval(_BODY, "pg_temp.looked_at")
    await connection.execute(f"DROP FUNCTION pg_temp.looked_at({types})")
    return _parse(text)


def _parse(text: str) -> Node:
    tokens = iter(_TOKEN.findall(text))
    return next(node for node in nodes(_group(tokens, "")) if node.kind == "QUERY")


def _group(tokens: Iterator[str], end: str) -> list[Any]:
    values: list[Any] = []
    for token in tokens:
        if token == end:
            break
        if token == "{":
            values.append(_node(_group(tokens, "}")))
        elif token in ("(", "["):
            values.append(_group(tokens, ")" if token == "(" else "]"))
        else:
            values.append(token)
    return values


def _node(values: list[Any]) -> Node:
    fields: dict[str, list[Any]] = {}
    name = ""
    for value in values[1:]:
        if isinstance(value, str) and value.startswith(":"):
            name = value[1:]
            fields[name] = []
        else:
            fields.setdefault(name, []).append(value)
    return Node(values[0], fields)
