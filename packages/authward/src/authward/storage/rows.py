"""Rows of the database, typed: a user, a session, and both."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any

from pydantic.alias_generators import to_camel

from authward.timestamps import now


@dataclass(frozen=True, slots=True)
class AuthUser:
    """A user. `email` is lower case, times are in UTC.

    `fields` has what plugins and the application have added, by the fields' names.
    """

    id: str
    name: str
    email: str
    email_verified: bool
    image: str | None
    created_at: datetime
    updated_at: datetime
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuthSession:
    """A session. Its `token` is a secret: whoever has it is the user.

    `fields` has what plugins and the application have added, by the fields' names.
    """

    id: str
    expires_at: datetime
    token: str = field(repr=False)
    created_at: datetime
    updated_at: datetime
    ip_address: str | None
    user_agent: str | None
    user_id: str
    fields: Mapping[str, Any] = field(default_factory=dict)

    def is_fresh(self, max_age: int) -> bool:
        """Whether the user signed in less than `max_age` seconds ago."""
        return now() - self.created_at < timedelta(seconds=max_age)


def values_of(row: AuthUser | AuthSession) -> dict[str, Any]:
    """Return a row's values by the fields' names, such as `emailVerified`."""
    core = {to_camel(each.name): getattr(row, each.name) for each in fields(row)}
    del core["fields"]
    return core | dict(row.fields)


@dataclass(frozen=True, slots=True)
class SessionAndUser:
    """A session and its user."""

    session: AuthSession
    user: AuthUser
