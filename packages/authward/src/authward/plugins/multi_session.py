"""`multi_session`: several users signed in in one browser; the original's plugin of that name.

Each session has a signed cookie of its own, and the session cookie says which one counts now.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from authward.codes import ErrorCode
from authward.endpoint import Endpoint
from authward.endpoint_context import EndpointContext
from authward.errors import APIError, ConfigurationError
from authward.plugin import Hook, Plugin, match_paths
from authward.schema import responses as schemas
from authward.storage.rows import SessionAndUser
from authward.timestamps import now
from authward.validation import Field, Schema

_MARK = "_multi-"
_MOST_COOKIES = 64
_TOKEN = {"sessionToken": Field("string", description="The session's token")}


class MultiSessionCode(ErrorCode):
    """The plugin's code, in the original's words."""

    INVALID_SESSION_TOKEN = 401, "Invalid session token"


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiSessionOptions:
    """The original's option: how many sessions a browser keeps."""

    maximum_sessions: int = 5


def multi_session(options: MultiSessionOptions | None = None) -> Plugin:
    """Let a browser hold the sessions of several users and change between them."""
    most = (options or MultiSessionOptions()).maximum_sessions
    if most < 1:
        raise ConfigurationError("multi_session: maximum_sessions is at least 1")

    async def keep(ctx: EndpointContext) -> None:
        await _keep_session(ctx, most)

    return Plugin(
        id="multi-session",
        endpoints=_ENDPOINTS,
        after=[
            Hook(handler=keep),
            Hook(handler=_forget_sessions, matcher=match_paths("/sign-out")),
        ],
        error_codes=MultiSessionCode,
    )


async def list_device_sessions(ctx: EndpointContext) -> list[dict[str, Any]]:
    """List the sessions of this browser, one for each user."""
    found = [each for each in await _sessions(ctx) if each.session.expires_at > now()]
    by_user = {each.user.id: each for each in reversed(found)}
    kept = [each for each in found if by_user[each.user.id] is each]
    return [_shown(ctx, each) for each in kept]


async def set_active(ctx: EndpointContext) -> dict[str, Any]:
    """Let another session of this browser count."""
    name, token = _named(ctx)
    found = await ctx.auth.sessions.find(ctx.auth.pool, token)
    if found is None or found.session.expires_at < now():
        ctx.expire_cookie(name)
        raise APIError(MultiSessionCode.INVALID_SESSION_TOKEN)
    ctx.start_session(found.session, remember=None)
    return _shown(ctx, found)


async def revoke(ctx: EndpointContext) -> dict[str, bool]:
    """End a session of this browser; if it was the one that counts, another one does."""
    name, token = _named(ctx)
    await ctx.delete_session(token)
    ctx.expire_cookie(name)
    if ctx.session.session.token != token:
        return {"status": True}
    others = [each for each in await _sessions(ctx) if each.session.expires_at > now()]
    if others:
        ctx.set_session_cookies(others[0].session.token)
    else:
        ctx.delete_session_cookies()
    return {"status": True}


async def _keep_session(ctx: EndpointContext, most: int) -> None:
    """Give a session that begins a cookie of its own, in the place of the user's other one."""
    token = ctx.started_token
    if token is None or _cookie(ctx, token) in ctx.cookies:
        return
    names = list(_names(ctx))
    ended = await _end_others(ctx, token, names)
    if len(names) - ended + 1 > most:
        return
    ctx.set_signed_cookie(_cookie(ctx, token), token, ctx.auth.options.session.expires_in)


async def _end_others(ctx: EndpointContext, token: str, names: list[str]) -> int:
    new = await ctx.auth.sessions.find(ctx.auth.pool, token) if names else None
    ended = 0
    for name in names if new else ():
        other = ctx.signed_cookie(name)
        found = await ctx.auth.sessions.find(ctx.auth.pool, other) if other else None
        if new and found and other and found.user.id == new.user.id:
            ctx.expire_cookie(name)
            await ctx.delete_session(other)
            ended += 1
    return ended


async def _forget_sessions(ctx: EndpointContext) -> None:
    """Whoever signs out, signs all users of this browser out; a cookie that is forged ends none."""
    for name in _names(ctx):
        token = ctx.signed_cookie(name)
        if token is not None:
            ctx.expire_cookie(name)
            await ctx.delete_session(token)


async def _sessions(ctx: EndpointContext) -> list[SessionAndUser]:
    """Return the sessions of this browser in the order in which they began."""
    tokens = {ctx.signed_cookie(name) for name in _names(ctx)}
    all_found = [
        await ctx.auth.sessions.find(ctx.auth.pool, token) for token in tokens if token is not None
    ]
    return sorted((f for f in all_found if f), key=lambda each: each.session.created_at)


def _names(ctx: EndpointContext) -> Iterator[str]:
    prefix = _cookie(ctx, "")
    return islice((name for name in ctx.cookies if name.startswith(prefix)), _MOST_COOKIES)


def _cookie(ctx: EndpointContext, token: str) -> str:
    return f"{ctx.auth.cookies.session_token}{_MARK}{token.lower()}"


def _named(ctx: EndpointContext) -> tuple[str, str]:
    name = _cookie(ctx, ctx.body["sessionToken"])
    token = ctx.signed_cookie(name)
    if token is None:
        raise APIError(MultiSessionCode.INVALID_SESSION_TOKEN)
    return name, token


def _shown(ctx: EndpointContext, found: SessionAndUser) -> dict[str, Any]:
    output = ctx.auth.output
    return {"session": output.session(found.session), "user": output.user(found.user)}


_ENDPOINTS = (
    Endpoint(
        path="/multi-session/list-device-sessions",
        methods=("GET",),
        handler=list_device_sessions,
        response_model=list[schemas.SessionAndUser],
        errors=(429,),
    ),
    Endpoint(
        path="/multi-session/set-active",
        handler=set_active,
        body=Schema(_TOKEN),
        response_model=schemas.SessionAndUser,
        errors=(400, 401, 403, 415, 429),
    ),
    Endpoint(
        path="/multi-session/revoke",
        handler=revoke,
        body=Schema(_TOKEN),
        session="required",
        response_model=schemas.Status,
        errors=(400, 401, 403, 415, 429),
    ),
)
