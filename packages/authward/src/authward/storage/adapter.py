"""Rows of any table in the registry, by models and fields: the original's adapter.

Core's own statements are written out where they are; this is for the tables of plugins, whose rows
are dictionaries by the fields' names. A statement is compiled once for each shape asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import (
    Integer,
    Select,
    Table,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from authward.schema.fields import DBField
from authward.schema.plugin_tables import sql_table
from authward.schema.registry import AuthSchema
from authward.schema.values import decode_value, to_database
from authward.storage.statements import Executor, Statement, StatementCache, new_id
from authward.storage.where import Conditions, Where, clause, conditions_of, parameters
from authward.timestamps import to_json

Row: TypeAlias = dict[str, Any]
MAX_ROWS = 100
_ID = DBField(type="string")


@dataclass(frozen=True, slots=True)
class Increment:
    """A value of `update`: what the field has, and so much more, in the statement itself."""

    by: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Which of the rows that are found, and in which order; a limit of None is none."""

    limit: int | None = MAX_ROWS
    offset: int = 0
    sort_by: str | None = None
    descending: bool = False

    @property
    def shape(self) -> tuple[object, ...]:
        """What the SQL depends on; limit and offset are parameters."""
        return self.sort_by, self.descending, self.limit is None

    @property
    def parameters(self) -> Row:
        """The values of the parameters."""
        limit = {} if self.limit is None else {"limit": self.limit}
        return {**limit, "offset": self.offset}

    def of(self, query: Select[Any], table: Table) -> Select[Any]:
        """Sort and limit a query."""
        if self.sort_by is not None:
            column = table.c[self.sort_by]
            query = query.order_by(column.desc() if self.descending else column.asc())
        if self.limit is not None:
            query = query.limit(bindparam("limit", type_=Integer))
        return query.offset(bindparam("offset", type_=Integer))


_FIRST = Page()


class _Tables(dict[str, Table]):
    """Each is made when it is first asked for: many servers never ask for most."""

    def __init__(self, schema: AuthSchema) -> None:
        super().__init__()
        self._schema = schema

    def __missing__(self, model: str) -> Table:
        table = self[model] = sql_table(model, self._schema.tables[model])
        return table


