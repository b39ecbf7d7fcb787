"""Large answers that nobody reads pin little memory, and not for ever; others do not notice."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator

import asyncpg
import httpx
import psutil
import pytest
import uvloop
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.server import ServerState

from authward.security.jwt import TokenSigner
from authward.security.origins import TrustedOrigins
from taskward.database.url import DatabaseURL
from taskward.http.backpressure import LARGE, ResponseBacklog
from taskward.http.middleware import EdgeMiddleware
from taskward.http.protocol import BoundedHttpProtocol
from taskward.observability.logs import AccessLog
from tests.conftest import CreateDatabase
from tests.fuzz.target import MakeRunServer
from tests.fuzz.wire import PATIENCE, Answer, Wire, parse_head
from tests.support.servers import SECRET

MEBIBYTE = 1_048_576
STALLED = 20
DESCRIPTIONS = 4_000
"""Of 10,000 characters: the answer has 38 MiB."""
FILL = """
    INSERT INTO tasks (user_id, title, description, completed)
    SELECT $1, 't', repeat('x', 9999), false FROM generate_series(1, $2)
"""


# A server of its own, and clients that hardly read


@pytest.fixture(scope="module")
async def server(create_migrated_database: CreateDatabase) -> AsyncIterator[MakeRunServer]:
    url = await create_migrated_database()
    with MakeRunServer(url) as server:
        connection = await asyncpg.connect(**DatabaseURL.parse(url).connect_arguments())
        await connection.execute(FILL, "greedy", DESCRIPTIONS)
        await connection.execute(FILL, "modest", 10)
        await connection.close()
        yield server


def bearer(server: MakeRunServer, user: str) -> str:
    return f"Bearer {TokenSigner(SECRET, issuer=server.url, lifetime=600).issue(user)}"


@contextlib.contextmanager
def hardly_reading(server: MakeRunServer, user: str) -> Iterator[list[Wire]]:
    head = f"GET /api/tasks HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer(server, user)}\r\n\r\n"
    with contextlib.ExitStack() as stack:
        wires = [
            stack.enter_context(Wire(server.port, receive_buffer=4096)) for _ in range(STALLED)
        ]
        for wire in wires:
            wire.send(head.encode() * 2)
        yield wires


def status_of(wire: Wire) -> int:
    """The status of the first answer; the rest of it is left unread."""
    line = wire.socket.recv(12, socket.MSG_WAITALL)
    return int(line[9:12])


async def test_one_user_who_hardly_reads_pins_one_answer_and_holds_nobody_up(
    server: MakeRunServer,
) -> None:
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    async with httpx.AsyncClient(base_url=server.url, timeout=PATIENCE) as client:
        with hardly_reading(server, "greedy") as wires:
            for _ in range(5):
                modest = await client.get(
                    "/api/tasks", headers={"Authorization": bearer(server, "modest")}
                )
                assert (modest.status_code, len(modest.json())) == (200, 10)
            statuses = [await asyncio.to_thread(status_of, wire) for wire in wires]
            assert {*statuses} == {200, 503}
            assert statuses.count(200) <= 4
            grown = process.memory_info().rss - before
            print(f"\n{STALLED} connections, {grown / MEBIBYTE:.0f} MiB more")
            assert grown < 300 * MEBIBYTE
            greedy = {"Authorization": bearer(server, "greedy")}
            refused = await client.get("/api/tasks", headers=greedy)
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
            assert refused.json().keys() == {"detail"}
        async with asyncio.timeout(PATIENCE):
            while (answer := await client.get("/api/tasks", headers=greedy)).status_code == 503:
                pass
        assert (answer.status_code, len(answer.json())) == (200, DESCRIPTIONS)


# One connection, and bounds that a test can wait for


def edge_of(backlog: ResponseBacklog, size: int, user_id: str = "user_1") -> EdgeMiddleware:
    """The edge before an application whose answers are large."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["user_id"] = user_id
        await Response(bytes(size), media_type="application/json")(scope, receive, send)

    edge = EdgeMiddleware(app, TrustedOrigins(()), AccessLog("json", lambda user: user))
    edge.backlog = backlog
    return edge


@contextlib.asynccontextmanager
async def connected(
    edge: EdgeMiddleware, request: bytes = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
) -> AsyncIterator[socket.socket]:
    """A client that has sent a request, through small buffers."""
    config = Config(edge, log_config=None, ws="none", lifespan="off")
    config.load()
    ours, theirs = socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    theirs.settimeout(0)
    with theirs:
        transport, _ = await asyncio.get_running_loop().connect_accepted_socket(
            lambda: BoundedHttpProtocol(config, ServerState(), {}), ours
        )
        await asyncio.get_running_loop().sock_sendall(theirs, request)
        yield theirs
        if not transport.is_closing():
            transport.abort()


async def read(client: socket.socket, rate: float, length: int = -1) -> bytes:
    """Read so many bytes a second until there is no more, or so many."""
    loop, received, begun = asyncio.get_running_loop(), bytearray(), time.monotonic()
    with contextlib.suppress(ConnectionResetError):
        while length < 0 or len(received) < length:
            if not (piece := await loop.sock_recv(client, 8_192)):
                break
            received += piece
            await asyncio.sleep(len(received) / rate - (time.monotonic() - begun))
    return bytes(received)


