"""`/change-email`."""

from functools import partial

from taskward.auth import letters, schemas, store
from taskward.auth.endpoint import Endpoint
from taskward.auth.errors import APIError
from taskward.auth.exchange import Exchange
from taskward.auth.hooks import HookUser
from taskward.auth.validation import Field, Schema

_CHANGE_EMAIL = {
    "newEmail": Field("email", description="The address to have instead"),
    "callbackURL": Field("string", required=False, description="Where the link leads in the end"),
}


async def change_email(exchange: Exchange) -> dict[str, bool]:
    """Ask for another e-mail address; it counts once the links that are mailed were followed.

    An address that is taken gets the same answer, and no mail.
    """
    options, session = exchange.auth.options, exchange.session
    new_email, callback_url = exchange.body["newEmail"].lower(), exchange.body.get("callbackURL")
    at_once = options.update_email_without_verification and not session["user.emailVerified"]
    _check_possible(exchange, new_email, at_once=at_once)
    if not at_once:
        exchange.afterwards(partial(_offer_if_free, exchange, new_email, callback_url))
    elif not await store.EMAIL_EXISTS.fetchrow(exchange.auth.pool, email=new_email):
        await _change_at_once(exchange, new_email, callback_url)
    return {"status": True}


async def _offer_if_free(exchange: Exchange, new_email: str, callback_url: str | None) -> None:
    """Runs after the answer, whose time would else tell whether the address is taken."""
    if await store.EMAIL_EXISTS.fetchrow(exchange.auth.pool, email=new_email):
        return
    user = HookUser.from_row(exchange.session, "user.")
    if user.email_verified and exchange.auth.options.send_change_email_confirmation:
        letters.send_confirmation(exchange, user, new_email, callback_url)
    else:
        letters.offer_change(exchange, user, new_email, callback_url)


def _check_possible(exchange: Exchange, new_email: str, *, at_once: bool) -> None:
    options = exchange.auth.options
    if not options.change_email_enabled:
        raise APIError(400, "CHANGE_EMAIL_DISABLED")
    if new_email == exchange.session["user.email"]:
        raise APIError(400, message="Email is the same")
    if not at_once and options.send_verification_email is None:
        raise APIError(400, message="Verification email isn't enabled")


async def _change_at_once(exchange: Exchange, new_email: str, callback_url: str | None) -> None:
    user = await store.FIND_USER.fetchrow(exchange.auth.pool, user_id=exchange.session["user.id"])
    changed = user and await store.change_email(exchange.auth.pool, user, new_email)
    if changed is None:
        return
    exchange.set_session_cookies(exchange.session["session.token"])
    letters.offer_verification(exchange, HookUser.from_row(changed), callback_url)


ENDPOINTS = (
    Endpoint(
        path="/change-email",
        handler=change_email,
        body=Schema(_CHANGE_EMAIL),
        session="required",
        answer=schemas.Status,
        errors=(400, 401, 403, 415, 429),
    ),
)
