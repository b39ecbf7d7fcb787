"""How columns of tasks leave PostgreSQL: as values, as JSON text; which parameters they need."""

from collections.abc import Iterable
from functools import partial, reduce
from itertools import chain, groupby
from typing import Any

from sqlalchemy import (
    ARRAY,
    JSON,
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    String,
    Text,
    cast,
    func,
    literal_column,
)
from sqlalchemy.types import TypeEngine

from taskward.tasks.schemas import Task

_TABLE = Task.__table__  # type: ignore[attr-defined]
_ISO_8601 = """'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'"""


def as_read(column: Column[Any]) -> ColumnElement[Any]:
    """Return a column as rows have it: times in PostgreSQL's binary form, see `time_text`.

    No function here may be other than IMMUTABLE: a sharded database takes no other in RETURNING,
    so `to_char` is out, and what the driver has no quick type for becomes text.

    Raises:
        TypeError: the driver reads and writes text where there should be a structure.
    """
    if isinstance(column.type, DateTime):
        return func.timestamptz_send(column, type_=LargeBinary).label(column.name)
    _refuse_structure(column)
    if isinstance(column.type, Integer | Boolean | String | Float):
        return column
    return cast(column, Text).label(column.name)


def as_json(column: Column[Any]) -> list[str | ColumnElement[Any]]:
    """Return a column as JSON text in parts: constants, and what is put between them.

    `row_to_json` takes a third longer: it looks up how to write each column for each row.

    Raises:
        TypeError: as `as_read`.
    """
    _refuse_structure(column)
    kind, or_null = column.type, partial(_or_null, column)
    if column.name == "user_id":  # the table has a CHECK: no character of it needs an escape
        return ['"', column, '"']
    if isinstance(kind, DateTime):
        utc = func.timezone(literal_column("'UTC'"), column)
        text = func.to_char(utc, literal_column(_ISO_8601))
        return [or_null(func.to_json(text).cast(Text))] if column.nullable else ['"', text, '"']
    if isinstance(kind, Integer | Boolean):
        return [or_null(column.cast(Text))]
    value = column if isinstance(kind, String | Float) else column.cast(Text)
    return [or_null(func.to_json(value).cast(Text))]


def _or_null(column: Column[Any], value: ColumnElement[str]) -> ColumnElement[str]:
    return func.coalesce(value, literal_column("'null'")) if column.nullable else value


def _refuse_structure(column: Column[Any]) -> None:
    if isinstance(column.type, JSON | ARRAY):
        msg = f"{column}: say here how {column.type!r} goes into a task and comes out of it"
        raise TypeError(msg)


def parameter_type(column: Column[Any]) -> TypeEngine[Any]:
    """Return the type of a parameter; a `varchar` one would cut off what is too long."""
    return Text() if isinstance(column.type, String) else column.type


def json_object(columns: Iterable[Column[Any]]) -> ColumnElement[str]:
    """Return a row as JSON text, without a space, as `row_to_json` and orjson write it."""
    parts: list[str | ColumnElement[Any]] = []
    for column in columns:
        parts += [f'{"," if parts else "{"}"{column.name}":', *as_json(column)]
    said = [_constant(group) for group in groupby([*parts, "}"], key=lambda p: isinstance(p, str))]
    return reduce(lambda text, part: text.op("||")(part), chain.from_iterable(said))


def _constant(group: tuple[bool, Iterable[Any]]) -> Iterable[ColumnElement[Any]]:
    """Adjacent constants as one, which PostgreSQL would join for each row."""
    is_constant, parts = group
    return [literal_column(f"'{''.join(parts)}'", type_=Text)] if is_constant else [*parts]
