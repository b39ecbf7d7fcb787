"""Where a request ends and whom it is for is never in doubt, or it is refused.

Each is sent on a bare socket with another request behind it in the same segment: what is answered
must not swallow that one, and what is refused must not let it through.
"""

from collections.abc import AsyncIterator, Iterator

import pytest

from authward.security.jwt import TokenSigner
from taskward.http.protocol import MAX_PIPELINED
from tests.conftest import CreateDatabase
from tests.fuzz.target import MakeRunServer
from tests.fuzz.wire import Answer, Wire
from tests.support.servers import SECRET, PlainServer, Server, auth_settings

GET = b"GET /api/auth/ok HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /api/tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
BEHIND = b"GET /behind HTTP/1.1\r\nHost: x\r\n\r\n"
BODY = b'{"title":"upgrade"}'
H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n"
WEB_SOCKET = (
    b"Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


@pytest.fixture(scope="module", params=["make run", "uvicorn alone"])
async def server(
    create_migrated_database: CreateDatabase, request: pytest.FixtureRequest
) -> AsyncIterator[Server]:
    url = await create_migrated_database()
    plain = PlainServer(auth_settings(url))
    with MakeRunServer(url) if request.param == "make run" else plain as server:
        yield server


@pytest.fixture
def wire(server: Server) -> Iterator[Wire]:
    with Wire(server.port) as wire:
        yield wire


def bearer(server: Server) -> bytes:
    token = TokenSigner(SECRET, issuer=server.url, lifetime=600).issue("user_1")
    return b"Authorization: Bearer " + token.encode() + b"\r\n"


def is_behind(answer: Answer) -> bool:
    return answer.status == 404 and answer.json == {"detail": "Not Found"}


def assert_refused(wire: Wire) -> None:
    answer = wire.answer()
    assert (answer.status, answer.json.keys()) == (400, {"detail"})
    assert answer.headers["content-type"] == "application/json"
    assert answer.closes
    assert wire.is_closed()


# Offers of another protocol


@pytest.mark.parametrize(
    "offer", [H2C, WEB_SOCKET, H2C.replace(b"h2c", b"a/1, b")], ids=["h2c", "ws", "x"]
)
@pytest.mark.parametrize("step", [10_000, 1, 7])
def test_an_offer_to_upgrade_is_not_taken_and_swallows_nothing(
    wire: Wire, offer: bytes, step: int
) -> None:
    stream = (GET + offer + b"\r\n" + BEHIND) * 2
    for start in range(0, len(stream), step):
        wire.send(stream[start : start + step])
    for _ in range(2):
        assert wire.answer().json == {"ok": True}
        assert is_behind(wire.answer())


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY,
        b"Transfer-Encoding: chunked\r\n\r\n5\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n"
        % (BODY[:5], len(BODY) - 5, BODY[5:]),
    ],
    ids=["length", "chunks"],
)
@pytest.mark.parametrize("step", [10_000, 1, 11])
def test_the_body_of_a_request_that_offers_to_upgrade_is_read(
    server: Server, wire: Wire, body: bytes, step: int
) -> None:
    """As Java's HttpClient sends each of its requests."""
    stream = (POST + bearer(server) + H2C + body + BEHIND) * 2
    for start in range(0, len(stream), step):
        wire.send(stream[start : start + step])
    for _ in range(2):
        answer = wire.answer()
        assert (answer.status, answer.json["title"]) == (201, "upgrade")
        assert is_behind(wire.answer())


@pytest.mark.parametrize(
    ("version", "connection"),
    [
        (b"1.1", b"close, Upgrade"),
        (b"1.1", b"upgrade, Close"),
        (b"1.0", b"Upgrade"),
        (b"1.0", b"keep-alive, Upgrade"),
    ],
)
@pytest.mark.parametrize("step", [10_000, 1])
def test_an_offer_on_a_connection_that_ends_is_answered_and_closed(
    server: Server, wire: Wire, version: bytes, connection: bytes, step: int
) -> None:
    head = POST.replace(b"1.1", version) + bearer(server) + b"Connection: " + connection
    length = b"\r\nUpgrade: h2c\r\nContent-Length: %d\r\n\r\n" % len(BODY)
    stream = head + length + BODY
    for start in range(0, len(stream), step):
        wire.send(stream[start : start + step])
    answer = wire.answer()
    assert (answer.status, answer.json["title"]) == (201, "upgrade")
    assert answer.closes
    assert wire.is_closed()


