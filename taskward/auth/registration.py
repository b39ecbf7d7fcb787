"""Sign-up and sign-in with e-mail and password, for the protocol's endpoints and the plain ones."""

from typing import Any

from asyncpg import Record

from taskward.auth import store
from taskward.auth.errors import APIError
from taskward.auth.exchange import Exchange
from taskward.auth.validation import is_email

PASSWORD_MIN_LENGTH = 8
PASSWORD_MAX_LENGTH = 128
NAME_MAX_LENGTH = 255
IMAGE_MAX_LENGTH = 262_144


async def sign_up(
    exchange: Exchange, user: store.NewUser, password: str, *, remember: bool
) -> tuple[Record, dict[str, Any]]:
    """Create a user and sign it in.

    Returns:
        The session's row and the user's JSON.

    Raises:
        APIError: 400 for the password, 422 for an e-mail address that is taken.
    """
    check_password_length(password)
    auth = exchange.auth
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
    return session, store.new_user_json(session, user)


async def sign_in(
    exchange: Exchange, *, email: str, password: str, remember: bool
) -> tuple[Record, Record]:
    """Check a password and start a session.

    Returns:
        The rows of the session and of the user.

    Raises:
        APIError: 401 for a wrong password, and, as slowly, for an unknown e-mail address.
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
    new = exchange.new_session(user["id"], remember=remember)
    session = await store.create_session(exchange.auth.pool, new)
    if session is None:
        raise APIError(401, "INVALID_EMAIL_OR_PASSWORD")
    exchange.start_session(session, remember=remember)
    return session, user


def check_password_length(password: str) -> None:
    """Refuse passwords that are too short or too long, counted as JavaScript does in UTF-16.

    Raises:
        APIError: 400.
    """
    if _utf16_length(password) < PASSWORD_MIN_LENGTH:
        raise APIError(400, "PASSWORD_TOO_SHORT")
    check_password_not_too_long(password)


def check_password_not_too_long(password: str) -> None:
    """Refuse passwords that would only cost time to hash.

    Raises:
        APIError: 400.
    """
    if _utf16_length(password) > PASSWORD_MAX_LENGTH:
        raise APIError(400, "PASSWORD_TOO_LONG")


def _utf16_length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
