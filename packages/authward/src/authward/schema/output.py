"""Users and sessions as clients see them: the original's properties, in the original's order."""

from collections.abc import Mapping
from typing import Any

from authward.schema.fields import DBField
from authward.storage.rows import AuthSession, AuthUser
from authward.timestamps import to_json


class Output:
    """Writes rows as JSON: the fields that are returned, or with `whole` all of them."""

    def __init__(
        self, user: Mapping[str, DBField], session: Mapping[str, DBField], *, whole: bool = False
    ) -> None:
        self._user = _shown(user, whole=whole)
        self._session = _shown(session, whole=whole)

    def user(self, user: AuthUser) -> dict[str, Any]:
        """Return a user as clients see it."""
        core = {
            "name": user.name,
            "email": user.email,
            "emailVerified": user.email_verified,
            "image": user.image,
            "createdAt": to_json(user.created_at),
            "updatedAt": to_json(user.updated_at),
        }
        if self._user:
            core |= _added(self._user, user.fields)
        core["id"] = user.id
        return core

    def session(self, session: AuthSession) -> dict[str, Any]:
        """Return a session as its user sees it."""
        core = {
            "expiresAt": to_json(session.expires_at),
            "token": session.token,
            "createdAt": to_json(session.created_at),
            "updatedAt": to_json(session.updated_at),
            "ipAddress": session.ip_address,
            "userAgent": session.user_agent,
            "userId": session.user_id,
        }
        if self._session:
            core |= _added(self._session, session.fields)
        core["id"] = session.id
        return core


def _shown(fields: Mapping[str, DBField], *, whole: bool) -> dict[str, bool]:
    """The names of what is written, and whether it is a time."""
    return {name: field.type == "date" for name, field in fields.items() if field.returned or whole}


def _added(shown: Mapping[str, bool], values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: to_json(values[name]) if is_time and values[name] is not None else values[name]
        for name, is_time in shown.items()
        if name in values
    }
