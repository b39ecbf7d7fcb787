"""`/oauth2/end-session`: clients sign users out (OpenID Connect RP-Initiated Logout).

A client proves with an ID token whose session it means; that ends it at once. Without such a proof
the user is asked first, by a page of ours, and the answer counts with a cookie that belongs to it.
"""

import json
import time
from collections.abc import Mapping
from typing import Any

import jwt
from ada_url import URL, URLSearchParams
from starlette.responses import Response

from authward.endpoint_context import EndpointContext
from authward.plugins.oauth_provider.clients import find_client
from authward.plugins.oauth_provider.errors import NO_STORE, OAuthError
from authward.plugins.oauth_provider.live_sessions import find_live_session
from authward.plugins.oauth_provider.logout_pages import (
    confirmation_page,
    error_page,
    is_navigation,
    logged_out_page,
)
from authward.plugins.oauth_provider.provider import provider_of
from authward.plugins.oauth_provider.redirects import send_to
from authward.plugins.oauth_provider.rows import Row
from authward.plugins.oauth_provider.sessions_by_id import delete_session
from authward.plugins.oauth_provider.validation import OAuthSchema, URLField
from authward.storage.rows import AuthSession
from authward.validation import UNDEFINED, Field

END_SESSION = OAuthSchema(
    {
        "id_token_hint": Field("string", required=False),
        "client_id": Field("string", required=False),
        "post_logout_redirect_uri": URLField(required=False),
        "state": Field("string", required=False),
    },
    optional=True,
)
_CONFIRM = "/oauth2/end-session/confirm"
_SECONDS = 300
_NO_SESSION = "No active session is available for logout"
_UNREGISTERED = "The requested post-logout redirect was not registered."


async def end_session(ctx: EndpointContext) -> Any:
    """End the session that an ID token names, or ask the user."""
    ctx.headers |= NO_STORE
    body: Mapping[str, Any] = {} if ctx.body is UNDEFINED else ctx.body
    request = {**ctx.query, **body}
    current = await _current_session(ctx)
    if "id_token_hint" not in request:
        confirmation = {}
        if request.get("client_id"):
            client = _usable(ctx, await find_client(ctx, request["client_id"]))
            if isinstance(client, Response):
                return client
            confirmation = _confirmation(client, request)
        return _ask(ctx, current, confirmation)
    return await _end_hinted(ctx, request, current)


async def _end_hinted(
    ctx: EndpointContext, request: Mapping[str, Any], current: AuthSession | None
) -> Any:
    found = await _hinted_client(ctx, request)
    if found is None and current is not None and is_navigation(ctx):
        return _ask(ctx, current, {})
    client = _usable(ctx, found)
    if isinstance(client, Response):
        return client
    session_id = await _hinted_session(ctx, request["id_token_hint"], client)
    if session_id is None:
        if current is not None and is_navigation(ctx):
            said = _confirmation(client, request) if request.get("client_id") else {}
            return _ask(ctx, current, said)
        return _refuse(ctx, 401, "invalid_token", "The id_token_hint is invalid")
    if current is not None and current.id != session_id:
        return _ask(ctx, current, _confirmation(client, request))
    if await find_live_session(ctx.database, session_id) is not None:
        await delete_session(ctx, session_id)
    if current is not None:
        ctx.delete_session_cookies()
    _set_state(ctx, None)
    wanted = request.get("post_logout_redirect_uri")
    return _done(ctx, _registered(client, wanted, request.get("state")), is_wanted=bool(wanted))


async def confirm_end_session(ctx: EndpointContext) -> Any:
    """End the user's session: the user has said so on our page."""
    ctx.headers |= NO_STORE
    state, current = _state(ctx), await _current_session(ctx)
    invalid = "The logout confirmation is invalid or expired"
    if state is None:
        return _refuse(ctx, 400, "invalid_request", invalid)
    redirect_uri = await _confirmed_redirect(ctx, state)
    is_wanted = "postLogoutRedirectUri" in state or "redirectInvalid" in state
    if current is None:
        if ctx.session_token:  # an end that failed half way has left something of it
            await ctx.delete_session(ctx.session_token)
        _set_state(ctx, None)
        if not is_navigation(ctx) and not redirect_uri:
            return _refuse(ctx, 400, "invalid_request", _NO_SESSION)
        return _done(ctx, redirect_uri, is_wanted=is_wanted)
    if state.get("sessionId", current.id) != current.id:
        return _refuse(ctx, 400, "invalid_request", invalid)
    await delete_session(ctx, current.id)
    ctx.delete_session_cookies()
    _set_state(ctx, None)
    return _done(ctx, redirect_uri, is_wanted=is_wanted)


def _done(ctx: EndpointContext, redirect_uri: str | None, *, is_wanted: bool) -> Any:
    """Go on to the client's page; one that was wanted, but is not registered, is told of."""
    if redirect_uri:
        return send_to(ctx, redirect_uri)
    if is_navigation(ctx):
        return logged_out_page(ctx, _UNREGISTERED if is_wanted else None)
    return None


