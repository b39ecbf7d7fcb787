"""Sessions in PostgreSQL, as typed rows, with whatever fields they have on this server."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from asyncpg import Record
from sqlalchemy import bindparam, delete, select, update
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
from authward.storage.statements import MAX_ROWS, Executor, Statement, StatementCache
from authward.timestamps import now

_VERDICT = 3
"""How many columns of a new session's row tell whether there is one."""


DELETE_SESSION = Statement(delete(Session).where(col(Session.token) == bindparam("token")))
DELETE_SESSION_OF_USER = Statement(
    delete(Session).where(
        col(Session.token) == bindparam("token"), col(Session.user_id) == bindparam("user_id")
    )
)
DELETE_OTHER_SESSIONS = Statement(
    delete(Session).where(
        col(Session.user_id) == bindparam("user_id"), col(Session.token) != bindparam("token")
    )
)
DELETE_SESSIONS_OF_USER = Statement(
    delete(Session).where(col(Session.user_id) == bindparam("user_id"))
)


class Sessions:
    """Reads and writes sessions."""

    def __init__(
        self,
        tables: UserTables,
        bans: BanColumns | None = None,
        second_factor: str = "twoFactorEnabled",
    ) -> None:
        """Take the columns that forbid sessions, or sessions by a password alone."""
        self._tables = tables
        self._bans = bans or BanColumns()
        self._second_factor = second_factor
        self._session = tables.session
        self._columns = len(tables.session.c)
        self._cache = StatementCache()

    async def find(self, database: Executor, token: str) -> SessionAndUser | None:
        """Return the session with this token, be it over or not, and whose it is."""
        row = await self._find.fetchrow(database, token=token)
        if row is None:
            return None
        tables = self._tables
        return SessionAndUser(tables.session_of(row), tables.user_of(row, self._columns))

    async def list_live(self, database: Executor, user_id: str) -> list[AuthSession]:
        """Return the sessions of a user that are not over, the last hundred in their order."""
        rows = await self._list.fetch(database, user_id=user_id, now=now())
        return [self._tables.session_of(row) for row in reversed(rows)]

    async def update(
        self, database: Executor, token: str, values: Mapping[str, Any]
    ) -> AuthSession | None:
        """Change some fields, by their names; None if the session is not there any more."""
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
        names, by_password = tuple(session.fields), verified is not None
        second_factor = self._second_factor if by_password and not trusted else None
        statement = self._cache.get(
            ("create", by_password, second_factor, names),
            lambda: start_session(
                self._session,
                names,
                self._bans,
                by_password=by_password,
                second_factor=second_factor,
            ),
        )
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
        return self._tables.session_of(row, _VERDICT)

    def _read(self, row: Record | None) -> AuthSession | None:
        return None if row is None else self._tables.session_of(row)

    @cached_property
    def _find(self) -> Statement:
        session, user = self._session, self._tables.user
        both = select(*session.c, *user.c).join(user, user.c.id == session.c.userId)
        return Statement(both.where(session.c.token == bindparam("token")))

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
