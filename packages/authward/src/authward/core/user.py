"""The current user: profile, password, deletion."""

from datetime import timedelta
from functools import partial
from typing import Any

from authward.bodies import MAX_BODY_BYTES_WITH_IMAGE
from authward.callbacks import DeletedUser, EmailLink, EmailLinkCallback
from authward.codes import Code
from authward.core.account_changes import consume, keep, set_password
from authward.core.password_auth import (
    ANY_PASSWORD,
    IMAGE_MAX_LENGTH,
    NAME_MAX_LENGTH,
    PASSWORD,
    check_password_length,
    check_password_not_too_long,
)
from authward.core.user_changes import update_user as write_user
from authward.endpoint import Endpoint
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.ids import generate_id
from authward.schema import responses as schemas
from authward.schema.input import parse_input
from authward.security.cookies import encode_uri_component
from authward.security.csrf import check_callback_in_query
from authward.storage.credentials import FIND_CREDENTIAL, LOCK_VERIFIED_PASSWORD
from authward.storage.statements import Executor
from authward.storage.users import DELETE_USER, ConstraintError
from authward.text import to_well_formed
from authward.validation import WITHOUT_NUL, Field, Schema, is_truthy

_PROFILE = Schema(
    {
        "name": Field(
            "string", required=False, max_length=NAME_MAX_LENGTH, json_schema_extra=WITHOUT_NUL
        ),
        "image": Field(
            "string", required=False, max_length=IMAGE_MAX_LENGTH, json_schema_extra=WITHOUT_NUL
        ),
    }
)
_UPDATE = Schema(
    {},
    additional_properties=True,
    json_schema_extra={
        "properties": {
            "name": _PROFILE.fields["name"].json_schema(),
            "image": {"anyOf": [_PROFILE.fields["image"].json_schema(), {"type": "null"}]},
        },
        "anyOf": [{"required": ["name"]}, {"required": ["image"]}],
        "not": {"required": ["email"]},
        "examples": [{"name": "Ada Lovelace"}],
    },
)
_CHANGE_PASSWORD = {
    "newPassword": Field("string", json_schema_extra=PASSWORD),
    "currentPassword": Field("string", json_schema_extra=ANY_PASSWORD),
    "revokeOtherSessions": Field("boolean", required=False),
}
_DELETE_USER = {
    "callbackURL": Field("string", required=False),
    "password": Field(
        "string",
        required=False,
        description="Needed where the session is old",
        json_schema_extra=ANY_PASSWORD,
    ),
    "token": Field("string", required=False),
}


async def update_user(ctx: EndpointContext) -> dict[str, bool]:
    """Change the current user's name, image, or fields that plugins and the application added."""
    body, auth = ctx.body, ctx.auth
    if is_truthy(body.get("email")):
        raise APIError(Code.EMAIL_CAN_NOT_BE_UPDATED)
    added = parse_input(auth.schema.input_fields("user"), body, "update")
    if "name" not in body and "image" not in body and not added:
        raise APIError(400, message="No fields to update")
    try:
        await write_user(ctx, ctx.session.user.id, _profile(body) | added)
    except ConstraintError:
        raise APIError(Code.FAILED_TO_UPDATE_USER) from None
    ctx.set_session_cookies(ctx.session.session.token)
    return {"status": True}


def _profile(body: dict[str, Any]) -> dict[str, Any]:
    no_image = body.get("image", "") is None
    fields = _PROFILE.validate({k: v for k, v in body.items() if not (k == "image" and no_image)})
    if any("\0" in value for value in fields.values()):
        raise APIError(Code.VALIDATION_ERROR, message="NUL characters can not be stored")
    values = {name: to_well_formed(value) for name, value in fields.items()}
    return values | ({"image": None} if no_image else {})


