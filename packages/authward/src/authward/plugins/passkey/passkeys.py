"""The list of a user's passkeys, their names, and their end."""

from typing import Any

from authward.codes import ErrorCode
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.plugins.passkey.codes import PasskeyCode
from authward.plugins.passkey.site import MODEL
from authward.text import is_storable


async def list_passkeys(ctx: EndpointContext) -> list[dict[str, Any]]:
    """List the current user's passkeys."""
    adapter, mine = ctx.auth.adapter, {"userId": ctx.session.user.id}
    rows = await adapter.find_many(ctx.database, MODEL, mine)
    return [adapter.to_json(MODEL, row) for row in rows]


async def update_passkey(ctx: EndpointContext) -> dict[str, Any]:
    """Give one of the current user's passkeys another name."""
    name = ctx.body["name"].strip()
    mine = await _mine(ctx, PasskeyCode.YOU_ARE_NOT_ALLOWED_TO_REGISTER_THIS_PASSKEY)
    if not is_storable(name):
        raise APIError(PasskeyCode.FAILED_TO_UPDATE_PASSKEY, status=400)
    adapter = ctx.auth.adapter
    rows = await adapter.update(ctx.database, MODEL, mine, {"name": name})
    if not rows:
        raise APIError(PasskeyCode.PASSKEY_NOT_FOUND, status=404)
    return {"passkey": adapter.to_json(MODEL, rows[0])}


async def delete_passkey(ctx: EndpointContext) -> dict[str, bool]:
    """Delete one of the current user's passkeys."""
    await ctx.auth.adapter.delete(ctx.database, MODEL, await _mine(ctx, None))
    return {"status": True}


async def _mine(ctx: EndpointContext, refusal: ErrorCode | None) -> dict[str, str]:
    """Return the condition for the row that is meant, which is the current user's."""
    which, user_id = ctx.body["id"], ctx.session.user.id
    if not which:
        raise APIError(400, message="Missing required parameter: id")
    adapter = ctx.auth.adapter
    row = await adapter.find_one(ctx.database, MODEL, {"id": which}) if is_storable(which) else None
    if row is None:
        raise APIError(PasskeyCode.PASSKEY_NOT_FOUND, status=404)
    if row["userId"] != user_id:
        raise APIError(401 if refusal is None else refusal)
    return {"id": which, "userId": user_id}