class Adapter:
    """Creates, finds, changes and deletes rows.

    All methods take the executor first: the pool, or the connection of a transaction. What a
    condition asks is asked in the statement that changes the row, so `update` and `delete` with
    the value that was read serve as compare-and-set, and only one of two callers gets the row.
    """

    def __init__(self, schema: AuthSchema) -> None:
        self._schema = schema
        self._cache = StatementCache()
        self._tables = _Tables(schema)

    async def create(self, database: Executor, model: str, values: Mapping[str, Any]) -> Row:
        """Insert a row and return it; `id` and defaults are filled in.

        Raises:
            ValueError: a column cannot hold a value.
        """
        fields = self._schema.tables[model].fields
        defaults = {n: f.default() for n, f in fields.items() if f.default_value is not None}
        given = {**defaults, **values}
        if "id" not in given:
            given["id"] = await new_id(database, model)
        row = self._encoded(model, given)
        table = self._tables[model]

        def build() -> Any:
            given = {name: bindparam(f"set_{name}", type_=table.c[name].type) for name in row}
            return insert(table).values(given).returning(*table.c)

        statement = self._cache.get(("create", model, *row), build)
        rows = await statement.fetch(database, **{f"set_{n}": value for n, value in row.items()})
        return self._decoded(model, rows)[0]

    async def find_one(
        self, database: Executor, model: str, where: Conditions, *, lock: bool = False
    ) -> Row | None:
        """Return a row, or None; with `lock` nobody else changes it before the transaction ends."""
        rows = await self.find_many(database, model, where, Page(limit=1), lock=lock)
        return rows[0] if rows else None

    async def find_many(
        self,
        database: Executor,
        model: str,
        where: Conditions = (),
        page: Page = _FIRST,
        *,
        lock: bool = False,
    ) -> list[Row]:
        """Return rows: 100 at most, as the original, unless the page says otherwise."""
        conditions, table = conditions_of(where), self._tables[model]

        def build() -> Any:
            query = _where(select(*table.c), table, conditions)
            query = page.of(query, table)
            return query.with_for_update() if lock else query

        statement = self._statement("find", model, conditions, build, page.shape, lock)
        values = {**parameters(conditions), **page.parameters}
        return self._decoded(model, await statement.fetch(database, **values))

    async def count(self, database: Executor, model: str, where: Conditions = ()) -> int:
        """Return how many rows there are."""
        conditions, table = conditions_of(where), self._tables[model]

        def build() -> Any:
            return _where(select(func.count().label("count")).select_from(table), table, conditions)

        statement = self._statement("count", model, conditions, build)
        row = await statement.fetchrow(database, **parameters(conditions))
        return 0 if row is None else int(row["count"])

    async def update(
        self, database: Executor, model: str, where: Conditions, values: Mapping[str, Any]
    ) -> list[Row]:
        """Change all rows that are meant, and return them as they are now.

        Raises:
            ValueError: a column cannot hold a value.
        """
        fields = self._schema.tables[model].fields
        on_update = {n: f.on_update() for n, f in fields.items() if f.on_update is not None}
        given = {**on_update, **values}
        more = {name: each.by for name, each in given.items() if isinstance(each, Increment)}
        row = self._encoded(model, {n: v for n, v in given.items() if n not in more}) | more
        conditions, table = conditions_of(where), self._tables[model]

        def build() -> Any:
            new: dict[str, Any] = {}
            for name in row:
                value: Any = bindparam(f"set_{name}", type_=table.c[name].type)
                new[name] = table.c[name] + value if name in more else value
            return _where(update(table).values(new).returning(*table.c), table, conditions)

        statement = self._statement("update", model, conditions, build, tuple(row), tuple(more))
        changed = {f"set_{name}": value for name, value in row.items()}
        values = {**parameters(conditions), **changed}
        return self._decoded(model, await statement.fetch(database, **values))

    async def delete(self, database: Executor, model: str, where: Conditions) -> list[Row]:
        """Delete all rows that are meant, and return them: of two callers one gets each row."""
        conditions, table = conditions_of(where), self._tables[model]
        if not conditions:
            raise ValueError(f"all rows of {model} would be deleted")

        def build() -> Any:
            return _where(delete(table).returning(*table.c), table, conditions)

        statement = self._statement("delete", model, conditions, build)
        rows = await statement.fetch(database, **parameters(conditions))
        return self._decoded(model, rows)

    def to_json(self, model: str, row: Mapping[str, Any]) -> Row:
        """Return a row as clients see it: no hidden fields, times as text, `id` last."""
        fields = self._schema.tables[model].fields
        shown = {name: row[name] for name, field in fields.items() if field.returned}
        times = {n for n in shown if fields[n].type == "date" and shown[n] is not None}
        return {n: to_json(v) if n in times else v for n, v in shown.items()} | {"id": row["id"]}

    def _statement(
        self, action: str, model: str, where: Sequence[Where], build: Any, *more: object
    ) -> Statement:
        return self._cache.get((action, model, tuple(each.shape for each in where), *more), build)

    def _field(self, model: str, name: str) -> DBField:
        return _ID if name == "id" else self._schema.tables[model].fields[name]

    def _encoded(self, model: str, values: Mapping[str, Any]) -> Row:
        return {name: to_database(self._field(model, name), v) for name, v in values.items()}

    def _decoded(self, model: str, rows: Sequence[Any]) -> list[Row]:
        names = list(self._tables[model].c.keys())
        fields = [self._field(model, name) for name in names]
        return [
            {n: decode_value(f, v) for n, f, v in zip(names, fields, row, strict=True)}
            for row in rows
        ]


def _where(query: Any, table: Table, conditions: Sequence[Where]) -> Any:
    condition = clause(table, conditions)
    return query if condition is None else query.where(condition)