def test_a_flood_of_offers_is_answered_in_part_and_cut_off(server: Server, wire: Wire) -> None:
    wire.send((GET + H2C + b"\r\n") * 300)
    statuses = [answer.status for answer in wire.answers()]
    assert 0 < len(statuses) <= MAX_PIPELINED + 1
    assert set(statuses) == {200}
    with Wire(server.port) as another:
        assert another.send(GET + b"\r\n").answer().status == 200


# What is answered


@pytest.mark.parametrize(
    "request_",
    [
        *(b"GET http://x/api/auth/ok HTTP/1.1\r\nHost: x\r\n\r\n",),
        *(b"GET HTTPS://other:444/api/auth/ok?a=b HTTP/1.1\r\nHost: x\r\n\r\n",),
        *(b"GET /api/auth/ok HTTP/1.1\r\nHost: %b\r\n\r\n" % h for h in (b"", b"x:80", b"[::1]:1")),
        *(b"GET /api/auth/ok HTTP/1.1\r\nHost: %b\r\n\r\n" % h for h in (b"a_b.c", b"xn--a.b.")),
        b"GET /api/auth/ok#part HTTP/1.1\r\nHost: x\r\n\r\n",
        GET + b"Expect: the-unexpected\r\n\r\n",
        GET + b"Upgrade: h2c\r\n\r\n",
        GET + b"Connection: Upgrade\r\n\r\n",
        GET + b"Connection: Host, Authorization, close-not\r\n\r\n",
        GET + b"TE: trailers\r\nKeep-Alive: timeout=5\r\n\r\n",
    ],
    ids=lambda sent: repr(sent[:60]),
)
def test_unusual_requests_are_answered_and_so_is_what_follows(wire: Wire, request_: bytes) -> None:
    wire.send(request_ + BEHIND)
    assert wire.answer().json == {"ok": True}
    assert is_behind(wire.answer())


