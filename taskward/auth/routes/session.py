"""The current session, the list of sessions and how they end, and what tokens they give."""

from typing import Any

from taskward.auth import schemas, store
from taskward.auth.endpoint import Endpoint
from taskward.auth.errors import APIError
from taskward.auth.exchange import Exchange, session_json, user_json
from taskward.auth.passwords import well_formed
from taskward.auth.validation import WITHOUT_NUL, Field, Schema
from taskward.timestamps import now

_REVOKE = {"token": Field("string", description="The session's token", documented=WITHOUT_NUL)}


async def get_session(exchange: Exchange) -> dict[str, Any] | None:
    """Return the current session and user, or null; extends the session once a day."""
    exchange.headers |= {"cache-control": "no-store", "pragma": "no-cache"}
    if exchange.request.method == "POST":
        raise APIError(405, "METHOD_NOT_ALLOWED_DEFER_SESSION_REQUIRED")
    session = await exchange.load_session()
    if session is None:
        return None
    exchange.offer_jwt(session["user.id"])
    return {"session": exchange.session_json(), "user": user_json(session, "user.")}


async def list_sessions(exchange: Exchange) -> list[dict[str, Any]]:
    """List the sessions of the current user that are not over."""
    rows = await store.LIST_SESSIONS.fetch(
        exchange.auth.pool, user_id=exchange.session["user.id"], now=now()
    )
    return [session_json(row) for row in rows]


async def revoke_session(exchange: Exchange) -> dict[str, bool]:
    """End one of the current user's sessions; another user's is left alone without a word."""
    token, current = exchange.body["token"], exchange.session
    if "\0" in token:
        raise APIError(400, "VALIDATION_ERROR", "[body.token] NUL characters are not allowed")
    await store.DELETE_SESSION_OF_USER.fetch(
        exchange.auth.pool, token=well_formed(token), user_id=current["user.id"]
    )
    if token == current["session.token"]:
        exchange.delete_session_cookies()
    return {"status": True}


async def revoke_sessions(exchange: Exchange) -> dict[str, bool]:
    """End all of the current user's sessions, this one too."""
    await store.DELETE_SESSIONS_OF_USER.fetch(
        exchange.auth.pool, user_id=exchange.session["user.id"]
    )
    exchange.delete_session_cookies()
    return {"status": True}


async def revoke_other_sessions(exchange: Exchange) -> dict[str, bool]:
    """End all of the current user's sessions but this one."""
    await store.DELETE_OTHER_SESSIONS.fetch(
        exchange.auth.pool,
        user_id=exchange.session["user.id"],
        token=exchange.session["session.token"],
    )
    return {"status": True}


async def update_session(_: Exchange) -> None:
    """Change additional fields of the session, of which this server has none."""
    raise APIError(400, message="No fields to update")


async def jwks(_: Exchange) -> dict[str, list[Any]]:
    """Return the public keys: none, because tokens are signed with the shared secret (HS256)."""
    return {"keys": []}


async def get_token(exchange: Exchange) -> dict[str, str]:
    """Return a JSON Web Token for the current user: what `/api/tasks` takes as bearer token."""
    return {"token": exchange.auth.tokens.issue(exchange.session["user.id"])}


ENDPOINTS = (
    Endpoint(
        path="/get-session",
        methods=("GET", "POST"),
        handler=get_session,
        reads_body=False,
        answer=schemas.SessionAndUser | None,
        errors=(403, 405, 429),
    ),
    Endpoint(
        path="/list-sessions",
        methods=("GET",),
        handler=list_sessions,
        session="fresh",
        answer=list[schemas.Session],
        errors=(401, 403, 429),
    ),
    Endpoint(
        path="/revoke-session",
        handler=revoke_session,
        body=Schema(_REVOKE),
        session="required",
        answer=schemas.Status,
        errors=(400, 401, 403, 415, 429),
    ),
    Endpoint(
        path="/revoke-sessions",
        handler=revoke_sessions,
        session="required",
        answer=schemas.Status,
        errors=(400, 401, 403, 415, 429),
    ),
    Endpoint(
        path="/revoke-other-sessions",
        handler=revoke_other_sessions,
        session="required",
        answer=schemas.Status,
        errors=(400, 401, 403, 415, 429),
    ),
    Endpoint(
        path="/update-session",
        handler=update_session,
        body=Schema({}, extra=True),
        session="required",
        answer=schemas.UpdatedSession,
        errors=(400, 401, 403, 415, 429),
    ),
    Endpoint(
        path="/jwks",
        methods=("GET",),
        handler=jwks,
        answer=schemas.KeySet,
        errors=(429,),
    ),
    Endpoint(
        path="/token",
        methods=("GET",),
        handler=get_token,
        session="required",
        answer=schemas.Token,
        errors=(401, 429),
    ),
)
