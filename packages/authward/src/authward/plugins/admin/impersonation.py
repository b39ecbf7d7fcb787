"""Admins who see the application as somebody else does: `impersonate-user`, and the way back.

The admin's own session stays, and waits in the signed cookie `admin_session`.
"""

from typing import Any

from authward.endpoint import Endpoint
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.plugins.admin.codes import AdminCode
from authward.plugins.admin.guard import (
    USER_ID,
    Guard,
    after_seconds,
    find_user,
    no_such_user,
)
from authward.schema import responses as schemas
from authward.timestamps import now
from authward.validation import Schema

_ERRORS = (400, 401, 403, 404, 415, 429)
_COOKIE = "admin_session"


class Impersonation:
    """The endpoints, with the plugin's options."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def impersonate_user(self, ctx: EndpointContext) -> dict[str, Any]:
        """Begin a session as another user, who is no admin; it ends after an hour."""
        refusal = AdminCode.YOU_ARE_NOT_ALLOWED_TO_IMPERSONATE_USERS
        admin = await self._guard.require(ctx, "user", "impersonate", refusal)
        user, options = await find_user(ctx), self._guard.options
        if options.is_admin(user) and not options.allow_impersonating_admins:
            refusal = AdminCode.YOU_CANNOT_IMPERSONATE_ADMINS
            self._guard.check(admin, "user", "impersonate-admins", refusal)
        expires_at = after_seconds(options.impersonation_session_duration)
        given = {"impersonatedBy": admin.id, "expiresAt": expires_at}
        session = await ctx.create_session(user.id, given=given)
        if session is None:
            raise no_such_user()
        not_remembered = ctx.signed_cookie(ctx.auth.cookies.dont_remember) or ""
        ctx.delete_session_cookies()
        waiting = f"{ctx.session.session.token}:{not_remembered}"
        ctx.set_signed_cookie(_cookie(ctx), waiting, ctx.auth.options.session.expires_in)
        ctx.set_session_cookies(session.token, remember=False)
        output = ctx.auth.output
        return {"session": output.session(session), "user": output.user(user)}

    async def stop_impersonating(self, ctx: EndpointContext) -> dict[str, Any]:
        """End the impersonation, and go on with the admin's own session."""
        current = await ctx.load_session()
        if current is None:
            raise APIError(401)
        admin_id = current.session.fields["impersonatedBy"]
        if not admin_id:
            raise APIError(400, message="You are not impersonating anyone")
        token, _, not_remembered = (ctx.signed_cookie(_cookie(ctx)) or "").partition(":")
        own = await ctx.auth.sessions.find(ctx.auth.pool, token) if token else None
        if own is None or own.user.id != admin_id or own.session.expires_at < now():
            raise APIError(400, message="Failed to find admin session")
        await ctx.delete_session(current.session.token, current.user.id)
        ctx.set_session_cookies(own.session.token, remember=not not_remembered)
        ctx.expire_cookie(_cookie(ctx))
        output = ctx.auth.output
        return {"session": output.session(own.session), "user": output.user(own.user)}

    def endpoints(self) -> list[Endpoint]:
        """Return them."""
        return [
            Endpoint(
                path="/admin/impersonate-user",
                handler=self.impersonate_user,
                body=Schema({"userId": USER_ID}),
                response_model=schemas.SessionAndUser,
                errors=_ERRORS,
            ),
            Endpoint(
                path="/admin/stop-impersonating",
                handler=self.stop_impersonating,
                response_model=schemas.SessionAndUser,
                errors=(400, 401, 403, 415, 429),
            ),
        ]


async def hide_impersonations(ctx: EndpointContext) -> Any:
    """Leave sessions that admins have begun out of the user's own list."""
    found = ctx.returned
    if not isinstance(found, list):
        return None
    return [session for session in found if not session.get("impersonatedBy")]


def _cookie(ctx: EndpointContext) -> str:
    return ctx.auth.cookies.of(_COOKIE)
