"""`/change-email`."""

from functools import partial

from authward import emails
from authward.codes import Code
from authward.core.user_changes import change_email as write_email
from authward.endpoint import Endpoint
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.schema import responses as schemas
from authward.storage.users import FIND_USER_ID
from authward.validation import Field, Schema

_CHANGE_EMAIL = {
    "newEmail": Field("email", description="The address to have instead"),
    "callbackURL": Field("string", required=False, description="Where the link leads in the end"),
}


async def change_email(ctx: EndpointContext) -> dict[str, bool]:
    """Ask for another e-mail address; it counts once the links that are mailed were followed.

    An address that is taken gets the same answer, and no mail.
    """
    changing, session = ctx.auth.options.user.change_email, ctx.session
    new_email, callback_url = ctx.body["newEmail"].lower(), ctx.body.get("callbackURL")
    at_once = changing.update_email_without_verification and not session.user.email_verified
    _check_possible(ctx, new_email, at_once=at_once)
    if not at_once:
        ctx.run_in_background(partial(_queue_emails_if_free, ctx, new_email, callback_url))
    elif not await FIND_USER_ID.fetchrow(ctx.auth.pool, email=new_email):
        await _change_at_once(ctx, new_email, callback_url)
    return {"status": True}


async def _queue_emails_if_free(
    ctx: EndpointContext, new_email: str, callback_url: str | None
) -> None:
    """Runs after the answer, whose time would else tell whether the address is taken."""
    if await FIND_USER_ID.fetchrow(ctx.auth.pool, email=new_email):
        return
    user, options = ctx.session.user, ctx.auth.options
    if user.email_verified and options.user.change_email.send_change_email_confirmation:
        emails.queue_change_email_confirmation(ctx, user, new_email, callback_url)
    else:
        emails.queue_new_email_verification(ctx, user, new_email, callback_url)


def _check_possible(ctx: EndpointContext, new_email: str, *, at_once: bool) -> None:
    options = ctx.auth.options
    if not options.user.change_email.enabled:
        raise APIError(Code.CHANGE_EMAIL_DISABLED)
    if new_email == ctx.session.user.email:
        raise APIError(400, message="Email is the same")
    if not at_once and options.email_verification.send_verification_email is None:
        raise APIError(400, message="Verification email isn't enabled")


async def _change_at_once(ctx: EndpointContext, new_email: str, callback_url: str | None) -> None:
    user = await ctx.auth.users.find(ctx.auth.pool, ctx.session.user.id)
    changed = user and await write_email(ctx, user, new_email)
    if changed is None:
        return
    ctx.set_session_cookies(ctx.session.session.token)
    emails.queue_verification_email(ctx, changed, callback_url)


ENDPOINTS = (
    Endpoint(
        path="/change-email",
        handler=change_email,
        body=Schema(_CHANGE_EMAIL),
        session="required",
        response_model=schemas.Status,
        errors=(400, 401, 403, 415, 429),
    ),
)
