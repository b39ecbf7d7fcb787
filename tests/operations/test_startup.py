"""Real servers: they start together, serve in every form, and lose nothing when they end."""

import asyncio
import http.client
import secrets
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from taskward.app import create_app
from tests.conftest import BASE_URL, PASSWORD, CreateDatabase, new_email, settings_for
from tests.support.forking import run_module
from tests.support.process_environment import clean_environment
from tests.support.servers import (
    HOST,
    ROOT,
    SECRET,
    TaskwardServer,
    auth_settings,
)

USERS = 60
WRITES = 10
UNREACHABLE = "postgresql://someone:hunter2-is-secret@127.0.0.1:1/tasks"
NO_ANSWER = httpx.TransportError


class NewServer(TaskwardServer):
    """A server that loads all that it needs, as a person starts it."""

    forked = False


@asynccontextmanager
async def running(server: TaskwardServer) -> AsyncIterator[httpx.AsyncClient]:
    """Start a server, end it afterwards, whatever becomes of it in between."""
    try:
        await asyncio.to_thread(server.start)
        async with httpx.AsyncClient(timeout=60, verify=False) as client:
            yield client
    finally:
        await asyncio.to_thread(server.close)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def token_for(user_id: str) -> str:
    """A token as a front end that shares the secret makes it."""
    return jwt.encode({"sub": user_id, "exp": int(time.time()) + 600}, SECRET, "HS256")


async def sign_up(client: httpx.AsyncClient, server: TaskwardServer) -> str:
    body = {"email": new_email(), "password": PASSWORD}
    answer = await client.post(f"{server.url}/api/auth/signup", json=body)
    assert answer.status_code == 201, answer.text
    client.cookies.clear()  # as a front end that keeps the token only
    token: str = answer.json()["token"]
    return token


async def create(
    client: httpx.AsyncClient, server: TaskwardServer, token: str, title: str
) -> dict[str, Any]:
    answer = await client.post(
        f"{server.url}/api/tasks", json={"title": title}, headers=bearer(token)
    )
    assert answer.status_code == 201, answer.text
    task: dict[str, Any] = answer.json()
    return task


async def listed(
    client: httpx.AsyncClient, server: TaskwardServer, token: str
) -> list[dict[str, Any]]:
    answer = await client.get(f"{server.url}/api/tasks", headers=bearer(token))
    assert answer.status_code == 200, answer.text
    tasks: list[dict[str, Any]] = answer.json()
    return tasks


# On the embedded database, with nothing set


@pytest.mark.long
async def test_two_workers_with_nothing_set_keep_users_and_their_tasks_over_a_restart() -> None:
    server = NewServer({"BETTER_AUTH_URL": BASE_URL}, workers=2)
    async with running(server) as client:
        alice, bob = await sign_up(client, server), await sign_up(client, server)
        of_alice = [await create(client, server, alice, f"alice {n}") for n in range(3)]
        of_bob = [await create(client, server, bob, f"bob {n}") for n in range(2)]
        await asyncio.to_thread(server.stop)
        assert "Taskward is ready" in server.log()
        assert not any(secret in server.log() for secret in (alice, bob, PASSWORD))
        await asyncio.to_thread(server.start)
        for _ in range(10):  # by either worker, with tokens from before the restart
            assert await listed(client, server, alice) == of_alice[::-1]
            assert await listed(client, server, bob) == of_bob[::-1]
            answer = await client.get(
                f"{server.url}/api/tasks/{of_bob[0]['id']}",
                headers=bearer(alice) | {"Connection": "close"},
            )
            assert answer.status_code == 404


@pytest.mark.long
async def test_with_reload_it_serves_until_control_c() -> None:
    server = NewServer({}, reload=True)
    async with running(server) as client:
        token = await sign_up(client, server)
        task = await create(client, server, token, "reloaded")
        assert await listed(client, server, token) == [task]
        await asyncio.to_thread(server.stop, signal.SIGINT)


# On a database of one's own


async def test_servers_that_start_at_once_on_an_empty_database_serve_the_same_tasks(
    create_database: CreateDatabase,
) -> None:
    settings = auth_settings(await create_database()) | {"BETTER_AUTH_URL": BASE_URL}
    servers = [TaskwardServer(settings) for _ in range(3)]
    try:
        with ThreadPoolExecutor(3) as pool:
            await asyncio.gather(
                *(
                    asyncio.get_running_loop().run_in_executor(pool, server.start)
                    for server in servers
                )
            )
        async with httpx.AsyncClient(timeout=60, verify=False) as client:
            token = await sign_up(client, servers[0])
            created = [await create(client, server, token, server.url) for server in servers]
            for server in servers:
                assert await listed(client, server, token) == created[::-1]
    finally:
        for server in servers:
            await asyncio.to_thread(server.close)


