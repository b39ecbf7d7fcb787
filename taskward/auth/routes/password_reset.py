"""`/request-password-reset`, `/reset-password`: a forgotten password."""

from datetime import timedelta
from functools import partial
from typing import Any

from asyncpg import Record

from taskward.auth import schemas, store, verification
from taskward.auth.cookies import encode_uri_component
from taskward.auth.endpoint import Endpoint
from taskward.auth.errors import APIError
from taskward.auth.exchange import Exchange
from taskward.auth.hooks import HookUser, Letter, LetterHook, PasswordReset
from taskward.auth.origin_check import check_callback_in_query
from taskward.auth.redirects import with_parameter
from taskward.auth.registration import PASSWORD, check_password_length
from taskward.auth.validation import Field, Schema

_TOKEN_LENGTH = 24
_REQUEST = {
    "email": Field("email", description="E-mail address"),
    "redirectTo": Field("string", required=False, description="Page that asks for the password"),
}
_RESET = {
    "newPassword": Field("string", documented=PASSWORD),
    "token": Field("string", required=False, description="From the link; or in the query"),
}
_SENT = "If this email exists in our system, check your email for the reset link"


async def request_password_reset(exchange: Exchange) -> dict[str, Any]:
    """Send a link to choose a new password, if there is a user with this address."""
    auth, body = exchange.auth, exchange.body
    hook = auth.options.send_reset_password
    if hook is None:
        raise APIError(400, "RESET_PASSWORD_DISABLED")
    user = await store.FIND_USER_BY_EMAIL.fetchrow(auth.pool, email=body["email"].lower())
    if user is not None:
        send = partial(_send_link, exchange, hook, user, body.get("redirectTo") or "")
        exchange.afterwards(send)
    return {"status": True, "message": _SENT}


async def follow_link(exchange: Exchange) -> None:
    """Send the browser from the link in the mail to the page that asks for the new password."""
    check_callback_in_query(exchange)
    token, page = exchange.parameters["token"], exchange.query["callbackURL"]
    base = exchange.auth.options.url
    if not page:
        exchange.redirect(with_parameter(f"{base}/error", base, "error", "INVALID_TOKEN"))
    if await verification.find(exchange.auth.pool, _identifier(token)) is None:
        exchange.redirect(with_parameter(page, base, "error", "INVALID_TOKEN"))
    exchange.redirect(with_parameter(page, base, "token", token))


async def reset_password(exchange: Exchange) -> dict[str, bool]:
    """Set a new password with the token from the mail, which works once."""
    auth, password = exchange.auth, exchange.body["newPassword"]
    token = exchange.body.get("token") or exchange.query.get("token")
    if not token:
        raise APIError(400, "INVALID_TOKEN")
    check_password_length(password)
    user_id = await verification.find(auth.pool, _identifier(token))
    if user_id is None:
        raise APIError(400, "INVALID_TOKEN")
    if await store.FIND_USER.fetchrow(auth.pool, user_id=user_id) is None:
        raise APIError(400, "USER_NOT_FOUND")
    user = await _replace_password(exchange, token, await auth.passwords.hash(password))
    if hook := auth.options.on_password_reset:
        exchange.afterwards(partial(hook, PasswordReset(HookUser.from_row(user))))
    return {"status": True}


async def _send_link(exchange: Exchange, hook: LetterHook, user: Record, page: str) -> None:
    """Runs after the answer, row and all, because an unknown address has none to write."""
    auth, token = exchange.auth, store.generate_id(_TOKEN_LENGTH)
    lifetime = timedelta(seconds=auth.options.reset_password_expires_in)
    await verification.create(auth.pool, _identifier(token), user["id"], lifetime)
    url = f"{auth.options.url}/reset-password/{token}?callbackURL={encode_uri_component(page)}"
    await hook(Letter(HookUser.from_row(user), url, token))


async def _replace_password(exchange: Exchange, token: str, hashed: str) -> Record:
    """Use up the token, revoke, write: all of it or nothing. Of several at once, one succeeds."""
    async with exchange.auth.transaction() as connection:
        user_id = await verification.consume(connection, _identifier(token))
        if user_id is None:
            raise APIError(400, "INVALID_TOKEN")
        user = await store.LOCK_USER.fetchrow(connection, user_id=user_id)
        if user is None:
            raise APIError(400, "USER_NOT_FOUND")
        if exchange.auth.options.revoke_sessions_on_password_reset:
            await store.DELETE_SESSIONS_OF_USER.fetch(connection, user_id=user_id)
        await store.set_password(connection, user_id, hashed)
    return user


def _identifier(token: str) -> str:
    return f"reset-password:{token}"


ENDPOINTS = (
    Endpoint(
        path="/request-password-reset",
        handler=request_password_reset,
        body=Schema(_REQUEST),
        answer=schemas.ResetRequested,
        errors=(400, 403, 415, 429),
    ),
    Endpoint(
        path="/reset-password/{token}",
        methods=("GET",),
        handler=follow_link,
        query=Schema({"callbackURL": Field("string")}),
        errors=(400, 403, 429),
    ),
    Endpoint(
        path="/reset-password",
        handler=reset_password,
        body=Schema(_RESET),
        query=Schema({"token": Field("string", required=False)}),
        answer=schemas.Status,
        errors=(400, 403, 415, 429, 503),
    ),
)
