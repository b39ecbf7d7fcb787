"""What is too large is refused before it is read or kept: heads, bodies, trailers, pipelines."""

from collections.abc import AsyncIterator, Iterator

import psutil
import pytest

from authward.security.jwt import TokenSigner
from taskward.http.protocol import MAX_HEAD_BYTES, MAX_HEADERS, MAX_MESSAGE_BYTES, MAX_PIPELINED
from tests.conftest import CreateDatabase
from tests.fuzz.target import MakeRunServer
from tests.fuzz.wire import Answer, Wire
from tests.support.servers import SECRET

MEBIBYTE = 1_048_576
OK = b"GET /api/auth/ok HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /api/tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
ENDLESS = 64 * MEBIBYTE


@pytest.fixture(scope="module")
async def server(create_migrated_database: CreateDatabase) -> AsyncIterator[MakeRunServer]:
    with MakeRunServer(await create_migrated_database()) as server:
        yield server


@pytest.fixture
def wire(server: MakeRunServer) -> Iterator[Wire]:
    with Wire(server.port) as wire:
        yield wire


def bearer(server: MakeRunServer) -> bytes:
    token = TokenSigner(SECRET, issuer=server.url, lifetime=600).issue("user_1")
    return b"Authorization: Bearer " + token.encode() + b"\r\n"


def memory(server: MakeRunServer) -> int:
    return int(psutil.Process(server.process.pid).memory_info().rss)


def assert_refused(answer: Answer, status: int) -> None:
    assert answer.status == status
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"]
    assert answer.closes
    assert answer.json.keys() == {"detail"}


# Heads


@pytest.mark.parametrize(
    "head",
    [
        OK + b"X: " + b"a" * (MAX_HEAD_BYTES - len(OK) - 100) + b"\r\n\r\n",
        OK + b"".join(b"X%d: a\r\n" % n for n in range(MAX_HEADERS - 1)) + b"\r\n",
        b"GET /api/auth/ok?%b HTTP/1.1\r\nHost: x\r\n\r\n" % (b"a" * (MAX_HEAD_BYTES - 100)),
    ],
    ids=["one header", "many headers", "request line"],
)
def test_a_head_within_the_limits_is_answered_however_it_arrives(wire: Wire, head: bytes) -> None:
    assert wire.send(head).answer().status == 200
    for start in range(0, len(head), 4096):
        wire.send(head[start : start + 4096])
    assert wire.answer().status == 200


@pytest.mark.parametrize(
    "head",
    [
        OK + b"X: " + b"a" * MAX_HEAD_BYTES + b"\r\n\r\n",
        OK + b"X: " + b"a" * 65_536 + b"\r\n\r\n",
        OK + b"a" * 65_536 + b": x\r\n\r\n",
        OK + b"X: " + b"a" * 1_000_000 + b"\r\n\r\n",
        OK + b"".join(b"X%d: a\r\n" % n for n in range(MAX_HEADERS)) + b"\r\n",
        OK + b"".join(b"X%d: a\r\n" % n for n in range(5_000)) + b"\r\n",
        OK + b"a:\r\n" * 50_000 + b"\r\n",
        b"GET /?%b HTTP/1.1\r\nHost: x\r\n\r\n" % (b"a" * MAX_HEAD_BYTES),
    ],
    ids=lambda head: f"{len(head)} bytes",
)
def test_a_head_beyond_the_limits_is_431_in_json(wire: Wire, head: bytes) -> None:
    assert_refused(wire.send(head).answer(), 431)
    assert wire.is_closed()


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (b"GET /", b"a" * 65_536),
        (OK + b"X: ", b"a" * 65_536),
        (OK, b"a" * 65_536),
        (OK, b"X: a\r\n" * 10_000),
        (b"", b"\r\n" * 32_768),
        (b"", b"G" * 65_536),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: a\r\n" * 10_000),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: ", b"a" * 65_536),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n1;", b"a" * 65_536),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n" * 10_000),
        (OK + b"Content-Length: 9999999999\r\n\r\n", b"a" * 65_536),
    ],
    ids=[
        *("request line", "header", "header name", "headers", "line ends", "method"),
        *("trailers", "trailer", "chunk extension", "body in chunks", "body of a GET"),
    ],
)
def test_what_never_ends_is_cut_off_and_not_kept_in_memory(
    server: MakeRunServer, start: bytes, piece: bytes
) -> None:
    before = memory(server)
    with Wire(server.port) as wire:
        assert wire.send(start).send_until_refused(piece, ENDLESS) < ENDLESS
    assert memory(server) - before < 4 * MAX_MESSAGE_BYTES
    with Wire(server.port) as wire:
        assert wire.send(OK + b"\r\n").answer().status == 200


