"""Around the writing of a user: hooks, defaults, and values as the database takes them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import structlog

from authward.callbacks import Refused, UserInfo, VerifiedEmail
from authward.codes import Code
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.schema.values import InvalidFieldError, decode_value, encode_fields
from authward.storage.rows import AuthUser
from authward.storage.users import MARK_EMAIL_VERIFIED, NewUser
from authward.timestamps import now

log = structlog.get_logger(__name__)
_CORE_OF_EMAIL = {"email", "emailVerified"}
_CORE = ("name", "email", "image", "emailVerified")


async def validate_user_info(ctx: EndpointContext, info: UserInfo) -> None:
    """Ask the application whether it wants this user.

    Raises:
        APIError: 403 with the application's code.
    """
    validate = ctx.auth.options.user.validate_user_info
    if validate is None:
        return
    try:
        refused = await validate(info)
    except Exception as error:  # noqa: BLE001 - as in the original: whatever fails refuses
        log.error("validate_user_info failed", error=type(error).__name__)  # noqa: TRY400
        refused = Refused("validation_failed", "User validation failed")
    if refused is not None:
        raise APIError(403, code=refused.error, message=refused.description or refused.error)


async def before_create(
    ctx: EndpointContext,
    user: NewUser,
    *,
    method: str,
    provider_id: str | None = None,
    profile: Mapping[str, Any] | None = None,
) -> NewUser:
    """Return the user as hooks want it, and with fields as the database takes them.

    `method` and what follows are what the application is told: see `UserInfo`.

    Raises:
        APIError: 422 for what the database cannot hold, and whatever hooks raise.
    """
    core = (user.name, user.email, user.image, user.email_verified)
    given = {**dict(zip(_CORE, core, strict=True)), **user.fields}
    info = UserInfo(given, "create-user", method, provider_id, profile or {})
    await validate_user_info(ctx, info)
    values = await ctx.before_write("user", "create", given)
    name, email, image, verified = (values[key] for key in _CORE)
    fields = {key: value for key, value in values.items() if key not in _CORE}
    try:
        fields = encode_fields(ctx.auth.schema.added["user"], fields)
    except InvalidFieldError:
        raise APIError(Code.FAILED_TO_CREATE_USER) from None
    if "\0" in f"{name}{image}":
        raise APIError(Code.FAILED_TO_CREATE_USER)
    return NewUser(name, email, image, email_verified=verified, fields=fields)


def with_defaults(ctx: EndpointContext, user: NewUser) -> NewUser:
    """Give a user whom nobody was asked about the fields' defaults."""
    return replace(user, fields=ctx.auth.defaults("user") | dict(user.fields))


def synthetic_user(ctx: EndpointContext, user: NewUser, user_id: str) -> AuthUser:
    """Return the user that would have been made, for an answer that tells nothing."""
    moment, fields = now(), ctx.auth.schema.added["user"]
    return AuthUser(
        id=user_id,
        name=user.name,
        email=user.email,
        email_verified=False,
        image=user.image,
        created_at=moment,
        updated_at=moment,
        fields={name: decode_value(field, user.fields.get(name)) for name, field in fields.items()},
    )


async def update_user(
    ctx: EndpointContext, user_id: str, values: Mapping[str, Any]
) -> AuthUser | None:
    """Change fields of a user as hooks want it; None if the user is not there any more.

    Raises:
        ConstraintError: another user has a value that must be unique.
        APIError: 400 for what the database cannot hold, and whatever hooks raise.
    """
    changed = await before_update(ctx, user_id, values)
    user = await ctx.auth.users.update(ctx.database, user_id, changed)
    if user is not None:
        ctx.after_write("user", "update", changed, user_id)
    return user


async def change_email(
    ctx: EndpointContext, user: AuthUser, email: str, *, verified: bool | None = None
) -> AuthUser | None:
    """Replace the e-mail of a user as it was read; see `Users.change_email`.

    Raises:
        APIError: as `update_user`.
    """
    given = {"email": email} | ({} if verified is None else {"emailVerified": verified})
    changed = await before_update(ctx, user.id, given)
    more = {name: value for name, value in changed.items() if name not in _CORE_OF_EMAIL}
    verified = changed.get("emailVerified")
    users, database = ctx.auth.users, ctx.database
    found = await users.change_email(database, user, changed["email"], verified=verified)
    if found is not None and more:
        found = await users.update(database, user.id, more)
    if found is not None:
        await ctx.auth.verifications.end_links_elsewhere(database, user.id)
        ctx.after_write("user", "update", changed, user.id)
    return found


@asynccontextmanager
async def verifying(
    ctx: EndpointContext, user: AuthUser, *, only_after: bool = False
) -> AsyncIterator[None]:
    """Tell the application that a user's address is about to be verified, and that it is."""
    told = ctx.auth.options.email_verification
    if told.before_email_verification is not None and not only_after:
        await told.before_email_verification(VerifiedEmail(user))
    yield
    if told.after_email_verification is not None:
        changed = await ctx.auth.users.find(ctx.database, user.id)
        if changed is not None and changed.email_verified:
            await told.after_email_verification(VerifiedEmail(changed))


async def verify_email(ctx: EndpointContext, user: AuthUser) -> None:
    """Note that a user has shown to have the address, as hooks want it."""
    changed = await before_update(ctx, user.id, {"emailVerified": True})
    if changed.get("emailVerified"):
        values = {"user_id": user.id, "email": user.email, "now": now()}
        await MARK_EMAIL_VERIFIED.fetch(ctx.database, **values)
    more = {name: value for name, value in changed.items() if name != "emailVerified"}
    if more:
        await ctx.auth.users.update(ctx.database, user.id, more)
    ctx.after_write("user", "update", changed, user.id)


async def before_update(
    ctx: EndpointContext, user_id: str, values: Mapping[str, Any]
) -> dict[str, Any]:
    """Return changes to a user as hooks want them and the database takes them.

    Raises:
        APIError: 400 for what the database cannot hold, and whatever hooks raise.
    """
    changed = await ctx.before_write("user", "update", values, user_id)
    try:
        return ctx.auth.to_database("user", with_updates(ctx, "user", changed))
    except InvalidFieldError as error:
        raise APIError(Code.VALIDATION_ERROR, message=str(error)) from None


def with_updates(ctx: EndpointContext, model: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return changed fields with those that change whenever a row does."""
    fields = ctx.auth.schema.added[model].items()
    touched = {n: f.on_update() for n, f in fields if f.on_update and n not in values}
    return touched | dict(values)
