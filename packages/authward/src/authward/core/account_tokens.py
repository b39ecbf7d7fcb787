"""`/get-access-token`, `/refresh-token`, `/account-info`: what a provider gave us for a user."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from authward.codes import Code
from authward.endpoint import Endpoint
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.oauth import account_store
from authward.oauth.account_store import UnreadableTokenError
from authward.oauth.account_tokens import (
    provider_of,
    refreshed,
    renew_cookie,
    selected_account,
    valid_tokens,
)
from authward.oauth.errors import ProviderError
from authward.schema import responses as schemas
from authward.text import to_well_formed
from authward.timestamps import to_json
from authward.validation import Field, Schema

_ACCOUNT_ID = Field("string", required=False, description="The `id` that `/list-accounts` gives")
_MAX_MESSAGE = 1_024
_USER_ID = Field("string", required=False, description="Without meaning for a client")


@dataclass(frozen=True, slots=True)
class _Selection(Schema):
    """Either `accountId` or `useAccountCookie: true`, and nothing else but `userId`."""

    def validate(self, body: Any, where: str = "body") -> dict[str, Any]:
        """Return the selection.

        Raises:
            APIError: 400, it is none.
        """
        given = body if isinstance(body, dict) else {}
        unknown = [names for names in map(partial(_unknown, given), _CHOICES) if names is not None]
        if [] in unknown:
            return {name: value for name, value in given.items() if name != "userId"}
        problem = _unrecognized(unknown[0]) if len(unknown) == 1 else "Invalid input"
        raise APIError(Code.VALIDATION_ERROR, message=f"[{where}] {problem}")


_CHOICES: dict[str, Callable[[Any], bool]] = {
    "accountId": lambda value: isinstance(value, str),
    "useAccountCookie": lambda value: value is True,
}


def _unknown(given: Mapping[str, Any], choice: str) -> list[str] | None:
    """Return what else was given beside this choice; None if it was not made at all."""
    is_text = isinstance(given.get("userId", ""), str)
    if choice not in given or not _CHOICES[choice](given[choice]) or not is_text:
        return None
    return [name for name in given if name not in {choice, "userId"}]


def _unrecognized(names: Sequence[str]) -> str:
    shown = ", ".join(f'"{name}"' for name in names)
    return to_well_formed(f"Unrecognized key{'s' * (len(names) > 1)}: {shown}"[:_MAX_MESSAGE])


async def get_access_token(ctx: EndpointContext) -> dict[str, Any]:
    """Return the access token of one of the user's accounts, refreshed if it is over."""
    account = await selected_account(ctx, ctx.body)
    tokens = await valid_tokens(ctx, account, await provider_of(ctx, account))
    found = {
        "accessToken": tokens.access_token,
        "accessTokenExpiresAt": _json(tokens.access_token_expires_at),
        "scopes": account_store.scopes_of(account.row["scope"]),
        "idToken": tokens.id_token,
    }
    return {name: value for name, value in found.items() if value is not None}


async def refresh_token(ctx: EndpointContext) -> dict[str, Any]:
    """Get a new access token from the provider, whether the old one is over or not."""
    account = await selected_account(ctx, ctx.body)
    row, provider = account.row, await provider_of(ctx, account)
    if provider.refresh_endpoint is None:
        text = f"Provider {provider.id} does not support token refreshing."
        raise APIError(Code.TOKEN_REFRESH_NOT_SUPPORTED, message=text)
    if not row["refreshToken"]:
        raise APIError(Code.REFRESH_TOKEN_NOT_FOUND)
    try:
        tokens = await refreshed(ctx, account, provider)
        if account.by_cookie:
            await renew_cookie(ctx, account)
    except (ProviderError, UnreadableTokenError):
        raise APIError(Code.FAILED_TO_REFRESH_ACCESS_TOKEN) from None
    expires_at = _json(tokens.access_token_expires_at)
    return {
        "accessToken": tokens.access_token,
        "refreshToken": tokens.refresh_token,
        **({} if expires_at is None else {"accessTokenExpiresAt": expires_at}),
        "refreshTokenExpiresAt": _json(tokens.refresh_token_expires_at),
        "scope": row["scope"],
        "idToken": tokens.id_token,
        "providerId": row["providerId"],
        "accountId": row["account_row_id"],
    }


async def account_info(ctx: EndpointContext) -> dict[str, Any]:
    """Return what the provider says of the owner of one of the user's accounts."""
    account = await selected_account(ctx, ctx.query)
    provider = await provider_of(ctx, account, APIError(Code.PROVIDER_NOT_CONFIGURED))
    tokens = await valid_tokens(ctx, account, provider)
    if not tokens.access_token:
        raise APIError(Code.ACCESS_TOKEN_NOT_FOUND)
    try:
        info = await provider.account_info(tokens)
    except ProviderError as error:
        error.log(provider.id, "no user information")
        raise APIError(Code.FAILED_TO_GET_USER_INFO) from None
    row = account.row
    key = {
        "id": row["account_row_id"],
        "providerId": row["providerId"],
        "accountId": row["accountId"],
    }
    return {"user": info.user, "data": info.data, "account": key}


def _json(moment: datetime | None) -> str | None:
    return None if moment is None else to_json(moment)


_BODY = _Selection(
    {
        "accountId": _ACCOUNT_ID,
        "useAccountCookie": Field(
            "boolean", required=False, description="The account in this browser's cookie"
        ),
        "userId": _USER_ID,
    },
    json_schema_extra={
        "oneOf": [{"required": ["accountId"]}, {"required": ["useAccountCookie"]}],
        "additionalProperties": False,
        "examples": [{"accountId": "ABSAQoAG8ohVcyYXRhzwwFZx7tKZ8bpF"}],
    },
)

ENDPOINTS = (
    Endpoint(
        path="/get-access-token",
        handler=get_access_token,
        body=_BODY,
        response_model=schemas.ProviderAccessToken,
        errors=(400, 401, 403, 415, 429),
    ),
    Endpoint(
        path="/refresh-token",
        handler=refresh_token,
        body=_BODY,
        response_model=schemas.RefreshedTokens,
        errors=(400, 401, 403, 415, 429),
    ),
    Endpoint(
        path="/account-info",
        methods=("GET",),
        handler=account_info,
        query=_Selection({"accountId": Field("string"), "userId": _USER_ID}),
        response_model=schemas.AccountInfo,
        errors=(400, 401, 429),
    ),
)
