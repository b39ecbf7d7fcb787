"""Users in PostgreSQL, as typed rows, with whatever fields they have on this server.

Every operation is one statement, so it is one round trip and happens whole or not at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Self

from asyncpg import IntegrityConstraintViolationError, Record, UniqueViolationError
from sqlalchemy import (
    CTE,
    Boolean,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlmodel import col

from authward.schema.tables import Account, User
from authward.schema.user_tables import UserTables
from authward.storage.credentials import IS_CREDENTIAL, insert_credential
from authward.storage.new_sessions import SESSION_VALUES, NewSession
from authward.storage.rows import AuthSession, AuthUser
from authward.storage.statements import Executor, Statement, StatementCache, new_id
from authward.storage.verification import ended_links
from authward.text import to_well_formed
from authward.timestamps import now

FIND_USER_ID = Statement(select(col(User.id)).where(col(User.email) == bindparam("email")))
LOCK_USER = Statement(
    select(col(User.id)).where(col(User.id) == bindparam("user_id")).with_for_update()
)
MARK_EMAIL_VERIFIED = Statement(
    update(User)
    .where(col(User.id) == bindparam("user_id"), col(User.email) == bindparam("email"))
    .values({"emailVerified": literal_column("true"), "updatedAt": bindparam("now")})
)
DELETE_USER = Statement(
    delete(User).where(col(User.id) == bindparam("user_id")).returning(col(User.id))
)


@dataclass(frozen=True, slots=True)
class NewUser:
    """What a user is made of."""

    name: str
    email: str
    image: str | None = None
    email_verified: bool = False
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Those that plugins and the application have added, as the database takes them."""

    @classmethod
    def normalized(cls, name: str, email: str, image: str | None = None) -> Self:
        """Make the e-mail address lower case, and text as PostgreSQL can hold it."""
        return cls(to_well_formed(name), email.lower(), image and to_well_formed(image))


class ConstraintError(Exception):
    """PostgreSQL refuses a row, mostly because another user has one of its values already.

    `is_email` tells whether that is the e-mail address.
    """

    def __init__(self, error: IntegrityConstraintViolationError, email: str = "email") -> None:
        """Take the error, and the name of the column with the e-mail address."""
        super().__init__(error.constraint_name)
        is_taken = isinstance(error, UniqueViolationError)
        self.is_email = is_taken and f"_{email}_" in f"_{error.constraint_name}_"


