"""Databases for tests: connections to them, and triggers that fail or wait."""

import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import asyncpg
from fastapi import FastAPI

from taskward.app import create_app
from taskward.batches import Batchable
from taskward.database import Database
from taskward.database_url import DatabaseURL
from tests.conftest import CreateDatabase, settings_for, url_text

POOL_SIZE = 10
END_CONNECTIONS = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = $1 AND pid <> pg_backend_pid()
"""
REFUSE = "BEGIN RAISE EXCEPTION 'refused for a test'; END"
WAIT = "BEGIN PERFORM pg_advisory_xact_lock(42); RETURN NULL; END"


@asynccontextmanager
async def connected(url: DatabaseURL) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(**url.connect_arguments())
    try:
        yield connection
    finally:
        await connection.close()


async def with_tables(create_database: CreateDatabase) -> DatabaseURL:
    """A database of its own, in which no server is."""
    url = DatabaseURL.parse(await create_database())
    app = create_app(settings_for(url_text(url)))
    async with app.router.lifespan_context(app):
        return url


@asynccontextmanager
async def opened(url: DatabaseURL, batchable: Iterable[Batchable] = ()) -> AsyncIterator[Database]:
    database = Database(batchable)
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
