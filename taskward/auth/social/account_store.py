"""Accounts at providers, as rows of Better Auth's `account` table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from asyncpg import Record
from sqlalchemy import Boolean, Text, bindparam, delete, func, insert, select, update
from sqlalchemy import literal_column as literal
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlmodel import col

from taskward.auth.social.provider import Profile, Tokens
from taskward.auth.store import generate_id
from taskward.auth.tables import Account, User
from taskward.statements import Executor, Statement
from taskward.timestamps import now

_USER = [*User.__table__.c]  # type: ignore[attr-defined]
_TIME = TIMESTAMP(timezone=True)
_TOKENS = {
    "accessToken": bindparam("access_token", type_=Text),
    "refreshToken": bindparam("refresh_token", type_=Text),
    "idToken": bindparam("id_token", type_=Text),
    "accessTokenExpiresAt": bindparam("access_token_expires_at", type_=_TIME),
    "refreshTokenExpiresAt": bindparam("refresh_token_expires_at", type_=_TIME),
    "scope": bindparam("scope", type_=Text),
}
_BY_KEY = (col(Account.provider_id) == bindparam("provider_id")) & (
    col(Account.account_id) == bindparam("account_id")
)

LOCK = Statement(
    select(func.pg_advisory_xact_lock(func.hashtextextended(bindparam("key"), literal("0"))))
)
FIND_BY_KEY = Statement(
    select(
        col(Account.id).label("account_row_id"),
        col(Account.user_id).label("user_id"),
        col(Account.scope).label("scope"),
    )
    .where(_BY_KEY)
    .limit(literal("2"))
)
FIND_USER = Statement(select(*_USER).where(col(User.id) == bindparam("user_id")))
FIND_USER_BY_EMAIL = Statement(select(*_USER).where(col(User.email) == bindparam("email")))
LOCK_USER = Statement(
    select(col(User.id)).where(col(User.id) == bindparam("user_id")).with_for_update()
)
CREATE = Statement(
    insert(Account).values(
        {
            "id": bindparam("account_row_id"),
            "accountId": bindparam("account_id"),
            "providerId": bindparam("provider_id"),
            "userId": bindparam("user_id"),
            "createdAt": bindparam("now"),
            "updatedAt": bindparam("now"),
            **_TOKENS,
        }
    )
)
UPDATE_TOKENS = Statement(
    update(Account)
    .where(col(Account.id) == bindparam("account_row_id"))
    .values(
        {
            name: func.coalesce(value, literal(f'account."{name}"'))
            for name, value in _TOKENS.items()
        }
        | {"updatedAt": bindparam("now")}
    )
)
CREATE_USER = Statement(
    insert(User)
    .values(
        {
            "id": bindparam("user_id"),
            "name": bindparam("name"),
            "email": bindparam("email"),
            "emailVerified": bindparam("email_verified"),
            "image": bindparam("image"),
            "createdAt": bindparam("now"),
            "updatedAt": bindparam("now"),
        }
    )
    .returning(*_USER)
)
UPDATE_USER = Statement(
    update(User)
    .where(col(User.id) == bindparam("user_id"))
    .values(
        {
            "name": func.coalesce(bindparam("name", type_=Text), col(User.name)),
            "email": func.coalesce(bindparam("email", type_=Text), col(User.email)),
            "emailVerified": func.coalesce(
                bindparam("email_verified", type_=Boolean), col(User.email_verified)
            ),
            "image": func.coalesce(bindparam("image", type_=Text), col(User.image)),
            "updatedAt": bindparam("now"),
        }
    )
    .returning(*_USER)
)
LIST = Statement(
    select(
        col(Account.id),
        col(Account.account_id),
        col(Account.provider_id),
        col(Account.user_id),
        col(Account.scope),
        col(Account.created_at),
        col(Account.updated_at),
    )
    .where(col(Account.user_id) == bindparam("user_id"))
    .order_by(col(Account.created_at), col(Account.id))
)
DELETE = Statement(delete(Account).where(col(Account.id) == bindparam("account_row_id")))


class DuplicateAccountError(Exception):
    """Two rows for one account of a provider: nobody can tell whose it is."""


@dataclass(frozen=True, slots=True)
class Identity:
    """An account at a provider, who has it, and what it lets us do."""

    provider_id: str
    profile: Profile
    tokens: Tokens

    @property
    def email(self) -> str:
        """The address as the `user` table has it."""
        return (self.profile.email or "").lower()


async def find_account(connection: Executor, identity: Identity) -> Record | None:
    """Return the account's row and keep others from making one until the transaction ends.

    Raises:
        DuplicateAccountError: there is more than one.
    """
    provider_id, account_id = identity.provider_id, identity.profile.account_id
    await LOCK.fetch(connection, key=f"account:{provider_id}:{account_id}")
    found = await FIND_BY_KEY.fetch(connection, provider_id=provider_id, account_id=account_id)
    if len(found) > 1:
        raise DuplicateAccountError
    return found[0] if found else None


async def create_account(connection: Executor, user_id: str, identity: Identity) -> None:
    """Make the account the user's."""
    await CREATE.fetch(
        connection,
        account_row_id=generate_id(),
        account_id=identity.profile.account_id,
        provider_id=identity.provider_id,
        user_id=user_id,
        now=now(),
        **_values(identity.tokens, _joined(identity.tokens.scopes)),
    )


async def update_tokens(
    connection: Executor, account: Record, tokens: Tokens, *, merge_scopes: bool
) -> None:
    """Keep what the provider gave this time, and what it gave before where it gave nothing.

    The scopes only grow, and only where the user asked to link.
    """
    scope = _merged(account["scope"], tokens.scopes) if merge_scopes else None
    await UPDATE_TOKENS.fetch(
        connection,
        account_row_id=account["account_row_id"],
        now=now(),
        **_values(tokens, scope),
    )


async def update_user(connection: Executor, user_id: str, **changes: Any) -> Record | None:
    """Change some of `name`, `email`, `email_verified` and `image`; None leaves a value alone."""
    values = dict.fromkeys(("name", "email", "email_verified", "image")) | changes
    return await UPDATE_USER.fetchrow(connection, user_id=user_id, now=now(), **values)


def scopes_of(stored: str | None) -> list[str]:
    """Return the scopes as a list."""
    return [scope.strip() for scope in (stored or "").split(",") if scope.strip()]


def _values(tokens: Tokens, scope: str | None) -> dict[str, Any]:
    return {
        "access_token": tokens.access_token,
        "refresh_token": tokens.refresh_token,
        "id_token": tokens.id_token,
        "access_token_expires_at": tokens.access_token_expires_at,
        "refresh_token_expires_at": tokens.refresh_token_expires_at,
        "scope": scope,
    }


def _joined(scopes: Sequence[str] | None) -> str | None:
    return None if scopes is None else ",".join(scopes)


def _merged(stored: str | None, more: Sequence[str] | None) -> str | None:
    return ",".join(dict.fromkeys([*scopes_of(stored), *(more or ())])) or None
