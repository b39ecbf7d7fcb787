"""`has-permission`: whether a user, or a role, may do something."""

from typing import Any

from authward.endpoint import Endpoint
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.plugins.admin.guard import Guard
from authward.plugins.permission_body import PERMISSIONS, Permission, PermissionBody
from authward.text import is_storable
from authward.validation import UNDEFINED, Field
from authward.validation_kinds import AnyAsText, js_text


class Permissions:
    """The endpoint, with the plugin's options."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def has_permission(self, ctx: EndpointContext) -> dict[str, Any]:
        """Tell whether the current user may do all of this."""
        wanted = ctx.body.get("permissions")
        if wanted is None:
            message = "invalid permission check. no permission(s) were passed."
            raise APIError(400, message=message)
        user_id, role = await self._subject(ctx)
        return {"error": None, "success": self._guard.options.allows(user_id, role, wanted)}

    async def _subject(self, ctx: EndpointContext) -> tuple[str | None, str | None]:
        """Return the id and the role in question: only the application may ask of others."""
        found = await ctx.load_session()
        if found is not None:
            return found.user.id, found.user.fields["role"]
        if not ctx.from_server:
            raise APIError(401)
        user_id, role = ctx.body.get("userId", UNDEFINED), ctx.body.get("role")
        if not user_id and not role:
            raise APIError(400, message="user id or role is required")
        if role:
            return js_text(user_id) if user_id else None, role
        known = js_text(user_id)
        user = await ctx.auth.users.find(ctx.auth.pool, known) if is_storable(known) else None
        if user is None:
            raise APIError(400, message="user not found")
        return user.id, user.fields["role"]

    def endpoints(self) -> list[Endpoint]:
        """Return it."""
        body = {
            "userId": AnyAsText(required=False, description="Not by HTTP: whose permissions"),
            "role": Field("string", required=False, description="Not by HTTP: of which role"),
            "permissions": PERMISSIONS,
        }
        return [
            Endpoint(
                path="/admin/has-permission",
                handler=self.has_permission,
                body=PermissionBody(body),
                response_model=Permission,
                errors=(400, 401, 403, 415, 429),
            )
        ]
