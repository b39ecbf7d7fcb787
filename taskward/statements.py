"""SQL written as SQLAlchemy expressions, compiled once at import, run by asyncpg.

One source of names (the tables) without the cost of an ORM at run time.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from asyncpg import Record
from sqlalchemy import ClauseElement
from sqlalchemy.dialects.postgresql import asyncpg as dialect

_DIALECT = dialect.dialect()  # type: ignore[no-untyped-call]


class Executor(Protocol):
    """What runs statements: an asyncpg pool or connection, or `taskward.database.Database`."""

    async def fetch(self, query: str, /, *args: Any) -> Sequence[Record]:
        """Return all rows."""

    async def fetchrow(self, query: str, /, *args: Any) -> Record | None:
        """Return the first row, or None."""


class Statement:
    """A compiled statement with named parameters."""

    __slots__ = ("names", "sql")

    def __init__(self, expression: ClauseElement) -> None:
        compiled = expression.compile(dialect=_DIALECT)
        constants = [name for name, value in compiled.params.items() if value is not None]
        if constants:
            msg = f"write constants as literal_column(), not as parameters: {constants}"
            raise ValueError(msg)
        self.sql = str(compiled)
        self.names: tuple[str, ...] = tuple(compiled.positiontup or ())  # type: ignore[attr-defined]

    def arguments(self, values: dict[str, Any]) -> list[Any]:
        """Return the values in the order of `$1`, `$2`, …

        Raises:
            KeyError: a parameter was not given.
        """
        return [values[name] for name in self.names]

    async def fetch(self, executor: Executor, **values: Any) -> Sequence[Record]:
        """Return all rows."""
        return await executor.fetch(self.sql, *self.arguments(values))

    async def fetchrow(self, executor: Executor, **values: Any) -> Record | None:
        """Return the first row, or None."""
        return await executor.fetchrow(self.sql, *self.arguments(values))
