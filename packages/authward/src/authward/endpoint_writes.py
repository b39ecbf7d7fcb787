"""`EndpointWrites`: the part of an `EndpointContext` that writes rows and sessions."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any

from starlette.requests import Request

from authward.context import AuthContext
from authward.database_hooks import Action, Model, RowChange
from authward.endpoint_response import EndpointResponse
from authward.security.client_ip import client_address
from authward.storage.adapter import Page
from authward.storage.new_sessions import NewSession, SecondFactorRequiredError
from authward.storage.rows import AuthSession, values_of
from authward.storage.sessions import Which
from authward.storage.statements import Executor, new_id
from authward.storage.where import Where, conditions_of
from authward.timestamps import now

_USER_AGENT_MAX_LENGTH = 1024
_UNREMEMBERED = timedelta(days=1)
_EVERY_ROW = Page(limit=None)
NOTHING: Mapping[str, Any] = {}


class EndpointWrites(EndpointResponse):
    """Writes with the hooks around them, sessions wherever this server keeps them.

    `path` is the endpoint's.
    """

    def __init__(self, auth: AuthContext, request: Request) -> None:
        super().__init__(auth, request)
        self.path = ""
        self._connection: Executor | None = None
        self._changed_users: set[str] = set()

    # Sessions

    async def new_session(
        self, user_id: str, *, remember: bool = True, given: Mapping[str, Any] = NOTHING
    ) -> NewSession:
        """Return the values of a new session for this client; one not remembered lasts a day.

        `given` are values to have instead, or of further fields.
        """
        request, options, moment = self.request, self.auth.options, now()
        values: dict[str, Any] = {
            "expiresAt": moment + (options.session.lifetime if remember else _UNREMEMBERED),
            "ipAddress": client_address(request, options.advanced.trusted_proxy_hops),
            "userAgent": request.headers.get("user-agent", "")[:_USER_AGENT_MAX_LENGTH],
        }
        all_values = {**values, "userId": user_id, **self.auth.defaults("session"), **given}
        changed = await self.before_write("session", "create", all_values, user_id)
        added = {n: v for n, v in changed.items() if n in self.auth.schema.added["session"]}
        fields = self.auth.to_database("session", added)
        address, agent = changed["ipAddress"], changed["userAgent"]
        has_table = self.auth.schema.has_table("session")
        session_id = await new_id(self.database, "session" if has_table else None)
        return NewSession(session_id, user_id, moment, changed["expiresAt"], address, agent, fields)

    async def create_session(
        self,
        user_id: str,
        *,
        remember: bool = True,
        verified: str | None = None,
        given: Mapping[str, Any] = NOTHING,
    ) -> AuthSession | None:
        """Sign a user in; see `new_session` and `Sessions.create`."""
        new = await self.new_session(user_id, remember=remember, given=given)
        sessions = self.auth.sessions
        try:
            session = await sessions.create(self.database, new, verified=verified)
        except SecondFactorRequiredError:
            check = self.auth.second_factor
            if check is None or not await check(self, user_id, remember):
                raise
            session = await sessions.create(self.database, new, verified=verified, trusted=True)
        if session is not None:
            self.after_write("session", "create", values_of(session), user_id)
        return session

    async def update_session(
        self, session: AuthSession, values: Mapping[str, Any]
    ) -> AuthSession | None:
        """Change fields of a session; None if it is not there any more."""
        changed = await self.before_write("session", "update", values, session.user_id)
        stored = self.auth.to_database("session", changed)
        updated = await self.auth.sessions.update(self.database, session.token, stored)
        if updated is not None:
            self.after_write("session", "update", changed, session.user_id)
        return updated

    async def delete_session(self, token: str, user_id: str | None = None) -> bool:
        """End a session, if it is this user's where one is named; tell whether it was there."""
        store = self.auth.sessions.kept.store
        was_there = store is not None and await store.remove(token, user_id)
        if user_id is None:
            ended = await self._end("session", {"token": token}, token=token)
        else:
            where = {"token": token, "userId": user_id}
            ended = await self._end("session of user", where, token=token, user_id=user_id)
        return was_there or bool(ended)

    async def delete_sessions(self, user_id: str) -> None:
        """End all sessions of a user."""
        await self._end("all of user", {"userId": user_id}, user_id=user_id)
        await self.auth.sessions.forget_all(user_id)

    async def delete_other_sessions(self, user_id: str, token: str) -> None:
        """End all sessions of a user but one."""
        where, kept = {"userId": user_id}, {"token": token}
        ended = await self._end("others of user", where, kept, user_id=user_id, token=token)
        if (store := self.auth.sessions.kept.store) is not None:
            await store.remove_others(user_id, token, ended)

    async def _end(
        self,
        which: Which,
        where: Mapping[str, Any],
        unless: Mapping[str, Any] = NOTHING,
        **values: str,
    ) -> list[str]:
        """End sessions in the table; return the tokens of those.

        With hooks it is one transaction, and the sessions are locked first: what a hook ends with a
        session is all there then, and none of it is ended alone.
        """
        sessions = self.auth.sessions
        if not sessions.kept.in_table:
            async with self.deleting("session", unless=unless, **where):
                return []
        if not self.auth.database_hooks.are_around("session", "delete"):
            return await sessions.end(self.database, which, **values)
        async with self._in_transaction() as connection:
            await sessions.lock(connection, which, **values)
            async with self.deleting("session", unless=unless, **where):
                return await sessions.end(connection, which, **values)

    @property
    def has_changed_users(self) -> bool:
        """Whether users were changed whom sessions in the secondary storage show."""
        return bool(self._changed_users)

    async def refresh_users(self) -> None:
        """Have the sessions in the secondary storage show the users that were changed."""
        changed, self._changed_users = self._changed_users, set()
        for user_id in changed if self.auth.sessions.kept.store is not None else ():
            await self.auth.sessions.refresh_user(self.auth.pool, user_id)

    # The database

    @property
    def database(self) -> Executor:
        """The connection of the transaction that is under way, else the pool."""
        return self._connection or self.auth.pool

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Executor]:
        """Begin a transaction; if it is undone, so is what was to be done afterwards."""
        waiting = len(self._background_tasks)
        try:
            async with self.auth.transaction() as self._connection:
                yield self._connection
        except BaseException:
            del self._background_tasks[waiting:]
            raise
        finally:
            self._connection = None

    @asynccontextmanager
    async def _in_transaction(self) -> AsyncIterator[Executor]:
        """Go on in the transaction that is under way, or begin one."""
        if self._connection is not None:
            yield self._connection
        else:
            async with self.transaction() as connection:
                yield connection

    async def before_write(
        self, model: Model, action: Action, values: Mapping[str, Any], user_id: str | None = None
    ) -> Mapping[str, Any]:
        """Return the values as database hooks want them.

        Raises:
            APIError: a hook forbids it.
        """
        change = RowChange(values, self.path, user_id, self.database, self.auth.users)
        return await self.auth.database_hooks.before(model, action, change)

    def after_write(
        self, model: Model, action: Action, values: Mapping[str, Any], user_id: str | None = None
    ) -> None:
        """Run the hooks that wait for a row to be written, once the answer is sent."""
        change = RowChange(values, self.path, user_id, self.auth.pool, self.auth.users)
        for hook in self.auth.database_hooks.after(model, action):
            self.run_in_background(partial(hook, change))
        if (model, action) == ("user", "update") and user_id is not None:
            self._changed_users.add(user_id)

    @asynccontextmanager
    async def deleting(
        self, model: Model, *, unless: Mapping[str, Any] = NOTHING, **where: Any
    ) -> AsyncIterator[list[dict[str, Any]]]:
        """Run the hooks around the deletion of rows, but of those with the values of `unless`.

        Whoever finds them gone already clears the list.
        """
        rows: list[dict[str, Any]] = []
        has_rows = self.auth.schema.has_table(model)
        if has_rows and self.auth.database_hooks.are_around(model, "delete"):
            conditions = conditions_of(where)
            if model == "session" and self.auth.sessions.kept.preserved:
                conditions.append(Where("expiresAt", now(), "gt"))
            found = await self.auth.adapter.find_many(self.database, model, conditions, _EVERY_ROW)
            rows = [row for row in found if not unless or not unless.items() <= row.items()]
        owner = "id" if model == "user" else "userId"
        for row in rows:
            await self.before_write(model, "delete", row, row.get(owner))
        yield rows
        for row in rows:
            self.after_write(model, "delete", row, row.get(owner))
