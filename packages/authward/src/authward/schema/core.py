"""Core's tables as the registry knows them, read off their classes."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Integer, Table

from authward.schema.fields import DBField, DBTable, FieldType, Reference
from authward.schema.tables import Account, RateLimit, Session, User, Verification
from authward.timestamps import now

_HIDDEN = {"accessToken", "refreshToken", "idToken", "password"} | {
    "accessTokenExpiresAt",
    "refreshTokenExpiresAt",
}

_DEFAULTS = {"emailVerified": False}


def core_tables(*, rate_limit: bool) -> dict[str, DBTable]:
    """Return the tables by model, in the order in which they can be made."""
    models = (User, Session, Account, Verification, *((RateLimit,) if rate_limit else ()))
    tables: list[Table] = [model.__table__ for model in models]
    return {str(table.name): _described(table) for table in tables}


def _described(table: Table) -> DBTable:
    indexed = {column.name for index in table.indexes for column in index.columns}
    fields = {
        str(column.name): _field(column, indexed=column.name in indexed)
        for column in table.columns
        if not column.primary_key
    }
    return DBTable(fields=fields)


def _field(column: "Column[object]", *, indexed: bool) -> DBField:
    key = next(iter(column.foreign_keys), None)
    return DBField(
        type=_type(column),
        required=not column.nullable,
        returned=column.name not in _HIDDEN,
        default_value=_DEFAULTS.get(column.name, now if column.server_default else None),
        unique=bool(column.unique),
        index=indexed,
        references=None if key is None else Reference(key.column.table.name, key.column.name),
        bigint=isinstance(column.type, BigInteger),
    )


def _type(column: "Column[object]") -> FieldType:
    if isinstance(column.type, DateTime):
        return "date"
    if isinstance(column.type, Boolean):
        return "boolean"
    return "number" if isinstance(column.type, Integer) else "string"