class Writer:
    """A user who writes until each write is acknowledged, every attempt under its own title."""

    def __init__(self, client: httpx.AsyncClient, server: TaskwardServer) -> None:
        self.token = token_for(f"user_{secrets.token_hex(8)}")
        self.client = client
        self.server = server
        self.attempted: list[str] = []
        self.acknowledged: list[str] = []

    async def write(self, on_acknowledged: Callable[[], None]) -> None:
        while len(self.acknowledged) < WRITES:
            title = secrets.token_hex(8)
            self.attempted.append(title)
            if await self.is_acknowledged(title):
                self.acknowledged.append(title)
                on_acknowledged()

    async def is_acknowledged(self, title: str) -> bool:
        """Only what got no answer, or "try again", may be tried again."""
        url, body = f"{self.server.url}/api/tasks", {"title": title}
        try:
            answer = await self.client.post(url, json=body, headers=bearer(self.token))
        except NO_ANSWER:
            await asyncio.sleep(0.25)  # as a client would; the server needs seconds to be back
            return False
        assert answer.status_code in {201, 503}, answer.text
        return answer.status_code == 201

    async def check(self) -> None:
        titles = [task["title"] for task in await listed(self.client, self.server, self.token)]
        assert len(titles) == len(set(titles))
        assert set(self.acknowledged) <= set(titles) <= set(self.attempted)


@pytest.mark.long
async def test_sixty_users_lose_no_acknowledged_write_through_a_restart_and_a_crash(
    create_migrated_database: CreateDatabase,
) -> None:
    server = TaskwardServer(auth_settings(await create_migrated_database()))
    async with running(server) as client:
        acknowledged = 0
        third, two_thirds = asyncio.Event(), asyncio.Event()

        def count() -> None:
            nonlocal acknowledged
            acknowledged += 1
            if acknowledged >= USERS * WRITES // 3:
                third.set()
            if acknowledged >= USERS * WRITES * 2 // 3:
                two_thirds.set()

        async def interrupt() -> None:
            await third.wait()
            await asyncio.to_thread(server.stop)
            await asyncio.to_thread(server.start)
            await two_thirds.wait()
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)

        writers = [Writer(client, server) for _ in range(USERS)]
        await asyncio.gather(interrupt(), *(writer.write(count) for writer in writers))
        assert acknowledged == USERS * WRITES
        for writer in writers:
            await writer.check()
        assert any(len(writer.attempted) > WRITES for writer in writers)


async def test_over_real_connections_it_answers_right_and_ends_at_once_when_told(
    create_migrated_database: CreateDatabase,
) -> None:
    server = TaskwardServer(auth_settings(await create_migrated_database()))
    async with running(server):
        connection = http.client.HTTPConnection(HOST, server.port, timeout=20)
        check_answers_of(connection)
        started = time.monotonic()
        await asyncio.to_thread(server.stop)
        assert time.monotonic() - started < 5  # although a client keeps its connection open
        connection.close()


def check_answers_of(connection: http.client.HTTPConnection) -> None:
    """Ask what only a real connection can show; its answers must not run into one another."""
    for _ in range(2):
        connection.request("HEAD", "/api/tasks")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (401, b"")
        headers = bearer(token_for("user_1"))
        connection.request("GET", "/api/tasks", headers=headers)
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"[]")
    connection.putrequest("POST", "/api/tasks")
    connection.putheader("Content-Length", "2000000")
    connection.endheaders()  # and not a byte of the body
    assert connection.getresponse().status == 413
    connection.close()
    connection.request("GET", "/api/tasks/%0Aabc", headers=headers)
    assert connection.getresponse().read().startswith(b'{"detail":"id: must be')


# A start that fails


@pytest.mark.parametrize("command", [["uvicorn", "main:app", "--port", "0"], ["taskward"]])
def test_an_unreachable_database_ends_the_start_with_one_sentence(
    tmp_path: Path, command: list[str]
) -> None:
    settings = auth_settings(UNREACHABLE) | {"PYTHONPATH": str(ROOT)}
    ended = run_module([sys.executable, "-m", *command], tmp_path, clean_environment(settings))
    output = ended.stdout + ended.stderr
    assert ended.returncode != 0
    assert "Taskward cannot use the database postgresql://someone:***@127.0.0.1:1/tasks" in output
    assert "hunter2" not in output
    assert "Traceback" not in output


async def test_who_waits_until_all_is_prepared_is_told_before_the_first_request(
    database_url: str,
) -> None:
    told: list[int] = []
    app = create_app(settings_for(database_url), lambda: told.append(database.usage().size))
    database = app.state.database
    for times in (1, 2):
        async with app.router.lifespan_context(app):
            assert told == [1] * times
