"""Clients that take their time cost the others nothing, and in the end nothing at all."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator

import psutil
import pytest
from starlette.types import Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.server import ServerState

from authward.security.jwt import TokenSigner
from taskward.http.protocol import BoundedHttpProtocol
from taskward.serve import allow_many_connections
from tests.conftest import CreateDatabase
from tests.fuzz.sizes import size
from tests.fuzz.target import ImpatientProtocol, ImpatientServer, MakeRunServer
from tests.fuzz.wire import HOST, PATIENCE, Wire
from tests.support.servers import SECRET

IDLE = size(2_000, 10_000)
A_WHILE = 0.05
OK = b"GET /api/auth/ok HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /api/tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
TASK = b'{"title":"slow"}'
Request = Callable[[bytes, str], bytes]


@pytest.fixture(scope="module")
async def server(create_migrated_database: CreateDatabase) -> AsyncIterator[ImpatientServer]:
    with ImpatientServer(await create_migrated_database()) as server:
        yield server


@pytest.fixture
def wire(server: ImpatientServer) -> Iterator[Wire]:
    with Wire(server.port) as wire:
        yield wire


def bearer(server: MakeRunServer, user: str = "user_1") -> bytes:
    token = TokenSigner(SECRET, issuer=server.url, lifetime=600).issue(user)
    return b"Authorization: Bearer " + token.encode() + b"\r\n"


def post(body: bytes, credentials: bytes) -> bytes:
    return POST + credentials + b"Content-Length: %d\r\n\r\n" % len(body) + body


def trickle(wire: Wire, piece: bytes) -> float:
    """Send a byte now and then until the server has had enough; the seconds that took."""
    started = time.monotonic()
    wire.socket.settimeout(A_WHILE)
    with contextlib.suppress(ConnectionError):
        while time.monotonic() - started < PATIENCE:
            wire.socket.send(piece)
            with contextlib.suppress(TimeoutError):
                if wire.socket.recv(1, socket.MSG_PEEK) == b"":
                    break
                break
    wire.socket.settimeout(PATIENCE)
    return time.monotonic() - started


def connections(server: MakeRunServer) -> int:
    """How many clients the server is connected with."""
    found = psutil.Process(server.process.pid).net_connections("tcp")
    return sum(c.status == psutil.CONN_ESTABLISHED and c.laddr[1] == server.port for c in found)


def comes_true(condition: Callable[[], bool]) -> bool:
    """Ask again and again, for a while."""
    deadline = time.monotonic() + PATIENCE
    while not (true := condition()) and time.monotonic() < deadline:
        time.sleep(A_WHILE)
    return true


# Clients that send slowly


@pytest.mark.parametrize("start", [b"GET /", b"GET / HTTP/1.1\r\nX: ", OK + b"GET /"])
def test_a_head_that_comes_byte_by_byte_is_408_in_time(wire: Wire, start: bytes) -> None:
    wire.send(start)
    if start.startswith(OK):
        assert wire.answer().status == 200
    assert trickle(wire, b"a") < PATIENCE
    answer = wire.answer()
    assert (answer.status, answer.json.keys()) == (408, {"detail"})
    assert wire.is_closed()


def test_a_body_that_comes_byte_by_byte_is_408_in_time_and_stores_nothing(
    server: ImpatientServer,
) -> None:
    for framing in (b"Content-Length: 1000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n3e8\r\n"):
        credentials = bearer(server, "slow-body")
        with Wire(server.port) as slow:
            slow.send(POST + credentials + framing)
            assert trickle(slow, b" ") < PATIENCE
            answer = slow.answer()
            assert (answer.status, answer.json.keys()) == (408, {"detail"})
            assert slow.is_closed()
    with Wire(server.port) as wire:
        listed = wire.send(
            b"GET /api/tasks HTTP/1.1\r\nHost: x\r\n" + credentials + b"\r\n"
        ).answer()
    assert listed.json == []


@pytest.mark.parametrize(
    "path", [b"/api/tasks", b"/api/auth/sign-in/email", b"/api/auth/login", b"/nowhere"]
)
def test_a_client_that_goes_away_in_the_middle_of_a_body_is_no_internal_error(
    server: ImpatientServer, path: bytes
) -> None:
    head = POST.replace(b"/api/tasks", path) + bearer(server) + b"Content-Length: 9\r\n\r\n"
    with Wire(server.port) as wire:
        wire.send(head + b"{")
    with Wire(server.port) as wire:
        trickle(wire.send(head), b" ")
    assert comes_true(lambda: connections(server) == 0)
    assert "internal error" not in server.log()
    assert "Traceback" not in server.log()


def test_the_rest_of_a_body_that_was_refused_must_come_in_time_as_well(wire: Wire) -> None:
    wire.send(POST + b"Content-Length: 1000\r\n\r\n")
    assert wire.answer().status == 401
    assert trickle(wire, b" ") < PATIENCE
    assert wire.is_closed()


@pytest.mark.parametrize("start", [b"", OK])
def test_a_connection_without_a_request_is_closed_in_time(wire: Wire, start: bytes) -> None:
    if start:
        assert wire.send(start).answer().status == 200
    assert wire.is_closed()


def test_line_ends_between_requests_do_not_keep_a_connection_for_ever(wire: Wire) -> None:
    assert wire.send(OK).answer().status == 200
    assert trickle(wire, b"\r\n") < PATIENCE
    assert wire.answer().status == 408
    assert wire.is_closed()


def test_a_request_in_pieces_that_comes_in_time_is_answered(
    server: ImpatientServer, wire: Wire
) -> None:
    request, pieces = post(TASK, bearer(server)), 4
    step = len(request) // pieces + 1
    for start in range(0, len(request), step):
        wire.send(request[start : start + step])
        time.sleep(ImpatientProtocol.head_seconds / pieces / 2)
    assert wire.answer().status == 201


def test_many_slow_clients_do_not_hold_up_a_quick_one(server: ImpatientServer) -> None:
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(Wire(server.port)) for _ in range(300)]
        for wire in slow:
            wire.send(POST + bearer(server) + b"Content-Length: 1000\r\n\r\n ")
        quick = stack.enter_context(Wire(server.port))
        for _ in range(20):
            assert quick.send(post(TASK, bearer(server))).answer().status == 201
        assert [wire.answer().status for wire in slow] == [408] * len(slow)


# Clients that read slowly


@pytest.fixture(scope="module")
def much_to_read(server: ImpatientServer) -> bytes:
    """A request whose answer has about two megabytes."""
    credentials, body = bearer(server, "much"), b'{"title":"t","description":"%b"}' % (b"d" * 9_999)
    with Wire(server.port) as wire:
        for _ in range(200):
            assert wire.send(post(body, credentials)).answer().status == 201
    return b"GET /api/tasks HTTP/1.1\r\nHost: x\r\n" + credentials


@pytest.mark.parametrize("ending", [b"\r\n", b"Connection: close\r\n\r\n"])
def test_a_client_that_reads_nothing_is_cut_off(
    server: ImpatientServer, much_to_read: bytes, ending: bytes
) -> None:
    with Wire(server.port, receive_buffer=4096) as wire:
        wire.send((much_to_read + b"\r\n") * 5 + much_to_read + ending)
        assert comes_true(lambda: connections(server) == 1)
        assert comes_true(lambda: connections(server) == 0)


async def test_an_answer_that_ends_its_connection_must_be_read_as_well() -> None:
    """Here the rest is less than what counts as much to send: sockets with small buffers."""

    async def app(_: Scope, __: Receive, send: Send) -> None:
        length = [(b"content-length", b"60000")]
        await send({"type": "http.response.start", "status": 200, "headers": length})
        await send({"type": "http.response.body", "body": b"a" * 60_000})

    config = Config(app, log_config=None, ws="none", lifespan="off")
    config.load()
    state, (ours, theirs) = ServerState(), socket.socketpair()
    with theirs:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        await asyncio.get_running_loop().connect_accepted_socket(
            lambda: ImpatientProtocol(config, state, {}), ours
        )
        theirs.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        async with asyncio.timeout(PATIENCE):
            while state.connections:  # noqa: ASYNC110 - a set of uvicorn's
                await asyncio.sleep(A_WHILE)


def test_a_client_that_reads_slowly_but_steadily_gets_all_of_it(
    server: ImpatientServer, much_to_read: bytes
) -> None:
    with Wire(server.port, receive_buffer=65_536) as wire:
        wire.send(much_to_read + b"Connection: close\r\n\r\n")
        received, started = 0, time.monotonic()
        while piece := wire.socket.recv(65_536):
            received += len(piece)
            time.sleep(A_WHILE)
        assert received > 2_000_000
        assert time.monotonic() - started > 2 * ImpatientProtocol.stalled_seconds


# Clients that do nothing


async def test_thousands_of_idle_connections_are_held_and_starve_nobody(
    create_migrated_database: CreateDatabase,
) -> None:
    allow_many_connections()
    limit = psutil.Process().rlimit(psutil.RLIMIT_NOFILE)[1]
    if limit < IDLE + 1_000:
        pytest.skip(f"ONLY {limit} OPEN FILES ARE ALLOWED: {IDLE} IDLE CONNECTIONS WERE NOT TRIED")
    with MakeRunServer(await create_migrated_database()) as server, contextlib.ExitStack() as stack:
        credentials = bearer(server)
        alone, memory = times_of(server, credentials), rss(server)
        idle = [stack.enter_context(socket.create_connection((HOST, server.port)))]
        while len(idle) < IDLE:
            idle.append(stack.enter_context(socket.create_connection((HOST, server.port))))
        assert comes_true(lambda: connections(server) == IDLE)
        beside = times_of(server, credentials)
        print(
            f"\n{IDLE} idle connections: median {alone[100] * 1000:.1f} ms without them, "
            f"{beside[100] * 1000:.1f} ms with them, worst {beside[-1] * 1000:.1f} ms, "
            f"{(rss(server) - memory) / IDLE:.0f} bytes each"
        )
        assert beside[100] < 4 * alone[100] + 0.01
        assert beside[-1] < 1.0
        for connection in idle[:: IDLE // 200]:
            connection.sendall(OK)
            assert connection.recv(15) == b"HTTP/1.1 200 OK"
    assert BoundedHttpProtocol.idle_seconds >= 60


def times_of(server: MakeRunServer, credentials: bytes) -> list[float]:
    """The times of 200 tasks made one after the other, in order."""
    times = []
    with Wire(server.port) as wire:
        for _ in range(200):
            started = time.perf_counter()
            assert wire.send(post(TASK, credentials)).answer().status == 201
            times.append(time.perf_counter() - started)
    return sorted(times)


def rss(server: MakeRunServer) -> int:
    return int(psutil.Process(server.process.pid).memory_info().rss)
