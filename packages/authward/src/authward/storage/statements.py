"""SQL written as SQLAlchemy expressions, compiled once at import, run by asyncpg.

One source of names (the tables) without the cost of an ORM at run time. Where a server's tables
have other names or types, its executor compiles a statement once more: see `mapping`.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import Any, Protocol

from asyncpg import Record
from sqlalchemy import ARRAY, ClauseElement, Dialect, Integer, literal_column
from sqlalchemy.dialects.postgresql import asyncpg as dialect

from authward.ids import generate_id
from authward.schema.style import IdType
from authward.storage.arrays import ArrayText

_ARRAYS = (ARRAY, ArrayText)
_DIALECT: Dialect = dialect.dialect()  # type: ignore[no-untyped-call]

MAX_ROWS = literal_column("100", type_=Integer)
"""Of one list, as the original's adapter has it: whoever has thousands gets no endless answer."""


class Executor(Protocol):
    """What runs statements: an asyncpg pool or connection, or one that lends them."""

    async def fetch(self, query: str, /, *args: Any) -> Sequence[Record]:
        """Return all rows."""

    async def fetchrow(self, query: str, /, *args: Any) -> Record | None:
        """Return the first row, or None."""


class Mapped:
    """An executor whose tables are not Better Auth's own; see `mapping`."""

    __slots__ = ()

    @property
    def id_type(self) -> IdType:
        """Return what ids are."""
        raise NotImplementedError

    @property
    def makes_ids(self) -> bool:
        """Whether the database makes ids."""
        raise NotImplementedError

    def compiled(self, statement: "Statement") -> "Statement":
        """Return a statement for these tables."""
        raise NotImplementedError

    async def new_id(self, model: str) -> str:
        """Return an id for a new row."""
        raise NotImplementedError


async def new_id(executor: Executor, model: str | None) -> str:
    """Return an id for a new row of a model, as the server makes them; None is for no table's.

    Raises:
        ConfigurationError: the database should make them, and cannot.
    """
    if model is None or not isinstance(executor, Mapped):
        return generate_id()
    return await executor.new_id(model)


def id_type_of(executor: Executor) -> IdType:
    """Return what ids are in the database."""
    return executor.id_type if isinstance(executor, Mapped) else "text"


def makes_ids(executor: Executor) -> bool:
    """Whether the database makes ids, and not the server."""
    return isinstance(executor, Mapped) and executor.makes_ids


class Statement:
    """A compiled statement with named parameters.

    `names` are its parameters, in the order of `$1`, `$2`, …; `arrays` those that are arrays;
    `columns` those of its rows; `is_ordered` tells whether the order of the rows is said.
    """

    __slots__ = ("arrays", "columns", "expression", "is_ordered", "names", "sql")

    def __init__(self, expression: ClauseElement, tables: Dialect = _DIALECT) -> None:
        compiled = expression.compile(dialect=tables)
        self.expression = expression
        constants = [name for name, value in compiled.params.items() if value is not None]
        if constants:
            msg = f"write constants as literal_column(), not as parameters: {constants}"
            raise ValueError(msg)
        self.sql = str(compiled)
        self.names: tuple[str, ...] = tuple(compiled.positiontup or ())  # type: ignore[attr-defined]
        binds = compiled.binds  # type: ignore[attr-defined]
        self.arrays = frozenset(
            name for name in self.names if isinstance(binds[name].type, _ARRAYS)
        )
        self.columns: tuple[str, ...] = tuple(getattr(expression, "exported_columns", {}).keys())
        self.is_ordered = bool(getattr(expression, "_order_by_clauses", ()))

    def arguments(self, values: dict[str, Any]) -> list[Any]:
        """Return the values in the order of `$1`, `$2`, …

        Raises:
            KeyError: a parameter was not given.
        """
        return [values[name] for name in self.names]

    async def fetch(self, executor: Executor, **values: Any) -> Sequence[Record]:
        """Return all rows."""
        it = executor.compiled(self) if isinstance(executor, Mapped) else self
        return await executor.fetch(it.sql, *it.arguments(values))

    async def fetchrow(self, executor: Executor, **values: Any) -> Record | None:
        """Return the first row, or None."""
        it = executor.compiled(self) if isinstance(executor, Mapped) else self
        return await executor.fetchrow(it.sql, *it.arguments(values))


class StatementCache:
    """Statements that depend on which fields are given, compiled when they are first needed."""

    def __init__(self, size: int = 256) -> None:
        self._size = size
        self._statements: dict[Hashable, Statement] = {}

    def get(self, key: Hashable, build: Callable[[], ClauseElement]) -> Statement:
        """Return the statement for a key; all are forgotten when there are too many."""
        found = self._statements.get(key)
        if found is None:
            if len(self._statements) >= self._size:
                self._statements.clear()
            found = self._statements[key] = Statement(build())
        return found
