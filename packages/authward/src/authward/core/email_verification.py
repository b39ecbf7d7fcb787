"""`/send-verification-email`, `/verify-email`."""

from datetime import timedelta
from functools import partial
from typing import Any, NoReturn

from authward import emails
from authward.codes import Code
from authward.core.user_changes import change_email, verifying
from authward.core.user_changes import verify_email as write_verified
from authward.endpoint import Endpoint
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.redirects import with_parameter_appended
from authward.schema import responses as schemas
from authward.security.csrf import check_callback_in_query
from authward.security.email_tokens import (
    EmailClaims,
    ExpiredEmailTokenError,
    InvalidEmailTokenError,
)
from authward.storage.credentials import FIND_PASSWORD_UPDATED_AT
from authward.storage.rows import AuthUser
from authward.validation import Field, Schema

_CALLBACK = Field("string", required=False, description="Where the link leads in the end")
_SIGN_UP_TAKES = timedelta(seconds=1)


async def send_verification_email(ctx: EndpointContext) -> dict[str, bool]:
    """Send a link that verifies an e-mail address, if it belongs to somebody and is not verified.

    To somebody who is not signed in, the answer and its time are the same for every address.
    """
    auth, email = ctx.auth, ctx.body["email"].lower()
    if auth.options.email_verification.send_verification_email is None:
        raise APIError(Code.VERIFICATION_EMAIL_NOT_ENABLED)
    if session := await ctx.load_session():
        if session.user.email.lower() != email:
            raise APIError(Code.EMAIL_MISMATCH)
        if session.user.email_verified:
            raise APIError(Code.EMAIL_ALREADY_VERIFIED)
        user = session.user
        emails.queue_verification_email(ctx, user, ctx.body.get("callbackURL"))
    else:
        ctx.run_in_background(partial(_queue_email_if_unverified, ctx, email))
    return {"status": True}


async def _queue_email_if_unverified(ctx: EndpointContext, email: str) -> None:
    """Runs after the answer, whose time would else tell whether there is such a user."""
    row = await ctx.auth.users.find_by_email(ctx.auth.pool, email)
    if row and not row.email_verified:
        user = row
        emails.queue_verification_email(ctx, user, ctx.body.get("callbackURL"))


async def verify_email(ctx: EndpointContext) -> dict[str, Any]:
    """Verify or change an e-mail address with the token from the mail."""
    check_callback_in_query(ctx)
    try:
        claims = ctx.auth.email_tokens.read(ctx.query["token"])
    except ExpiredEmailTokenError:
        _refuse(ctx, Code.TOKEN_EXPIRED)
    except InvalidEmailTokenError:
        _refuse(ctx, Code.INVALID_TOKEN)
    if claims.update_to:
        content = await _change(ctx, claims, claims.update_to.lower())
    else:
        content = await _verify(ctx, claims)
    if callback_url := ctx.query.get("callbackURL"):
        ctx.redirect(callback_url)
    return content


async def _change(ctx: EndpointContext, claims: EmailClaims, new_email: str) -> dict[str, Any]:
    user = await _bound_user(ctx, claims)
    session = await ctx.load_session()
    if session is not None and session.user.id != user.id:
        _refuse(ctx, Code.INVALID_USER)
    callback_url = ctx.query.get("callbackURL")
    if claims.request_type == "change-email-confirmation":
        emails.queue_new_email_verification(ctx, user, new_email, callback_url)
        return {"status": True}
    proven = claims.request_type == "change-email-verification"
    verified = None if proven else False
    async with verifying(ctx, user, only_after=True):
        changed = await change_email(ctx, user, new_email, verified=verified)
    if changed is None:
        _refuse(ctx, Code.INVALID_TOKEN)
    if not proven:
        emails.queue_verification_email(ctx, changed, callback_url)
    if session is not None:
        ctx.set_session_cookies(session.session.token)
    return {"status": True, "user": ctx.auth.output.user(changed)}


async def _bound_user(ctx: EndpointContext, claims: EmailClaims) -> AuthUser:
    """A token to change an address is for one user, as long as the old address is theirs."""
    if not claims.user_id:
        _refuse(ctx, Code.INVALID_TOKEN)
    user = await ctx.auth.users.find(ctx.auth.pool, claims.user_id)
    if user is None:
        _refuse(ctx, Code.USER_NOT_FOUND)
    if user.email.lower() != claims.email or await _is_outdated(ctx, claims, user):
        _refuse(ctx, Code.INVALID_TOKEN)
    return user


async def _is_outdated(ctx: EndpointContext, claims: EmailClaims, user: AuthUser) -> bool:
    """Whoever had the old password, or a session of that time, changes no address with a new one.

    A token of the very second of the change is taken for older: it counts whole seconds.
    """
    row = await FIND_PASSWORD_UPDATED_AT.fetchrow(ctx.auth.pool, user_id=user.id)
    if row is None or row["updatedAt"] - user.created_at < _SIGN_UP_TAKES:
        return False
    return bool(claims.issued_at <= row["updatedAt"].timestamp())


async def _verify(ctx: EndpointContext, claims: EmailClaims) -> dict[str, Any]:
    auth = ctx.auth
    user = await auth.users.find_by_email(auth.pool, claims.email.lower())
    if user is None:
        _refuse(ctx, Code.USER_NOT_FOUND)
    if claims.user_id and claims.user_id != user.id:
        _refuse(ctx, Code.INVALID_TOKEN)
    if not user.email_verified:
        async with verifying(ctx, user):
            await write_verified(ctx, user)
        if auth.options.email_verification.auto_sign_in_after_verification:
            await _sign_in(ctx, user)
    return {"status": True, "user": None}


async def _sign_in(ctx: EndpointContext, user: AuthUser) -> None:
    session = await ctx.load_session()
    if session is not None and session.user.email == user.email:
        ctx.set_session_cookies(session.session.token)
        return
    created = await ctx.create_session(user.id)
    if created is None:
        raise APIError(Code.FAILED_TO_CREATE_SESSION)
    ctx.set_session_cookies(created.token)


def _refuse(ctx: EndpointContext, code: Code) -> NoReturn:
    """The page that the link was to lead to learns what went wrong, else who follows the link."""
    if callback_url := ctx.query.get("callbackURL"):
        ctx.redirect(with_parameter_appended(callback_url, "error", code.name))
    raise APIError(code, status=401)


ENDPOINTS = (
    Endpoint(
        path="/send-verification-email",
        handler=send_verification_email,
        body=Schema({"email": Field("email"), "callbackURL": _CALLBACK}),
        response_model=schemas.Status,
        errors=(400, 403, 415, 429),
    ),
    Endpoint(
        path="/verify-email",
        methods=("GET",),
        handler=verify_email,
        query=Schema({"token": Field("string"), "callbackURL": _CALLBACK}),
        response_model=schemas.VerifiedEmail,
        redirects=True,
        errors=(400, 401, 403, 429),
    ),
)
