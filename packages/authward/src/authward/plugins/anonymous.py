"""`anonymous`: users without a name, until they sign in; the original's plugin of that name."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from authward.codes import ErrorCode
from authward.core.proven_email import create_user
from authward.core.user import delete_user_and_data
from authward.database_hooks import DatabaseHook, RowChange
from authward.endpoint import Endpoint
from authward.endpoint_context import EndpointContext
from authward.errors import APIError, ConfigurationError
from authward.ids import generate_id
from authward.plugin import Hook, Plugin
from authward.plugins.schema_options import SchemaOptions, with_options
from authward.schema import responses as schemas
from authward.schema.fields import DBField, DBTable
from authward.storage.rows import SessionAndUser
from authward.storage.statements import Executor
from authward.storage.users import NewUser
from authward.timestamps import now
from authward.validation import is_email

_SIGN_IN = "/sign-in/anonymous"
_LINKING = (
    *("/sign-in", "/sign-up", "/callback", "/magic-link/verify", "/email-otp/verify-email"),
    *("/one-tap/callback", "/passkey/verify-authentication", "/phone-number/verify"),
    "/verify-email",
)
_TABLES = {
    "user": DBTable(
        fields={
            "isAnonymous": DBField(type="boolean", required=False, input=False, default_value=False)
        }
    )
}
log = structlog.get_logger(__name__)


class AnonymousCode(ErrorCode):
    """The plugin's codes, in the original's words."""

    INVALID_EMAIL_FORMAT = 400, "Email was not generated in a valid format"
    COULD_NOT_CREATE_SESSION = 400, "Could not create session"
    ANONYMOUS_USERS_CANNOT_SIGN_IN_AGAIN_ANONYMOUSLY = (
        400,
        "Anonymous users cannot sign in again anonymously",
    )
    FAILED_TO_DELETE_ANONYMOUS_USER = 500, "Failed to delete anonymous user"
    FAILED_TO_DELETE_ANONYMOUS_USER_SESSIONS = 500, "Failed to delete anonymous user sessions"
    USER_IS_NOT_ANONYMOUS = 403, "User is not anonymous"
    DELETE_ANONYMOUS_USER_DISABLED = 400, "Deleting anonymous users is disabled"


@dataclass(frozen=True, slots=True)
class LinkedAccount:
    """Somebody who was anonymous has signed in: what they had can become the new user's.

    `database` is that of the server, for what the application has there.
    """

    anonymous_user: SessionAndUser
    new_user: SessionAndUser
    database: Executor


@dataclass(frozen=True, slots=True, kw_only=True)
class AnonymousOptions:
    """The original's options.

    Args:
        email_domain_name: the domain of the addresses that nobody can read.
        generate_random_email: makes such an address instead.
        generate_name: makes a name instead of "Anonymous".
        on_link_account: called when somebody who was anonymous has signed in, before the anonymous
            user is deleted; if it fails, that user stays.
        disable_delete_anonymous_user: nobody deletes them, on linking neither.
        schema: another name for the column.
    """

    email_domain_name: str | None = None
    generate_random_email: Callable[[], Awaitable[str | None]] | None = None
    generate_name: Callable[[], Awaitable[str | None]] | None = None
    on_link_account: Callable[[LinkedAccount], Awaitable[None]] | None = None
    disable_delete_anonymous_user: bool = False
    schema: SchemaOptions = field(default_factory=dict)


def anonymous(options: AnonymousOptions | None = None) -> Plugin:
    """Let people in without a name or an address; what they sign in with later takes over."""
    people = _Anonymous(options or AnonymousOptions())
    return Plugin(
        id="anonymous",
        schema=with_options("anonymous", _TABLES, people.options.schema),
        endpoints=people.endpoints(),
        before=[Hook(handler=_remember_who_asks, matcher=_links)],
        after=[Hook(handler=people.link, matcher=_links)],
        database_hooks=[DatabaseHook(model="user", action="create", before=_mark)],
        error_codes=AnonymousCode,
    )


def _links(path: str) -> bool:
    return path.startswith(_LINKING)


async def _mark(change: RowChange) -> Mapping[str, Any]:
    return {"isAnonymous": True} if change.path == _SIGN_IN else {}


async def _remember_who_asks(ctx: EndpointContext) -> None:
    """Sign-in may end the session that says who was anonymous."""
    ctx.extensions["anonymous"] = await _who_asks(ctx)


async def _who_asks(ctx: EndpointContext) -> SessionAndUser | None:
    token = ctx.session_token
    found = await ctx.auth.sessions.find(ctx.auth.pool, token) if token else None
    is_live = found is not None and found.session.expires_at >= now()
    return found if found and is_live and found.user.fields.get("isAnonymous") else None


class _Anonymous:
    def __init__(self, options: AnonymousOptions) -> None:
        domain = options.email_domain_name
        if domain is not None and not is_email(f"temp-x@{domain}"):
            raise ConfigurationError("anonymous: email_domain_name is no domain for addresses")
        self.options = options

    def endpoints(self) -> list[Endpoint]:
        return [
            Endpoint(
                path=_SIGN_IN,
                handler=self.sign_in,
                response_model=schemas.SignedIn,
                errors=(400, 403, 415, 422, 429),
            ),
            Endpoint(
                path="/delete-anonymous-user",
                handler=self.delete,
                session="required",
                response_model=schemas.Success,
                errors=(400, 401, 403, 415, 429),
            ),
        ]

    async def sign_in(self, ctx: EndpointContext) -> dict[str, Any]:
        """Sign in without a name or an address."""
        if ctx.extensions.get("anonymous") is not None:
            raise APIError(AnonymousCode.ANONYMOUS_USERS_CANNOT_SIGN_IN_AGAIN_ANONYMOUSLY)
        make_name = self.options.generate_name
        name = (await make_name() if make_name else None) or "Anonymous"
        new = NewUser.normalized(name, await self._email())
        user = await create_user(ctx, new, "anonymous")
        session = await ctx.create_session(user.id)
        if session is None:
            raise APIError(AnonymousCode.COULD_NOT_CREATE_SESSION)
        ctx.start_session(session, remember=None)
        return {"token": session.token, "user": ctx.auth.output.user(user)}

    async def delete(self, ctx: EndpointContext) -> dict[str, bool]:
        """Delete the current user, who is anonymous."""
        user = ctx.session.user
        if self.options.disable_delete_anonymous_user:
            raise APIError(AnonymousCode.DELETE_ANONYMOUS_USER_DISABLED)
        if not user.fields.get("isAnonymous"):
            raise APIError(AnonymousCode.USER_IS_NOT_ANONYMOUS)
        await delete_user_and_data(ctx, user.id)
        ctx.delete_session_cookies()
        return {"success": True}

    async def link(self, ctx: EndpointContext) -> None:
        """Hand over what an anonymous user had to the user who has signed in."""
        old, token = ctx.extensions.get("anonymous"), ctx.started_token
        if old is None or token is None:
            return
        new = await ctx.auth.sessions.find(ctx.auth.pool, token)
        if new is None:
            return
        if self.options.on_link_account is not None:
            await self.options.on_link_account(LinkedAccount(old, new, ctx.database))
        stays = new.user.id == old.user.id or new.user.fields.get("isAnonymous")
        if not stays and not self.options.disable_delete_anonymous_user:
            await _delete(ctx, old)

    async def _email(self) -> str:
        make = self.options.generate_random_email
        own = await make() if make else None
        if own:
            if not is_email(own):
                raise APIError(AnonymousCode.INVALID_EMAIL_FORMAT)
            return own
        domain = self.options.email_domain_name
        if domain:
            return f"temp-{generate_id()}@{domain}"
        return f"{generate_id()}@anonymous.placeholder.invalid"


async def _delete(ctx: EndpointContext, old: SessionAndUser) -> None:
    """The new user is signed in, whatever becomes of the old one."""
    try:
        await delete_user_and_data(ctx, old.user.id)
    except Exception as error:  # noqa: BLE001 - a sign-in that succeeded is not to fail
        log.error("an anonymous user stays", error=type(error).__name__)  # noqa: TRY400
