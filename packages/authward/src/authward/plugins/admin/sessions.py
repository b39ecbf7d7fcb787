"""Bans, and the sessions of users: `ban-user`, `unban-user`, `list-user-sessions`, `revoke-…`."""

from datetime import datetime
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
    meant_id,
    no_such_user,
)
from authward.plugins.admin.responses import OneUser, Sessions
from authward.plugins.admin.users import write
from authward.schema import responses as schemas
from authward.storage.adapter import Page
from authward.text import is_storable
from authward.validation import Field, Schema

_ERRORS = (400, 401, 403, 404, 415, 429)
_LAST = Page(sort_by="createdAt", descending=True)
_BAN = {
    "userId": USER_ID,
    "banReason": Field("string", required=False, description="Why"),
    "banExpiresIn": Field("number", required=False, description="Seconds until it is over"),
}


class BansAndSessions:
    """The endpoints, with the plugin's options."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def ban_user(self, ctx: EndpointContext) -> dict[str, Any]:
        """Ban a user, and end all their sessions."""
        refusal = AdminCode.YOU_ARE_NOT_ALLOWED_TO_BAN_USERS
        admin = await self._guard.require(ctx, "user", "ban", refusal)
        user = await find_user(ctx)
        if user.id == admin.id:
            raise APIError(AdminCode.YOU_CANNOT_BAN_YOURSELF)
        reason = ctx.body.get("banReason") or self._guard.options.default_ban_reason or "No reason"
        ban = {"banned": True, "banReason": reason, "banExpires": self._end_of_ban(ctx)}
        async with ctx.transaction():
            changed = await write(ctx, user.id, ban)
            await ctx.delete_sessions(user.id)
        return {"user": changed}

    async def unban_user(self, ctx: EndpointContext) -> dict[str, Any]:
        """Take a ban back."""
        refusal = AdminCode.YOU_ARE_NOT_ALLOWED_TO_BAN_USERS
        await self._guard.require(ctx, "user", "ban", refusal)
        user = await find_user(ctx)
        no_ban = {"banned": False, "banExpires": None, "banReason": None}
        return {"user": await write(ctx, user.id, no_ban)}

    async def list_user_sessions(self, ctx: EndpointContext) -> dict[str, Any]:
        """List the last hundred sessions of a user, in their order, those that are over too."""
        refusal = AdminCode.YOU_ARE_NOT_ALLOWED_TO_LIST_USERS_SESSIONS
        await self._guard.require(ctx, "session", "list", refusal)
        user_id, adapter = meant_id(ctx), ctx.auth.adapter
        if not is_storable(user_id):
            raise no_such_user()
        if ctx.auth.sessions.kept.store is not None:
            live = await ctx.auth.sessions.list_live(ctx.database, user_id)
            return {"sessions": [ctx.auth.output.session(each) for each in live]}
        found = await adapter.find_many(ctx.database, "session", {"userId": user_id}, _LAST)
        return {"sessions": [adapter.to_json("session", row) for row in reversed(found)]}

    async def revoke_user_session(self, ctx: EndpointContext) -> dict[str, bool]:
        """End a session, whosever it is."""
        refusal = AdminCode.YOU_ARE_NOT_ALLOWED_TO_REVOKE_USERS_SESSIONS
        await self._guard.require(ctx, "session", "revoke", refusal)
        token = ctx.body["sessionToken"]
        if is_storable(token):
            await ctx.delete_session(token)
        return {"success": True}

    async def revoke_user_sessions(self, ctx: EndpointContext) -> dict[str, bool]:
        """End all sessions of a user."""
        refusal = AdminCode.YOU_ARE_NOT_ALLOWED_TO_REVOKE_USERS_SESSIONS
        await self._guard.require(ctx, "session", "revoke", refusal)
        user_id = meant_id(ctx)
        if not is_storable(user_id):
            raise no_such_user()
        await ctx.delete_sessions(user_id)
        return {"success": True}

    def _end_of_ban(self, ctx: EndpointContext) -> datetime | None:
        seconds = ctx.body.get("banExpiresIn") or self._guard.options.default_ban_expires_in
        return after_seconds(seconds) if seconds else None

    def endpoints(self) -> list[Endpoint]:
        """Return them."""
        of_user = Schema({"userId": USER_ID})
        token = Field("string", description="The session's token")
        return [
            Endpoint(
                path="/admin/ban-user",
                handler=self.ban_user,
                body=Schema(_BAN),
                response_model=OneUser,
                errors=_ERRORS,
            ),
            Endpoint(
                path="/admin/unban-user",
                handler=self.unban_user,
                body=of_user,
                response_model=OneUser,
                errors=_ERRORS,
            ),
            Endpoint(
                path="/admin/list-user-sessions",
                handler=self.list_user_sessions,
                body=of_user,
                response_model=Sessions,
                errors=_ERRORS,
            ),
            Endpoint(
                path="/admin/revoke-user-session",
                handler=self.revoke_user_session,
                body=Schema({"sessionToken": token}),
                response_model=schemas.Success,
                errors=_ERRORS,
            ),
            Endpoint(
                path="/admin/revoke-user-sessions",
                handler=self.revoke_user_sessions,
                body=of_user,
                response_model=schemas.Success,
                errors=_ERRORS,
            ),
        ]
