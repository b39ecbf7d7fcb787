"""`/get-session`, `/list-sessions`, `/token`."""

from typing import Any

from taskward.auth import schemas, store
from taskward.auth.endpoint import Endpoint
from taskward.auth.errors import APIError
from taskward.auth.exchange import Exchange, session_json, user_json
from taskward.timestamps import now


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


async def get_token(exchange: Exchange) -> dict[str, str]:
    """Return a JSON Web Token for the current user: what `/api/tasks` takes as bearer token."""
    return {"token": exchange.auth.tokens.issue(exchange.session["user.id"])}


ENDPOINTS = (
    Endpoint(
        path="/get-session",
        methods=("GET", "POST"),
        handler=get_session,
        reads_body=False,
        answer=schemas.SessionAndUser,
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
        path="/token",
        methods=("GET",),
        handler=get_token,
        session="required",
        answer=schemas.Token,
        errors=(401, 429),
    ),
)
