"""Sign-up and sign-in with a password: shared by `email_password`, `username` and `token_login`."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus
from typing import Any

from authward import emails
from authward.callbacks import ExistingUser
from authward.codes import Code, ErrorCode
from authward.core.account_changes import after_credential, before_credential
from authward.core.user_changes import before_create, synthetic_user
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.options import EmailAndPasswordOptions
from authward.schema.input import parse_input
from authward.storage.credentials import REPLACE_HASH
from authward.storage.new_sessions import NewSession
from authward.storage.rows import AuthSession, AuthUser, values_of
from authward.storage.statements import new_id
from authward.storage.users import FIND_USER_ID, ConstraintError, NewUser
from authward.text import utf16_length
from authward.timestamps import now
from authward.validation import is_email

NOTHING: Mapping[str, Any] = {}
_USUAL = EmailAndPasswordOptions()
PASSWORD_MIN_LENGTH = _USUAL.min_password_length
PASSWORD_MAX_LENGTH = _USUAL.max_password_length
NAME_MAX_LENGTH = 255
IMAGE_MAX_LENGTH = 262_144
PASSWORD = {"minLength": PASSWORD_MIN_LENGTH, "maxLength": PASSWORD_MAX_LENGTH}
"""The JSON schema of a new password."""
ANY_PASSWORD = {"maxLength": PASSWORD_MAX_LENGTH}
"""The JSON schema of a current password; a shorter one is just wrong."""


async def sign_up(
    ctx: EndpointContext,
    user: NewUser,
    password: str,
    *,
    remember: bool,
    given: Mapping[str, Any] = NOTHING,
) -> tuple[AuthSession | None, dict[str, Any]]:
    """Create a user and a session; no session where the e-mail address must be verified first.

    Args:
        ctx: the request whose client gets the session.
        user: without additional fields.
        password: its length is checked here.
        remember: whether the session outlives the browser.
        given: the body, for additional fields of plugins and the application.

    Returns:
        The session, if there is one, and the user's JSON.

    Raises:
        APIError: 400 for the password or a field, 422 for an e-mail address that is taken.
    """
    auth, options = ctx.auth, ctx.auth.options.email_and_password
    if not options.enabled or options.disable_sign_up:
        raise APIError(Code.EMAIL_PASSWORD_SIGN_UP_DISABLED)
    check_password_length(password, options)
    user = replace(user, fields=parse_input(auth.schema.input_fields("user"), given, "create"))
    if options.require_email_verification or not options.auto_sign_in:
        return None, await _sign_up_unverified(ctx, user, password)
    if await FIND_USER_ID.fetchrow(auth.pool, email=user.email):
        raise APIError(Code.USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL)
    user = await before_create(ctx, user, method="email-password")
    hashed = await auth.passwords.hash(password)
    user_id = await new_id(auth.pool, "user")
    hashed = await before_credential(ctx, user_id, hashed)
    new = await ctx.new_session(user_id, remember=remember)
    try:
        session, created = await _create(ctx, new, user, hashed)
    except ConstraintError as error:
        raise _sign_up_error(error) from error
    ctx.start_session(session, remember=remember)
    _after_sign_up(ctx, created)
    ctx.after_write("session", "create", values_of(session), created.id)
    return session, auth.output.user(created)


async def _create(
    ctx: EndpointContext, new: NewSession, user: NewUser, hashed: str
) -> tuple[AuthSession, AuthUser]:
    """Create a user and the first session: both or, where the storage is away, none."""
    auth, kept = ctx.auth, ctx.auth.sessions.kept
    if kept.store is None:
        return await auth.users.create(auth.pool, new, user, hashed)
    async with ctx.transaction() as connection:
        created = await auth.users.create_without_session(
            connection, new.user_id, user, hashed, new.created_at
        )
        session = await auth.sessions.create(connection, new)
    if session is None:
        raise APIError(Code.FAILED_TO_CREATE_SESSION)
    return session, created


async def _sign_up_unverified(ctx: EndpointContext, user: NewUser, password: str) -> dict[str, Any]:
    """Return the same response, after the same work, for an address that is taken; send no mail."""
    auth, moment = ctx.auth, now()
    user_id = await new_id(auth.pool, "user")
    try:
        user = await before_create(ctx, user, method="email-password")
    except APIError as error:
        if error.status != HTTPStatus.FORBIDDEN:
            raise
        await auth.passwords.hash(password)
        return auth.output.user(synthetic_user(ctx, user, user_id))
    hashed = await before_credential(ctx, user_id, await auth.passwords.hash(password))
    try:
        created = await auth.users.create_without_session(auth.pool, user_id, user, hashed, moment)
    except ConstraintError as error:
        if not error.is_email:
            raise _sign_up_error(error) from error
        ctx.run_in_background(partial(_tell_of_existing_user, ctx, user.email))
        return auth.output.user(synthetic_user(ctx, user, user_id))
    _after_sign_up(ctx, created)
    return auth.output.user(created)


async def _tell_of_existing_user(ctx: EndpointContext, email: str) -> None:
    callback = ctx.auth.options.email_and_password.on_existing_user_sign_up
    user = await ctx.auth.users.find_by_email(ctx.auth.pool, email) if callback else None
    if callback is not None and user is not None:
        await callback(ExistingUser(user))


def _sign_up_error(error: ConstraintError) -> APIError:
    is_email = error.is_email
    return APIError(
        Code.USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL if is_email else Code.FAILED_TO_CREATE_USER
    )


def _after_sign_up(ctx: EndpointContext, created: AuthUser) -> None:
    ctx.after_write("user", "create", values_of(created), created.id)
    after_credential(ctx, created.id)
    options = ctx.auth.options
    wanted = options.email_verification.send_on_sign_up
    if options.email_and_password.require_email_verification if wanted is None else wanted:
        emails.queue_verification_email(ctx, created, ctx.callback_url)


async def sign_in(
    ctx: EndpointContext, *, email: str, password: str, remember: bool
) -> tuple[AuthSession, AuthUser]:
    """Check a password and start a session.

    Returns:
        The session and the user.

    Raises:
        APIError: 401 for a wrong password, and, after the same time, for an unknown address; 403
            where the address must be verified first, the user is banned or has a second factor.
    """
    options = ctx.auth.options.email_and_password
    if not options.enabled:
        raise APIError(Code.EMAIL_PASSWORD_DISABLED)
    if not is_email(email):
        raise APIError(Code.INVALID_EMAIL)
    check_password_not_too_long(password, options)
    credentials = Credentials("email", email.lower(), password)
    return await sign_in_with(ctx, credentials, remember=remember)


@dataclass(frozen=True, slots=True)
class Credentials:
    """A password, and the name and value of a unique field that identifies the user.

    `wrong_password` is the error for a wrong password, and, after the same time, for an unknown
    user; `unverified` where the e-mail address must be verified first.
    """

    name: str
    value: str
    password: str = field(repr=False)
    wrong_password: ErrorCode = Code.INVALID_EMAIL_OR_PASSWORD
    unverified: ErrorCode = Code.EMAIL_NOT_VERIFIED


async def sign_in_with(
    ctx: EndpointContext, given: Credentials, *, remember: bool
) -> tuple[AuthSession, AuthUser]:
    """Check a password and start a session.

    Raises:
        APIError: as the credentials say; 403 for a user who is banned or has a second factor.
    """
    user, stored, session = await _signed_in(ctx, given, remember=remember)
    if session is None:  # the hash was replaced meanwhile, maybe by one of the same password
        user, stored, session = await _signed_in(ctx, given, remember=remember)
    if session is None:
        raise APIError(given.wrong_password)
    if ctx.auth.passwords.options.is_outdated(stored):
        ctx.run_in_background(partial(_rehash, ctx, user.id, given.password, stored))
    ctx.start_session(session, remember=remember)
    return session, user


async def _signed_in(
    ctx: EndpointContext, given: Credentials, *, remember: bool
) -> tuple[AuthUser, str, AuthSession | None]:
    auth = ctx.auth
    found = await auth.users.find_with_password(auth.pool, given.name, given.value)
    user, stored = found or (None, None)
    if user is None or stored is None:
        await auth.passwords.dummy_verify(given.password)
        raise APIError(given.wrong_password)
    if not await auth.passwords.verify(given.password, stored):
        raise APIError(given.wrong_password)
    _require_verified(ctx, user, given.unverified)
    return user, stored, await ctx.create_session(user.id, remember=remember, verified=stored)


async def _rehash(ctx: EndpointContext, user_id: str, password: str, verified: str) -> None:
    """Replace a hash from elsewhere by one of today, unless the password has changed meanwhile."""
    hashed = await ctx.auth.passwords.hash(password)
    values = {"user_id": user_id, "verified": verified, "password": hashed}
    await REPLACE_HASH.fetch(ctx.auth.pool, **values)


def sign_in_response(ctx: EndpointContext, session: AuthSession, user: AuthUser) -> dict[str, Any]:
    """Return the content of the response to a sign-in; set `Location` to the callback URL."""
    callback_url = ctx.callback_url
    if callback_url:
        ctx.set_location(callback_url)
    return {
        "redirect": bool(callback_url),
        "token": session.token,
        **({} if callback_url is None else {"url": callback_url}),
        "user": ctx.auth.output.user(user),
    }


def _require_verified(ctx: EndpointContext, user: AuthUser, code: ErrorCode) -> None:
    options = ctx.auth.options
    if user.email_verified or not options.email_and_password.require_email_verification:
        return
    if options.email_verification.send_on_sign_in:
        emails.queue_verification_email(ctx, user, ctx.callback_url)
    raise APIError(code)


def check_password_length(password: str, options: EmailAndPasswordOptions = _USUAL) -> None:
    """Refuse passwords that are too short or too long, in UTF-16 units, as JavaScript counts.

    Raises:
        APIError: 400.
    """
    if utf16_length(password) < options.min_password_length:
        raise APIError(Code.PASSWORD_TOO_SHORT)
    check_password_not_too_long(password, options)


def check_password_not_too_long(password: str, options: EmailAndPasswordOptions = _USUAL) -> None:
    """Refuse passwords that are too long to be right, without hashing them.

    Raises:
        APIError: 400.
    """
    if utf16_length(password) > options.max_password_length:
        raise APIError(Code.PASSWORD_TOO_LONG)
