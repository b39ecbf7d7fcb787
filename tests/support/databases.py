"""Databases for tests: connections to them, and triggers that fail or wait."""

import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from contextvars import ContextVar

import asyncpg
import pytest
from asyncpg.connection import LoggedQuery
from asyncpg.pool import PoolConnectionProxy
from fastapi import FastAPI

from taskward.database.batch_pairs import Together
from taskward.database.batcher import Batchable
from taskward.database.database import Database
from taskward.database.url import DatabaseURL
from taskward.tasks.deleted_users import FIND_MARKED, FIND_RECENT

POOL_SIZE = 10
END_CONNECTIONS = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = $1 AND pid <> pg_backend_pid()
"""
LOOKS = {FIND_MARKED.sql, FIND_RECENT.sql}
"""What a worker asks by itself, after its start and after it has created something."""
REFUSE = "BEGIN RAISE EXCEPTION 'refused for a test'; END"
WAIT = "BEGIN PERFORM pg_advisory_xact_lock(42); RETURN NULL; END"


@asynccontextmanager
async def connected(url: DatabaseURL) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(**url.connect_arguments())
    try:
        yield connection
    finally:
        await connection.close()


ASKING: ContextVar[bool] = ContextVar("asking", default=False)
"""Whether it is a request of the test in whose context something is asked."""


def teller_in_context(told: list[str]) -> Callable[[LoggedQuery], None]:
    """What adds each statement to a list that is asked where `ASKING` is set."""

    def tell(record: LoggedQuery) -> None:
        if ASKING.get():
            told.append(record.query)

    return tell


def teller_of_requests(told: list[str]) -> Callable[[LoggedQuery], None]:
    """What adds each statement to a list, but for those that no request asks."""

    def tell(record: LoggedQuery) -> None:
        if record.query not in LOOKS:
            told.append(record.query)

    return tell


def tell_of_requests(connection: PoolConnectionProxy, told: list[str]) -> None:
    """Tell of the statements on one connection."""
    connection.add_query_logger(teller_of_requests(told))


@asynccontextmanager
async def opened(
    url: DatabaseURL, batchable: Iterable[Batchable] = (), together: Iterable[Together] = ()
) -> AsyncIterator[Database]:
    database = Database(batchable, together)
    await database.open(url.connect_arguments())
    try:
        yield database
    finally:
        await database.close()


async def add_trigger_functions(app: FastAPI) -> None:
    for name, code in (("refuse", REFUSE), ("wait", WAIT)):
        await app.state.database.fetch(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $${code}$$"
        )


@asynccontextmanager
async def trigger(
    app: FastAPI, table: str, function: str, event: str = "AFTER INSERT"
) -> AsyncIterator[None]:
    """Call a function around a statement on a table, before anything is committed."""
    fetch = app.state.database.fetch
    await fetch(f"CREATE TRIGGER t {event} ON {table} EXECUTE FUNCTION {function}()")
    try:
        yield
    finally:
        await fetch(f"DROP TRIGGER t ON {table}")


async def backend_that_waits(app: FastAPI) -> int:
    """The process id of the connection that waits for the lock, as soon as there is one."""
    query = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        row = await app.state.database.fetchrow(query)
        if row is not None:
            return int(row["pid"])
    raise TimeoutError("nothing waits")


def count_queries(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list to which each query of the app is added from now on."""
    sent: list[str] = []
    real = app.state.database.fetch

    async def fetch(query: str, *arguments: object) -> object:
        sent.append(query)
        return await real(query, *arguments)

    monkeypatch.setattr(app.state.database, "fetch", fetch)
    return sent