async def change_password(ctx: EndpointContext) -> dict[str, Any]:
    """Change the current user's password, and end all other sessions if asked to."""
    new, current = ctx.body["newPassword"], ctx.body["currentPassword"]
    check_password_length(new, ctx.auth.options.email_and_password)
    check_password_not_too_long(current, ctx.auth.options.email_and_password)
    verified = await _require_password(ctx, current)
    hashed = await ctx.auth.passwords.hash(new)
    token = await _replace_password(ctx, verified, hashed)
    return {"token": token, "user": ctx.auth.output.user(ctx.session.user)}


async def verify_password(ctx: EndpointContext) -> dict[str, bool]:
    """Tell whether it is the current user's password."""
    password, user_id = ctx.body["password"], ctx.session.user.id
    check_password_not_too_long(password, ctx.auth.options.email_and_password)
    account = await FIND_CREDENTIAL.fetchrow(ctx.auth.pool, user_id=user_id)
    stored = account["password"] if account else None
    if not stored or not await ctx.auth.passwords.verify(password, stored):
        raise APIError(Code.INVALID_PASSWORD)
    await _require_unchanged_password(ctx.auth.pool, user_id, stored)
    return {"status": True}


async def delete_user(ctx: EndpointContext) -> dict[str, Any]:
    """Delete the current user with everything that belongs to it."""
    verified = None
    if password := ctx.body.get("password"):
        check_password_not_too_long(password, ctx.auth.options.email_and_password)
        verified = await _require_password(ctx, password)
    if token := ctx.body.get("token"):
        await _consume_deletion_token(ctx, token)
    elif hook := ctx.auth.options.user.delete_user.send_delete_account_verification:
        if verified is not None:
            await _require_unchanged_password(ctx.auth.pool, ctx.session.user.id, verified)
        ctx.run_in_background(partial(_send_deletion_link, ctx, hook))
        return {"success": True, "message": "Verification email sent"}
    elif verified is None and not ctx.session.session.is_fresh(ctx.auth.options.session.fresh_age):
        raise APIError(Code.SESSION_EXPIRED)
    await _delete_current_user(ctx, verified)
    ctx.delete_session_cookies()
    return {"success": True, "message": "User deleted"}


async def confirm_deletion(ctx: EndpointContext) -> dict[str, Any]:
    """Delete the current user with the token from the mail."""
    check_callback_in_query(ctx)
    if await ctx.load_session() is None:
        raise APIError(Code.FAILED_TO_GET_USER_INFO, status=404)
    await _consume_deletion_token(ctx, ctx.query["token"])
    await _delete_current_user(ctx)
    ctx.delete_session_cookies()
    if callback_url := ctx.query.get("callbackURL"):
        ctx.redirect(callback_url)
    return {"success": True, "message": "User deleted"}


async def _send_deletion_link(ctx: EndpointContext, hook: EmailLinkCallback) -> None:
    options, token = ctx.auth.options, generate_id().lower()
    user = ctx.session.user
    lifetime = timedelta(seconds=options.user.delete_user.delete_token_expires_in)
    await keep(ctx, f"delete-account-{token}", user.id, lifetime)
    callback = encode_uri_component(ctx.callback_url or "/")
    url = f"{options.url}/delete-user/callback?token={token}&callbackURL={callback}"
    await hook(EmailLink(user, url, token))


async def _consume_deletion_token(ctx: EndpointContext, token: str) -> None:
    """As in the original, the token is consumed even if it is another user's."""
    user_id = await consume(ctx, f"delete-account-{token}")
    if user_id is None or user_id != ctx.session.user.id:
        raise APIError(Code.INVALID_TOKEN, status=404)


async def _require_password(ctx: EndpointContext, password: str) -> str:
    """Verify the password and return its hash, for `_require_unchanged_password` later on."""
    auth = ctx.auth
    account = await FIND_CREDENTIAL.fetchrow(auth.pool, user_id=ctx.session.user.id)
    if account is None or not account["password"]:
        raise APIError(Code.CREDENTIAL_ACCOUNT_NOT_FOUND)
    if not await auth.passwords.verify(password, account["password"]):
        raise APIError(Code.INVALID_PASSWORD)
    return str(account["password"])


