"""The tables of users, sessions and accounts, with what plugins and the application add."""

from collections.abc import Callable, Mapping
from typing import Any

from asyncpg import Record
from sqlalchemy import BigInteger, Boolean, Column, Integer, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from authward.schema.column_types import List, Moment, RowId
from authward.schema.fields import DBField
from authward.schema.registry import AuthSchema
from authward.schema.tables import Account, Session, User
from authward.schema.values import decode_value, encode_fields
from authward.storage.rows import AuthSession, AuthUser
from authward.storage.session_json import SparseFields

_TYPES: dict[str, TypeEngine[Any]] = {
    "string": Text(),
    "number": Integer(),
    "boolean": Boolean(),
    "date": Moment(),
    "json": JSONB(),
    "string[]": List("string"),
    "number[]": List("number"),
}
_NOTHING: Mapping[str, Any] = {}
_USER: Callable[..., AuthUser] = AuthUser
_SESSION: Callable[..., AuthSession] = AuthSession


class UserTables:
    """These tables, and the reading of their rows, whose columns come in the tables' order."""

    def __init__(self, schema: AuthSchema) -> None:
        metadata = MetaData()
        self._user_fields = schema.added["user"]
        self._session_fields = schema.added["session"]
        self.user = _extended(User, metadata, self._user_fields)
        self.session = _extended(Session, metadata, self._session_fields)
        self.email = schema.column("user", "email")
        self.has_verifications = "verification" in schema.made_tables
        self._account_fields = schema.added["account"]
        self.account = _extended(Account, metadata, self._account_fields)
        self._user_core = len(self.user.c) - len(self._user_fields)
        self._session_core = len(self.session.c) - len(self._session_fields)

    def account_defaults(self) -> dict[str, Any]:
        """Return what a new account has in the fields that are not the core's."""
        fields = self._account_fields.items()
        given = {name: field.default() for name, field in fields if field.default_value is not None}
        return encode_fields(self._account_fields, given)

    def user_of(self, row: Record, start: int = 0) -> AuthUser:
        """Read a user whose columns begin at `start`."""
        end = start + self._user_core
        return _USER(*row[start:end], fields=_fields(self._user_fields, row, end))

    def session_of(self, row: Record, start: int = 0) -> AuthSession:
        """Read a session whose columns begin at `start`."""
        end = start + self._session_core
        return _SESSION(*row[start:end], fields=_fields(self._session_fields, row, end))

    def new_session(self, values: Mapping[str, Any], fields: Mapping[str, Any]) -> AuthSession:
        """Return a session that is in no table: it has those fields that it was given."""
        given = {n: decode_value(self._session_fields[n], value) for n, value in fields.items()}
        return AuthSession(
            id=values["session_id"],
            expires_at=values["expires_at"],
            token=values["token"],
            created_at=values["now"],
            updated_at=values["now"],
            ip_address=values["ip_address"],
            user_agent=values["user_agent"],
            user_id=values["user_id"],
            fields=SparseFields(given),
        )


def _extended(model: Any, metadata: MetaData, fields: Mapping[str, DBField]) -> Table:
    table: Table = model.__table__.to_metadata(metadata)
    table.info.update(model.__table__.info)
    for name, field in fields.items():
        column: Column[Any] = Column(
            field.field_name or name,
            column_type(field),
            key=name,
            nullable=not field.required,
            unique=field.unique,
        )
        table.append_column(column)
    return table


def column_type(field: DBField) -> TypeEngine[Any]:
    """Return the type of a field's column."""
    if field.references is not None and field.references.field == "id":
        return RowId()
    if field.is_text:
        return Text()
    return BigInteger() if field.bigint and field.type == "number" else _TYPES[str(field.type)]


def _fields(fields: Mapping[str, DBField], row: Record, start: int) -> Mapping[str, Any]:
    if not fields:
        return _NOTHING
    values = zip(fields.items(), row[start : start + len(fields)], strict=True)
    return {name: decode_value(field, value) for (name, field), value in values}
