"""The current user: profile, password, deletion."""

from datetime import timedelta
from functools import partial
from typing import Any

from taskward.auth import schemas, store, verification
from taskward.auth.cookies import encode_uri_component
from taskward.auth.endpoint import Endpoint
from taskward.auth.errors import APIError
from taskward.auth.exchange import Exchange, user_json
from taskward.auth.hooks import HookUser, Letter, LetterHook
from taskward.auth.origin_check import check_callback_in_query
from taskward.auth.passwords import well_formed
from taskward.auth.registration import (
    ANY_PASSWORD,
    IMAGE_MAX_LENGTH,
    NAME_MAX_LENGTH,
    PASSWORD,
    check_password_length,
    check_password_not_too_long,
)
from taskward.auth.validation import WITHOUT_NUL, Field, Schema, is_truthy
from taskward.timestamps import now

_PROFILE = Schema(
    {
        "name": Field("string", required=False, max_length=NAME_MAX_LENGTH, documented=WITHOUT_NUL),
        "image": Field(
            "string", required=False, max_length=IMAGE_MAX_LENGTH, documented=WITHOUT_NUL
        ),
    }
)
_UPDATE = Schema(
    {},
    extra=True,
    documented={
        "properties": {
            "name": _PROFILE.fields["name"].json_schema(),
            "image": {"anyOf": [_PROFILE.fields["image"].json_schema(), {"type": "null"}]},
            "email": False,
        },
        "anyOf": [{"required": ["name"]}, {"required": ["image"]}],
    },
)
_CHANGE_PASSWORD = {
    "newPassword": Field("string", documented=PASSWORD),
    "currentPassword": Field("string", documented=ANY_PASSWORD),
    "revokeOtherSessions": Field("boolean", required=False),
}
_DELETE_USER = {
    "callbackURL": Field("string", required=False),
    "password": Field(
        "string",
        required=False,
        description="Needed where the session is old",
        documented=ANY_PASSWORD,
    ),
    "token": Field("string", required=False),
}


async def update_user(exchange: Exchange) -> dict[str, bool]:
    """Change the current user's name or image."""
    body = exchange.body
    if is_truthy(body.get("email")):
        raise APIError(400, "EMAIL_CAN_NOT_BE_UPDATED")
    if "name" not in body and "image" not in body:
        raise APIError(400, message="No fields to update")
    no_image = body.get("image", "") is None
    fields = _PROFILE.validate({k: v for k, v in body.items() if not (k == "image" and no_image)})
    if any("\0" in value for value in fields.values()):
        raise APIError(400, "VALIDATION_ERROR", "NUL characters can not be stored")
    await store.UPDATE_USER.fetchrow(
        exchange.auth.pool,
        user_id=exchange.session["user.id"],
        now=now(),
        name=well_formed(fields["name"]) if "name" in fields else None,
        sets_image="image" in body,
        image=well_formed(fields["image"]) if "image" in fields else None,
    )
    exchange.set_session_cookies(exchange.session["session.token"])
    return {"status": True}


async def change_password(exchange: Exchange) -> dict[str, Any]:
    """Change the current user's password, and end all other sessions if asked to."""
    new, current = exchange.body["newPassword"], exchange.body["currentPassword"]
    check_password_length(new)
    check_password_not_too_long(current)
    account = await _require_password(exchange, current)
    hashed = await exchange.auth.passwords.hash(new)
    token = await _replace_password(exchange, account, hashed)
    return {"token": token, "user": user_json(exchange.session, "user.")}


async def verify_password(exchange: Exchange) -> dict[str, bool]:
    """Tell whether it is the current user's password."""
    password, user_id = exchange.body["password"], exchange.session["user.id"]
    check_password_not_too_long(password)
    account = await store.FIND_CREDENTIAL.fetchrow(exchange.auth.pool, user_id=user_id)
    stored = account["password"] if account else None
    if not stored or not await exchange.auth.passwords.verify(password, stored):
        raise APIError(400, "INVALID_PASSWORD")
    return {"status": True}


async def delete_user(exchange: Exchange) -> dict[str, Any]:
    """Delete the current user with everything that belongs to it."""
    if exchange.body.get("password"):
        check_password_not_too_long(exchange.body["password"])
        await _require_password(exchange, exchange.body["password"])
    if token := exchange.body.get("token"):
        await _use_deletion_token(exchange, token)
    elif hook := exchange.auth.options.send_delete_account_verification:
        exchange.afterwards(partial(_send_deletion_link, exchange, hook))
        return {"success": True, "message": "Verification email sent"}
    elif not exchange.body.get("password") and not exchange.is_fresh:
        raise APIError(400, "SESSION_EXPIRED")
    await _delete_everything(exchange)
    exchange.delete_session_cookies()
    return {"success": True, "message": "User deleted"}


