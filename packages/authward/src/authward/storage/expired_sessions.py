"""Expired sessions are removed, with the addresses and agents in them.

No index tells which they are, because it would cost each session that is extended. So the table is
walked by its key, from a random place, a bounded number of rows at a time, after answers that gave
somebody a session: more rows than sessions can begin in that time, and nobody waits for it.
"""

import time
import uuid
from collections.abc import Callable

from sqlalchemy import Integer, bindparam, delete, func, literal_column, select
from sqlmodel import col

from authward.ids import generate_id
from authward.schema.style import IdType
from authward.schema.tables import Session
from authward.storage.statements import Executor, Statement, id_type_of
from authward.timestamps import now

EVERY = 10.0  # seconds
ROWS = 1000
_BEFORE_FIRST: dict[IdType, str] = {"text": "", "uuid": str(uuid.UUID(int=0)), "integer": "0"}
_ANYWHERE: dict[IdType, Callable[[], str]] = {
    "text": generate_id,
    "uuid": lambda: str(uuid.uuid4()),
    "integer": lambda: "0",
}

_BATCH = (
    select(col(Session.id))
    .where(col(Session.id) > bindparam("after"))
    .order_by(col(Session.id))
    .limit(literal_column(f"{ROWS}", type_=Integer))
    .cte("batch")
)
_EXPIRED = (
    select(col(Session.id))
    .where(col(Session.id).in_(select(_BATCH.c.id)), col(Session.expires_at) < bindparam("now"))
    .with_for_update(skip_locked=True)
)
_REMOVED = delete(Session).where(col(Session.id).in_(_EXPIRED)).cte("removed")
REMOVE_BATCH = Statement(
    select(
        select(_BATCH.c.id)
        .order_by(_BATCH.c.id.desc())
        .limit(literal_column("1", type_=Integer))
        .scalar_subquery()
        .label("last"),
        func.count().label("seen"),
    )
    .select_from(_BATCH)
    .add_cte(_REMOVED)
)


class ExpiredSessions:
    """Where the walk through the table is, and when its next step is due."""

    def __init__(self, database: Executor, every: float = EVERY) -> None:
        self._database = database
        self._every = every
        kind = id_type_of(database)
        self._first = _BEFORE_FIRST[kind]
        self._after = _ANYWHERE[kind]()
        self._last_step = time.monotonic()

    def is_due(self) -> bool:
        """Whether it is time for a step; who is told so takes it."""
        if time.monotonic() - self._last_step < self._every:
            return False
        self._last_step = time.monotonic()
        return True

    async def remove_batch(self) -> None:
        """Look at the next rows, begin anew after the last, remove those that are over."""
        row = await REMOVE_BATCH.fetchrow(self._database, after=self._after, now=now())
        self._after = row["last"] if row and row["seen"] == ROWS else self._first
