"""Ends a session by its id: a client names it so."""

from authward.endpoint_context import EndpointContext


async def delete_session(ctx: EndpointContext, session_id: str) -> None:
    """Delete a session, with the hooks around it."""
    row = await ctx.auth.adapter.find_one(ctx.database, "session", {"id": session_id})
    if row is not None:
        await ctx.delete_session(row["token"])
