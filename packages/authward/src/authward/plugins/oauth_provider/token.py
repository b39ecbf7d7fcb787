"""`/oauth2/token`: codes, refresh tokens and clients' own credentials become tokens."""

import base64
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable
from typing import Any

from authward.core.account_changes import consume
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.plugins.oauth_provider import claims
from authward.plugins.oauth_provider.authorize import pkce_reason
from authward.plugins.oauth_provider.clients import (
    Credentials,
    authenticated_client,
    find_client,
    form_pairs,
    read_credentials,
    stored_client,
)
from authward.plugins.oauth_provider.codes import KIND
from authward.plugins.oauth_provider.consents import end_tokens_of_code
from authward.plugins.oauth_provider.errors import NO_STORE, OAuthError
from authward.plugins.oauth_provider.holding import hold
from authward.plugins.oauth_provider.issue import Grant, issue_tokens
from authward.plugins.oauth_provider.live_sessions import find_live_session
from authward.plugins.oauth_provider.provider import provider_of
from authward.plugins.oauth_provider.refresh import refresh
from authward.plugins.oauth_provider.rows import Row
from authward.plugins.oauth_provider.secrets import hashed
from authward.storage.rows import AuthUser

_USER_SCOPES = {"openid", "profile", "email", "offline_access"}


async def token(ctx: EndpointContext) -> dict[str, Any]:
    """Issue tokens (RFC 6749, section 3.2)."""
    ctx.headers |= NO_STORE
    provider = provider_of(ctx)
    grant = ctx.body["grant_type"].strip()
    handler = _GRANTS.get(grant)
    if handler is None or grant not in provider.options.grant_types:
        raise OAuthError("unsupported_grant_type", f"unsupported grant_type {grant}")
    await provider.seed()
    resources = await _resources(ctx)
    return await handler(ctx, await read_credentials(ctx), resources)


async def _resources(ctx: EndpointContext) -> list[str] | None:
    """Return the resources asked for, each once; None if none is."""
    given = [value for name, value in await form_pairs(ctx) if name == "resource" and value]
    known = provider_of(ctx).known_resource
    return list(dict.fromkeys(map(known, given))) or None


async def _by_code(
    ctx: EndpointContext, shown: Credentials | None, resources: list[str] | None
) -> dict[str, Any]:
    code, verifier = ctx.body.get("code"), ctx.body.get("code_verifier")
    if shown is None:
        raise OAuthError("invalid_request", "client_id is required")
    if not code:
        raise OAuthError("invalid_request", "code is required")
    if not shown.client_secret and not verifier:
        message = "Either code_verifier or client_secret is required"
        raise OAuthError("invalid_request", message)
    await find_client(ctx, shown.client_id)  # asks another server, if at all, before the lock
    key = await provider_of(ctx).signing_key()
    async with ctx.transaction():
        # Whatever is wrong, the code is used up: only its row's lock makes the others wait.
        try:
            found = await _redeemed(ctx, shown, code, resources)
            result: dict[str, Any] | APIError = await issue_tokens(ctx, found, key)
        except APIError as error:
            result = error
    if isinstance(result, APIError):
        raise result
    return result


async def _redeemed(
    ctx: EndpointContext, shown: Credentials, code: str, resources: list[str] | None
) -> Grant:
    """Use a code up, and return what it stands for.

    Raises:
        OAuthError: it is nobody's, another client's, or the verifier is not the challenge's.
    """
    code_id = hashed(code)
    granted = _granted(await consume(ctx, code_id))
    if granted is None:
        await end_tokens_of_code(ctx.database, code_id)
        raise OAuthError("invalid_grant", "invalid code")
    query = granted["query"]
    _check_binding(ctx, shown, query)
    authorized = granted.get("resource") or _listed(query.get("resource"))
    if resources and authorized and not set(resources) <= set(authorized):
        raise OAuthError("invalid_target", "requested resource not authorized")
    scopes = str(query.get("scope", "")).split(" ")
    await hold(ctx.database, granted["userId"], granted["sessionId"], shown.client_id)
    stored = await stored_client(ctx, ctx.database, shown.client_id)
    client = await authenticated_client(
        ctx, shown, client=stored, scopes=scopes, grant="authorization_code"
    )
    _check_pkce(ctx, client, query, scopes)
    user, session = await _user_and_session(ctx, granted)
    known = provider_of(ctx).claims_supported
    return Grant(
        client=client,
        scopes=[scope for scope in scopes if scope],
        user=user,
        resources=resources or authorized,
        original_resources=authorized,
        session_id=session["id"],
        code_id=code_id,
        nonce=query.get("nonce"),
        auth_time=granted.get("authTime", session["createdAt"].timestamp() * 1000) / 1000,
        reference_id=granted.get("referenceId"),
        user_info=claims.requested_user_info(query.get("claims"), known),
    )


