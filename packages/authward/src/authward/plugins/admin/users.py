"""The users: `set-role`, `get-user`, `create-user`, `update-user`, `remove-user`, the password."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from asyncpg import IntegrityConstraintViolationError

from authward.codes import Code
from authward.core.account_changes import after_credential, before_credential, set_password
from authward.core.password_auth import (
    ANY_PASSWORD,
    PASSWORD,
    check_password_length,
    check_password_not_too_long,
)
from authward.core.user import delete_user_and_data
from authward.core.user_changes import before_create, update_user
from authward.endpoint import Endpoint
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.plugins.admin.codes import AdminCode
from authward.plugins.admin.guard import (
    BAN_FIELDS,
    USER_ID,
    Guard,
    find_user,
    has_any,
    meant_id,
    no_such_user,
)
from authward.plugins.admin.responses import OneUser
from authward.schema import responses as schemas
from authward.schema.fields import DBField
from authward.schema.values import InvalidFieldError, encode_fields
from authward.storage.rows import AuthUser, values_of
from authward.storage.statements import new_id
from authward.storage.users import ConstraintError, NewUser
from authward.timestamps import now
from authward.validation import Field, Schema, is_email
from authward.validation_kinds import AnyAsText, OneOrMoreTexts, Record, js_text

_CORE_OF_NEW_USER = ("name", "email", "emailVerified", "image")
_TIMES = ("createdAt", "updatedAt")
_USER_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")
_ERRORS = (400, 401, 403, 404, 415, 429)
_ROLE = OneOrMoreTexts(description="One role or several")
_CREATE = {
    "email": Field("string", description="E-mail address"),
    "password": Field("string", required=False, json_schema_extra=ANY_PASSWORD),
    "name": Field("string"),
    "role": replace(_ROLE, required=False),
    "data": Record(required=False, description="Further fields of the user"),
}


class NewPassword(Field):
    """`newPassword`, with a sentence of its own for an empty one."""

    def problems(self, value: Any) -> list[str]:
        """Return what is wrong with a value."""
        said = ["newPassword cannot be empty"] if value in ("", []) else []
        return said if value == "" else [*super().problems(value), *said]


_PASSWORD = {
    "newPassword": NewPassword("string", json_schema_extra=PASSWORD),
    "userId": AnyAsText(empty="userId cannot be empty", description="The user's id"),
}


class Users:
    """The endpoints, with the plugin's options."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def set_role(self, ctx: EndpointContext) -> dict[str, Any]:
        """Give a user one role or several."""
        refusal = AdminCode.YOU_ARE_NOT_ALLOWED_TO_CHANGE_USERS_ROLE
        await self._guard.require(ctx, "user", "set-role", refusal)
        role = self._guard.check_roles(ctx.body["role"])
        user = await find_user(ctx)
        return {"user": await write(ctx, user.id, {"role": role})}

    async def get_user(self, ctx: EndpointContext) -> dict[str, Any]:
        """Return a user."""
        await self._guard.require(ctx, "user", "get", AdminCode.YOU_ARE_NOT_ALLOWED_TO_GET_USER)
        ctx.body = {"userId": ctx.query["id"]}
        return ctx.auth.output.user(await find_user(ctx))

    async def create_user(self, ctx: EndpointContext) -> dict[str, Any]:
        """Create a user; without a password they sign in otherwise."""
        admin = await self._may_create(ctx)
        body, more = ctx.body, dict(ctx.body.get("data") or {})
        requested = more.pop("role", None) if body.get("role") is None else body["role"]
        more.pop("role", None)
        role = self._guard.options.default_role
        if requested is not None or "role" in (ctx.body.get("data") or {}):
            self._check(admin, "set-role", AdminCode.YOU_ARE_NOT_ALLOWED_TO_CHANGE_USERS_ROLE)
            role = self._guard.check_roles(requested)
        if has_any(more, BAN_FIELDS):
            self._check(admin, "ban", AdminCode.YOU_ARE_NOT_ALLOWED_TO_BAN_USERS)
        email, password = body["email"].lower(), body.get("password")
        if not is_email(email):
            raise APIError(Code.INVALID_EMAIL)
        if password:
            check_password_not_too_long(password)
        if await ctx.auth.users.find_by_email(ctx.auth.pool, email):
            raise APIError(AdminCode.USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL)
        given = {**more, "email": email, "name": body["name"], "role": role}
        user = await _create(ctx, given, password, await _new_id(ctx, more))
        return {"user": ctx.auth.output.user(user)}

    async def update_user(self, ctx: EndpointContext) -> dict[str, Any]:
        """Change fields of a user: the core's, plugins' and the application's."""
        refusal = AdminCode.YOU_ARE_NOT_ALLOWED_TO_UPDATE_USERS
        admin = await self._guard.require(ctx, "user", "update", refusal)
        data = dict(ctx.body["data"])
        if not data:
            raise APIError(AdminCode.NO_DATA_TO_UPDATE)
        if "password" in data:
            raise APIError(AdminCode.PASSWORD_CANNOT_BE_UPDATED_VIA_UPDATE_USER)
        if "id" in data:
            raise APIError(AdminCode.USER_ID_CANNOT_BE_UPDATED)
        self._check_role_and_ban(ctx, admin, data)
        await self._check_email(ctx, admin, data)
        if has_any(data, ("phoneNumber", "phoneNumberVerified")):
            refusal = AdminCode.YOU_ARE_NOT_ALLOWED_TO_SET_USERS_PHONE_NUMBER
            self._check(admin, "set-phone", refusal)
        user = await find_user(ctx)
        async with ctx.transaction() as connection:
            await ctx.auth.users.lock(connection, user.id)
            changed = await write(ctx, user.id, data)
            if data.get("email", user.email) != user.email:
                await ctx.auth.verifications.end_links(connection, user.id)
            if data.get("banned") is True:
                await ctx.delete_sessions(user.id)
        return changed

    async def remove_user(self, ctx: EndpointContext) -> dict[str, bool]:
        """Delete a user with everything that belongs to them."""
        refusal = AdminCode.YOU_ARE_NOT_ALLOWED_TO_DELETE_USERS
        admin = await self._guard.require(ctx, "user", "delete", refusal)
        if meant_id(ctx) == admin.id:
            raise APIError(AdminCode.YOU_CANNOT_REMOVE_YOURSELF)
        user = await find_user(ctx)
        await delete_user_and_data(ctx, user.id)
        return {"success": True}

    async def set_user_password(self, ctx: EndpointContext) -> dict[str, bool]:
        """Give a user a password; mailed links to choose one end."""
        refusal = AdminCode.YOU_ARE_NOT_ALLOWED_TO_SET_USERS_PASSWORD
        await self._guard.require(ctx, "user", "set-password", refusal)
        password = ctx.body["newPassword"]
        check_password_length(password)
        user = await find_user(ctx)
        hashed = await ctx.auth.passwords.hash(password)
        async with ctx.transaction() as connection:
            if await ctx.auth.users.lock(connection, user.id) is None:
                raise no_such_user()
            await set_password(ctx, user.id, hashed)
        return {"status": True}

    async def _may_create(self, ctx: EndpointContext) -> AuthUser | None:
        """Return who asks; None for the application itself."""
        found = await ctx.load_session()
        if found is None and not ctx.from_server:
            raise APIError(401)
        admin = None if found is None else found.user
        self._check(admin, "create", AdminCode.YOU_ARE_NOT_ALLOWED_TO_CREATE_USERS)
        return admin

    def _check(self, admin: AuthUser | None, action: str, refusal: AdminCode) -> None:
        if admin is not None:
            self._guard.check(admin, "user", action, refusal)

    def _check_role_and_ban(
        self, ctx: EndpointContext, admin: AuthUser, data: dict[str, Any]
    ) -> None:
        if "role" in data:
            self._check(admin, "set-role", AdminCode.YOU_ARE_NOT_ALLOWED_TO_CHANGE_USERS_ROLE)
            data["role"] = self._guard.check_roles(data["role"])
        if has_any(data, BAN_FIELDS):
            self._check(admin, "ban", AdminCode.YOU_ARE_NOT_ALLOWED_TO_BAN_USERS)
            if data.get("banned") is True and meant_id(ctx) == admin.id:
                raise APIError(AdminCode.YOU_CANNOT_BAN_YOURSELF)

    async def _check_email(
        self, ctx: EndpointContext, admin: AuthUser, data: dict[str, Any]
    ) -> None:
        if not has_any(data, ("email", "emailVerified")):
            return
        self._check(admin, "set-email", AdminCode.YOU_ARE_NOT_ALLOWED_TO_SET_USERS_EMAIL)
        if "email" in data:
            email = js_text(data["email"]).lower()
            if not is_email(email):
                raise APIError(Code.INVALID_EMAIL)
            owner = await ctx.auth.users.find_by_email(ctx.auth.pool, email)
            if owner is not None and owner.id != meant_id(ctx):
                raise APIError(AdminCode.USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL)
            data["email"] = email

    def endpoints(self) -> list[Endpoint]:
        """Return them."""
        of_user: dict[str, Field] = {"userId": USER_ID}
        return [
            Endpoint(
                path="/admin/set-role",
                handler=self.set_role,
                body=Schema({**of_user, "role": _ROLE}),
                response_model=OneUser,
                errors=_ERRORS,
            ),
            Endpoint(
                path="/admin/get-user",
                methods=("GET",),
                handler=self.get_user,
                query=Schema({"id": Field("string", description="The user's id")}),
                response_model=schemas.User,
                errors=(400, 401, 403, 404, 429),
            ),
            Endpoint(
                path="/admin/create-user",
                handler=self.create_user,
                body=Schema(_CREATE),
                response_model=OneUser,
                errors=_ERRORS,
            ),
            Endpoint(
                path="/admin/update-user",
                handler=self.update_user,
                body=Schema({**of_user, "data": Record(description="The fields that change")}),
                response_model=schemas.User,
                errors=_ERRORS,
            ),
            Endpoint(
                path="/admin/remove-user",
                handler=self.remove_user,
                body=Schema(of_user),
                response_model=schemas.Success,
                errors=_ERRORS,
            ),
            Endpoint(
                path="/admin/set-user-password",
                handler=self.set_user_password,
                body=Schema(_PASSWORD),
                response_model=schemas.Status,
                errors=_ERRORS,
            ),
        ]


