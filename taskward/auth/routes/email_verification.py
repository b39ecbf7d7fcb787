"""`/send-verification-email`, `/verify-email`."""

from typing import Any, NoReturn

from asyncpg import Record

from taskward.auth import letters, schemas, store
from taskward.auth.email_tokens import EmailClaims, ExpiredEmailTokenError, InvalidEmailTokenError
from taskward.auth.endpoint import Endpoint
from taskward.auth.errors import APIError
from taskward.auth.exchange import Exchange, user_json
from taskward.auth.hooks import HookUser
from taskward.auth.origin_check import check_callback_in_query
from taskward.auth.redirects import with_parameter_appended
from taskward.auth.validation import Field, Schema
from taskward.timestamps import now

_CALLBACK = Field("string", required=False, description="Where the link leads in the end")


async def send_verification_email(exchange: Exchange) -> dict[str, bool]:
    """Send a link that verifies an e-mail address, if it belongs to somebody and is not verified.

    To somebody who is not signed in, the answer and its time are the same for every address.
    """
    auth, email = exchange.auth, exchange.body["email"].lower()
    if auth.options.send_verification_email is None:
        raise APIError(400, "VERIFICATION_EMAIL_NOT_ENABLED")
    if session := await exchange.load_session():
        if session["user.email"].lower() != email:
            raise APIError(400, "EMAIL_MISMATCH")
        if session["user.emailVerified"]:
            raise APIError(400, "EMAIL_ALREADY_VERIFIED")
        user: HookUser | None = HookUser.from_row(session, "user.")
    else:
        row = await store.FIND_USER_BY_EMAIL.fetchrow(auth.pool, email=email)
        user = HookUser.from_row(row) if row and not row["emailVerified"] else None
    if user is not None:
        letters.offer_verification(exchange, user, exchange.body.get("callbackURL"))
    return {"status": True}


async def verify_email(exchange: Exchange) -> dict[str, Any]:
    """Verify or change an e-mail address with the token from the mail."""
    check_callback_in_query(exchange)
    try:
        claims = exchange.auth.email_tokens.read(exchange.query["token"])
    except ExpiredEmailTokenError:
        _refuse(exchange, "TOKEN_EXPIRED")
    except InvalidEmailTokenError:
        _refuse(exchange, "INVALID_TOKEN")
    if claims.update_to:
        content = await _change(exchange, claims, claims.update_to.lower())
    else:
        content = await _verify(exchange, claims)
    if callback_url := exchange.query.get("callbackURL"):
        exchange.redirect(callback_url)
    return content


async def _change(exchange: Exchange, claims: EmailClaims, new_email: str) -> dict[str, Any]:
    user = await _bound_user(exchange, claims)
    session = await exchange.load_session()
    if session is not None and session["user.id"] != user["id"]:
        _refuse(exchange, "INVALID_USER")
    person, callback_url = HookUser.from_row(user), exchange.query.get("callbackURL")
    if claims.request_type == "change-email-confirmation":
        letters.offer_change(exchange, person, new_email, callback_url)
        return {"status": True}
    proven = claims.request_type == "change-email-verification"
    verified = None if proven else False
    changed = await store.change_email(exchange.auth.pool, user, new_email, verified=verified)
    if changed is None:
        _refuse(exchange, "INVALID_TOKEN")
    if not proven:
        letters.offer_verification(exchange, HookUser.from_row(changed), callback_url)
    if session is not None:
        exchange.set_session_cookies(session["session.token"])
    return {"status": True, "user": user_json(changed)}


async def _bound_user(exchange: Exchange, claims: EmailClaims) -> Record:
    """A token to change an address is for one user, as long as the old address is theirs."""
    if not claims.user_id:
        _refuse(exchange, "INVALID_TOKEN")
    user = await store.FIND_USER.fetchrow(exchange.auth.pool, user_id=claims.user_id)
    if user is None:
        _refuse(exchange, "USER_NOT_FOUND")
    if user["email"].lower() != claims.email:
        _refuse(exchange, "INVALID_TOKEN")
    return user


async def _verify(exchange: Exchange, claims: EmailClaims) -> dict[str, Any]:
    auth = exchange.auth
    user = await store.FIND_USER_BY_EMAIL.fetchrow(auth.pool, email=claims.email.lower())
    if user is None:
        _refuse(exchange, "USER_NOT_FOUND")
    if claims.user_id and claims.user_id != user["id"]:
        _refuse(exchange, "INVALID_TOKEN")
    if not user["emailVerified"]:
        await store.VERIFY_EMAIL.fetch(
            auth.pool, user_id=user["id"], email=user["email"], now=now()
        )
        if auth.options.auto_sign_in_after_verification:
            await _sign_in(exchange, user)
    return {"status": True, "user": None}


async def _sign_in(exchange: Exchange, user: Record) -> None:
    session = await exchange.load_session()
    if session is not None and session["user.email"] == user["email"]:
        exchange.set_session_cookies(session["session.token"])
        return
    created = await store.create_session(exchange.auth.pool, exchange.new_session(user["id"]))
    if created is None:
        raise APIError(401, "FAILED_TO_CREATE_SESSION")
    exchange.set_session_cookies(created["token"])


def _refuse(exchange: Exchange, code: str) -> NoReturn:
    """The page that the link was to lead to learns what went wrong, else who follows the link."""
    if callback_url := exchange.query.get("callbackURL"):
        exchange.redirect(with_parameter_appended(callback_url, "error", code))
    raise APIError(401, code)


ENDPOINTS = (
    Endpoint(
        path="/send-verification-email",
        handler=send_verification_email,
        body=Schema({"email": Field("email"), "callbackURL": _CALLBACK}),
        answer=schemas.Status,
        errors=(400, 403, 415, 429),
    ),
    Endpoint(
        path="/verify-email",
        methods=("GET",),
        handler=verify_email,
        query=Schema({"token": Field("string"), "callbackURL": _CALLBACK}),
        answer=schemas.VerifiedEmail,
        redirects=True,
        errors=(400, 401, 403, 429),
    ),
)
