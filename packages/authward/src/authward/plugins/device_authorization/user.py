"""What the user of a device does: look at the request, approve or deny it (section 3.3)."""

from typing import Any, Literal

from authward.endpoint_context import EndpointContext
from authward.plugins.device_authorization.codes import (
    MODEL,
    DeviceAuthorizationCode,
    find_by_user_code,
    refusal,
)
from authward.plugins.oauth_provider.errors import OAuthError
from authward.storage.adapter import Row
from authward.timestamps import now


async def verify(ctx: EndpointContext) -> dict[str, Any]:
    """Tell whether a device waits for this code; whoever is signed in takes it."""
    row = await _find(ctx, ctx.query["user_code"])
    found = await ctx.load_session()
    user_id = found.user.id if found else None
    if user_id and not row["userId"] and row["status"] == "pending":
        row = await _claimed(ctx, row, user_id)
    answer = {"user_code": ctx.query["user_code"], "status": row["status"]}
    if user_id is None or row["userId"] != user_id:
        return answer
    return {**answer, "client_id": row["clientId"], "scope": row["scope"]}


async def approve(ctx: EndpointContext) -> dict[str, bool]:
    """Let the device act for the current user."""
    return await _decide(ctx, "approve", "approved")


async def deny(ctx: EndpointContext) -> dict[str, bool]:
    """Refuse the device."""
    return await _decide(ctx, "deny", "denied")


async def _find(ctx: EndpointContext, code: str) -> Row:
    row = await find_by_user_code(ctx, code)
    if row is None:
        raise refusal("invalid_request", DeviceAuthorizationCode.INVALID_USER_CODE)
    if row["expiresAt"] < now():
        raise refusal("expired_token", DeviceAuthorizationCode.EXPIRED_USER_CODE)
    return row


async def _claimed(ctx: EndpointContext, row: Row, user_id: str) -> Row:
    """Return the row with this user, or with whoever was faster."""
    free = {"id": row["id"], "status": "pending", "userId": None}
    claimed = await ctx.auth.adapter.update(ctx.database, MODEL, free, {"userId": user_id})
    if claimed:
        return claimed[0]
    current = await ctx.auth.adapter.find_one(ctx.database, MODEL, {"id": row["id"]})
    if current is None:
        raise refusal("invalid_request", DeviceAuthorizationCode.INVALID_USER_CODE)
    return current


async def _decide(
    ctx: EndpointContext, verb: str, status: Literal["approved", "denied"]
) -> dict[str, bool]:
    found = await ctx.load_session()
    if found is None:
        raise refusal("unauthorized", DeviceAuthorizationCode.AUTHENTICATION_REQUIRED)
    row = await _find(ctx, ctx.body["userCode"])
    processed = refusal("invalid_request", DeviceAuthorizationCode.DEVICE_CODE_ALREADY_PROCESSED)
    if row["status"] != "pending":
        raise processed
    if not row["userId"]:
        raise refusal("invalid_request", DeviceAuthorizationCode.DEVICE_CODE_NOT_CLAIMED)
    if row["userId"] != found.user.id:
        message = f"You are not authorized to {verb} this device authorization"
        raise OAuthError("access_denied", message, status=403)
    waiting = {"id": row["id"], "status": "pending", "userId": found.user.id}
    if not await ctx.auth.adapter.update(ctx.database, MODEL, waiting, {"status": status}):
        raise processed
    return {"success": True}
