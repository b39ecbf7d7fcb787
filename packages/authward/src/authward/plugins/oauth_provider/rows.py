"""Rows of the plugin's tables, by the fields' names, and the statements that need no more."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from asyncpg import ForeignKeyViolationError, Record, UniqueViolationError
from sqlalchemy import Integer, bindparam, delete, insert, literal_column, select, update

from authward.plugins.oauth_provider.errors import OAuthError
from authward.plugins.oauth_provider.schema import TABLES
from authward.schema.fields import DBField
from authward.schema.plugin_tables import sql_table
from authward.schema.values import decode_value, to_database
from authward.storage.statements import MAX_ROWS, Executor, Statement, StatementCache, new_id
from authward.text import is_storable

Row: TypeAlias = dict[str, Any]
"""A row by the fields' names, such as `clientId`, and `id`."""
_ONE = literal_column("1", type_=Integer)
_ID = DBField(type="string")

UniqueError = UniqueViolationError


class Model:
    """One table."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.fields = {"id": _ID, **TABLES[name].fields}
        self.table = sql_table(name, TABLES[name])
        self._cache = StatementCache()

    def read(self, record: Record) -> Row:
        """Return a record of all columns, in their order, with JSON parsed."""
        pairs = zip(self.fields.items(), record, strict=True)
        return {name: decode_value(field, value) for (name, field), value in pairs}

    def encode(self, values: Mapping[str, Any]) -> Row:
        """Return values as asyncpg takes them.

        Raises:
            OAuthError: 400, a column cannot hold one.
        """
        try:
            return {name: to_database(self.fields[name], value) for name, value in values.items()}
        except ValueError as error:
            raise OAuthError("invalid_request", str(error)) from None

    async def find(self, database: Executor, **where: str) -> Row | None:
        """Return the row with these values."""
        if not all(map(is_storable, where.values())):
            return None
        statement = self._cache.get(
            ("find", *where), lambda: select(*self.table.c).where(*self._equal(where)).limit(_ONE)
        )
        record = await statement.fetchrow(database, **where)
        return None if record is None else self.read(record)

    async def find_all(self, database: Executor, **where: str) -> list[Row]:
        """Return the rows with these values, a hundred at most, in the order they were made."""
        order = [self.table.c[n] for n in ("createdAt", "id") if n in self.table.c]
        statement = self._cache.get(
            ("all", *where),
            lambda: (
                select(*self.table.c).where(*self._equal(where)).order_by(*order).limit(MAX_ROWS)
            ),
        )
        return [self.read(record) for record in await statement.fetch(database, **where)]

    async def insert(self, database: Executor, values: Mapping[str, Any]) -> Row:
        """Insert a row; fields that are not given have their default, or are null.

        Raises:
            UniqueError: there is such a one.
            OAuthError: 400, a column cannot hold a value, or whose row it is is gone meanwhile.
        """
        defaults = {name: field.default() for name, field in self.fields.items()}
        given = {name: value for name, value in values.items() if value is not None}
        own = {"id": await new_id(database, self.name)}
        encoded = self.encode({**defaults, **own, **given})
        given = {f"value_{name}": value for name, value in encoded.items()}
        try:
            record = await self._insert.fetchrow(database, **given)
        except ForeignKeyViolationError:
            raise OAuthError("invalid_request", "client or user no longer exists") from None
        assert record is not None, "an insertion without conditions"  # noqa: S101
        return self.read(record)

    async def update(
        self, database: Executor, values: Mapping[str, Any], **where: str
    ) -> Row | None:
        """Change the row with these values; None if there is none.

        Raises:
            OAuthError: 400, a column cannot hold a value.
        """
        statement = self._cache.get(
            ("update", *values, "", *where),
            lambda: (
                update(self.table)
                .where(*self._equal(where))
                .values({self.table.c[name]: bindparam(f"value_{name}") for name in values})
                .returning(*self.table.c)
            ),
        )
        given = {f"value_{name}": value for name, value in self.encode(values).items()}
        record = await statement.fetchrow(database, **given, **where)
        return None if record is None else self.read(record)

    async def delete(self, database: Executor, **where: str) -> None:
        """Delete the rows with these values."""
        statement = self._cache.get(
            ("delete", *where), lambda: delete(self.table).where(*self._equal(where))
        )
        await statement.fetch(database, **where)

    @property
    def _insert(self) -> Statement:
        values: dict[Any, Any] = {
            column: bindparam(f"value_{column.key}") for column in self.table.c
        }
        return self._cache.get(
            "insert", lambda: insert(self.table).values(values).returning(*self.table.c)
        )

    def _equal(self, where: Mapping[str, Any]) -> list[Any]:
        return [self.table.c[name] == bindparam(name) for name in where]


CLIENTS = Model("oauthClient")
RESOURCES = Model("oauthResource")
CLIENT_RESOURCES = Model("oauthClientResource")
REFRESH_TOKENS = Model("oauthRefreshToken")
ACCESS_TOKENS = Model("oauthAccessToken")
CONSENTS = Model("oauthConsent")