async def answer_to(client: socket.socket) -> Answer:
    head, body = b"", b""
    while b"\r\n\r\n" not in head:
        head += await asyncio.get_running_loop().sock_recv(client, 8_192)
    head, _, body = head.partition(b"\r\n\r\n")
    status, headers = parse_head(head)
    return Answer(status, headers, body)


CLOSING = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


async def test_a_reader_who_is_slow_but_steady_gets_everything() -> None:
    size = 1_000_000
    backlog = ResponseBacklog(patience=0.3, rate=400_000)
    async with asyncio.timeout(PATIENCE), connected(edge_of(backlog, size), CLOSING) as client:
        received = await read(client, rate=600_000)
    assert received.endswith(bytes(size))


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_reader_who_is_slower_than_the_answer_is_long_is_cut_off(
    new_loop: Callable[[], asyncio.AbstractEventLoop], capfd: pytest.CaptureFixture[str]
) -> None:
    size = 1_000_000
    backlog = ResponseBacklog(patience=0.3, rate=400_000)

    async def read_slowly() -> bytes:
        async with asyncio.timeout(PATIENCE), connected(edge_of(backlog, size)) as client:
            return await read(client, rate=100_000)

    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert LARGE < len(runner.run(read_slowly())) < size
    backlog.check_capacity("user_1", 10**12)  # nothing of it is left
    written = capfd.readouterr()
    assert "ASGI" not in written.out + written.err


@pytest.mark.parametrize("behind", [1, 2, 5])
@pytest.mark.parametrize("answers_read", [0, 1])
async def test_requests_behind_the_one_that_is_cut_off_let_it_go(
    behind: int, answers_read: int
) -> None:
    """Of several requests on a connection uvicorn tells only the last that it is lost."""
    size, request = 1_000_000, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    backlog = ResponseBacklog(per_user=1_500_000, patience=0.3, rate=400_000)
    async with connected(edge_of(backlog, size), request * (1 + behind)) as client:
        await read(client, rate=1e9, length=answers_read * (size + 1000))
        await until(lambda: is_full(backlog, "user_1", size))
        await read(client, rate=100_000)
        await until(lambda: not is_full(backlog, "user_1", size))


async def test_an_answer_that_fails_after_its_head_was_announced_is_an_error_in_json() -> None:
    edge = edge_of(ResponseBacklog(), 1)

    async def fail(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-length", b"1000000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        raise ValueError

    edge.app = fail
    async with connected(edge) as client:
        answer = await answer_to(client)
    assert (answer.status, answer.json) == (500, {"detail": "Internal server error"})


def test_the_slowest_who_get_everything_are_slower_than_a_poor_telephone() -> None:
    assert ResponseBacklog()._rate <= 25_000


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - of buffers
            await asyncio.sleep(0)


def is_full(backlog: ResponseBacklog, user_id: str, size: int) -> bool:
    try:
        backlog.check_capacity(user_id, size)
    except HTTPException:
        return True
    return False


@pytest.mark.parametrize("second", ["one", "other"])
async def test_what_waits_is_bounded_for_a_user_and_for_the_process(second: str) -> None:
    per_user, per_process = (1_500_000, 10**9) if second == "one" else (10**9, 1_500_000)
    backlog = ResponseBacklog(per_user, per_process)
    async with connected(edge_of(backlog, 1_000_000, "one")) as first:
        await until(lambda: is_full(backlog, second, 1_000_000))
        async with connected(edge_of(backlog, 1_000_000, second)) as refused:
            answer = await answer_to(refused)
            assert (answer.status, answer.headers["retry-after"]) == (503, "2")
            assert answer.json.keys() == {"detail"}
        async with connected(edge_of(backlog, LARGE, second)) as small:
            assert (await answer_to(small)).status == 200
        await read(first, rate=1e9, length=1_000_000)
        await until(lambda: not is_full(backlog, second, 1_000_000))


async def test_who_goes_away_gives_back_what_was_theirs() -> None:
    backlog = ResponseBacklog(per_user=1_500_000)
    async with connected(edge_of(backlog, 1_000_000)) as client:
        await until(lambda: is_full(backlog, "user_1", 1_000_000))
        client.close()
        await until(lambda: not is_full(backlog, "user_1", 1_000_000))


async def test_an_answer_that_is_larger_than_every_bound_can_be_had_alone() -> None:
    backlog = ResponseBacklog(per_user=10, per_process=10)
    async with connected(edge_of(backlog, 300_000), CLOSING) as client:
        assert (await read(client, rate=1e9)).endswith(bytes(300_000))


async def test_a_head_alone_is_answered_without_its_body() -> None:
    request = CLOSING.replace(b"GET", b"HEAD")
    async with connected(edge_of(ResponseBacklog(), 300_000), request) as client:
        received = await read(client, rate=1e9)
    assert b"content-length: 300000\r\n" in received
    assert received.endswith(b"\r\n\r\n")
