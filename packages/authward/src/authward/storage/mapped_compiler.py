"""Compiles a statement with the names that are there, and converts where values go in and out.

SQL is put together of constants and of SQL that SQLAlchemy has compiled, never of values.
"""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, Protocol

from sqlalchemy import ARRAY, Alias, Column, ColumnElement, DateTime, Label, Table, Text, cast, func
from sqlalchemy import literal_column as literal
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql.asyncpg import (
    PGCompiler_asyncpg,
    PGDialect_asyncpg,
    PGIdentifierPreparer_asyncpg,
)
from sqlalchemy.sql.expression import ColumnClause
from sqlalchemy.types import TypeEngine

from authward.schema.column_types import AsId, List, Moment, RowId
from authward.schema.style import IdType

_UUID = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_INTEGER = "^[0-9]{1,18}$"
_UTC: ColumnElement[str] = literal("'UTC'")


class Tables(Protocol):
    """What the compiler has to know of a server's tables."""

    id_type: IdType
    time_zone: bool
    arrays: bool

    def table(self, table: Any) -> Table | None:
        """Return a table as it is there, its columns by their usual names."""


class MappedDialect(PGDialect_asyncpg):
    """PostgreSQL with the tables of one server."""

    supports_statement_cache = False

    def __init__(self, tables: Tables) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.tables = tables


class _Preparer(PGIdentifierPreparer_asyncpg):
    dialect: MappedDialect

    def format_table(self, table: Any, *args: Any, **kwargs: Any) -> str:
        found = self.dialect.tables.table(table)
        return super().format_table(table if found is None else found, *args, **kwargs)

    def format_column(self, column: Any, *args: Any, **kwargs: Any) -> str:
        return super().format_column(_actual(self.dialect.tables, column), *args, **kwargs)


class _Compiler(PGCompiler_asyncpg):
    dialect: MappedDialect

    def visit_table(self, table: Any, *args: Any, **kwargs: Any) -> Any:
        found = self.dialect.tables.table(table)
        compile_table: Any = super().visit_table
        return compile_table(table if found is None else found, *args, **kwargs)

    def visit_column(self, column: Any, *args: Any, **kwargs: Any) -> Any:
        return super().visit_column(_actual(self.dialect.tables, column), *args, **kwargs)

    def visit_bindparam(self, bindparam: Any, *args: Any, **kwargs: Any) -> str:
        compile_parameter: Any = super().visit_bindparam
        text = compile_parameter(bindparam, *args, **kwargs)
        return written(self.dialect.tables, bindparam.type, text)

    def to_id(self, text: str) -> str:
        """Return the SQL of an id for the SQL of a text; see `AsId`."""
        return written(self.dialect.tables, AsId.type, text)

    def _label_select_column(
        self, select: Any, column: Any, populate_result_map: bool, *args: Any, **kwargs: Any
    ) -> Any:
        column = self._as_asked(column, is_result=populate_result_map)
        label: Any = super()._label_select_column
        return label(select, column, populate_result_map, *args, **kwargs)

    def _as_asked(self, column: Any, *, is_result: bool) -> Any:
        """Give a column the name that the statement has for it, and a result its usual type."""
        tables, inner = self.dialect.tables, column.element if isinstance(column, Label) else column
        value = read(tables, inner) if is_result else inner
        if value is inner and _actual_name(tables, inner) == getattr(inner, "name", None):
            return column
        name = column.name if isinstance(column, Label) else getattr(inner, "key", None)
        return value.label(name)

    def visit_on_conflict_do_update(self, on_conflict: Any, **kwargs: Any) -> Any:
        with self._inserting_into_actual_table() as table:
            clause = copy.copy(on_conflict)
            target: Sequence[Any] = clause.inferred_target_elements or ()
            clause.inferred_target_elements = [
                table.c[each] if isinstance(each, str) else each for each in target
            ]
            compile_update: Any = super().visit_on_conflict_do_update
            return compile_update(clause, **kwargs)

    @contextmanager
    def _inserting_into_actual_table(self) -> Iterator[Any]:
        """What is set is named after the columns of the statement's table."""
        usual: Any = self.stack[-1]["selectable"]
        found = self.dialect.tables.table(usual.table)
        table = usual.table if found is None else found
        actual: Any = SimpleNamespace(table=table)
        self.stack.append({**self.stack[-1], "selectable": actual})
        yield table
        self.stack.pop()


MappedDialect.statement_compiler = _Compiler
MappedDialect.preparer = _Preparer


def _actual(tables: Tables, column: Any) -> Any:
    """Return a column as it is there: itself, unless its name or its table's is another."""
    if not isinstance(column, Column):
        return column
    owner: Any = column.table
    is_alias = isinstance(owner, Alias)
    table = tables.table(owner.element if is_alias else owner)
    if table is None:
        return column
    found = table.c[column.key]
    if found.name == column.name and (is_alias or table.name == owner.name):
        return column
    return ColumnClause(found.name, found.type, _selectable=owner) if is_alias else found


def _actual_name(tables: Tables, column: Any) -> str | None:
    return getattr(_actual(tables, column), "name", None)


def written(tables: Tables, kind: TypeEngine[Any], value: str) -> str:
    """Return the SQL of a parameter as the tables have it; no id is NULL, and equal to none."""
    if isinstance(kind, RowId) and tables.id_type != "text":
        return _to_id(tables.id_type, value)
    if isinstance(kind, Moment) and not tables.time_zone:
        return f"timezone('UTC', {value})"
    if isinstance(kind, List) and tables.arrays:
        return _to_array(kind, value)
    if isinstance(kind, ARRAY) and isinstance(kind.item_type, RowId | Moment):
        each = written(tables, kind.item_type, "item")
        items = f"array_remove(ARRAY(SELECT {each} FROM unnest({value}) AS item), NULL)"  # noqa: S608
        return value if each == "item" else items
    return value


def _to_id(kind: IdType, value: str) -> str:
    pattern, name = (_UUID, "uuid") if kind == "uuid" else (_INTEGER, "bigint")
    return f"CASE WHEN {value} ~* '{pattern}' THEN CAST({value} AS {name}) END"


def _to_array(kind: List, value: str) -> str:
    name = {"string": "text", "number": "integer"}[kind.element]
    items = f"SELECT CAST(item AS {name}) FROM jsonb_array_elements_text({value}) AS item"  # noqa: S608
    return f"CASE WHEN {value} IS NOT NULL THEN ARRAY({items}) END"


def read(tables: Tables, column: Any) -> Any:
    """Return a result column of the type that it has in our own tables: itself, if it has it."""
    kind = column.type
    if isinstance(kind, RowId) and tables.id_type != "text":
        return cast(column, Text)
    if isinstance(kind, Moment) and not tables.time_zone:
        return func.timezone(_UTC, column, type_=DateTime(timezone=True))
    if isinstance(kind, List) and tables.arrays:
        return func.to_jsonb(column, type_=JSONB())
    return column
