"""Sessions by their ids: tokens say in which one they were granted."""

from typing import Any

from sqlalchemy import bindparam, select
from sqlmodel import col

from authward.schema.tables import Session
from authward.storage.statements import Executor, Statement
from authward.text import is_storable
from authward.timestamps import now

FIND = Statement(
    select(col(Session.id), col(Session.user_id), col(Session.created_at)).where(
        col(Session.id) == bindparam("session_id"), col(Session.expires_at) >= bindparam("now")
    )
)


async def find_live_session(database: Executor, session_id: Any) -> dict[str, Any] | None:
    """Return a session that is not over: its `id`, `userId` and `createdAt`."""
    if not isinstance(session_id, str) or not is_storable(session_id):
        return None
    row = await FIND.fetchrow(database, session_id=session_id, now=now())
    return None if row is None else {"id": row[0], "userId": row[1], "createdAt": row[2]}
