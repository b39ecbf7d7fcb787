"""Sign-up and sign-in with e-mail and password, for the protocol's endpoints and the plain ones."""

from datetime import datetime
from typing import Any

from asyncpg import Record

from taskward.auth import letters, store
from taskward.auth.errors import APIError
from taskward.auth.exchange import Exchange
from taskward.auth.hooks import HookUser
from taskward.auth.validation import is_email
from taskward.timestamps import now

PASSWORD_MIN_LENGTH = 8
PASSWORD_MAX_LENGTH = 128
NAME_MAX_LENGTH = 255
IMAGE_MAX_LENGTH = 262_144
PASSWORD = {"minLength": PASSWORD_MIN_LENGTH, "maxLength": PASSWORD_MAX_LENGTH}
"""The JSON schema of a new password."""
ANY_PASSWORD = {"maxLength": PASSWORD_MAX_LENGTH}
"""The same of one that should be known: a shorter one is simply wrong."""


async def sign_up(
    exchange: Exchange, user: store.NewUser, password: str, *, remember: bool
) -> tuple[Record | None, dict[str, Any]]:
    """Create a user and sign it in, unless the e-mail address must be verified before that.

    Returns:
        The session's row, if there is one, and the user's JSON.

    Raises:
        APIError: 400 for the password, 422 for an e-mail address that is taken.
    """
    check_password_length(password)
    auth = exchange.auth
    if auth.options.require_email_verification:
        return None, await _sign_up_unverified(exchange, user, password)
    if await store.EMAIL_EXISTS.fetchrow(auth.pool, email=user.email):
        raise APIError(422, "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL")
    if "\0" in f"{user.name}{user.image}":
        raise APIError(422, "FAILED_TO_CREATE_USER")
    hashed = await auth.passwords.hash(password)
    new = exchange.new_session(store.generate_id(), remember=remember)
    session = await store.create_user(auth.pool, new, user, hashed)
    if session is None:
        raise APIError(422, "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL")
    exchange.start_session(session, remember=remember)
    _welcome(exchange, user, session["userId"], session["createdAt"])
    return session, store.new_user_json(user, session["userId"], session["createdAt"])


async def _sign_up_unverified(
    exchange: Exchange, user: store.NewUser, password: str
) -> dict[str, Any]:
    """An address that is taken gets the same answer, after the same work, and no mail."""
    if "\0" in f"{user.name}{user.image}":
        raise APIError(422, "FAILED_TO_CREATE_USER")
    auth, user_id, moment = exchange.auth, store.generate_id(), now()
    hashed = await auth.passwords.hash(password)
    if await store.create_user_without_session(auth.pool, user_id, user, hashed, moment):
        _welcome(exchange, user, user_id, moment)
    return store.new_user_json(user, user_id, moment)


def _welcome(exchange: Exchange, user: store.NewUser, user_id: str, moment: datetime) -> None:
    options = exchange.auth.options
    wanted = options.send_on_sign_up
    if options.require_email_verification if wanted is None else wanted:
        person = HookUser(
            id=user_id,
            name=user.name,
            email=user.email,
            email_verified=False,
            image=user.image,
            created_at=moment,
            updated_at=moment,
        )
        letters.offer_verification(exchange, person, exchange.callback_url)


async def sign_in(
    exchange: Exchange, *, email: str, password: str, remember: bool
) -> tuple[Record, Record]:
    """Check a password and start a session.

    Returns:
        The rows of the session and of the user.

    Raises:
        APIError: 401 for a wrong password, and, as slowly, for an unknown e-mail address; 403
            where the address must be verified first.
    """
    if not is_email(email):
        raise APIError(400, "INVALID_EMAIL")
    check_password_not_too_long(password)
    user = await store.FIND_USER_WITH_PASSWORD.fetchrow(exchange.auth.pool, email=email.lower())
    stored = user["password"] if user else None
    if user is None or stored is None:
        await exchange.auth.passwords.burn(password)
        raise APIError(401, "INVALID_EMAIL_OR_PASSWORD")
    if not await exchange.auth.passwords.verify(password, stored):
        raise APIError(401, "INVALID_EMAIL_OR_PASSWORD")
    _require_verified(exchange, user)
    new = exchange.new_session(user["id"], remember=remember)
    session = await store.create_session(exchange.auth.pool, new)
    if session is None:
        raise APIError(401, "INVALID_EMAIL_OR_PASSWORD")
    exchange.start_session(session, remember=remember)
    return session, user


def _require_verified(exchange: Exchange, user: Record) -> None:
    options = exchange.auth.options
    if user["emailVerified"] or not options.require_email_verification:
        return
    if options.send_on_sign_in:
        letters.offer_verification(exchange, HookUser.from_row(user), exchange.callback_url)
    raise APIError(403, "EMAIL_NOT_VERIFIED")


def check_password_length(password: str) -> None:
    """Refuse passwords that are too short or too long, counted as JavaScript does in UTF-16.

    Raises:
        APIError: 400.
    """
    if utf16_length(password) < PASSWORD_MIN_LENGTH:
        raise APIError(400, "PASSWORD_TOO_SHORT")
    check_password_not_too_long(password)


def check_password_not_too_long(password: str) -> None:
    """Refuse passwords that would only cost time to hash.

    Raises:
        APIError: 400.
    """
    if utf16_length(password) > PASSWORD_MAX_LENGTH:
        raise APIError(400, "PASSWORD_TOO_LONG")


def utf16_length(text: str) -> int:
    """Return the length as JavaScript counts it: an emoji is two."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
