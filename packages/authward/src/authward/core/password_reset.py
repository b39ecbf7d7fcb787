"""`/request-password-reset`, `/reset-password`: a forgotten password."""

from datetime import timedelta
from functools import partial
from typing import Any

from authward.callbacks import EmailLink, EmailLinkCallback, PasswordReset
from authward.codes import Code
from authward.core.account_changes import consume, keep, set_password
from authward.core.password_auth import PASSWORD, check_password_length
from authward.endpoint import Endpoint
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.ids import generate_id
from authward.redirects import with_parameter
from authward.schema import responses as schemas
from authward.security.cookies import encode_uri_component
from authward.security.csrf import check_callback_in_query
from authward.storage.rows import AuthUser
from authward.validation import Field, Schema

_TOKEN_LENGTH = 24
_REQUEST = {
    "email": Field("email", description="E-mail address"),
    "redirectTo": Field("string", required=False, description="Page that asks for the password"),
}
_RESET = {
    "newPassword": Field("string", json_schema_extra=PASSWORD),
    "token": Field("string", required=False, description="From the link; or in the query"),
}
_SENT = "If this email exists in our system, check your email for the reset link"


async def request_password_reset(ctx: EndpointContext) -> dict[str, Any]:
    """Send a link to choose a new password, if there is a user with this address."""
    hook = ctx.auth.options.email_and_password.send_reset_password
    if hook is None:
        raise APIError(Code.RESET_PASSWORD_DISABLED)
    ctx.run_in_background(partial(_send_link, ctx, hook))
    return {"status": True, "message": _SENT}


async def follow_link(ctx: EndpointContext) -> None:
    """Send the browser from the link in the mail to the page that asks for the new password."""
    check_callback_in_query(ctx)
    token, page = ctx.path_params["token"], ctx.query["callbackURL"]
    base = ctx.auth.options.url
    if not page:
        ctx.redirect(with_parameter(f"{base}/error", base, "error", "INVALID_TOKEN"))
    if await ctx.auth.verifications.find(ctx.auth.pool, _identifier(token)) is None:
        ctx.redirect(with_parameter(page, base, "error", "INVALID_TOKEN"))
    ctx.redirect(with_parameter(page, base, "token", token))


async def reset_password(ctx: EndpointContext) -> dict[str, bool]:
    """Set a new password with the token from the mail, which works once."""
    auth, password = ctx.auth, ctx.body["newPassword"]
    token = ctx.body.get("token") or ctx.query.get("token")
    if not token:
        raise APIError(Code.INVALID_TOKEN)
    check_password_length(password, ctx.auth.options.email_and_password)
    kept = await auth.verifications.find(auth.pool, _identifier(token))
    if kept is None:
        raise APIError(Code.INVALID_TOKEN)
    if await auth.users.find(auth.pool, kept.value) is None:
        raise APIError(Code.USER_NOT_FOUND)
    hashed = await auth.passwords.hash(password)
    user = await _replace_password(ctx, token, kept.value, hashed)
    if hook := auth.options.email_and_password.on_password_reset:
        ctx.run_in_background(partial(hook, PasswordReset(user)))
    return {"status": True}


async def _send_link(ctx: EndpointContext, hook: EmailLinkCallback) -> None:
    """Runs after the answer, whose time would else tell whether there is such a user."""
    auth, email = ctx.auth, ctx.body["email"].lower()
    user = await auth.users.find_by_email(auth.pool, email)
    if user is None:
        return
    page, token = ctx.body.get("redirectTo") or "", generate_id(_TOKEN_LENGTH)
    lifetime = timedelta(seconds=auth.options.email_and_password.reset_password_token_expires_in)
    await keep(ctx, _identifier(token), user.id, lifetime)
    url = f"{auth.options.url}/reset-password/{token}?callbackURL={encode_uri_component(page)}"
    await hook(EmailLink(user, url, token))


async def _replace_password(
    ctx: EndpointContext, token: str, user_id: str, hashed: str
) -> AuthUser:
    """Use up the token, write, revoke: all of it or nothing. Of several at once, one succeeds."""
    async with ctx.transaction() as connection:
        user = await ctx.auth.users.lock(connection, user_id)
        if user is None:
            raise APIError(Code.USER_NOT_FOUND)
        if await consume(ctx, _identifier(token)) != user_id:
            raise APIError(Code.INVALID_TOKEN)
        await set_password(ctx, user_id, hashed)
        if ctx.auth.options.email_and_password.revoke_sessions_on_password_reset:
            await ctx.delete_sessions(user_id)
    return user


def _identifier(token: str) -> str:
    return f"reset-password:{token}"


ENDPOINTS = (
    Endpoint(
        path="/request-password-reset",
        handler=request_password_reset,
        body=Schema(_REQUEST),
        response_model=schemas.ResetRequested,
        errors=(400, 403, 415, 429),
    ),
    Endpoint(
        path="/reset-password/{token}",
        name="request_password_reset_callback",
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
        response_model=schemas.Status,
        errors=(400, 403, 415, 429, 503),
    ),
)
