"""A session and its user as JSON has them: in the secondary storage, and in the cookie cache.

The JSON is the original's, which writes what it has: of a session that is in no table, only those
fields that were given.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

from authward.schema.fields import DBField
from authward.storage.rows import AuthSession, AuthUser, SessionAndUser
from authward.timestamps import from_json

Fields: TypeAlias = Mapping[str, DBField]


class SparseFields(dict[str, Any]):
    """Fields that JSON has: any other is None to whoever asks for it, and is not shown."""

    def __missing__(self, name: str) -> None:
        return None


def session_and_user(payload: Any, of_session: Fields, of_user: Fields) -> SessionAndUser | None:
    """Read `{"session", "user"}`; None if it is something else."""
    try:
        session, user = payload["session"], payload["user"]
        return SessionAndUser(session_of(session, of_session), _user_of(user, of_user))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def session_of(session: Mapping[str, Any], fields: Fields) -> AuthSession:
    """Read a session.

    Raises:
        KeyError, TypeError, ValueError: it is none.
    """
    return AuthSession(
        id=_text(session, "id"),
        expires_at=from_json(session["expiresAt"]),
        token=_text(session, "token"),
        created_at=from_json(session["createdAt"]),
        updated_at=from_json(session["updatedAt"]),
        ip_address=session.get("ipAddress"),
        user_agent=session.get("userAgent"),
        user_id=_text(session, "userId"),
        fields=_fields(fields, session),
    )


def _user_of(user: Mapping[str, Any], fields: Fields) -> AuthUser:
    return AuthUser(
        id=_text(user, "id"),
        name=_text(user, "name"),
        email=_text(user, "email"),
        email_verified=bool(user["emailVerified"]),
        image=user.get("image"),
        created_at=from_json(user["createdAt"]),
        updated_at=from_json(user["updatedAt"]),
        fields=_fields(fields, user),
    )


def _text(values: Mapping[str, Any], name: str) -> str:
    value = values[name]
    if not isinstance(value, str):
        raise TypeError(name)
    return value


def _fields(fields: Fields, values: Mapping[str, Any]) -> SparseFields:
    return SparseFields(
        {name: _field(each, values[name]) for name, each in fields.items() if name in values}
    )


def _field(field: DBField, value: Any) -> Any:
    return from_json(value) if field.type == "date" and value is not None else value
