"""The end of a real server: what is under way is finished, nothing new begins, and it is bounded.

A locked table makes a statement that waits; a stopped back end makes one that hangs for ever.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import asyncpg
import httpx
import jwt
import pytest

from taskward.database.url import DatabaseURL
from tests.conftest import CreateDatabase, url_text
from tests.support.servers import HOST, ROOT, SECRET, TaskwardServer, auth_settings

SHORT, LONG = 1, 30
WAITING = """
    SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE datname = current_database() AND NOT granted
"""
"""Not from pg_stat_activity, where a transaction sees only who was there when it first looked."""


class CommandServer(TaskwardServer):
    """The server as the command line starts it."""

    ready_path = "/health/ready"
    drain_timeout = LONG

    def command(self) -> Sequence[str]:
        options = ("--host", HOST, "--port", str(self.port), "--workers", str(self.workers))
        timeout = ("--drain-timeout", str(self.drain_timeout))
        return [sys.executable, "-m", "taskward", "serve", *options, *timeout]

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "PYTHONPATH": str(ROOT)}


@pytest.fixture
async def url(create_migrated_database: CreateDatabase) -> DatabaseURL:
    return DatabaseURL.parse(await create_migrated_database())


@asynccontextmanager
async def running(
    url: DatabaseURL, *, workers: int = 1, drain_timeout: int = LONG, **settings: str
) -> AsyncIterator[tuple[CommandServer, httpx.AsyncClient]]:
    """A server and somebody signed in there."""
    token = jwt.encode({"sub": "user_1", "exp": int(time.time()) + 600}, SECRET, "HS256")
    server = CommandServer(auth_settings(url_text(url)) | settings, workers=workers)
    server.drain_timeout = drain_timeout
    try:
        await asyncio.to_thread(server.start)
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(
            base_url=server.url, headers=headers, timeout=30, verify=False
        ) as client:
            yield server, client
    finally:
        await asyncio.to_thread(server.close)


@asynccontextmanager
async def locked_tasks(url: DatabaseURL) -> AsyncIterator[asyncpg.Connection]:
    """While inside, every statement on tasks waits."""
    holder = await asyncpg.connect(**url.connect_arguments())
    try:
        async with holder.transaction():
            await holder.execute("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE")
            yield holder
    finally:
        await holder.close()


async def waiting_back_ends(connection: asyncpg.Connection, number: int = 1) -> list[int]:
    """The processes whose statements wait, as soon as there are so many."""
    async with asyncio.timeout(20):
        while len(rows := await connection.fetch(WAITING)) < number:
            pass
    return [row["pid"] for row in rows]


async def until_refused(server: CommandServer) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                _, writer = await asyncio.open_connection(HOST, server.port)
            except ConnectionRefusedError:
                return
            except ConnectionResetError:  # it was in the queue when the socket was closed
                continue
            writer.close()
            with suppress(ConnectionResetError):
                await writer.wait_closed()


async def test_what_is_under_way_is_answered_and_nothing_new_is_taken(url: DatabaseURL) -> None:
    async with running(url, SHUTDOWN_DELAY="0.2") as (server, client):
        async with locked_tasks(url) as holder:
            under_way = asyncio.create_task(client.post("/api/tasks", json={"title": "t"}))
            await waiting_back_ends(holder)
            server.process.send_signal(signal.SIGTERM)
            await until_refused(server)
            assert not under_way.done()
        assert (await under_way).status_code == 201
        await asyncio.to_thread(server.stop)
    assert "Cancel" not in server.log()


@pytest.mark.long
@pytest.mark.skipif("DATABASE_URL" in os.environ, reason="only a server of our own can be stopped")
async def test_a_statement_that_hangs_for_ever_does_not_hold_up_the_end(url: DatabaseURL) -> None:
    async with (
        running(url, workers=2, drain_timeout=SHORT) as (server, client),
        locked_tasks(url) as holder,
    ):
        asked = client.get("/api/tasks"), client.post("/api/tasks", json={"title": "t"})
        hanging = [asyncio.create_task(each) for each in asked]  # they share no statement
        back_ends = await waiting_back_ends(holder, len(asked))
        for back_end in back_ends:
            os.kill(back_end, signal.SIGSTOP)  # it heeds no request to cancel either
        try:
            ending = time.monotonic()
            await asyncio.to_thread(server.stop)
            assert time.monotonic() - ending < SHORT + 8
        finally:
            for back_end in back_ends:
                os.kill(back_end, signal.SIGCONT)
        for answer in await asyncio.gather(*hanging):
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
            assert "restarted" in answer.json()["detail"]


async def test_with_a_delay_it_says_draining_and_serves_until_that_is_over(
    url: DatabaseURL,
) -> None:
    async with running(url, SHUTDOWN_DELAY="120") as (server, client):
        assert (await client.get("/health/ready")).json() == {"status": "ready"}
        server.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            while (answer := await client.get("/health/ready")).status_code == 200:
                pass
        assert (answer.status_code, answer.json()["status"]) == (503, "draining")
        assert (await client.post("/api/tasks", json={"title": "t"})).status_code == 201
        assert (await client.get("/health/live")).status_code == 200
        await asyncio.to_thread(server.stop)  # a second signal, and no more delay