def test_trailers_are_not_read_as_headers(server: MakeRunServer, wire: Wire) -> None:
    head = POST + b"Transfer-Encoding: chunked\r\n\r\n"
    answer = wire.send(head + b"d\r\n" + b'{"title":"t"}\r\n0\r\n' + bearer(server) + b"\r\n")
    assert answer.answer().status == 401


# Bodies


@pytest.mark.parametrize("length", [MEBIBYTE + 1, 2**40, 2**64 - 1])
def test_a_body_announced_as_too_large_is_413_before_any_of_it_is_sent(
    server: MakeRunServer, wire: Wire, length: int
) -> None:
    wire.send(POST + bearer(server) + b"Content-Length: %d\r\n\r\n" % length)
    assert_refused(wire.answer(), 413)
    assert wire.is_closed()


@pytest.mark.parametrize("path", [b"/api/tasks", b"/api/auth/sign-in/email", b"/api/auth/login"])
def test_a_body_in_chunks_is_413_as_soon_as_it_is_too_large(
    server: MakeRunServer, wire: Wire, path: bytes
) -> None:
    head = (
        POST.replace(b"/api/tasks", path) + bearer(server) + b"Transfer-Encoding: chunked\r\n\r\n"
    )
    wire.send(head)
    for _ in range(17):
        wire.send(b"10000\r\n" + b" " * 65_536 + b"\r\n")
    assert wire.answer().status == 413


def test_a_client_that_waits_to_be_told_to_continue_is_told_413_instead(
    server: MakeRunServer, wire: Wire
) -> None:
    head = POST + bearer(server) + b"Expect: 100-continue\r\n"
    wire.send(head + b"Content-Length: %d\r\n\r\n" % (MEBIBYTE + 1))
    assert wire.answer().status == 413


# What is no HTTP


@pytest.mark.parametrize(
    "request_",
    [
        *(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        *(b"GET / HTTP/9.9\r\n\r\n", b"get / HTTP/1.1\r\n\r\n"),
        *(b"\x00" * 64, OK + b"X : a\r\n\r\n", OK + b": a\r\n\r\n", OK + b"X: \x00\r\n\r\n"),
        OK + b"Content-Length: -1\r\n\r\n",
        OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
    ],
    ids=lambda sent: repr(sent[-24:]),
)
def test_what_is_no_http_is_400_in_json(wire: Wire, request_: bytes) -> None:
    assert_refused(wire.send(request_).answer(), 400)
    assert wire.is_closed()


# Several requests at once


def test_requests_in_one_piece_are_answered_in_their_order(wire: Wire) -> None:
    wire.send((OK + b"\r\n") + b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n" + (OK + b"\r\n") * 40)
    assert [wire.answer().status for _ in range(42)] == [200, 404, *[200] * 40]


def test_a_broken_request_behind_a_good_one_does_not_take_its_answer(wire: Wire) -> None:
    wire.send(OK + b"\r\n" + b"\x00\r\n\r\n")
    assert wire.answer().status == 200
    assert wire.is_closed()


def test_a_flood_of_requests_on_one_connection_is_answered_in_part_and_cut_off(
    server: MakeRunServer,
) -> None:
    before = memory(server)
    with Wire(server.port) as wire:
        wire.socket.settimeout(1)
        sent = wire.send_until_refused((OK + b"\r\n") * 2_000, ENDLESS)
        assert sent < ENDLESS
    assert memory(server) - before < 4 * MAX_MESSAGE_BYTES
    with Wire(server.port) as wire:
        wire.send((OK + b"\r\n") * 2_000)
        answered = sum(1 for _ in wire.answers())
    assert MAX_PIPELINED <= answered < 2_000