@pytest.mark.parametrize("target", [b"http://x", b"http://x?a=b", b"http://x/"])
def test_a_target_without_a_path_is_the_root(wire: Wire, target: bytes) -> None:
    wire.send(b"HEAD %b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % target)
    assert wire.file.readline().split()[1] in {b"200", b"307", b"405"}


def test_a_question_about_the_server_itself_is_answered(wire: Wire) -> None:
    wire.send(b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n" + BEHIND)
    assert wire.answer().status == 404
    assert is_behind(wire.answer())


@pytest.mark.parametrize("host", [b"", b"Host: x\r\n"])
def test_http_1_0_is_answered_and_closed(wire: Wire, host: bytes) -> None:
    wire.send(b"GET /api/auth/ok HTTP/1.0\r\n" + host + b"Expect: 100-continue\r\n\r\n" + BEHIND)
    assert wire.answer().json == {"ok": True}
    assert wire.is_closed()


def test_who_asks_whether_to_continue_is_told_and_the_connection_ends_with_the_answer(
    server: Server, wire: Wire
) -> None:
    """A client that is told something else may go on with its body, or with another request."""
    head = POST + b"Expect: 100-continue\r\nContent-Length: %d\r\n" % len(BODY)
    wire.send(head + bearer(server) + b"\r\n")
    assert [wire.file.readline() for _ in range(2)] == [b"HTTP/1.1 100 Continue\r\n", b"\r\n"]
    answer = wire.send(BODY + BEHIND).answer()
    assert (answer.status, answer.closes) == (201, True)
    assert wire.is_closed()
    with Wire(server.port) as stranger:
        answer = stranger.send(head + b"\r\n").answer()
        assert (answer.status, answer.closes) == (401, True)
        assert stranger.is_closed()


# What is refused


@pytest.mark.parametrize("version", [b"2.0", b"0.9", b"1.2", b"1.11", b"9.9", b"3.0", b"1.1a"])
def test_another_version_is_refused(wire: Wire, version: bytes) -> None:
    wire.send(b"GET /api/auth/ok HTTP/%b\r\nHost: x\r\n\r\n" % version + BEHIND)
    assert_refused(wire)


@pytest.mark.parametrize(
    "hosts",
    [
        *(b"", b"Host: x\r\nHost: x\r\n", b"Host: x\r\nAccept: */*\r\nhOST: y\r\n"),
        *(b"Host: %b\r\n" % host for host in (b"a b", b"a/b", b"a@b", b"a?b", b"a#b", b"a\\b")),
        *(b"Host: %b\r\n" % host for host in (b"a:b", b"[::1", b"a:1:2", b"\xc3\xa9", b"a" * 301)),
        *(b"Host: %b\r\n" % host for host in (b"x,\ty", b"a|b", b'"a"', b"<a>", b"http://x")),
    ],
    ids=lambda sent: repr(sent[:40]),
)
@pytest.mark.parametrize("more", [b"", H2C], ids=["", "upgrade"])
def test_a_request_without_one_right_host_is_refused(wire: Wire, hosts: bytes, more: bytes) -> None:
    wire.send(b"GET /api/auth/ok HTTP/1.1\r\n" + hosts + more + b"\r\n" + BEHIND)
    assert_refused(wire)


def test_two_hosts_are_refused_in_http_1_0_as_well(wire: Wire) -> None:
    wire.send(b"GET / HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n")
    assert_refused(wire)


@pytest.mark.parametrize(
    "target", [b"*", b"ftp://x/y", b"x", b"?x", b"http:///y", b"http://u:p@x/y", b"x:443"]
)
def test_a_target_that_is_none_of_ours_is_refused(wire: Wire, target: bytes) -> None:
    wire.send(b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % target + BEHIND)
    assert_refused(wire)


@pytest.mark.parametrize("target", [b"x:443", b"/api/auth/ok", b"*"])
@pytest.mark.parametrize(
    "more", [b"", b"Content-Length: 3\r\n", H2C], ids=["", "length", "upgrade"]
)
def test_a_tunnel_is_refused(wire: Wire, target: bytes, more: bytes) -> None:
    wire.send(b"CONNECT %b HTTP/1.1\r\nHost: x\r\n" % target + more + b"\r\nabc" + BEHIND)
    assert_refused(wire)


CHUNKS = b"0\r\n\r\n"


@pytest.mark.parametrize(
    "framing",
    [
        *(b"Transfer-Encoding: %b\r\n\r\n" % c for c in (b"gzip, chunked", b"identity", b"x")),
        *(b"Transfer-Encoding: %b\r\n\r\n" % c for c in (b"chunked, chunked", b"chunked;a=b")),
        *(b"Transfer-Encoding: %b\r\n\r\n" % c for c in (b"", b",chunked", b"\x0bchunked")),
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"Content-Length: 5\r\nContent-Length: 5\r\n\r\n",
        b"Content-Length: 5, 5\r\n\r\n",
        b"Transfer-Encoding:\r\n chunked\r\n\r\n",
        b"Content-Length: 5\r\n 1\r\n\r\n",
        b"X: a\r\n b\r\n\r\n",
        b" X: a\r\n\r\n",
        b"Transfer-Encoding : chunked\r\n\r\n",
        b"Transfer_Encoding: chunked\r\nContent-Length: x\r\n\r\n",
        b"X: a\nTransfer-Encoding: chunked\r\n\r\n",
        b"X: a\rTransfer-Encoding: chunked\r\n\r\n",
    ],
    ids=lambda sent: repr(sent[:60]),
)
@pytest.mark.parametrize("offer", [b"", H2C], ids=["", "upgrade"])
def test_a_body_that_may_end_in_two_places_is_refused(
    server: Server, wire: Wire, framing: bytes, offer: bytes
) -> None:
    wire.send(POST + bearer(server) + offer + framing + CHUNKS + BEHIND)
    assert_refused(wire)


def test_chunks_are_refused_in_http_1_0(server: Server, wire: Wire) -> None:
    old = POST.replace(b"HTTP/1.1", b"HTTP/1.0") + b"Transfer-Encoding: chunked\r\n"
    wire.send(old + bearer(server) + b"\r\n" + CHUNKS + BEHIND)
    assert_refused(wire)
