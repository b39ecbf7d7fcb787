"""Types whose columns differ from one maker of tables to the next: ids, times and lists.

Here and in every `Statement` they are what Better Auth's own migration makes: text, `timestamptz`
and `jsonb`. Where a server's tables have others, its `TableMapping` converts at the edges of a
statement, by these types, which SQLAlchemy gives to whatever is compared with such a column.
"""

from typing import Any

from sqlalchemy import ColumnElement, DateTime, Text, cast, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.compiler import compiles


class RowId(Text):
    """The key of a row, or a reference to one."""


class Moment(DateTime):
    """A point in time."""

    def __init__(self) -> None:
        super().__init__(timezone=True)


class List(JSONB):
    """A list of strings or of numbers."""

    def __init__(self, element: str = "string") -> None:
        super().__init__()
        self.element = element


class AsId(ColumnElement[str]):
    """Text that may be an id, to be compared with the ids of a table."""

    inherit_cache = False
    type = RowId()

    def __init__(self, text: Any) -> None:
        self.text = text


@compiles(AsId)
def _compile(element: AsId, compiler: Any, **kwargs: Any) -> str:
    text = str(compiler.process(element.text, **kwargs))
    return str(compiler.to_id(text)) if hasattr(compiler, "to_id") else text


def as_json(column: Any) -> ColumnElement[Any]:
    """Return a list as `jsonb`, to be looked into."""
    return func.to_jsonb(column, type_=JSONB())


def id_text(column: Any) -> ColumnElement[str]:
    """Return an id as text, to be compared with a column that is text on every server."""
    return cast(column, Text)