async def _current_session(ctx: EndpointContext) -> AuthSession | None:
    token = ctx.session_token
    found = await ctx.auth.sessions.find(ctx.auth.pool, token) if token else None
    return None if found is None else found.session


def _usable(ctx: EndpointContext, client: Row | None) -> "Row | Response":
    if client is None:
        return _refuse(ctx, 400, "invalid_client", "The logout client does not exist")
    if client["disabled"]:
        return _refuse(ctx, 400, "invalid_client", "The logout client is disabled")
    if not client["enableEndSession"]:
        message = "The client is not allowed to initiate logout"
        return _refuse(ctx, 401, "invalid_client", message)
    return client


def _refuse(ctx: EndpointContext, status: int, error: str, description: str) -> Response:
    if is_navigation(ctx):
        return error_page(ctx, description, status)
    raise OAuthError(error, description, status=status)


async def _hinted_client(ctx: EndpointContext, request: Mapping[str, Any]) -> Row | None:
    if request.get("client_id"):
        return await find_client(ctx, request["client_id"])
    try:
        claims = jwt.decode(request["id_token_hint"], options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError):
        return None
    named = _client_of(claims)
    return None if named is None else await find_client(ctx, named)


def _client_of(claims: Mapping[str, Any]) -> str | None:
    """Return whose an ID token says that it is, which nobody has verified yet."""
    audience = claims.get("aud")
    for named in (audience, claims.get("azp")):
        if isinstance(named, str) and named:
            return named
    listed = [a for a in audience if isinstance(a, str)] if isinstance(audience, list) else []
    return listed[0] if len(listed) == 1 else None


async def _hinted_session(ctx: EndpointContext, hint: str, client: Row) -> str | None:
    """Return the session of an ID token of this client, which may be over (the token may)."""
    provider = provider_of(ctx)
    try:
        _, claims = await provider.keys.verify(hint, issuer=provider.issuer, is_over=True)
    except (jwt.PyJWTError, ValueError, RecursionError):
        return None
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    session_id = claims.get("sid")
    is_right = client["clientId"] in audiences and bool(claims.get("sub"))
    return session_id if is_right and isinstance(session_id, str) and session_id else None


def _registered(client: Row, uri: str | None, state: str | None) -> str | None:
    if not uri or uri not in (client["postLogoutRedirectUris"] or ()):
        return None
    if not state:
        return uri
    url = URL(uri)
    parameters = URLSearchParams(url.search)
    parameters.set("state", state)
    url.search = str(parameters)
    return str(url.href)


def _confirmation(client: Row, request: Mapping[str, Any]) -> dict[str, Any]:
    uri, state = request.get("post_logout_redirect_uri"), request.get("state")
    if not uri:
        return {}
    if _registered(client, uri, state) is None:
        return {"redirectInvalid": True}
    more = {} if state is None else {"state": state}
    return {"clientId": client["clientId"], "postLogoutRedirectUri": uri, **more}


async def _confirmed_redirect(ctx: EndpointContext, state: Mapping[str, Any]) -> str | None:
    if not isinstance(state.get("clientId"), str):
        return None
    client = await find_client(ctx, state["clientId"])
    if client is None or client["disabled"] or not client["enableEndSession"]:
        return None
    return _registered(client, state.get("postLogoutRedirectUri"), state.get("state"))


def _ask(
    ctx: EndpointContext, current: AuthSession | None, confirmation: Mapping[str, Any]
) -> Response:
    if not is_navigation(ctx):
        must_confirm = "User confirmation is required to complete logout"
        message = _NO_SESSION if current is None else must_confirm
        return _refuse(ctx, 400, "invalid_request", message)
    whose = {} if current is None else {"sessionId": current.id}
    _set_state(ctx, {**whose, **confirmation})
    return confirmation_page(ctx, ctx.auth.options.url + _CONFIRM)


def _cookie_name(ctx: EndpointContext) -> str:
    return f"{ctx.auth.cookies.session_token}.oauth_logout_confirmation"


def _set_state(ctx: EndpointContext, state: Mapping[str, Any] | None) -> None:
    """Keep what the user is asked about in a cookie of the page that takes the answer."""
    value, age = "", 0
    if state is not None:
        expires_at = int((time.time() + _SECONDS) * 1000)
        value, age = ctx.auth.signer.sign(json.dumps({**state, "expiresAt": expires_at})), _SECONDS
    path = ctx.auth.options.base_path + _CONFIRM
    name = _cookie_name(ctx)
    cookie = ctx.auth.cookies.set_cookie(
        name, value, age, path=path, like=ctx.auth.cookies.session_token
    )
    ctx.set_cookies.append(cookie)


def _state(ctx: EndpointContext) -> dict[str, Any] | None:
    try:
        state = json.loads(ctx.signed_cookie(_cookie_name(ctx)) or "")
    except ValueError:
        return None
    is_state = isinstance(state, dict) and isinstance(state.get("expiresAt"), int)
    return state if is_state and state["expiresAt"] > time.time() * 1000 else None
