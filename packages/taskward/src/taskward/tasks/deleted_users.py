"""Tokens outlive their users: what is created with one afterwards is removed within seconds.

A JWT is verified without asking anybody, so a worker may not know yet that its user is gone, and a
creation may be under way while the user is deleted. Whoever deletes a user leaves a mark in the
same transaction (a trigger does, whatever program deletes), and each worker looks a moment after it
has created something whether the owner is marked. A worker that creates nothing asks nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import structlog
from asyncpg import PostgresError
from sqlalchemy import ARRAY, Text, any_, bindparam, exists, literal_column, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from authward.options import UserDeletedCallback
from authward.schema.column_types import AsId
from authward.schema.tables import User
from authward.storage.statements import Executor, Statement
from taskward.database.database import Database, DatabaseUnavailableError
from taskward.tasks.schemas import DeletedUser

_SOON = 1.0  # seconds
_AGAIN = 30.0  # seconds: no statement, and no transaction that deletes a user, takes so long
_LAST_LOOK = 2.0  # seconds
_AT_START = 1000

_IS_BACK = exists(select(literal_column("1")).where(col(User.id) == AsId(col(DeletedUser.user_id))))
_INSERT = insert(DeletedUser).values(user_id=bindparam("user_id"))
MARK = Statement(
    _INSERT.on_conflict_do_update(
        index_elements=["user_id"], set_={"deleted_at": literal_column("now()")}
    )
)
FIND_MARKED = Statement(
    select(col(DeletedUser.user_id)).where(
        col(DeletedUser.user_id) == any_(bindparam("user_ids", type_=ARRAY(Text))), ~_IS_BACK
    )
)
FIND_RECENT = Statement(
    select(col(DeletedUser.user_id))
    .where(col(DeletedUser.deleted_at) > literal_column("now() - interval '1 hour'"))
    .order_by(col(DeletedUser.deleted_at).desc())
    .limit(literal_column(str(_AT_START)))
)

log = structlog.get_logger(__name__)


class DeletedUsers:
    """Looks for users who are gone among those for whom something was created."""

    def __init__(
        self,
        database: Database,
        removals: Sequence[UserDeletedCallback],
        *,
        soon: float = _SOON,
        again: float = _AGAIN,
    ) -> None:
        """Look `soon` after a creation and once more `again` seconds later.

        Args:
            database: has the marks.
            removals: remove all that a user has.
            soon: in seconds.
            again: in seconds; until then whatever was under way at the first look has ended.
        """
        self._database = database
        self._removals = removals
        self._soon, self._again = soon, again
        self._new: set[str] = set()
        self._old: set[str] = set()
        self._wanted = asyncio.Event()
        self.on_found: Callable[[str], None] = lambda _: None
        """Is told of each user who is found to be gone."""

    def use(self, pool: Any) -> None:
        """Look with the Better Auth server's own pool, which knows what its tables are like."""
        self._database = pool

    def schedule_check(self, user_id: str) -> None:
        """Look for this user in a moment; costs next to nothing now."""
        self._new.add(user_id)
        self._wanted.set()

    async def mark(self, connection: Executor, user_id: str) -> None:
        """Leave the mark, inside the transaction that deletes the user."""
        await MARK.fetch(connection, user_id=user_id)
        self.schedule_check(user_id)

    async def sweep(self) -> None:
        """Look now at everybody whose turn has come.

        Raises:
            DatabaseUnavailableError, asyncpg.PostgresError: try again later; nobody is forgotten.
        """
        new, self._new = self._new, set()
        old, self._old = self._old, set()
        try:
            await self._remove_rows_of_marked(new | old)
        except BaseException:
            self._new |= new
            self._old |= old
            raise
        if new:
            asyncio.get_running_loop().call_later(self._again, self._schedule_second_check, new)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look whenever it is time; at first, for what a server that was killed left behind."""
        looking = asyncio.create_task(self._check_now())
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.wait({looking})
            with suppress(DatabaseUnavailableError, PostgresError, TimeoutError):
                async with asyncio.timeout(_LAST_LOOK):
                    await self.sweep()

    async def _check_now(self) -> None:
        self._wanted.set()
        is_new = True
        while True:
            await self._wanted.wait()
            await asyncio.sleep(self._soon)
            self._wanted.clear()
            try:
                if is_new:
                    await self._schedule_recent()
                    is_new = False
                await self.sweep()
            except DatabaseUnavailableError:
                self._wanted.set()
            except PostgresError:
                log.exception("cannot look for what deleted users left")
                self._wanted.set()
                await asyncio.sleep(self._again)

    async def _schedule_recent(self) -> None:
        self._new.update([row["user_id"] for row in await FIND_RECENT.fetch(self._database)])

    def _schedule_second_check(self, user_ids: set[str]) -> None:
        self._old |= user_ids
        self._wanted.set()

    async def _remove_rows_of_marked(self, user_ids: Iterable[str]) -> None:
        if not (listed := list(user_ids)):
            return
        for row in await FIND_MARKED.fetch(self._database, user_ids=listed):
            self.on_found(row["user_id"])
            async with self._database.acquire() as connection, connection.transaction():
                for remove in self._removals:
                    await remove(connection, row["user_id"])
