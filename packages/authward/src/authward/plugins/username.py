"""`username`: users sign in with a name of their own choice, the original's plugin of that name."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import Any, Literal, TypeAlias, get_args

from authward.codes import Code, ErrorCode
from authward.core import password_auth
from authward.database_hooks import DatabaseHook, RowChange
from authward.endpoint import Endpoint
from authward.endpoint_context import EndpointContext
from authward.errors import APIError, ConfigurationError
from authward.plugin import Hook, Plugin, match_paths
from authward.plugins.schema_options import SchemaOptions, renamed
from authward.schema import responses as schemas
from authward.schema.fields import DBField, DBTable
from authward.storage.rows import AuthUser
from authward.storage.statements import Executor
from authward.storage.users import Users
from authward.text import is_storable, utf16_length
from authward.timestamps import now
from authward.validation import Field, Schema, is_truthy

Validator: TypeAlias = Callable[[str], bool | Awaitable[bool]]
Normalizer: TypeAlias = Callable[[str], str]
When: TypeAlias = Literal["pre-normalization", "post-normalization"]

_ALLOWED = re.compile(r"[a-zA-Z0-9_.]+")
_SIGN_UP, _UPDATE = "/sign-up/email", "/update-user"
_SIGN_IN = {
    "username": Field("string", description="The user's name"),
    "password": Field("string", json_schema_extra=password_auth.ANY_PASSWORD),
    "rememberMe": Field("boolean", required=False),
    "callbackURL": Field("string", required=False, description="Where the client goes afterwards"),
}


class UsernameCode(ErrorCode):
    """The plugin's codes, in the original's words."""

    INVALID_USERNAME_OR_PASSWORD = 401, "Invalid username or password"
    EMAIL_NOT_VERIFIED = 403, "Email not verified"
    UNEXPECTED_ERROR = 500, "Unexpected error"
    USERNAME_IS_ALREADY_TAKEN = 400, "Username is already taken. Please try another."
    USERNAME_TOO_SHORT = 400, "Username is too short"
    USERNAME_TOO_LONG = 400, "Username is too long"
    INVALID_USERNAME = 400, "Username is invalid"
    INVALID_DISPLAY_USERNAME = 400, "Display username is invalid"
    USERNAME_IS_IMMUTABLE = 400, "Username cannot be updated"


def is_valid(username: str) -> bool:
    """Whether it has letters, digits, `_` and `.` only: the default validator."""
    return _ALLOWED.fullmatch(username) is not None


def unchanged(name: str) -> str:
    """Return the name: a normalizer that does nothing."""
    return name


@dataclass(frozen=True, slots=True, kw_only=True)
class UsernameOptions:
    """The original's options.

    Args:
        min_username_length, max_username_length: in units of UTF-16, as JavaScript counts.
        username_validator, display_username_validator: whether a name may be had.
        username_normalization: the form in which names are compared, by default lower case.
        display_username_normalization: the form in which a name to be shown is kept.
        validate_username, validate_display_username: whether a validator sees the form that is
            kept, or the one that was given.
        immutable_username: whoever has a name keeps it.
        display_username: whether there is a name to be shown beside the one to sign in with.
        schema: other names for the columns `username` and `displayUsername`.
    """

    min_username_length: int = 3
    max_username_length: int = 30
    username_validator: Validator = is_valid
    display_username_validator: Validator | None = None
    username_normalization: Normalizer = str.lower
    display_username_normalization: Normalizer = unchanged
    validate_username: When = "pre-normalization"
    validate_display_username: When = "pre-normalization"
    immutable_username: bool = False
    display_username: bool = True
    schema: SchemaOptions = field(default_factory=dict)


def username(options: UsernameOptions | None = None) -> Plugin:
    """Let users have a unique name, sign in with it, and ask whether one is free."""
    rules = _Rules(options or UsernameOptions())
    tables = {"user": DBTable(fields=rules.fields())}
    return Plugin(
        id="username",
        schema=renamed("username", tables, rules.options.schema),
        endpoints=_endpoints(rules),
        before=[
            Hook(matcher=match_paths(_SIGN_UP), handler=rules.take_display_username),
            Hook(matcher=match_paths(_SIGN_UP, _UPDATE), handler=rules.check_body),
            Hook(matcher=match_paths(_SIGN_UP), handler=rules.fill_display_username),
        ],
        database_hooks=[
            DatabaseHook(model="user", action="create", before=rules.before_create),
            DatabaseHook(model="user", action="update", before=rules.before_update),
        ],
        error_codes=UsernameCode,
        examples={"username": "ada.lovelace"},
    )


class _Rules:
    """What a name must be like, and what becomes of it."""

    def __init__(self, options: UsernameOptions) -> None:
        _check_options(options)
        self.options = options

    def fields(self) -> dict[str, DBField]:
        options = self.options
        names = {"username": options.username_normalization}
        if options.display_username:
            names["displayUsername"] = options.display_username_normalization
        return {
            name: DBField(
                type="string",
                required=False,
                unique=name == "username",
                transform=_on_text(normalize),
            )
            for name, normalize in names.items()
        }

    async def problem(self, name: str) -> UsernameCode | None:
        """Return what is wrong with a name."""
        options = self.options
        seen = self._seen(name, options.validate_username, options.username_normalization)
        length = utf16_length(seen)
        if length < (options.min_username_length or 3):
            return UsernameCode.USERNAME_TOO_SHORT
        if length > (options.max_username_length or 30):
            return UsernameCode.USERNAME_TOO_LONG
        if not await _holds(options.username_validator, seen):
            return UsernameCode.INVALID_USERNAME
        return None

    async def owner(self, users: Users, database: Executor, name: str) -> AuthUser | None:
        """Return the user who has this name."""
        normalized = self.options.username_normalization(name)
        if not is_storable(normalized):
            return None
        return await users.find_by(database, "username", normalized)

    async def take_display_username(self, ctx: EndpointContext) -> None:
        """Let a name to be shown be the one to sign in with too, where it can."""
        body = _body(ctx)
        shown = body.get("displayUsername")
        if isinstance(shown, str) and "username" not in body and not await self.problem(shown):
            body["username"] = shown

    async def check_body(self, ctx: EndpointContext) -> None:
        """Refuse a name that may not be had, is taken, or may not change."""
        body = _body(ctx)
        if isinstance(name := body.get("username"), str):
            if problem := await self.problem(name):
                raise APIError(problem)
            await self._check_owner(ctx, name)
        if self.options.display_username and isinstance(body.get("displayUsername"), str):
            await self._check_display_username(body["displayUsername"])

    async def fill_display_username(self, ctx: EndpointContext) -> None:
        """Show the name as it was written."""
        body = _body(ctx)
        if self.options.display_username and body.get("username"):
            shown = body.get("displayUsername")
            body["displayUsername"] = shown if is_truthy(shown) else body["username"]

    async def before_create(self, change: RowChange) -> Mapping[str, Any]:
        """Keep names in their normal forms; check those that no request brought."""
        changed = await self._normalized(change, Code.FAILED_TO_CREATE_USER)
        shown = change.values.get("displayUsername")
        if self.options.display_username and "username" in changed and not is_truthy(shown):
            changed["displayUsername"] = change.values["username"]
        return changed

    async def before_update(self, change: RowChange) -> Mapping[str, Any]:
        """Keep names in their normal forms; check those that no request brought."""
        return await self._normalized(change, Code.FAILED_TO_UPDATE_USER)

    async def _normalized(self, change: RowChange, failure: Code) -> dict[str, Any]:
        name, shown = (change.values.get(key) for key in ("username", "displayUsername"))
        if is_truthy(name) and not isinstance(name, str):
            raise APIError(failure)
        changed: dict[str, Any] = {}
        if name:
            if change.path not in {_SIGN_UP, _UPDATE}:
                await self._check(change, name, shown)
            changed["username"] = self.options.username_normalization(name)
        if shown and isinstance(shown, str) and self.options.display_username:
            changed["displayUsername"] = self.options.display_username_normalization(shown)
        return changed

    async def _check(self, change: RowChange, name: str, shown: Any) -> None:
        if problem := await self.problem(name):
            raise APIError(problem)
        owner = await self.owner(change.users, change.database, name)
        if owner is not None and owner.id != change.user_id:
            raise APIError(UsernameCode.USERNAME_IS_ALREADY_TAKEN)
        if shown and isinstance(shown, str):
            await self._check_display_username(shown)

    async def _check_owner(self, ctx: EndpointContext, name: str) -> None:
        me = await _current_user(ctx) if ctx.path == _UPDATE else None
        old = me.fields["username"] if me is not None else None
        may_have = {None, "", self.options.username_normalization(name)}
        if self.options.immutable_username and old not in may_have:
            raise APIError(UsernameCode.USERNAME_IS_IMMUTABLE)
        owner = await self.owner(ctx.auth.users, ctx.auth.pool, name)
        if owner is not None and (me is None or owner.id != me.id):
            raise APIError(UsernameCode.USERNAME_IS_ALREADY_TAKEN)

    async def _check_display_username(self, shown: str) -> None:
        options = self.options
        validator, normalize = (
            options.display_username_validator,
            options.display_username_normalization,
        )
        seen = self._seen(shown, options.validate_display_username, normalize)
        if validator is not None and not await _holds(validator, seen):
            raise APIError(UsernameCode.INVALID_DISPLAY_USERNAME)

    @staticmethod
    def _seen(name: str, when: When, normalize: Normalizer) -> str:
        return normalize(name) if when == "post-normalization" else name


def _check_options(options: UsernameOptions) -> None:
    if (options.min_username_length or 3) > (options.max_username_length or 30):
        raise ConfigurationError("username: min_username_length is more than max_username_length")
    for name in ("validate_username", "validate_display_username"):
        if getattr(options, name) not in get_args(When):
            raise ConfigurationError(f"username: {name} is one of {', '.join(get_args(When))}")


def _endpoints(rules: _Rules) -> list[Endpoint]:
    async def sign_in_username(ctx: EndpointContext) -> dict[str, Any]:
        """Sign in with a username and password."""
        return await _sign_in(ctx, rules)

    async def is_username_available(ctx: EndpointContext) -> dict[str, bool]:
        """Tell whether a username is free."""
        name = ctx.body["username"]
        problem = await rules.problem(name) if name else UsernameCode.INVALID_USERNAME
        if problem:
            raise APIError(problem, status=422)
        owner = await rules.owner(ctx.auth.users, ctx.auth.pool, name)
        return {"available": owner is None}

    return [
        Endpoint(
            path="/sign-in/username",
            handler=sign_in_username,
            body=Schema(_SIGN_IN),
            response_model=schemas.SignIn,
            errors=(400, 401, 403, 415, 422, 429, 503),
        ),
        Endpoint(
            path="/is-username-available",
            handler=is_username_available,
            body=Schema({"username": Field("string", description="The name to ask for")}),
            response_model=schemas.Available,
            errors=(400, 403, 415, 422, 429),
        ),
    ]


async def _sign_in(ctx: EndpointContext, rules: _Rules) -> dict[str, Any]:
    body = ctx.body
    name, password = body["username"], body["password"]
    if not name or not password:
        raise APIError(UsernameCode.INVALID_USERNAME_OR_PASSWORD)
    if problem := await rules.problem(name):
        raise APIError(problem, status=422)
    password_auth.check_password_not_too_long(password, ctx.auth.options.email_and_password)
    normalized = rules.options.username_normalization(name)
    credentials = password_auth.Credentials(
        "username",
        normalized if is_storable(normalized) else "",
        password,
        UsernameCode.INVALID_USERNAME_OR_PASSWORD,
        UsernameCode.EMAIL_NOT_VERIFIED,
    )
    remember = body.get("rememberMe", True)
    session, user = await password_auth.sign_in_with(ctx, credentials, remember=remember)
    return password_auth.sign_in_response(ctx, session, user)


async def _current_user(ctx: EndpointContext) -> AuthUser | None:
    """Look who it is without extending the session, which the endpoint does."""
    token = ctx.session_token
    found = await ctx.auth.sessions.find(ctx.auth.pool, token) if token else None
    return found.user if found and found.session.expires_at >= now() else None


def _body(ctx: EndpointContext) -> dict[str, Any]:
    return ctx.body if isinstance(ctx.body, dict) else {}


def _on_text(normalize: Normalizer) -> Callable[[Any], Any]:
    return lambda value: normalize(value) if isinstance(value, str) else value


async def _holds(validator: Validator, name: str) -> bool:
    found = validator(name)
    return bool(await found if isawaitable(found) else found)
