"""Sessions in PostgreSQL, as typed rows, with whatever fields they have on this server."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

from asyncpg import Record
from sqlalchemy import ColumnElement, bindparam, delete, select, update
from sqlmodel import col

from authward.schema.tables import Session
from authward.schema.user_tables import UserTables
from authward.storage.new_sessions import (
    BanColumns,
    BannedUserError,
    NewSession,
    SecondFactorRequiredError,
    lift_ban,
    start_session,
)
from authward.storage.rows import AuthSession, SessionAndUser
from authward.storage.session_lookup import find_one
from authward.storage.session_store import SessionStore
from authward.storage.statements import MAX_ROWS, Executor, Statement, StatementCache
from authward.timestamps import now

Which: TypeAlias = Literal["session", "session of user", "all of user", "others of user"]
_VERDICT = 3
"""How many columns of a new session's row tell whether there is one."""


_TOKEN = col(Session.token) == bindparam("token")
_USER = col(Session.user_id) == bindparam("user_id")
_LIVE = col(Session.expires_at) > bindparam("now")
_WHICH: dict[Which, tuple[ColumnElement[bool], ...]] = {
    "session": (_TOKEN,),
    "session of user": (_TOKEN, _USER),
    "all of user": (_USER,),
    "others of user": (_USER, col(Session.token) != bindparam("token")),
}


def _deletion(which: Which) -> Statement:
    return Statement(delete(Session).where(*_WHICH[which]).returning(col(Session.token)))


def _ending(which: Which) -> Statement:
    """What leaves the rows where they are; those that have ended already ended then."""
    ended = update(Session).where(*_WHICH[which], _LIVE).values({"expiresAt": bindparam("now")})
    return Statement(ended.returning(col(Session.token)))


def _locking(which: Which) -> Statement:
    locked = select(col(Session.id)).where(*_WHICH[which]).order_by(col(Session.id))
    return Statement(locked.with_for_update())


DELETIONS = {which: _deletion(which) for which in _WHICH}
ENDINGS = {which: _ending(which) for which in _WHICH}
LOCKS = {which: _locking(which) for which in _WHICH}
DELETE_SESSIONS_OF_USER = DELETIONS["all of user"]


@dataclass(frozen=True, slots=True)
class Kept:
    """Where sessions are.

    Args:
        store: the secondary storage, if there is one.
        in_table: whether they are in the table.
        preserved: whether their rows stay when they are ended.
    """

    store: SessionStore | None = None
    in_table: bool = True
    preserved: bool = False

    @property
    def reads_table(self) -> bool:
        """Whether the table has sessions that are nowhere else."""
        return self.in_table and not (self.store is not None and self.preserved)


IN_TABLE = Kept()


