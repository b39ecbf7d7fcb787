"""The current session, the list of sessions and how they end."""

from typing import Any

from authward.codes import Code
from authward.core.user_changes import with_updates
from authward.endpoint import Endpoint
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.schema import responses as schemas
from authward.schema.input import parse_input
from authward.schema.values import InvalidFieldError
from authward.text import to_well_formed
from authward.validation import WITHOUT_NUL, Field, Schema

_REVOKE = {
    "token": Field("string", description="The session's token", json_schema_extra=WITHOUT_NUL)
}


async def get_session(ctx: EndpointContext) -> Any:
    """Return the current session and user, or null; extends the session once a day."""
    ctx.headers |= {"cache-control": "no-store", "pragma": "no-cache"}
    deferred, is_post = ctx.auth.options.session.defer_session_refresh, ctx.request.method == "POST"
    if is_post and not deferred:
        raise APIError(Code.METHOD_NOT_ALLOWED_DEFER_SESSION_REQUIRED)
    read_only = deferred and not is_post
    session = await ctx.load_session(from_cookie=True, read_only=read_only)
    if session is None:
        return None
    if ctx.has_own_session:
        ctx.signed_in_user_id = session.user.id
    content: dict[str, Any] = {
        "session": ctx.auth.output.session(ctx.session.session),
        "user": ctx.auth.output.user(session.user),
    }
    if read_only and ctx.needs_refresh is not None:
        content["needsRefresh"] = ctx.needs_refresh
    custom = ctx.auth.custom_session
    return content if custom is None else await custom(ctx, content)


async def list_sessions(ctx: EndpointContext) -> list[dict[str, Any]]:
    """List the sessions of the current user that are not over, at most the last hundred."""
    auth = ctx.auth
    found = await auth.sessions.list_live(auth.pool, ctx.session.user.id)
    return [auth.output.session(session) for session in found]


async def revoke_session(ctx: EndpointContext) -> dict[str, bool]:
    """End one of the current user's sessions; another user's is left alone without a word."""
    token, current = ctx.body["token"], ctx.session
    if "\0" in token:
        raise APIError(Code.VALIDATION_ERROR, message="[body.token] NUL characters are not allowed")
    which, user_id = to_well_formed(token), current.user.id
    await ctx.delete_session(which, user_id)
    if token == current.session.token:
        ctx.delete_session_cookies()
    return {"status": True}


async def revoke_sessions(ctx: EndpointContext) -> dict[str, bool]:
    """End all of the current user's sessions, this one too."""
    await ctx.delete_sessions(ctx.session.user.id)
    ctx.delete_session_cookies()
    return {"status": True}


async def revoke_other_sessions(ctx: EndpointContext) -> dict[str, bool]:
    """End all of the current user's sessions but this one."""
    await ctx.delete_other_sessions(ctx.session.user.id, ctx.session.session.token)
    return {"status": True}


async def update_session(ctx: EndpointContext) -> dict[str, Any]:
    """Change fields of the session that plugins and the application have added."""
    auth, token = ctx.auth, ctx.session.session.token
    given = parse_input(auth.schema.input_fields("session"), ctx.body, "update")
    if not given:
        raise APIError(400, message="No fields to update")
    values = with_updates(ctx, "session", given)
    try:
        updated = await ctx.update_session(ctx.session.session, values)
    except InvalidFieldError as error:
        raise APIError(Code.VALIDATION_ERROR, message=str(error)) from None
    if updated is None:
        ctx.delete_session_cookies()
        raise APIError(Code.FAILED_TO_GET_SESSION)
    ctx.set_session_cookies(token)
    return {"session": auth.output.session(updated)}


ENDPOINTS = (
    Endpoint(
        path="/get-session",
        methods=("GET", "POST"),
        handler=get_session,
        parse_body=False,
        response_model=schemas.SessionAndUser | None,
        errors=(403, 405, 429),
    ),
    Endpoint(
        path="/list-sessions",
        methods=("GET",),
        handler=list_sessions,
        session="fresh",
        response_model=list[schemas.Session],
        errors=(401, 403, 429),
    ),
    Endpoint(
        path="/revoke-session",
        handler=revoke_session,
        body=Schema(_REVOKE),
        session="required",
        response_model=schemas.Status,
        errors=(400, 401, 403, 415, 429),
    ),
    Endpoint(
        path="/revoke-sessions",
        handler=revoke_sessions,
        session="required",
        response_model=schemas.Status,
        errors=(400, 401, 403, 415, 429),
    ),
    Endpoint(
        path="/revoke-other-sessions",
        handler=revoke_other_sessions,
        session="required",
        response_model=schemas.Status,
        errors=(400, 401, 403, 415, 429),
    ),
    Endpoint(
        path="/update-session",
        handler=update_session,
        body=Schema({}, additional_properties=True),
        additional_fields_of="session",
        session="required",
        response_model=schemas.UpdatedSession,
        errors=(400, 401, 403, 415, 429),
    ),
)
