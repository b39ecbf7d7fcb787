"""Better Auth's own tables, as its migration for PostgreSQL makes them.

Column names are camel case because a TypeScript Better Auth server may share the database.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, Integer, Text, text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from authward.schema.column_types import Moment, RowId

_NOW = text("CURRENT_TIMESTAMP")


def _text(name: str, *, unique: bool = False, nullable: bool = False, key: str = "") -> Any:
    arguments: dict[str, Any] = {"foreign_key": key, "ondelete": "CASCADE"} if key else {}
    return Field(
        sa_type=RowId if key else Text,
        unique=unique,
        nullable=nullable,
        sa_column_kwargs={"name": name},
        **arguments,
    )


def _time(name: str, *, default: bool = False, nullable: bool = False) -> Any:
    arguments: dict[str, Any] = {"server_default": _NOW} if default else {}
    return Field(
        sa_type=Moment,
        nullable=nullable,
        sa_column_kwargs={"name": name, **arguments},
    )


def _key() -> Any:
    return Field(primary_key=True, sa_type=RowId)


def _args(model: str, *indexes: Index) -> tuple[Any, ...]:
    """Return what is said of a table; by `model` statements for tables of others find it."""
    return (*indexes, {"info": {"model": model}})


class AuthTable(SQLModel, registry=registry()):
    """What these tables have in common: metadata apart from that of the host's own tables."""


metadata = AuthTable.metadata


class User(AuthTable, table=True):
    """A person; `email` is lower case."""

    __tablename__ = "user"
    __table_args__ = _args("user")
    id: str = _key()
    name: str = _text("name")
    email: str = _text("email", unique=True)
    email_verified: bool = Field(nullable=False, sa_column_kwargs={"name": "emailVerified"})
    image: str | None = _text("image", nullable=True)
    created_at: datetime = _time("createdAt", default=True)
    updated_at: datetime = _time("updatedAt", default=True)


class Session(AuthTable, table=True):
    """A signed-in browser; `token` is what its cookie carries."""

    __tablename__ = "session"
    __table_args__ = _args("session", Index("session_userId_idx", "userId"))
    id: str = _key()
    expires_at: datetime = _time("expiresAt")
    token: str = _text("token", unique=True)
    created_at: datetime = _time("createdAt", default=True)
    updated_at: datetime = _time("updatedAt")
    ip_address: str | None = _text("ipAddress", nullable=True)
    user_agent: str | None = _text("userAgent", nullable=True)
    user_id: str = _text("userId", key="user.id")


class Account(AuthTable, table=True):
    """A way to sign in: the `credential` provider holds the password, others their tokens."""

    __tablename__ = "account"
    __table_args__ = _args("account", Index("account_userId_idx", "userId"))
    id: str = _key()
    account_id: str = _text("accountId")
    provider_id: str = _text("providerId")
    user_id: str = _text("userId", key="user.id")
    access_token: str | None = _text("accessToken", nullable=True)
    refresh_token: str | None = _text("refreshToken", nullable=True)
    id_token: str | None = _text("idToken", nullable=True)
    access_token_expires_at: datetime | None = _time("accessTokenExpiresAt", nullable=True)
    refresh_token_expires_at: datetime | None = _time("refreshTokenExpiresAt", nullable=True)
    scope: str | None = _text("scope", nullable=True)
    password: str | None = _text("password", nullable=True)
    created_at: datetime = _time("createdAt", default=True)
    updated_at: datetime = _time("updatedAt")


class Verification(AuthTable, table=True):
    """A short-lived value that proves something, such as a password reset."""

    __tablename__ = "verification"
    __table_args__ = _args("verification", Index("verification_identifier_idx", "identifier"))
    id: str = _key()
    identifier: str = _text("identifier")
    value: str = _text("value")
    expires_at: datetime = _time("expiresAt")
    created_at: datetime = _time("createdAt", default=True)
    updated_at: datetime = _time("updatedAt", default=True)


class RateLimit(AuthTable, table=True):
    """Requests counted per client address and path; `last_request` in milliseconds since 1970."""

    __tablename__ = "rateLimit"
    __table_args__ = _args("rateLimit")
    id: str = _key()
    key: str = _text("key", unique=True)
    count: int = Field(sa_type=Integer)
    last_request: int = Field(sa_type=BigInteger, sa_column_kwargs={"name": "lastRequest"})
