"""Tokens of a provider out of the table `account`: read, and refreshed when they are over."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from authward.codes import Code
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.oauth.account_cookie import account_json, read_account_cookie, set_account_cookie
from authward.oauth.account_store import (
    FIND_OF_USER,
    UnreadableTokenError,
    open_token,
    update_tokens,
)
from authward.oauth.callback import find_provider
from authward.oauth.errors import ProviderError
from authward.oauth.provider import SocialProvider, Tokens
from authward.timestamps import now

_OVER_BEFORE = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class StoredAccount:
    """A row of the current user, and whether the browser's cookie selected it."""

    row: Mapping[str, Any]
    by_cookie: bool

    @property
    def provider_id(self) -> str:
        """Whose account it is."""
        return str(self.row["providerId"])


async def selected_account(ctx: EndpointContext, given: Mapping[str, Any]) -> StoredAccount:
    """Return the current user's account that the request selects.

    The cookie only names a row: its tokens are read from the table, where they are newest.

    Raises:
        APIError: 401 without a session, 400 where there is no such account.
    """
    if await ctx.load_session() is None:
        raise APIError(401)
    row_id, by_cookie = given.get("accountId"), "accountId" not in given
    user_id = ctx.session.user.id
    if by_cookie and ctx.auth.options.account.store_account_cookie:
        cookie = read_account_cookie(ctx) or {}
        row_id = cookie.get("id") if cookie.get("userId") == user_id else None
    if not isinstance(row_id, str) or "\0" in row_id:
        raise APIError(Code.ACCOUNT_NOT_FOUND)
    row = await FIND_OF_USER.fetchrow(ctx.auth.pool, user_id=user_id, account_row_id=row_id)
    if row is None:
        raise APIError(Code.ACCOUNT_NOT_FOUND)
    return StoredAccount(dict(row), by_cookie)


async def valid_tokens(
    ctx: EndpointContext, account: StoredAccount, provider: SocialProvider
) -> Tokens:
    """Return the account's tokens, with a new access token where the old one is over.

    Raises:
        APIError: 400, the provider gives no new one, or nobody can read the old one.
    """
    row = account.row
    try:
        if row["refreshToken"] and _is_over(row["accessTokenExpiresAt"]):
            new = await refreshed(ctx, account, provider)
            await renew_cookie(ctx, account)
            expires_at = new.access_token_expires_at or row["accessTokenExpiresAt"]
            return replace(new, access_token_expires_at=expires_at)
        return _stored(row, open_token(ctx, row["accessToken"]))
    except ProviderError as error:
        error.log(provider.id, "cannot refresh")
        raise APIError(Code.FAILED_TO_GET_ACCESS_TOKEN) from None
    except UnreadableTokenError:
        raise APIError(Code.FAILED_TO_GET_ACCESS_TOKEN) from None


async def refreshed(
    ctx: EndpointContext, account: StoredAccount, provider: SocialProvider
) -> Tokens:
    """Exchange the account's refresh token and keep what comes; the scopes stay as they are.

    Raises:
        ProviderError: the provider refuses.
        UnreadableTokenError: the refresh token cannot be decrypted.
    """
    row = account.row
    old = open_token(ctx, row["refreshToken"]) or ""
    new = await provider.refresh(old)
    await update_tokens(ctx, row, new, merge_scopes=False)
    return Tokens(
        access_token=new.access_token,
        refresh_token=new.refresh_token or old,
        id_token=new.id_token or row["idToken"],
        access_token_expires_at=new.access_token_expires_at,
        refresh_token_expires_at=new.refresh_token_expires_at or row["refreshTokenExpiresAt"],
    )


async def provider_of(
    ctx: EndpointContext, account: StoredAccount, missing: APIError | None = None
) -> SocialProvider:
    """Return the account's provider.

    Raises:
        APIError: 400, it is not configured.
    """
    provider = await find_provider(ctx, account.provider_id)
    if provider is None:
        name = account.provider_id
        text = f"Provider {name} is not supported."
        raise missing or APIError(Code.PROVIDER_NOT_SUPPORTED, message=text)
    return provider


async def renew_cookie(ctx: EndpointContext, account: StoredAccount) -> None:
    """Put the account's new tokens into the cookie, if there is one for accounts."""
    row = account.row
    if not ctx.auth.options.account.store_account_cookie:
        return
    key = {"user_id": row["user_id"], "account_row_id": row["account_row_id"]}
    found = await FIND_OF_USER.fetchrow(ctx.auth.pool, **key)
    if found is not None:
        renamed = {"account_row_id": "id", "user_id": "userId"}
        renewed = {renamed.get(n, n): v for n, v in found.items()}
        set_account_cookie(ctx, account_json({**renewed, "password": None}))


def _stored(row: Mapping[str, Any], access_token: str | None) -> Tokens:
    return Tokens(
        access_token=access_token or "",
        id_token=row["idToken"],
        access_token_expires_at=row["accessTokenExpiresAt"],
    )


def _is_over(expires_at: datetime | None) -> bool:
    return expires_at is not None and expires_at - now() < _OVER_BEFORE
