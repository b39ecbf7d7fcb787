"""`/oauth2/revoke`: a client gives tokens back (RFC 7009)."""

from typing import Any

from sqlalchemy import bindparam, update

from authward.endpoint_context import EndpointContext
from authward.plugins.oauth_provider.access_token import (
    InvalidAccessTokenError,
    audiences,
    verified_claims,
)
from authward.plugins.oauth_provider.clients import (
    authenticated_client,
    find_client,
    read_credentials,
)
from authward.plugins.oauth_provider.consents import end_refresh_tokens
from authward.plugins.oauth_provider.errors import OAuthError
from authward.plugins.oauth_provider.introspect import bare_token
from authward.plugins.oauth_provider.provider import provider_of
from authward.plugins.oauth_provider.resources import are_known
from authward.plugins.oauth_provider.rows import ACCESS_TOKENS, REFRESH_TOKENS, Row
from authward.plugins.oauth_provider.secrets import hashed, without_prefix
from authward.storage.statements import Statement
from authward.timestamps import now
from authward.validation import UNDEFINED

_TABLE = REFRESH_TOKENS.table
REVOKE = Statement(
    update(_TABLE)
    .where(_TABLE.c.id == bindparam("row_id"), _TABLE.c.revoked.is_(None))
    .values({"revoked": bindparam("now")})
    .returning(_TABLE.c.id)
)


async def revoke(ctx: EndpointContext) -> Any:
    """Revoke an opaque access token, or a refresh token with what it has issued."""
    shown, hint = await read_credentials(ctx), ctx.body.get("token_type_hint")
    if shown is None:
        raise OAuthError("invalid_client", "missing required credentials", status=401)
    token = bare_token(ctx.body["token"])
    if not token:
        raise OAuthError("invalid_request", "missing a required token for introspection")
    found = await find_client(ctx, shown.client_id)
    client = await authenticated_client(ctx, shown, client=found)
    if hint != "refresh_token":
        if await _access_token(ctx, token, client["clientId"]):
            return UNDEFINED
        if hint == "access_token":
            raise OAuthError("invalid_request", "Invalid access token")
    if await _refresh_token(ctx, token, client["clientId"]):
        return UNDEFINED
    raise OAuthError("invalid_request", "token not found")


async def _access_token(ctx: EndpointContext, token: str, client_id: str) -> bool:
    """Whether it is one; one of another client is left alone without a word.

    Raises:
        OAuthError: it is a JSON Web Token, which no server can take back.
    """
    provider = provider_of(ctx)
    try:
        claims = await verified_claims(ctx.auth, token)
    except InvalidAccessTokenError:
        given = without_prefix(token, provider.options.prefix.opaque_access_token)
        where = {"token": hashed(given or "")}
        row = await ACCESS_TOKENS.find(ctx.database, **where)
        if row is not None and row["clientId"] == client_id:
            await ACCESS_TOKENS.delete(ctx.database, **where)
        return row is not None
    if not claims.get("azp") or not await are_known(provider, ctx.database, audiences(claims)):
        return True
    message = "JWT access tokens are self-contained and cannot be revoked server-side"
    raise OAuthError("unsupported_token_type", message)


async def _refresh_token(ctx: EndpointContext, token: str, client_id: str) -> bool:
    """Whether it is one; one of another client is left alone without a word."""
    given = without_prefix(token, provider_of(ctx).options.prefix.refresh_token)
    row = await REFRESH_TOKENS.find(ctx.database, token=hashed(given or ""))
    if row is None:
        return False
    if row["clientId"] == client_id and not await _is_revoked_now(ctx, row):
        async with ctx.transaction() as connection:
            await end_refresh_tokens(connection, client_id, row["userId"])
        raise OAuthError("invalid_request", "refresh token revoked")
    return True


async def _is_revoked_now(ctx: EndpointContext, row: Row) -> bool:
    """Whether this request revokes it; if it was revoked before, somebody else has it as well."""
    async with ctx.transaction() as connection:
        if await REVOKE.fetchrow(connection, row_id=row["id"], now=now()) is None:
            return False
        await ACCESS_TOKENS.delete(connection, refreshId=row["id"])
    return True