async def write(ctx: EndpointContext, user_id: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Change fields of a user, whatever a client may change otherwise; return the user's JSON.

    Raises:
        APIError: 400 for what the database cannot hold and for an address that is taken, 404.
    """
    try:
        changed = await update_user(ctx, user_id, _known(ctx, values))
    except ConstraintError as error:
        raise _constraint(error) from None
    if changed is None:
        raise no_such_user()
    return ctx.auth.output.user(changed)


async def _create(
    ctx: EndpointContext, given: Mapping[str, Any], password: str | None, user_id: str
) -> AuthUser:
    values = _known(ctx, ctx.auth.defaults("user") | dict(given))
    times = {name: values.pop(name) for name in _TIMES if name in values}
    name, email, verified, image = (values.pop(name, None) for name in _CORE_OF_NEW_USER)
    new = NewUser(name, email, image, email_verified=bool(verified), fields=values)
    new = await before_create(ctx, new, method="admin")
    hashed = await ctx.auth.passwords.hash(password) if password else None
    try:
        async with ctx.transaction() as connection:
            user = await _insert(ctx, new, hashed, user_id)
            if "createdAt" in times:
                user = await ctx.auth.users.update(connection, user.id, times) or user
    except (ConstraintError, IntegrityConstraintViolationError) as error:
        raise _constraint(error) from None
    ctx.after_write("user", "create", values_of(user), user.id)
    return user


async def _insert(ctx: EndpointContext, new: NewUser, hashed: str | None, user_id: str) -> AuthUser:
    users = ctx.auth.users
    if hashed is None:
        return await users.create_without_password(ctx.database, new, user_id)
    hashed = await before_credential(ctx, user_id, hashed)
    user = await users.create_without_session(ctx.database, user_id, new, hashed, now())
    after_credential(ctx, user.id)
    return user


async def _new_id(ctx: EndpointContext, data: Mapping[str, Any]) -> str:
    """Return the id of a user who comes from elsewhere with one, else a new one.

    Raises:
        APIError: 400, no token could name such a user.
    """
    given = data.get("id")
    if given is None:
        return await new_id(ctx.database, "user")
    if not isinstance(given, str) or not _USER_ID.fullmatch(given):
        message = "[body.data.id] expected 1 to 255 letters, digits, - and _"
        raise APIError(Code.VALIDATION_ERROR, message=message)
    return given


def _known(ctx: EndpointContext, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of fields that there are; those of the core as the database takes them."""
    fields: Mapping[str, DBField] = ctx.auth.schema.tables["user"].fields
    core = {n: f for n, f in fields.items() if n not in ctx.auth.schema.added["user"]}
    given = {name: value for name, value in values.items() if name in core}
    for name, value in given.items():
        if value is None and core[name].required:
            raise APIError(Code.VALIDATION_ERROR, message=f"[body.data.{name}] is required")
    try:
        given = encode_fields(core, given)
    except InvalidFieldError as error:
        raise APIError(Code.VALIDATION_ERROR, message=str(error)) from None
    added = {n: v for n, v in values.items() if n in fields and n not in core}
    return given | added


def _constraint(error: ConstraintError | IntegrityConstraintViolationError) -> APIError:
    known = error if isinstance(error, ConstraintError) else ConstraintError(error)
    if known.is_email:
        return APIError(AdminCode.USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL)
    return APIError(Code.FAILED_TO_UPDATE_USER)