async def _require_unchanged_password(database: Executor, user_id: str, verified: str) -> None:
    """Refuse a password that was replaced while its hash was computed."""
    found = await LOCK_VERIFIED_PASSWORD.fetchrow(database, user_id=user_id, verified=verified)
    if found is None:
        raise APIError(Code.INVALID_PASSWORD)


async def _replace_password(ctx: EndpointContext, verified: str, hashed: str) -> str | None:
    user_id = ctx.session.user.id
    async with ctx.transaction() as connection:
        await ctx.auth.users.lock(connection, user_id)
        await _require_unchanged_password(connection, user_id, verified)
        await set_password(ctx, user_id, hashed)
        if not ctx.body.get("revokeOtherSessions"):
            return None
        await ctx.delete_sessions(user_id)
        session = await ctx.create_session(user_id)
    if session is None:
        raise APIError(Code.UNAUTHORIZED)
    ctx.set_session_cookies(session.token)
    return str(session.token)


async def _delete_current_user(ctx: EndpointContext, verified: str | None = None) -> None:
    options, event = ctx.auth.options.user.delete_user, DeletedUser(ctx.session.user)
    if options.before_delete is not None:
        await options.before_delete(event)
    await delete_user_and_data(ctx, event.user.id, verified)
    if options.after_delete is not None:
        ctx.run_in_background(partial(options.after_delete, event))


async def delete_user_and_data(
    ctx: EndpointContext, user_id: str, verified: str | None = None
) -> None:
    """Delete a user with everything that belongs to them; their tokens count no more.

    Raises:
        APIError: 400, the password is not the `verified` one any more.
    """
    async with ctx.transaction() as connection:
        await ctx.auth.users.lock(connection, user_id)
        if verified is not None:
            await _require_unchanged_password(connection, user_id, verified)
        for hook in ctx.auth.options.on_user_deleted:
            await hook(connection, user_id)
        await ctx.auth.verifications.end_links(connection, user_id)
        async with (
            ctx.deleting("session", userId=user_id),
            ctx.deleting("account", userId=user_id),
            ctx.deleting("user", id=user_id),
        ):
            await DELETE_USER.fetch(connection, user_id=user_id)
        await ctx.auth.sessions.forget_all(user_id)
    ctx.auth.tokens.deny_user(user_id)


ENDPOINTS = (
    Endpoint(
        path="/update-user",
        handler=update_user,
        body=_UPDATE,
        additional_fields_of="user",
        max_body=MAX_BODY_BYTES_WITH_IMAGE,
        session="required",
        response_model=schemas.Status,
        errors=(400, 401, 403, 415, 429),
    ),
    Endpoint(
        path="/change-password",
        handler=change_password,
        body=Schema(_CHANGE_PASSWORD),
        session="required",
        response_model=schemas.ChangedPassword,
        errors=(400, 401, 403, 415, 429, 503),
    ),
    Endpoint(
        path="/verify-password",
        handler=verify_password,
        body=Schema({"password": Field("string", json_schema_extra=ANY_PASSWORD)}),
        session="required",
        response_model=schemas.Status,
        errors=(400, 401, 403, 415, 429, 503),
    ),
    Endpoint(
        path="/delete-user",
        handler=delete_user,
        body=Schema(_DELETE_USER),
        session="required",
        response_model=schemas.Deleted,
        errors=(400, 401, 403, 404, 415, 429, 503),
    ),
    Endpoint(
        path="/delete-user/callback",
        methods=("GET",),
        handler=confirm_deletion,
        query=Schema({"token": Field("string"), "callbackURL": Field("string", required=False)}),
        response_model=schemas.Deleted,
        redirects=True,
        errors=(400, 403, 404, 429),
    ),
)