class Users:
    """Reads and writes users."""

    def __init__(self, tables: UserTables) -> None:
        self._tables = tables
        self._user = tables.user
        self._email = tables.email
        self._cache = StatementCache()

    async def find(self, database: Executor, user_id: str) -> AuthUser | None:
        """Return the user with this id."""
        return self._read(await self._find.fetchrow(database, user_id=user_id))

    async def lock(self, connection: Executor, user_id: str) -> AuthUser | None:
        """Return the user with this id, who stays as they are until the transaction ends."""
        return self._read(await self._lock.fetchrow(connection, user_id=user_id))

    async def find_by(self, database: Executor, name: str, value: Any) -> AuthUser | None:
        """Return the user whose field has this value; it should be a unique one."""
        statement = self._cache.get(
            ("find_by", name),
            lambda: select(*self._user.c).where(self._user.c[name] == bindparam("value")),
        )
        return self._read(await statement.fetchrow(database, value=value))

    async def find_by_email(self, database: Executor, email: str) -> AuthUser | None:
        """Return the user with this address, which is lower case."""
        return await self.find_by(database, "email", email)

    async def find_with_password(
        self, database: Executor, name: str, value: Any
    ) -> tuple[AuthUser, str | None] | None:
        """Return the user whose unique field has this value, and the hash of the password."""
        of_user = col(Account.user_id) == self._user.c.id
        statement = self._cache.get(
            ("find_with_password", name),
            lambda: (
                select(*self._user.c, col(Account.password))
                .select_from(self._user)
                .outerjoin(Account, of_user & IS_CREDENTIAL)
                .where(self._user.c[name] == bindparam("value"))
            ),
        )
        row = await statement.fetchrow(database, value=value)
        return None if row is None else (self._tables.user_of(row), row[len(self._user.c)])

    async def create(
        self, database: Executor, session: NewSession, user: NewUser, password: str
    ) -> tuple[AuthSession, AuthUser]:
        """Create a user with a (hashed) password and a first session.

        Raises:
            ConstraintError: another user has the address, or a value that must be unique.
        """
        names = (tuple(user.fields), tuple(session.fields))
        statement = self._cache.get(("create", *names), lambda: self._create(*names))
        credential = await self._of_credential(database, password)
        values = session.values() | _of_user(user) | credential
        row = await self._insert_or_raise(statement, database, values)
        found = len(self._tables.session.c)
        return self._tables.session_of(row), self._tables.user_of(row, found)

    async def create_without_session(
        self, database: Executor, user_id: str, user: NewUser, password: str, moment: datetime
    ) -> AuthUser:
        """Create a user with a (hashed) password who is to verify the e-mail address.

        Raises:
            ConstraintError: as for `create`.
        """
        names = tuple(user.fields)
        statement = self._cache.get(
            ("create_without_session", names),
            lambda: select(made := self._insert(names)).add_cte(self._insert_credential(), made),
        )
        credential = await self._of_credential(database, password)
        values = {"user_id": user_id, "now": moment, **_of_user(user), **credential}
        return self._tables.user_of(await self._insert_or_raise(statement, database, values))

    async def create_without_password(
        self, database: Executor, user: NewUser, user_id: str | None = None
    ) -> AuthUser:
        """Create a user who signs in otherwise, by default with a new id.

        Raises:
            asyncpg.UniqueViolationError: another user has the address, or a value of that kind.
        """
        names = tuple(user.fields)
        statement = self._cache.get(
            ("create_without_password", names), lambda: select(self._insert(names))
        )
        user_id = user_id or await new_id(database, "user")
        values = {"user_id": user_id, "now": now(), **_of_user(user)}
        return self._tables.user_of(_made(await statement.fetchrow(database, **values)))

    async def update(
        self, database: Executor, user_id: str, values: Mapping[str, Any]
    ) -> AuthUser | None:
        """Change some fields, by their names, and the time of the last change.

        Raises:
            ConstraintError: another user has a value that must be unique.
        """
        statement = self._cache.get(("update", *sorted(values)), lambda: self._update(values))
        given = {f"value_{name}": value for name, value in values.items()}
        try:
            row = await statement.fetchrow(database, user_id=user_id, now=now(), **given)
        except IntegrityConstraintViolationError as error:
            raise ConstraintError(error, self._email) from error
        return self._read(row)

    async def change_email(
        self, database: Executor, user: AuthUser, email: str, *, verified: bool | None = None
    ) -> AuthUser | None:
        """Replace the e-mail of a user as it was read; `verified` None leaves that as it is.

        Returns:
            The user as it now is; None if the address is taken or the user has changed meanwhile.
        """
        old = {"user_id": user.id, "old_email": user.email}
        try:
            row = await self._change_email.fetchrow(
                database, **old, email=email, verified=verified, now=now()
            )
        except UniqueViolationError:
            return None
        return self._read(row)

    def _read(self, row: Record | None) -> AuthUser | None:
        return None if row is None else self._tables.user_of(row)

    @cached_property
    def _find(self) -> Statement:
        return Statement(select(*self._user.c).where(self._user.c.id == bindparam("user_id")))

    @cached_property
    def _lock(self) -> Statement:
        of = self._user.c
        return Statement(select(*of).where(of.id == bindparam("user_id")).with_for_update())

    def _insert(self, names: tuple[str, ...]) -> CTE:
        values: dict[str, Any] = {
            "id": bindparam("user_id"),
            "name": bindparam("name"),
            "email": bindparam("email"),
            "emailVerified": bindparam("email_verified"),
            "image": bindparam("image"),
            "createdAt": bindparam("now"),
            "updatedAt": bindparam("now"),
            **{name: bindparam(f"user_{name}") for name in names},
        }
        made = insert(self._user).values(values).returning(*self._user.c)
        return made.cte("new_user")

    def _create(self, of_user: tuple[str, ...], of_session: tuple[str, ...]) -> Any:
        session, user = self._tables.session, self._insert(of_user)
        values = {**SESSION_VALUES, **{n: bindparam(f"session_{n}") for n in of_session}}
        made = insert(session).values(values).returning(*session.c).cte("new_session")
        return select(*made.c, *user.c).add_cte(self._insert_credential())

    def _insert_credential(self) -> CTE:
        return insert_credential(self._tables.account, self._tables.account_defaults())

    async def _of_credential(self, database: Executor, password: str) -> dict[str, Any]:
        more = {f"account_{n}": value for n, value in self._tables.account_defaults().items()}
        return {"account_row_id": await new_id(database, "account"), "password": password, **more}

    async def _insert_or_raise(
        self, statement: Statement, database: Executor, values: Mapping[str, Any]
    ) -> Record:
        try:
            return _made(await statement.fetchrow(database, **values))
        except IntegrityConstraintViolationError as error:
            raise ConstraintError(error, self._email) from error

    def _update(self, values: Mapping[str, Any]) -> Any:
        new: dict[str, Any] = {name: bindparam(f"value_{name}") for name in values}
        changed = update(self._user).where(self._user.c.id == bindparam("user_id"))
        return changed.values({**new, "updatedAt": bindparam("now")}).returning(*self._user.c)

    @cached_property
    def _change_email(self) -> Statement:
        of = self._user.c
        verified = func.coalesce(bindparam("verified", type_=Boolean), of.emailVerified)
        email = {"email": bindparam("email"), "emailVerified": verified}
        changed = (
            update(self._user)
            .where(of.id == bindparam("user_id"), of.email == bindparam("old_email"))
            .values({**email, "updatedAt": bindparam("now")})
            .returning(*of)
            .cte("changed")
        )
        if not self._tables.has_verifications:
            return Statement(select(changed))
        return Statement(select(changed).add_cte(ended_links(changed).cte("ended")))


def _of_user(user: NewUser) -> dict[str, Any]:
    return {
        "name": user.name,
        "email": user.email,
        "email_verified": user.email_verified,
        "image": user.image,
        **{f"user_{name}": value for name, value in user.fields.items()},
    }


def _made(row: Record | None) -> Record:
    if row is None:
        raise RuntimeError("an insert returned nothing")
    return row
