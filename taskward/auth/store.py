"""What Better Auth keeps in PostgreSQL: users, their accounts and sessions.

Every operation is one statement, so it is one round trip and happens whole or not at all.
"""

import secrets
import string
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Self

from asyncpg import ForeignKeyViolationError, Record, UniqueViolationError
from sqlalchemy import (
    Boolean,
    ColumnElement,
    Text,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlmodel import col

from taskward.auth.passwords import well_formed
from taskward.auth.tables import Account, Session, User
from taskward.statements import Executor, Statement
from taskward.timestamps import now, to_json

_ALPHABET = string.ascii_letters + string.digits
_UNREMEMBERED = timedelta(days=1)

_USER = [*User.__table__.c]  # type: ignore[attr-defined]
_SESSION = [*Session.__table__.c]  # type: ignore[attr-defined]
_SESSION_VALUES: dict[str, Any] = {
    "id": bindparam("session_id"),
    "expiresAt": bindparam("expires_at"),
    "token": bindparam("token"),
    "createdAt": bindparam("now"),
    "updatedAt": bindparam("now"),
    "ipAddress": bindparam("ip_address"),
    "userAgent": bindparam("user_agent"),
    "userId": bindparam("user_id"),
}
_INSERT_SESSION = insert(Session).values(_SESSION_VALUES).returning(*_SESSION)
_INSERT_USER = (
    insert(User)
    .values(
        {
            "id": bindparam("user_id"),
            "name": bindparam("name"),
            "email": bindparam("email"),
            "emailVerified": literal_column("false"),
            "image": bindparam("image"),
            "createdAt": bindparam("now"),
            "updatedAt": bindparam("now"),
        }
    )
    .cte("new_user")
)
_INSERT_CREDENTIAL = (
    insert(Account)
    .values(
        {
            "id": bindparam("account_row_id"),
            "accountId": bindparam("user_id"),
            "providerId": literal_column("'credential'"),
            "userId": bindparam("user_id"),
            "password": bindparam("password"),
            "createdAt": bindparam("now"),
            "updatedAt": bindparam("now"),
        }
    )
    .cte("new_account")
)
_IS_CREDENTIAL = (col(Account.provider_id) == literal_column("'credential'")) & (
    col(Account.account_id) == col(Account.user_id)
)

CREATE_SESSION = Statement(_INSERT_SESSION)
CREATE_USER = Statement(_INSERT_SESSION.add_cte(_INSERT_USER, _INSERT_CREDENTIAL))
EMAIL_EXISTS = Statement(select(col(User.id)).where(col(User.email) == bindparam("email")))
FIND_USER_WITH_PASSWORD = Statement(
    select(*_USER, col(Account.password))
    .outerjoin(Account, (col(Account.user_id) == col(User.id)) & _IS_CREDENTIAL)
    .where(col(User.email) == bindparam("email"))
)


def _prefixed(prefix: str, columns: Sequence[ColumnElement[Any]]) -> list[ColumnElement[Any]]:
    return [column.label(f"{prefix}.{column.key}") for column in columns]


FIND_SESSION = Statement(
    select(*_prefixed("session", _SESSION), *_prefixed("user", _USER))
    .join(User, col(User.id) == col(Session.user_id))
    .where(col(Session.token) == bindparam("token"))
)
EXTEND_SESSION = Statement(
    update(Session)
    .where(col(Session.token) == bindparam("token"))
    .values({"expiresAt": bindparam("expires_at"), "updatedAt": bindparam("now")})
    .returning(*_SESSION)
)
LIST_SESSIONS = Statement(
    select(*_SESSION).where(
        col(Session.user_id) == bindparam("user_id"), col(Session.expires_at) > bindparam("now")
    )
)
DELETE_SESSION = Statement(delete(Session).where(col(Session.token) == bindparam("token")))
DELETE_SESSION_OF_USER = Statement(
    delete(Session).where(
        col(Session.token) == bindparam("token"), col(Session.user_id) == bindparam("user_id")
    )
)
DELETE_OTHER_SESSIONS = Statement(
    delete(Session).where(
        col(Session.user_id) == bindparam("user_id"), col(Session.token) != bindparam("token")
    )
)
DELETE_SESSIONS_OF_USER = Statement(
    delete(Session).where(col(Session.user_id) == bindparam("user_id"))
)
UPDATE_USER = Statement(
    update(User)
    .where(col(User.id) == bindparam("user_id"))
    .values(
        {
            "name": func.coalesce(bindparam("name", type_=Text), col(User.name)),
            "image": case(
                (bindparam("sets_image", type_=Boolean), bindparam("image", type_=Text)),
                else_=col(User.image),
            ),
            "updatedAt": bindparam("now"),
        }
    )
    .returning(*_USER)
)
FIND_CREDENTIAL = Statement(
    select(col(Account.id), col(Account.password)).where(
        col(Account.user_id) == bindparam("user_id"), _IS_CREDENTIAL
    )
)
UPDATE_PASSWORD = Statement(
    update(Account)
    .where(col(Account.id) == bindparam("account_row_id"))
    .values({"password": bindparam("password"), "updatedAt": bindparam("now")})
)
DELETE_USER = Statement(
    delete(User).where(col(User.id) == bindparam("user_id")).returning(col(User.id))
)


def generate_id() -> str:
    """Return 32 random letters and digits: Better Auth's ids and session tokens."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(32))


@dataclass(frozen=True, slots=True)
class NewSession:
    """What a session is made of."""

    user_id: str
    lifetime: timedelta
    remember: bool
    ip_address: str
    user_agent: str

    def values(self) -> dict[str, Any]:
        """Return the row; a session that need not be remembered lasts one day."""
        moment = now()
        return {
            "session_id": generate_id(),
            "token": generate_id(),
            "now": moment,
            "expires_at": moment + (self.lifetime if self.remember else _UNREMEMBERED),
            "ip_address": self.ip_address,
            "user_agent": self.user_agent,
            "user_id": self.user_id,
        }


@dataclass(frozen=True, slots=True)
class NewUser:
    """What a user is made of."""

    name: str
    email: str
    image: str | None = None

    @classmethod
    def normalized(cls, name: str, email: str, image: str | None = None) -> Self:
        """Make the e-mail address lower case, and text as PostgreSQL can hold it."""
        return cls(well_formed(name), email.lower(), image and well_formed(image))


async def create_session(database: Executor, session: NewSession) -> Record | None:
    """Sign a user in; None if the user was deleted in the meantime."""
    try:
        return await CREATE_SESSION.fetchrow(database, **session.values())
    except ForeignKeyViolationError:
        return None


async def create_user(
    database: Executor, session: NewSession, user: NewUser, password: str
) -> Record | None:
    """Create a user with a (hashed) password and a first session; None if the e-mail is taken."""
    account = {"account_row_id": generate_id(), "password": password}
    values = session.values() | account | asdict(user)
    try:
        return await CREATE_USER.fetchrow(database, **values)
    except UniqueViolationError:
        return None


def new_user_json(session: Record, user: NewUser) -> dict[str, Any]:
    """Return what clients see of the user that was created together with its first session."""
    created_at = to_json(session["createdAt"])
    return {
        "name": user.name,
        "email": user.email,
        "emailVerified": False,
        "image": user.image,
        "createdAt": created_at,
        "updatedAt": created_at,
        "id": session["userId"],
    }
