"""Idle connections: kept as long as KEEP_ALIVE says, and none is closed over a request."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.server import ServerState

from taskward.http.protocol import BoundedHttpProtocol
from tests.conftest import CreateDatabase
from tests.fuzz.target import MakeRunServer
from tests.fuzz.wire import PATIENCE, Wire
from tests.support.servers import PlainServer, Server, auth_settings

REQUEST = b"GET /api/auth/ok HTTP/1.1\r\nHost: x\r\n\r\n"
MakeServer = Callable[[str, dict[str, str]], Server]


class PlainServerWithFlag(PlainServer):
    """Whoever gives uvicorn a time of their own means it."""

    def command(self) -> list[str]:
        return [*super().command(), "--timeout-keep-alive", "1"]


def plain(url: str, settings: dict[str, str]) -> Server:
    return PlainServer(auth_settings(url) | settings)


def with_flag(url: str, _: dict[str, str]) -> Server:
    return PlainServerWithFlag(auth_settings(url) | {"KEEP_ALIVE": "300"})


def idle_seconds(server: Server) -> float:
    """How long a connection lasts at which one request is made."""
    with Wire(server.port) as wire:
        started = time.monotonic()
        assert wire.send(REQUEST).answer().status == 200
        assert wire.is_closed()
        return time.monotonic() - started


@pytest.mark.parametrize("make", [MakeRunServer, plain, with_flag], ids=["make", "plain", "flag"])
async def test_a_connection_is_kept_as_long_as_it_is_told(
    create_migrated_database: CreateDatabase, make: MakeServer
) -> None:
    with make(await create_migrated_database(), {"KEEP_ALIVE": "1"}) as server:
        assert 1 <= idle_seconds(server) < 30


@pytest.mark.long
async def test_by_default_it_outlives_what_used_to_be_the_limit_and_the_idle_time_of_proxies(
    create_migrated_database: CreateDatabase,
) -> None:
    with ExitStack() as stack:
        servers = [
            stack.enter_context(make(await create_migrated_database(), {}))
            for make in (MakeRunServer, plain)
        ]
        wires = [stack.enter_context(Wire(server.port)) for server in servers]
        assert {wire.send(REQUEST).answer().status for wire in wires} == {200}
        wires[0].socket.settimeout(6)
        with pytest.raises(TimeoutError):
            wires[0].socket.recv(1)
        wires[0].socket.settimeout(PATIENCE)
        assert {wire.send(REQUEST).answer().status for wire in wires} == {200}


# One connection in this process


@asynccontextmanager
async def connected(keep_alive: int = 60) -> AsyncIterator[tuple[BoundedHttpProtocol, Wire]]:
    """The server's side of a connection, and a client that waits in threads."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("ok")(scope, receive, send)

    config = Config(app, log_config=None, ws="none", lifespan="off", timeout_keep_alive=keep_alive)
    config.load()
    protocols: list[BoundedHttpProtocol] = []

    def make() -> BoundedHttpProtocol:
        protocols.append(BoundedHttpProtocol(config, ServerState(), {}))
        return protocols[-1]

    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    async with server:
        with await asyncio.to_thread(Wire, server.sockets[0].getsockname()[1]) as wire:
            await asyncio.sleep(0)
            while not protocols:  # noqa: ASYNC110 - accepted in the next turn
                await asyncio.sleep(0)
            yield protocols[0], wire


async def answered(wire: Wire) -> None:
    assert (await asyncio.to_thread(wire.send(REQUEST).answer)).body == b"ok"


async def test_a_request_that_came_while_the_process_was_busy_is_answered_though_time_is_up() -> (
    None
):
    async with connected(keep_alive=1) as (_, wire):
        await answered(wire)
        wire.send(REQUEST)
        time.sleep(1.2)  # noqa: ASYNC251 - the event loop is held up
        assert (await asyncio.to_thread(wire.answer)).body == b"ok"


async def test_a_request_that_came_before_the_end_is_answered_and_told_to_go_elsewhere() -> None:
    async with connected() as (protocol, wire):
        await answered(wire)
        wire.send(REQUEST)
        protocol.shutdown()  # before the event loop has looked at the socket
        answer = await asyncio.to_thread(wire.answer)
        assert (answer.body, answer.closes) == (b"ok", True)
        assert await asyncio.to_thread(wire.is_closed)


@pytest.mark.parametrize("before", [b"", b"GET / HT", REQUEST])
async def test_at_the_end_idle_connections_are_closed_at_once(before: bytes) -> None:
    async with connected() as (protocol, wire):
        if before == REQUEST:
            await answered(wire)
        elif before:
            wire.send(before)
        started = time.monotonic()
        protocol.shutdown()
        assert await asyncio.to_thread(wire.is_closed)
        assert time.monotonic() - started < 30


async def test_of_pipelined_requests_at_the_end_the_first_is_answered() -> None:
    async with connected() as (protocol, wire):
        await answered(wire)
        protocol.shutdown()
        wire.send(REQUEST * 3)
        assert (await asyncio.to_thread(wire.answer)).closes
        assert await asyncio.to_thread(wire.is_closed)


def test_who_never_sent_a_byte_waits_no_longer_than_before() -> None:
    assert BoundedHttpProtocol.idle_seconds == 60
