"""`last_login_method`: a cookie, and maybe a column, with how somebody signed in last."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from authward.core.user_changes import update_user
from authward.database_hooks import DatabaseHook, RowChange
from authward.endpoint_context import EndpointContext
from authward.errors import ConfigurationError
from authward.plugin import Hook, Plugin
from authward.plugins.schema_options import SchemaOptions, with_options
from authward.schema.fields import DBField, DBTable

_FIELD = DBField(type="string", required=False, input=False)
_TABLES = {"user": DBTable(fields={"lastLoginMethod": _FIELD})}
_MONTH = 2_592_000
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LoginRequest:
    """A request that may have signed somebody in.

    `path` is the endpoint's, such as `/sign-in/email` or `/callback/{provider}`; `path_params` has
    what stands in the braces.
    """

    path: str
    path_params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LastLoginMethodOptions:
    """The original's options.

    Args:
        cookie_name: of the cookie, which scripts may read.
        max_age: of the cookie, in seconds.
        custom_resolve_method: names the way of a request; None leaves it to the plugin.
        store_in_database: whether the user's row has it too.
        before_store_cookie: whether this cookie may be set for a method, where that needs consent.
        schema: another name for the column.
    """

    cookie_name: str = "better-auth.last_used_login_method"
    max_age: int = _MONTH
    custom_resolve_method: Callable[[LoginRequest], str | None] | None = None
    store_in_database: bool = False
    before_store_cookie: Callable[[str], Awaitable[bool]] | None = None
    schema: SchemaOptions = field(default_factory=dict)


def last_login_method(options: LastLoginMethodOptions | None = None) -> Plugin:
    """Tell the sign-in page which way somebody came last."""
    methods = _Methods(options or LastLoginMethodOptions())
    stored = methods.options.store_in_database
    created = DatabaseHook(model="user", action="create", before=methods.before_create)
    return Plugin(
        id="last-login-method",
        schema=with_options("last_login_method", _TABLES, methods.options.schema) if stored else {},
        after=[Hook(handler=methods.note)],
        database_hooks=[created] if stored else [],
    )


class _Methods:
    def __init__(self, options: LastLoginMethodOptions) -> None:
        if not options.cookie_name or set(options.cookie_name) & set('=;, \t\r\n"'):
            raise ConfigurationError("last_login_method: cookie_name is no name of a cookie")
        self.options = options

    async def before_create(self, change: RowChange) -> Mapping[str, Any]:
        """Let a new user have it from the beginning."""
        method = self._method(LoginRequest(change.path))
        return {"lastLoginMethod": method} if method else {}

    async def note(self, ctx: EndpointContext) -> None:
        """Set the cookie wherever a session cookie is set."""
        method = self._method(LoginRequest(ctx.path, ctx.path_params))
        name = ctx.auth.cookies.session_token
        if not method or not any(name in cookie for cookie in ctx.set_cookies):
            return
        if self.options.store_in_database and ctx.signed_in_user_id is not None:
            await update_user(ctx, ctx.signed_in_user_id, {"lastLoginMethod": method})
        if await self._may_store(method):
            ctx.set_cookies.append(self._cookie(ctx, method))

    def _method(self, request: LoginRequest) -> str | None:
        resolve = self.options.custom_resolve_method
        return (resolve(request) if resolve else None) or method_of(request)

    async def _may_store(self, method: str) -> bool:
        ask = self.options.before_store_cookie
        try:
            return ask is None or await ask(method)
        except Exception as error:  # noqa: BLE001 - the sign-in has succeeded
            log.error("before_store_cookie failed", error=type(error).__name__)  # noqa: TRY400
            return False

    def _cookie(self, ctx: EndpointContext, method: str) -> str:
        name, age = self.options.cookie_name, self.options.max_age
        return ctx.auth.cookies.set_cookie(name, method, age).replace("; HttpOnly", "")


def method_of(request: LoginRequest) -> str | None:
    """Return the way of a request, as the original names it; None if it is no way to sign in."""
    path = request.path
    if path.startswith("/callback/"):
        return next(iter(request.path_params.values()), None)
    ways = {
        "/sign-in/email": "email",
        "/sign-up/email": "email",
        "/sign-in/email-otp": "email-otp",
        "/one-tap/callback": "google",
        "/passkey/verify-authentication": "passkey",
        "/magic-link/verify": "magic-link",
    }
    return "siwe" if "siwe" in path else ways.get(path)
