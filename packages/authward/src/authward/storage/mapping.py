"""Tables that another tool has made: their names, their types, and who makes their ids.

Statements are written once, for the tables that Better Auth's own migration makes. A server with
other tables has a `TableMapping`, which compiles each statement once more: with the names that are
there, and with conversions where values go in and come out. Inside a statement nothing is
converted, so indexes serve as before. A server with those tables has none, and pays nothing.
"""

import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from asyncpg import Record
from sqlalchemy import Column, MetaData, Table
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg

from authward.errors import ConfigurationError
from authward.ids import generate_id
from authward.schema.registry import AuthSchema
from authward.schema.style import GenerateId, IdType
from authward.storage.mapped_compiler import MappedDialect
from authward.storage.statements import Executor, Mapped, Statement

_MAX_STATEMENTS = 1024
_FIND_DEFAULT = """
SELECT CASE WHEN attidentity <> ''
    THEN format('nextval(%L)', pg_get_serial_sequence(quote_ident($1), 'id'))
    ELSE pg_get_expr(adbin, adrelid) END AS expression
FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE attrelid = to_regclass(quote_ident($1)) AND attname = 'id'
"""


class Pool(Executor, Protocol):
    """A connection pool."""

    def acquire(self) -> AbstractAsyncContextManager[Any]:
        """Acquire a connection, which has `transaction()`."""


class TableMapping:
    """How a server's tables differ from Better Auth's own."""

    def __init__(self, schema: AuthSchema, generate_id: GenerateId) -> None:
        self._schema = schema
        self._generate_id = generate_id
        self.id_type = schema.id_type
        self.time_zone = schema.style.time_zone
        self.arrays = schema.style.arrays
        self._tables: dict[str, Table] = {}
        self._statements: dict[Statement, Statement] = {}
        self._defaults: dict[str, str] = {}
        self._dialect: PGDialect_asyncpg = MappedDialect(self)

    @property
    def is_needed(self) -> bool:
        """Whether any statement would be another one, or any id."""
        return self._generate_id is not None or self._schema.is_foreign

    def on_pool(self, pool: Pool) -> Pool:
        """Return what runs statements on a pool: itself, if the tables are Better Auth's own."""
        return MappedPool(pool, self) if self.is_needed else pool

    def on_connection(self, connection: Executor) -> Executor:
        """Return what runs statements on a connection of one's own."""
        return MappedConnection(connection, self) if self.is_needed else connection

    @property
    def makes_ids(self) -> bool:
        """Whether the database makes ids, and not this server."""
        return self._generate_id in (False, "serial")

    def compiled(self, statement: Statement) -> Statement:
        """Return a statement for these tables; it is compiled when it is first needed."""
        found = self._statements.get(statement)
        if found is None:
            if len(self._statements) >= _MAX_STATEMENTS:
                self._statements.clear()
            found = Statement(statement.expression, self._dialect)
            self._statements[statement] = found
        return found

    def table(self, table: Any) -> Table | None:
        """Return a table with the names that are there, its columns by their usual names."""
        model = getattr(table, "info", {}).get("model")
        if model is None:
            return None
        columns = {column.key: self._schema.column(model, column.key) for column in table.c}
        known = self._tables.get(model)
        if known is None or columns.keys() - known.c.keys():
            known = self._tables[model] = Table(
                self._schema.table(model),
                MetaData(),
                *(Column(columns[c.key], c.type, key=c.key) for c in table.c),
                info={"model": model},
            )
        return known

    async def new_id(self, database: Executor, model: str) -> str:
        """Return an id for a new row.

        Raises:
            ConfigurationError: the database makes none, though it should.
        """
        if callable(self._generate_id):
            return str(self._generate_id(model))
        if self.makes_ids:
            return await self._ask_for_id(database, model)
        return str(uuid.uuid4()) if self.id_type == "uuid" else generate_id()

    async def _ask_for_id(self, database: Executor, model: str) -> str:
        if model not in self._defaults:
            self._defaults[model] = await self._find_default(database, model)
        # The expression is the database's own, as its catalogue has it.
        expression = self._defaults[model]
        row = await database.fetchrow(f"SELECT CAST(({expression}) AS text) AS id")
        return str(row["id"]) if row else ""

    async def _find_default(self, database: Executor, model: str) -> str:
        table = self._schema.table(model)
        row = await database.fetchrow(_FIND_DEFAULT, table)
        if row is None or not row["expression"]:
            raise ConfigurationError(f'"id" of {table!r} has no default that would make one')
        return str(row["expression"])


@dataclass(frozen=True, slots=True)
class MappedExecutor(Mapped):
    """Runs statements on a server's own tables; SQL that is text is run as it is."""

    executor: Any
    mapping: TableMapping

    async def fetch(self, query: str, /, *args: Any) -> Sequence[Record]:
        """Return all rows."""
        rows: Sequence[Record] = await self.executor.fetch(query, *args)
        return rows

    async def fetchrow(self, query: str, /, *args: Any) -> Record | None:
        """Return the first row, or None."""
        row: Record | None = await self.executor.fetchrow(query, *args)
        return row

    @property
    def id_type(self) -> IdType:
        """Return what ids are."""
        return self.mapping.id_type

    @property
    def makes_ids(self) -> bool:
        """Whether the database makes ids."""
        return self.mapping.makes_ids

    def compiled(self, statement: Statement) -> Statement:
        """Return a statement for these tables."""
        return self.mapping.compiled(statement)

    async def new_id(self, model: str) -> str:
        """Return an id for a new row."""
        return await self.mapping.new_id(self, model)


class MappedConnection(MappedExecutor):
    """A connection."""

    __slots__ = ()

    def transaction(self, **options: Any) -> Any:
        """Begin a transaction; see asyncpg."""
        return self.executor.transaction(**options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.executor, name)


class MappedPool(MappedExecutor):
    """A connection pool."""

    __slots__ = ()

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Any]:
        """Acquire a connection, which has `transaction()`."""
        async with self.executor.acquire() as connection:
            yield MappedConnection(connection, self.mapping)
