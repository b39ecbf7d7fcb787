"""Accounts at providers, as rows of Better Auth's `account` table."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from asyncpg import Record
from sqlalchemy import BindParameter, Text, bindparam, delete, func, select, update
from sqlalchemy import literal_column as literal
from sqlmodel import col

from authward.endpoint_context import EndpointContext
from authward.oauth.provider import Profile, Tokens
from authward.schema.column_types import Moment
from authward.schema.tables import Account
from authward.security.encryption import symmetric_decrypt, symmetric_encrypt
from authward.storage.statements import MAX_ROWS, Executor, Statement
from authward.timestamps import now

_COLUMNS = Account.__table__.c  # type: ignore[attr-defined]
_ENCRYPTED = re.compile(r"\$ba\$.*|(?:[0-9a-fA-F]{2})+", re.DOTALL)
_TOKENS: dict[str, BindParameter[Any]] = {
    "accessToken": bindparam("access_token", type_=Text),
    "refreshToken": bindparam("refresh_token", type_=Text),
    "idToken": bindparam("id_token", type_=Text),
    "accessTokenExpiresAt": bindparam("access_token_expires_at", type_=Moment()),
    "refreshTokenExpiresAt": bindparam("refresh_token_expires_at", type_=Moment()),
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
UPDATE_TOKENS = Statement(
    update(Account)
    .where(col(Account.id) == bindparam("account_row_id"))
    .values(
        {name: func.coalesce(value, _COLUMNS[name]) for name, value in _TOKENS.items()}
        | {"updatedAt": bindparam("now")}
    )
)
FIND_OF_USER = Statement(
    select(
        col(Account.id).label("account_row_id"),
        col(Account.account_id),
        col(Account.provider_id),
        col(Account.user_id).label("user_id"),
        col(Account.access_token),
        col(Account.refresh_token),
        col(Account.id_token),
        col(Account.access_token_expires_at),
        col(Account.refresh_token_expires_at),
        col(Account.scope).label("scope"),
        col(Account.created_at),
        col(Account.updated_at),
    ).where(
        col(Account.user_id) == bindparam("user_id"),
        col(Account.id) == bindparam("account_row_id"),
    )
)
FIND_ROW_BY_KEY = Statement(select(*Account.__table__.c).where(_BY_KEY))  # type: ignore[attr-defined]
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
    .limit(MAX_ROWS)
)
DELETE = Statement(delete(Account).where(col(Account.id) == bindparam("account_row_id")))


class DuplicateAccountError(Exception):
    """Two rows for one account of a provider: nobody can tell whose it is."""


class UnreadableTokenError(Exception):
    """A token is encrypted under a secret that is not ours."""


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


async def create_account(ctx: EndpointContext, user_id: str, identity: Identity) -> str:
    """Make the account the user's; return the row's id."""
    key = {"accountId": identity.profile.account_id, "providerId": identity.provider_id}
    sealed = seal_tokens(ctx, identity.tokens)
    given = {**key, "userId": user_id, **_values(sealed, _joined(identity.tokens.scopes))}
    values = await ctx.before_write("account", "create", given, user_id)
    own = {**key, "userId": user_id, "createdAt": (moment := now()), "updatedAt": moment}
    known = ctx.auth.schema.tables["account"].fields
    row = {name: value for name, value in values.items() if name in known} | own
    made = await ctx.auth.adapter.create(ctx.database, "account", row)
    ctx.after_write("account", "create", values, user_id)
    return str(made["id"])


async def update_tokens(
    ctx: EndpointContext, account: Record | Mapping[str, Any], tokens: Tokens, *, merge_scopes: bool
) -> None:
    """Keep what the provider gave this time, and what it gave before where it gave nothing.

    The scopes only grow, and only where the user asked to link.
    """
    scope = _merged(account["scope"], tokens.scopes) if merge_scopes else None
    user_id, given = account["user_id"], _values(seal_tokens(ctx, tokens), scope)
    values = await ctx.before_write("account", "update", given, user_id)
    await UPDATE_TOKENS.fetch(
        ctx.database,
        account_row_id=account["account_row_id"],
        now=now(),
        **_parameters(values),
    )
    ctx.after_write("account", "update", values, user_id)


def seal_tokens(ctx: EndpointContext, tokens: Tokens) -> Tokens:
    """Return the tokens as the table has them: encrypted, if `encrypt_oauth_tokens` says so."""
    options = ctx.auth.options
    if not options.account.encrypt_oauth_tokens:
        return tokens
    access, refresh = tokens.access_token, tokens.refresh_token
    return replace(
        tokens,
        access_token=symmetric_encrypt(options.secret, access) if access else access,
        refresh_token=symmetric_encrypt(options.secret, refresh) if refresh else refresh,
    )


def open_token(ctx: EndpointContext, stored: str | None) -> str | None:
    """Return a token out of the table.

    As in the original, what does not look encrypted was kept before the option was turned on.

    Raises:
        UnreadableTokenError: no secret of ours fits.
    """
    options = ctx.auth.options
    if not stored or not options.account.encrypt_oauth_tokens or not _ENCRYPTED.fullmatch(stored):
        return stored
    opened = symmetric_decrypt((options.secret, *options.old_secrets), stored)
    if opened is None:
        raise UnreadableTokenError
    return opened


def scopes_of(stored: str | None) -> list[str]:
    """Return the scopes as a list."""
    return [scope.strip() for scope in (stored or "").split(",") if scope.strip()]


def _values(tokens: Tokens, scope: str | None) -> dict[str, Any]:
    return {
        "accessToken": tokens.access_token,
        "refreshToken": tokens.refresh_token,
        "idToken": tokens.id_token,
        "accessTokenExpiresAt": tokens.access_token_expires_at,
        "refreshTokenExpiresAt": tokens.refresh_token_expires_at,
        "scope": scope,
    }


def _parameters(values: Mapping[str, Any]) -> dict[str, Any]:
    return {parameter.key: values[name] for name, parameter in _TOKENS.items()}


def _joined(scopes: Sequence[str] | None) -> str | None:
    return None if scopes is None else ",".join(scopes)


def _merged(stored: str | None, more: Sequence[str] | None) -> str | None:
    return ",".join(dict.fromkeys([*scopes_of(stored), *(more or ())])) or None
