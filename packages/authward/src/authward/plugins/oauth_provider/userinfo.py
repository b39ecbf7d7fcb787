"""`/oauth2/userinfo`: claims about the user (OpenID Connect Core, section 5.3)."""

from typing import Any

from authward.endpoint_context import EndpointContext
from authward.plugins.oauth_provider import claims
from authward.plugins.oauth_provider.clients import stored_client
from authward.plugins.oauth_provider.errors import NO_STORE, OAuthError
from authward.plugins.oauth_provider.introspect import Introspection, bare_token, look_up
from authward.plugins.oauth_provider.options import ClaimsRequest
from authward.plugins.oauth_provider.provider import provider_of
from authward.plugins.oauth_provider.subjects import subject
from authward.storage.rows import AuthUser

_INVALID = "Invalid access token"
_CHALLENGE = f'Bearer error="invalid_token", error_description="{_INVALID}"'


async def userinfo(ctx: EndpointContext) -> dict[str, Any]:
    """Return what the scopes of the access token allow to know of the user."""
    ctx.headers |= NO_STORE
    token = _access_token(ctx)
    if token is None:
        raise OAuthError("invalid_request", "access token not found", status=401)
    found = await look_up(ctx, token)
    if found is None or not found.payload["active"]:
        headers = {"www-authenticate": _CHALLENGE}
        raise OAuthError("invalid_token", _INVALID, status=401, headers=headers)
    scopes = str(found.payload.get("scope", "")).split(" ")
    if "openid" not in scopes:
        raise OAuthError("invalid_scope", "Missing required scope")
    user = await ctx.auth.users.find(ctx.database, str(found.payload.get("sub", "")))
    if user is None:
        raise OAuthError("invalid_request", "user not found")
    return await _claims(ctx, user, scopes, found)


def _access_token(ctx: EndpointContext) -> str | None:
    from_header = bare_token(ctx.request.headers.get("authorization", ""))
    body = ctx.body if isinstance(ctx.body, dict) else {}
    from_body = body.get("access_token")
    if from_header and from_body:
        message = "Multiple access token transport methods are not allowed"
        raise OAuthError("invalid_request", message)
    return from_header or from_body or None


async def _claims(
    ctx: EndpointContext, user: AuthUser, scopes: list[str], found: Introspection
) -> dict[str, Any]:
    provider = provider_of(ctx)
    client = await stored_client(ctx, ctx.database, found.payload["client_id"]) or {}
    known = claims.user_claims(user, scopes, found.user_info)
    callback, own = provider.options.custom_user_info_claims, {}
    if callback is not None:
        own = dict(await callback(ClaimsRequest(user, tuple(scopes), client)))
    sub = subject(provider, user.id, client) if client else user.id
    return {**known, **own, "sub": sub}
