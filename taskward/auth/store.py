"""What Better Auth keeps in PostgreSQL: users, their accounts and sessions.

Every operation is one statement, so it is one round trip and happens whole or not at all.
"""

import secrets
import string
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
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

_FIND_USER = select(*_USER).where(col(User.id) == bindparam("user_id"))

CREATE_SESSION = Statement(_INSERT_SESSION)
CREATE_USER = Statement(_INSERT_SESSION.add_cte(_INSERT_USER, _INSERT_CREDENTIAL))
CREATE_USER_WITHOUT_SESSION = Statement(
    select(bindparam("user_id", type_=Text)).add_cte(_INSERT_USER, _INSERT_CREDENTIAL)
)
CREATE_CREDENTIAL = Statement(select(bindparam("user_id", type_=Text)).add_cte(_INSERT_CREDENTIAL))
FIND_USER = Statement(_FIND_USER)
LOCK_USER = Statement(_FIND_USER.with_for_update())
FIND_USER_BY_EMAIL = Statement(select(*_USER).where(col(User.email) == bindparam("email")))
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
VERIFY_EMAIL = Statement(
    update(User)
    .where(col(User.id) == bindparam("user_id"), col(User.email) == bindparam("email"))
    .values({"emailVerified": literal_column("true"), "updatedAt": bindparam("now")})
)
CHANGE_EMAIL = Statement(
    update(User)
    .where(col(User.id) == bindparam("user_id"), col(User.email) == bindparam("old_email"))
    .values(
        {
            "email": bindparam("email"),
            "emailVerified": func.coalesce(
                bindparam("verified", type_=Boolean), col(User.email_verified)
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


def generate_id(length: int = 32) -> str:
    """Return random letters and digits: 32 of them are Better Auth's ids and session tokens."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


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


async def create_user_without_session(
    database: Executor, user_id: str, user: NewUser, password: str, moment: datetime
) -> bool:
    """Create a user with a (hashed) password who is to verify the e-mail; False if it is taken."""
    account = {"account_row_id": generate_id(), "password": password}
    values = {"user_id": user_id, "now": moment} | account | asdict(user)
    try:
        await CREATE_USER_WITHOUT_SESSION.fetchrow(database, **values)
    except UniqueViolationError:
        return False
    return True


async def change_email(
    database: Executor, user: Record, email: str, *, verified: bool | None = None
) -> Record | None:
    """Replace the e-mail of a user as it was read; `verified` None leaves that as it is.

    Returns:
        The user as it now is; None if the address is taken or the user has changed meanwhile.
    """
    old = {"user_id": user["id"], "old_email": user["email"]}
    try:
        return await CHANGE_EMAIL.fetchrow(
            database, **old, email=email, verified=verified, now=now()
        )
    except UniqueViolationError:
        return None


async def set_password(connection: Executor, user_id: str, hashed: str) -> None:
    """Give a user, whose row is locked, a password, be it the first one or another."""
    moment = now()
    account = await FIND_CREDENTIAL.fetchrow(connection, user_id=user_id)
    row_id = account["id"] if account else generate_id()
    statement = UPDATE_PASSWORD if account else CREATE_CREDENTIAL
    values = {"account_row_id": row_id, "user_id": user_id, "password": hashed, "now": moment}
    await statement.fetch(connection, **values)


def new_user_json(user: NewUser, user_id: str, moment: datetime) -> dict[str, Any]:
    """Return what clients see of the user that was created at this moment."""
    created_at = to_json(moment)
    return {
        "name": user.name,
        "email": user.email,
        "emailVerified": False,
        "image": user.image,
        "createdAt": created_at,
        "updatedAt": created_at,
        "id": user_id,
    }
