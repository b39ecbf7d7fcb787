"""Ends a session by its id: a client names it so."""

from sqlalchemy import bindparam, delete
from sqlmodel import col

from authward.endpoint_context import EndpointContext
from authward.schema.tables import Session
from authward.storage.statements import Statement

DELETE = Statement(delete(Session).where(col(Session.id) == bindparam("session_id")))


async def delete_session(ctx: EndpointContext, session_id: str) -> None:
    """Delete a session, with the hooks around it."""
    async with ctx.deleting("session", id=session_id):
        await DELETE.fetch(ctx.database, session_id=session_id)