def _granted(value: str | None) -> dict[str, Any] | None:
    """Return what a code stands for; None for a value that is no code's."""
    try:
        granted = json.loads(value or "")
    except ValueError:
        return None
    is_code = isinstance(granted, dict) and granted.get("type") == KIND
    return granted if is_code and isinstance(granted.get("query"), dict) else None


def _listed(value: Any) -> list[str] | None:
    return [value] if isinstance(value, str) else value or None


def _check_binding(ctx: EndpointContext, shown: Credentials, query: dict[str, Any]) -> None:
    """A code is its client's alone, and for the redirect URI that it was sent to."""
    if query.get("client_id") != shown.client_id:
        raise OAuthError("invalid_grant", "invalid client_id")
    bound, given = query.get("redirect_uri"), ctx.body.get("redirect_uri")
    if bound and not given:
        raise OAuthError("invalid_request", "redirect_uri is required")
    if (bound or None) != (given or None):
        raise OAuthError("invalid_grant", "redirect_uri mismatch")


def _check_pkce(
    ctx: EndpointContext, client: Row, query: dict[str, Any], scopes: list[str]
) -> None:
    challenge, verifier = query.get("code_challenge"), ctx.body.get("code_verifier")
    if not verifier and pkce_reason(client, scopes, query.get("nonce")):
        raise OAuthError("invalid_request", "PKCE is required for this client")
    if not challenge and not verifier:
        return
    if not verifier:
        message = "code_verifier required because PKCE was used in authorization"
        raise OAuthError("invalid_request", message, status=401)
    if not challenge:
        message = "code_verifier provided but PKCE was not used in authorization"
        raise OAuthError("invalid_request", message, status=401)
    digest = hashlib.sha256(verifier.encode("utf-8", "replace")).digest()
    computed = base64.urlsafe_b64encode(digest).rstrip(b"=")
    is_s256 = query.get("code_challenge_method") == "S256"
    if not is_s256 or not hmac.compare_digest(computed, str(challenge).encode("utf-8", "replace")):
        raise OAuthError("invalid_request", "code verification failed", status=401)


async def _user_and_session(ctx: EndpointContext, granted: dict[str, Any]) -> tuple[AuthUser, Row]:
    user = await ctx.auth.users.find(ctx.database, str(granted.get("userId")))
    if user is None:
        raise OAuthError("invalid_user", "missing user, user may have been deleted")
    session = await find_live_session(ctx.database, granted.get("sessionId"))
    if session is None or session["userId"] != user.id:
        raise OAuthError("invalid_request", "session no longer exists")
    return user, session


async def _by_client(
    ctx: EndpointContext, shown: Credentials | None, resources: list[str] | None
) -> dict[str, Any]:
    """A client acts for itself (RFC 6749, section 4.4)."""
    if shown is None:
        raise OAuthError("invalid_request", "Missing required client_id")
    stored = await find_client(ctx, shown.client_id)
    client = await authenticated_client(ctx, shown, client=stored, grant="client_credentials")
    if client["tokenEndpointAuthMethod"] == "none":
        message = "public clients cannot use the client_credentials grant"
        raise OAuthError("unauthorized_client", message)
    own = client["clientCredentialsScopes"]
    if not own:
        message = "client has no authorized client_credentials scopes"
        raise OAuthError("unauthorized_client", message)
    asked = ctx.body.get("scope")
    scopes = own if asked is None else asked.split(" ")
    wrong = [scope for scope in scopes if scope not in own or scope in _USER_SCOPES]
    if asked is not None and wrong:
        message = f"The following scopes are invalid: {', '.join(wrong)}"
        raise OAuthError("invalid_scope", message)
    grant = Grant(client=client, scopes=scopes, user=None, resources=resources)
    return await issue_tokens(ctx, grant, await provider_of(ctx).signing_key())


async def _by_refresh_token(
    ctx: EndpointContext, shown: Credentials | None, resources: list[str] | None
) -> dict[str, Any]:
    if shown is None:
        raise OAuthError("invalid_request", "Missing required client_id")
    if not ctx.body.get("refresh_token"):
        message = "Missing a required refresh_token for refresh_token grant"
        raise OAuthError("invalid_request", message)
    return await refresh(ctx, shown, resources)


_GRANTS: dict[
    str,
    Callable[[EndpointContext, Credentials | None, list[str] | None], Awaitable[dict[str, Any]]],
] = {
    "authorization_code": _by_code,
    "client_credentials": _by_client,
    "refresh_token": _by_refresh_token,
}
