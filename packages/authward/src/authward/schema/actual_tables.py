"""A server's own tables as they should be in its database, whoever has made them."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import ARRAY, Column, DateTime, ForeignKey, Integer, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import JSONB, UUID
from sqlalchemy.types import TypeEngine

from authward.schema.column_types import List, Moment, RowId
from authward.schema.plugin_tables import sql_table
from authward.schema.registry import AuthSchema
from authward.schema.style import IdType
from authward.schema.tables import RateLimit, Verification
from authward.schema.user_tables import UserTables

_IDS: dict[IdType, TypeEngine[Any]] = {
    "text": Text(),
    "uuid": UUID(as_uuid=False),
    "integer": Integer(),
}


@lru_cache(maxsize=4)  # a start asks for them several times
def actual_tables(schema: AuthSchema) -> Sequence[Table]:
    """Return all of them, core's first.

    Columns have the fields' names as keys, tables the model in `info`.
    """
    tables, metadata = UserTables(schema), MetaData()
    more: list[Any] = [Verification, RateLimit]
    usual = [tables.user, tables.session, tables.account, *(each.__table__ for each in more)]
    core = {table.info["model"]: table for table in usual}
    made = schema.made_tables.items()
    known = [core[model] if model in core else sql_table(model, table) for model, table in made]
    return [_actual(schema, table, metadata) for table in known]


def _actual(schema: AuthSchema, table: Table, metadata: MetaData) -> Table:
    model = table.info["model"]
    columns = [
        Column(
            schema.column(model, column.key),
            _type(schema, column.type),
            *_references(schema, column),
            key=column.key,
            primary_key=column.primary_key,
            nullable=column.nullable,
            unique=column.unique,
        )
        for column in table.c
    ]
    return Table(schema.table(model), metadata, *columns, info={"model": model})


def _references(schema: AuthSchema, column: "Column[Any]") -> Iterator[ForeignKey]:
    for key in column.foreign_keys:
        model, _, field = key.target_fullname.rpartition(".")
        target = f"{schema.table(model)}.{schema.column(model, field)}"
        yield ForeignKey(target, ondelete=key.ondelete)


def _type(schema: AuthSchema, kind: TypeEngine[Any]) -> TypeEngine[Any]:
    if isinstance(kind, RowId):
        return _IDS[schema.id_type]
    if isinstance(kind, Moment):
        return DateTime(timezone=schema.style.time_zone)
    if isinstance(kind, List):
        element: Any = {"string": Text(), "number": Integer()}[kind.element]
        return ARRAY(element) if schema.style.arrays else JSONB()
    return kind