async def confirm_deletion(exchange: Exchange) -> dict[str, Any]:
    """Delete the current user with the token from the mail."""
    check_callback_in_query(exchange)
    if await exchange.load_session() is None:
        raise APIError(404, "FAILED_TO_GET_USER_INFO")
    await _use_deletion_token(exchange, exchange.query["token"])
    await _delete_everything(exchange)
    exchange.delete_session_cookies()
    if callback_url := exchange.query.get("callbackURL"):
        exchange.redirect(callback_url)
    return {"success": True, "message": "User deleted"}


async def _send_deletion_link(exchange: Exchange, hook: LetterHook) -> None:
    options, token = exchange.auth.options, store.generate_id().lower()
    user = HookUser.from_row(exchange.session, "user.")
    lifetime = timedelta(seconds=options.delete_token_expires_in)
    await verification.create(exchange.auth.pool, f"delete-account-{token}", user.id, lifetime)
    callback = encode_uri_component(exchange.callback_url or "/")
    url = f"{options.url}/delete-user/callback?token={token}&callbackURL={callback}"
    await hook(Letter(user, url, token))


async def _use_deletion_token(exchange: Exchange, token: str) -> None:
    """As in the original the token is used up even if it is somebody else's."""
    user_id = await verification.consume(exchange.auth.pool, f"delete-account-{token}")
    if user_id is None or user_id != exchange.session["user.id"]:
        raise APIError(404, "INVALID_TOKEN")


async def _require_password(exchange: Exchange, password: str) -> str:
    """Return the id of the account whose password it is."""
    auth = exchange.auth
    account = await store.FIND_CREDENTIAL.fetchrow(auth.pool, user_id=exchange.session["user.id"])
    if account is None or not account["password"]:
        raise APIError(400, "CREDENTIAL_ACCOUNT_NOT_FOUND")
    if not await auth.passwords.verify(password, account["password"]):
        raise APIError(400, "INVALID_PASSWORD")
    return str(account["id"])


async def _replace_password(exchange: Exchange, account: str, hashed: str) -> str | None:
    user_id = exchange.session["user.id"]
    async with exchange.auth.transaction() as connection:
        await store.UPDATE_PASSWORD.fetch(
            connection, account_row_id=account, password=hashed, now=now()
        )
        if not exchange.body.get("revokeOtherSessions"):
            return None
        await store.DELETE_SESSIONS_OF_USER.fetch(connection, user_id=user_id)
        session = await store.create_session(connection, exchange.new_session(user_id))
    if session is None:
        raise APIError(401, "UNAUTHORIZED")
    exchange.set_session_cookies(session["token"])
    return str(session["token"])


async def _delete_everything(exchange: Exchange) -> None:
    user_id = exchange.session["user.id"]
    async with exchange.auth.transaction() as connection:
        for hook in exchange.auth.options.on_user_deleted:
            await hook(connection, user_id)
        await store.DELETE_USER.fetch(connection, user_id=user_id)


ENDPOINTS = (
    Endpoint(
        path="/update-user",
        handler=update_user,
        body=_UPDATE,
        session="required",
        answer=schemas.Status,
        errors=(400, 401, 403, 415, 429),
    ),
    Endpoint(
        path="/change-password",
        handler=change_password,
        body=Schema(_CHANGE_PASSWORD),
        session="required",
        answer=schemas.ChangedPassword,
        errors=(400, 401, 403, 415, 429, 503),
    ),
    Endpoint(
        path="/verify-password",
        handler=verify_password,
        body=Schema({"password": Field("string", documented=ANY_PASSWORD)}),
        session="required",
        answer=schemas.Status,
        errors=(400, 401, 403, 415, 429, 503),
    ),
    Endpoint(
        path="/delete-user",
        handler=delete_user,
        body=Schema(_DELETE_USER),
        session="required",
        answer=schemas.Deleted,
        errors=(400, 401, 403, 404, 415, 429, 503),
    ),
    Endpoint(
        path="/delete-user/callback",
        methods=("GET",),
        handler=confirm_deletion,
        query=Schema({"token": Field("string"), "callbackURL": Field("string", required=False)}),
        answer=schemas.Deleted,
        redirects=True,
        errors=(400, 403, 404, 429),
    ),
)