class Sessions:
    """Reads and writes sessions, in the table, in the secondary storage or in both."""

    def __init__(
        self,
        tables: UserTables,
        bans: BanColumns | None = None,
        second_factor: str = "twoFactorEnabled",
        kept: Kept = IN_TABLE,
    ) -> None:
        """Take the columns that forbid sessions, or sessions by a password alone."""
        self.kept = kept
        self._tables = tables
        self._bans = bans or BanColumns()
        self._second_factor = second_factor
        self._session = tables.session
        self._columns = len(tables.session.c)
        self._cache = StatementCache()

    async def find(self, database: Executor, token: str) -> SessionAndUser | None:
        """Return the session with this token, be it over or not, and whose it is."""
        if self.kept.store is not None:
            is_there, found = await self.kept.store.find(token)
            if is_there or not self.kept.reads_table:
                return found
        row = await self._find.fetchrow(database, token=token)
        if row is None:
            return None
        tables = self._tables
        return SessionAndUser(tables.session_of(row), tables.user_of(row, self._columns))

    async def list_live(self, database: Executor, user_id: str) -> list[AuthSession]:
        """Return the sessions of a user that are not over, the last hundred in their order."""
        if self.kept.store is not None and not self.kept.reads_table:
            return await self.kept.store.list_live(user_id)
        rows = await self._list.fetch(database, user_id=user_id, now=now())
        return [self._tables.session_of(row) for row in reversed(rows)]

    async def update(
        self, database: Executor, token: str, values: Mapping[str, Any]
    ) -> AuthSession | None:
        """Change some fields, by their names; None if the session is not there any more."""
        if (store := self.kept.store) is not None:
            updated = await store.update(token, {"updatedAt": now(), **values})
            if not self.kept.in_table or (updated is None and not self.kept.reads_table):
                return updated
        statement = self._cache.get(("update", *sorted(values)), lambda: self._update(values))
        given = {f"value_{name}": value for name, value in values.items()}
        return self._read(await statement.fetchrow(database, token=token, now=now(), **given))

    async def create(
        self,
        database: Executor,
        session: NewSession,
        *,
        verified: str | None = None,
        trusted: bool = False,
    ) -> AuthSession | None:
        """Sign a user in.

        Args:
            database: a pool, or a connection with a transaction.
            session: what it is made of.
            verified: the hash that the user's password was found to belong to, if it was asked for.
            trusted: it is enough, for the device is known.

        Returns:
            The session; None if the user, or that password, is not there any more.

        Raises:
            BannedUserError: the user is banned.
            SecondFactorRequiredError: 403, a password alone is not enough for this user.
        """
        by_password = verified is not None
        second_factor = self._second_factor if by_password and not trusted else None
        statement = self._start(session, by_password=by_password, second_factor=second_factor)
        values = session.values()
        row = await statement.fetchrow(database, **values, verified=verified)
        if row is None:
            return None
        if row["is_banned"]:
            raise BannedUserError
        if row["needs_second_factor"]:
            raise SecondFactorRequiredError
        if row["ban_is_over"]:
            await self._lift_ban.fetch(database, user_id=session.user_id, now=values["now"])
        if self.kept.in_table:
            made = self._tables.session_of(row, _VERDICT)
        else:
            made = self._tables.new_session(values, session.fields)
        return await self._mirrored(database, made)

    def _start(
        self, session: NewSession, *, by_password: bool, second_factor: str | None
    ) -> Statement:
        names = tuple(session.fields)
        return self._cache.get(
            ("create", by_password, second_factor, names),
            lambda: start_session(
                self._session,
                names,
                self._bans,
                by_password=by_password,
                second_factor=second_factor,
                stored=self.kept.in_table,
            ),
        )

    async def _mirrored(self, database: Executor, session: AuthSession) -> AuthSession | None:
        if self.kept.store is None:
            return session
        row = await self._find_user.fetchrow(database, user_id=session.user_id)
        if row is None:
            return None
        await self.kept.store.put(session, self._tables.user_of(row))
        await self.refresh_user(database, session.user_id, row)
        return session

    async def lock(self, database: Executor, which: Which, **values: str) -> None:
        """Lock sessions in the table until the transaction ends: nothing new will name them."""
        await LOCKS[which].fetch(database, **values)

    async def end(self, database: Executor, which: Which, **values: str) -> list[str]:
        """End sessions in the table, by `token` and `user_id`; return the tokens of those."""
        statements = ENDINGS if self.kept.preserved else DELETIONS
        return [row[0] for row in await statements[which].fetch(database, now=now(), **values)]

    async def forget_all(self, user_id: str) -> None:
        """End all sessions of a user in the secondary storage, if there is one."""
        if self.kept.store is not None:
            await self.kept.store.remove_all(user_id)

    async def refresh_user(
        self, database: Executor, user_id: str, shown: Record | None = None
    ) -> None:
        """Have the secondary storage show a user as the table now does, if not as `shown`.

        Whoever has written looks again: of several at once the last one has written the newest.
        """
        store = self.kept.store
        while store is not None:
            row = await self._find_user.fetchrow(database, user_id=user_id)
            if row is None or row == shown:
                return
            await store.refresh(self._tables.user_of(row))
            shown = row

    def _read(self, row: Record | None) -> AuthSession | None:
        return None if row is None else self._tables.session_of(row)

    @cached_property
    def _find(self) -> Statement:
        return find_one(self._tables)

    @cached_property
    def _find_user(self) -> Statement:
        of = self._tables.user.c
        return Statement(select(*of).where(of.id == bindparam("user_id")))

    @cached_property
    def _lift_ban(self) -> Statement:
        return Statement(lift_ban(self._bans))

    @cached_property
    def _list(self) -> Statement:
        of = self._session.c
        return Statement(
            select(*of)
            .where(of.userId == bindparam("user_id"), of.expiresAt > bindparam("now"))
            .order_by(of.createdAt.desc(), of.id)
            .limit(MAX_ROWS)
        )

    def _update(self, names: Mapping[str, Any]) -> Any:
        values: dict[str, Any] = {name: bindparam(f"value_{name}") for name in names}
        of = self._session.c
        changed = update(self._session).where(of.token == bindparam("token"))
        return changed.values({**values, "updatedAt": bindparam("now")}).returning(*of)
