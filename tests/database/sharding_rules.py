"""What Citus refuses of a statement on a sharded table (read in its planner, 13.2).

volatile functions      nowhere
RETURNING               IMMUTABLE functions only
SET, WHERE              STABLE ones only if no column is given to them, and not in CASE, COALESCE
ON CONFLICT DO UPDATE   IMMUTABLE ones only
FOR UPDATE              of one shard only
the owner               `user_id = $n`, or all shards are asked
"""

from collections.abc import Iterator, Mapping
from typing import Any

import asyncpg

from tests.database.query_trees import Node, nodes, tree_of

SHARDED = ("tasks", "idempotency_keys")
_SELECT, _UPDATE, _INSERT, _DELETE = "1", "2", "3", "4"
_PARAMETER, _EXPRESSION = "0", "1"
_OPERATORS = ("OPEXPR", "DISTINCTEXPR", "NULLIFEXPR", "SCALARARRAYOPEXPR")
_TYPES = (
    "vartype",
    "funcresulttype",
    "opresulttype",
    "consttype",
    "paramtype",
    "resulttype",
    "typeId",
)
_CONDITIONAL = ("CASEEXPR", "COALESCEEXPR")

_VOLATILITIES = """
    SELECT 'f' || oid::text, provolatile::text FROM pg_proc
    UNION ALL SELECT 'o' || o.oid, provolatile::text
        FROM pg_operator AS o JOIN pg_proc AS p ON p.oid = oprcode
    UNION ALL SELECT 'i' || t.oid, provolatile::text
        FROM pg_type AS t JOIN pg_proc AS p ON p.oid = typinput
    UNION ALL SELECT 'u' || t.oid, provolatile::text
        FROM pg_type AS t JOIN pg_proc AS p ON p.oid = typoutput
"""
_OWNERS = """
    SELECT attrelid::int, attnum::int FROM pg_attribute
    WHERE attname = 'user_id' AND attrelid = ANY($1::regclass[])
"""


class Rules:
    """Judges statements by the catalog of a database; `read` makes one."""

    def __init__(self, volatilities: Mapping[str, str], owners: Mapping[int, int]) -> None:
        self._volatilities = volatilities
        self._owners = owners

    @classmethod
    async def read(cls, connection: asyncpg.Connection) -> "Rules":
        """Read what every function and operator is, and where the owner is in each table."""
        found = await connection.fetch(_VOLATILITIES)
        owners = await connection.fetch(_OWNERS, [*SHARDED])
        return cls(dict(map(tuple, found)), dict(map(tuple, owners)))

    async def broken_by(self, connection: asyncpg.Connection, sql: str) -> list[str]:
        """Which rules a statement breaks, in the order of its parts."""
        tree = await tree_of(connection, sql)
        queries = [node for node in nodes(tree) if node.kind == "QUERY"]
        return [broken for query in queries for broken in self._broken(query)]

    def _broken(self, query: Node) -> Iterator[str]:
        changes = query.one("commandType") != _SELECT
        own = {name: value for name, value in query.fields.items() if name != "cteList"}
        mutable = [*self._mutable(own.values())]
        if any(kind == "v" for _, kind in mutable):
            yield "volatile"
        if self._mutable_in(query.fields.get("returningList")):
            yield "RETURNING"
        if changes and any(self._mutable_in(query.fields.get(p)) for p in ("onConflict",)):
            yield "ON CONFLICT"
        if query.one("commandType") in (_UPDATE, _DELETE):
            yield from self._broken_by_conditions(query)
        tables = [*self._sharded(query)]
        if tables and not all(self._names_owner(query, *table) for table in tables):
            yield "FOR UPDATE" if query.one("rowMarks") else "owner"

    def _broken_by_conditions(self, query: Node) -> Iterator[str]:
        parts = [query.fields.get(name) for name in ("targetList", "jointree")]
        for node, _ in self._mutable(parts):
            if any(inner.kind == "VAR" for inner in nodes(node)):
                yield "STABLE with a column"
        conditional = [n for n in nodes(parts or [], nested=False) if n.kind in _CONDITIONAL]
        if any(self._mutable_in(node) for node in conditional):
            yield "CASE"

    def _mutable_in(self, part: Any) -> bool:
        return any(True for _ in self._mutable(part or []))

    def _mutable(self, part: Any) -> Iterator[tuple[Node, str]]:
        for node in nodes(
            [p for p in part if p is not None] if not isinstance(part, Node) else part, nested=False
        ):
            worst = max((self._volatility(key) for key in _called(node)), default="i")
            if worst != "i":
                yield node, worst

    def _volatility(self, key: str) -> str:
        """`i`, `s` or `v`, which is also the order of how bad it is."""
        return "s" if key == "now" else self._volatilities[key]

    def _sharded(self, query: Node) -> Iterator[tuple[int, int]]:
        """The sharded tables of a query: the number in it, and that of the owner's column."""
        entries = query.one("rtable") or []
        for number, entry in enumerate(entries, 1):
            relation = entry.number("relid") if entry.one("rtekind") == "0" else 0
            if relation in self._owners and not self._is_conflict_target(query, number):
                yield number, self._owners[relation]

    @staticmethod
    def _is_conflict_target(query: Node, number: int) -> bool:
        conflict = query.one("onConflict")
        return conflict is not None and conflict.number("exclRelIndex") == number

    def _names_owner(self, query: Node, table: int, column: int) -> bool:
        if query.one("commandType") == _INSERT:
            targets = [
                n
                for n in nodes(query.fields["targetList"], nested=False)
                if n.kind == "TARGETENTRY"
            ]
            return any(_is_parameter(t.one("expr")) for t in targets if t.number("resno") == column)
        return any(
            _is_equal(c, table, column) for c in _conditions(query.one("jointree").one("quals"))
        )


def _called(node: Node) -> Iterator[str]:
    """What a node calls, as keys of the catalog."""
    if node.kind in ("FUNCEXPR", "AGGREF", "WINDOWFUNC"):
        yield f"f{node.number('funcid', 'aggfnoid', 'winfnoid')}"
    elif node.kind in _OPERATORS:
        yield f"o{node.number('opno')}"
    elif node.kind == "COERCEVIAIO":
        yield f"i{node.number('resulttype')}"
        yield f"u{node.one('arg').number(*_TYPES)}"
    elif node.kind == "SQLVALUEFUNCTION":
        yield "now"


def _conditions(condition: Node | None) -> Iterator[Node]:
    """The parts of a condition that all have to be true."""
    if condition is not None and condition.kind == "BOOLEXPR" and condition.one("boolop") == "and":
        for part in condition.fields["args"][0]:
            yield from _conditions(part)
    elif condition is not None:
        yield condition


def _is_equal(condition: Node, table: int, column: int) -> bool:
    if condition.kind != "OPEXPR":
        return False
    sides = [_bare(side) for side in condition.fields["args"][0]]
    columns = [
        s
        for s in sides
        if s.kind == "VAR" and (s.number("varno"), s.number("varattno")) == (table, column)
    ]
    return len(columns) == 1 and any(map(_is_parameter, sides))


def _is_parameter(node: Node | None) -> bool:
    return (
        node is not None
        and _bare(node).kind == "PARAM"
        and _bare(node).one("paramkind") == _PARAMETER
    )


def _bare(node: Node) -> Node:
    """Without casts that change nothing, and those of `varchar` to its length."""
    while node.kind == "RELABELTYPE" or (node.kind == "FUNCEXPR" and node.one("funcformat") == "2"):
        node = node.one("arg") or node.fields["args"][0][0]
    return node
