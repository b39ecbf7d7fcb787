"""`taskward seed`: users and tasks by the million, by COPY, to see how it behaves with them."""

import re
import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple, TypeAlias

import asyncpg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from authward.security.passwords import PasswordHasher
from taskward.auth_plugins import auth_schema
from taskward.cli.database import connected
from taskward.settings import load_settings

_HASH = re.compile(r"[0-9a-fA-F]{32}:[0-9a-fA-F]{128}")
_ROWS_PER_COPY = 20_000
_AGE = timedelta(days=365)
_DOINGS = ("Buy", "Call", "Clean", "Draft", "Fix", "Plan", "Read", "Return", "Review", "Water")
_THINGS = (
    "the report",
    "the plants",
    "milk",
    "the dentist",
    "the bicycle",
    "the invoice",
    "a book",
)

_USER = ("id", "name", "email", "emailVerified", "createdAt", "updatedAt")
_ACCOUNT = ("id", "accountId", "providerId", "userId", "password", "createdAt", "updatedAt")
_TASK = ("user_id", "title", "completed", "created_at", "updated_at")

Row: TypeAlias = tuple[Any, ...]


class _Table(NamedTuple):
    name: str
    columns: tuple[str, ...]
    size: int
    rows: Iterator[Row]


async def seed(
    users: int, tasks: int, *, password: str | None = None, password_hash: str | None = None
) -> str:
    """Add users, and tasks that are shared out among them; returns who they are.

    Raises:
        SystemExit: the hash is none, or the database cannot take them.
    """
    settings = load_settings()
    if auth_schema(settings).is_foreign:
        raise SystemExit(
            "BETTER_AUTH_TABLES or BETTER_AUTH_GENERATE_ID is set: only tables that Better Auth's "
            "own migration makes can be filled."
        )
    hashed = await _hashed(password, password_hash)
    people, started = _FakeUsers(secrets.token_hex(4), users), time.monotonic()
    async with connected(settings) as connection:
        try:
            await _fill(connection, people.tables(tasks, hashed))
        except asyncpg.UndefinedTableError:
            raise SystemExit("The database has no tables yet: run `taskward migrate`.") from None
    seconds = time.monotonic() - started
    return (
        f"{users:,} users and {tasks:,} tasks in {seconds:.1f} s: "
        f"{people.email(0)} (id {people.id(0)}) to {people.email(users - 1)}"
    )


async def _hashed(password: str | None, password_hash: str | None) -> str | None:
    if password is not None:
        return await PasswordHasher(1).hash(password)
    if password_hash is not None and not _HASH.fullmatch(password_hash):
        raise SystemExit("The hash must be as in the table account: 32 hex digits, a colon, 128.")
    return password_hash


async def _fill(connection: asyncpg.Connection, tables: Iterator[_Table]) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
        for table in tables:
            bar = progress.add_task(table.name, total=table.size)
            while rows := list(islice(table.rows, _ROWS_PER_COPY)):
                await connection.copy_records_to_table(
                    table.name, records=rows, columns=table.columns
                )
                progress.advance(bar, len(rows))
            await connection.execute(f'ANALYZE "{table.name}"')


class _FakeUsers:
    """The users of one run: what they are called follows from the run and their number."""

    def __init__(self, run: str, count: int) -> None:
        self._run = run
        self._count = count
        self._now = datetime.now(UTC).replace(microsecond=0)

    def id(self, number: int) -> str:
        """Return an id of 32 characters, as Better Auth makes them."""
        return f"seed{self._run}{number:020}"

    def email(self, number: int) -> str:
        """Return an address that exists nowhere."""
        return f"user{number}.{self._run}@seed.example"

    def tables(self, tasks: int, hashed: str | None) -> Iterator[_Table]:
        """Yield the tables in the order in which they can be filled."""
        yield _Table("user", _USER, self._count, self._users())
        if hashed is not None:
            yield _Table("account", _ACCOUNT, self._count, self._accounts(hashed))
        yield _Table("tasks", _TASK, tasks, self._tasks(tasks))

    def _users(self) -> Iterator[Row]:
        for number in range(self._count):
            name = f"User {number}"
            yield self.id(number), name, self.email(number), False, self._now, self._now

    def _accounts(self, hashed: str) -> Iterator[Row]:
        for number in range(self._count):
            user_id = self.id(number)
            yield user_id, user_id, "credential", user_id, hashed, self._now, self._now

    def _tasks(self, count: int) -> Iterator[Row]:
        """Every user's tasks are spread over the table and over a year, as they would have come."""
        titles = [f"{doing} {thing}" for doing in _DOINGS for thing in _THINGS]
        first, step = self._now - _AGE, _AGE / max(count, 1)
        for number in range(count):
            at = first + number * step
            at = at.replace(microsecond=at.microsecond // 1000 * 1000)
            nth, user = divmod(number, self._count)
            title = titles[(nth + user) % len(titles)]
            yield self.id(user), title, nth % 3 > 0, at, at
