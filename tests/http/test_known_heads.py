"""Heads that were read before: found only where the parser would read the same, never trusted."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal
from anyio.to_thread import run_sync
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings

from taskward.http.direct import DirectRequest
from taskward.http.known_heads import (
    KEPT_SECONDS,
    MAX_HEAD_BYTES,
    MAX_HEADS,
    Head,
    KnownHeads,
    RequestLine,
    parse_line,
)
from taskward.http.middleware import EdgeMiddleware
from tests.fuzz.sizes import size
from tests.fuzz.wire import HOST, PATIENCE
from tests.http.test_direct import Client, wire_form
from tests.http.test_fast_path import requests
from tests.support.wires import Served, exchange, served

EXAMPLES = size(60, 2_000)
HEADERS = [(b"host", b"x"), (b"authorization", b"Bearer a.b.c")]
REST = b"Host: x\r\nAuthorization: Bearer a.b.c\r\n\r\n"
LINE = b"GET /api/tasks/1 HTTP/1.1\r\n"
BODY = b'{"title": "good"}'
LONG_REST = REST[:-2] + b"Content-Length: %d\r\n\r\n" % len(BODY)


def line_of(method: bytes, url: bytes) -> RequestLine:
    line = parse_line(method, url)
    assert line is not None
    return line


GET_ONE = line_of(b"GET", b"/api/tasks/1")


def learned() -> KnownHeads:
    heads = KnownHeads()
    heads.learn(LINE + REST, GET_ONE, Head(HEADERS), b"")
    head = Head([*HEADERS, (b"content-length", b"%d" % len(BODY))])
    line = line_of(b"POST", b"/api/tasks")
    heads.learn(line[0] + LONG_REST + BODY, line, head, BODY)
    return heads


@pytest.mark.parametrize(
    ("line", "rest", "body", "parts"),
    [
        (b"GET /api/tasks/1", REST, b"", (b"GET /api/tasks/", b"1", b"", None)),
        (b"GET /api/tasks?status=all", REST, b"", (b"GET /api/tasks", None, None, b"status=all")),
        (
            b"PATCH /api/tasks/2/complete",
            REST,
            b"",
            (b"PATCH /api/tasks/", b"2", b"/complete", None),
        ),
        (b"PUT /api/tasks/3", LONG_REST, BODY, (b"PUT /api/tasks/", b"3", b"", None)),
    ],
)
def test_what_was_read_behind_one_line_is_known_behind_another(
    line: bytes, rest: bytes, body: bytes, parts: tuple[bytes | None, ...]
) -> None:
    found = learned().find(line + b" HTTP/1.1\r\n" + rest + body)
    assert found is not None
    assert found[0].groups() == parts
    assert found[1].by_name[b"authorization"] == b"Bearer a.b.c"
    assert found[2] == body


@pytest.mark.parametrize(
    "data",
    [
        (LINE + REST)[:-1],
        LINE + REST + b"G",
        LINE + REST + LINE + REST,
        b"\r\n" + LINE + REST,
        LINE + REST.replace(b"a.b.c", b"a.b.d"),
        LINE + b"X: y\r\n" + REST,
        LINE + b" folded\r\n" + REST,
        LINE.replace(b"\r\n", b"\n") + REST,
        LINE.replace(b"1.1", b"1.0") + REST,
        LINE.replace(b"GET", b"get") + REST,
        LINE.replace(b"GET", b"PRI") + REST,
        LINE.replace(b"GET", b"CONNECT") + REST,
        LINE.replace(b"GET /", b"GET  /") + REST,
        LINE.replace(b"GET /", b"GET http://x/") + REST,
        LINE.replace(b"/1", b"/1#2") + REST,
        LINE.replace(b"/1", b"/%31") + REST,
        LINE.replace(b"/1", b"/1\xff") + REST,
        b"POST /api/tasks HTTP/1.1\r\n" + LONG_REST + BODY[:-1],
        b"POST /api/tasks HTTP/1.1\r\n" + LONG_REST + BODY + b" ",
        b"",
    ],
)
def test_what_is_not_the_same_or_not_plain_is_left_to_the_parser(data: bytes) -> None:
    assert learned().find(data) is None


def test_nothing_is_learned_that_is_cut_here_in_another_way() -> None:
    head, two = Head(HEADERS), line_of(b"GET", b"/api/tasks/2")
    for data, line, body in (
        (LINE + REST, line_of(b"HEAD", b"/api/tasks/1"), b""),
        (LINE + REST, two, b""),
        (LINE.replace(b"/1", b"/1?a=%31") + REST, GET_ONE, b""),
        (LINE + REST + b"body", GET_ONE, b""),
        (LINE + REST + b"body", GET_ONE, b"body"),
        (LINE + b"X: y\r\n" + REST, GET_ONE, b""),
        (LINE + b"X: " + b"y" * MAX_HEAD_BYTES + b"\r\n" + REST, GET_ONE, b""),
    ):
        heads = KnownHeads()
        heads.learn(data, line, head, body)
        assert heads.find(data) is None
        assert heads.find(LINE + REST) is None


@pytest.mark.parametrize("url", [b"/api/tasks/%31", b"/api/tasks/" + b"1" * 19, b"/a\xff", b"*"])
def test_a_line_that_is_not_plain_is_none_of_ours(url: bytes) -> None:
    assert parse_line(b"GET", url) is None


def rests(numbers: Iterable[int]) -> list[bytes]:
    return [b"Host: %d\r\n\r\n" % number for number in numbers]


def learn(heads: KnownHeads, each: Iterable[bytes]) -> None:
    for rest in each:
        heads.learn(LINE + rest, GET_ONE, Head([(b"host", rest[6:-4])]), b"")


def known_of(heads: KnownHeads, each: Iterable[bytes]) -> list[bytes]:
    return [rest for rest in each if heads.find(LINE + rest) is not None]


def test_there_are_never_more_than_a_fixed_number_and_who_comes_twice_finds_a_place() -> None:
    heads, old, new = KnownHeads(), rests(range(MAX_HEADS)), rests(range(-MAX_HEADS, 0))
    learn(heads, old)
    assert known_of(heads, old) == old
    learn(heads, new)
    assert known_of(heads, [*new, *old]) == old
    learn(heads, new)
    assert known_of(heads, [*new, *old]) == new


def test_heads_that_come_once_never_take_the_places_of_those_that_come_again() -> None:
    heads, old = KnownHeads(), rests(range(MAX_HEADS))
    learn(heads, old)
    learn(heads, rests(range(MAX_HEADS, 5 * MAX_HEADS)))
    assert known_of(heads, old) == old


def test_a_newcomer_takes_the_place_of_the_oldest() -> None:
    heads, old, [new] = KnownHeads(), rests(range(MAX_HEADS)), rests([-1])
    learn(heads, [*old, new, new])
    assert known_of(heads, [*old, new]) == [*old[1:], new]


def test_of_newcomers_too_no_more_than_a_fixed_number_are_remembered() -> None:
    heads, [first, *more] = KnownHeads(), rests(range(-MAX_HEADS, 1))
    learn(heads, rests(range(MAX_HEADS)))
    learn(heads, [first, *more, first])
    assert known_of(heads, [first]) == []


@pytest.mark.parametrize(("more", "is_known"), [(0, True), (1, False)])
def test_no_head_is_kept_that_is_longer_than_the_bound(more: int, is_known: bool) -> None:
    value = b"y" * (MAX_HEAD_BYTES - len(b"X: \r\n\r\n") + more)
    heads, data = KnownHeads(), LINE + b"X: " + value + b"\r\n\r\n"
    heads.learn(data, GET_ONE, Head([(b"x", value)]), b"")
    assert (heads.find(data) is not None) == is_known


def test_heads_hold_credentials_and_are_not_kept_for_ever() -> None:
    moment = 0.0
    heads = KnownHeads(lambda: moment)
    old, new = (b"Host: %b\r\n\r\n" % name for name in (b"old", b"new"))

    for passed in (KEPT_SECONDS / 2, KEPT_SECONDS):
        moment += passed
        learn(heads, [old])
        assert heads.find(LINE + old) is not None
    moment += KEPT_SECONDS / 2
    learn(heads, [new])
    assert heads.find(LINE + old) is not None
    moment += KEPT_SECONDS
    learn(heads, [new])
    assert heads.find(LINE + old) is None
    assert heads.find(LINE + new) is not None


async def answered_alone(server: Served, raw: bytes, method: str) -> bytes:
    [answer] = await exchange(server, [raw], [method])
    return answer


async def test_arbitrary_requests_have_the_same_bytes_when_their_heads_are_known(
    app: FastAPI,
) -> None:
    """Each is a read of its own, and comes twice: the second time its head may be known."""

    async def compare(request: dict[str, Any], other: dict[str, Any]) -> None:
        again = request | {"method": other["method"], "path": other["path"]}
        async with served(app, direct=True) as one, served(app, direct=False) as two:
            seen = []
            for client in (Client(app, one), Client(app, two)):
                await client.begin()
                answers = [
                    await answered_alone(client.server, wire_form(client, each), each["method"])
                    for each in (request, request, again)
                ]
                seen.append([client.normal(answer) for answer in answers])
            assert seen[0] == seen[1], (request, other)
            await one.until_idle()

    async with BlockingPortal() as portal:

        @given(requests(), requests())
        @settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
        def run(request: dict[str, Any], other: dict[str, Any]) -> None:
            portal.call(compare, request, other)

        await run_sync(run)


class Connection:
    """One connection, on which each request waits for the answer to the last."""

    def __init__(self, server: Served) -> None:
        self.server = server

    async def open(self) -> None:
        self.reader, self.writer = await asyncio.open_connection(HOST, self.server.port)

    async def ask(self, raw: bytes) -> tuple[bytes, bytes]:
        self.writer.write(raw)
        async with asyncio.timeout(PATIENCE):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: ([0-9]+)", head)
            return head, await self.reader.readexactly(int(length[1]) if length else 0)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[Client]:
    async with served(app, direct=True) as server:
        client = Client(app, server)
        await client.begin()
        yield client


@pytest.fixture
async def connection(client: Client) -> AsyncIterator[Connection]:
    connection = Connection(client.server)
    await connection.open()
    yield connection
    connection.writer.close()
    await client.server.until_idle()


async def test_a_head_that_was_read_is_not_read_again(
    client: Client, connection: Connection
) -> None:
    raw = client.head("GET", "/api/tasks/existing")
    first = await connection.ask(raw)
    [protocol] = client.server.protocols
    parser = protocol.parser
    protocol.parser = None  # type: ignore[assignment]  # whoever asks it now fails
    again = await connection.ask(raw)
    assert first[1] == again[1]
    head, _ = await connection.ask(client.head("PATCH", "/api/tasks/existing/complete"))
    assert head.startswith(b"HTTP/1.1 200 ")
    protocol.parser = parser


async def test_a_body_behind_a_known_head_is_that_of_its_own_request(
    client: Client, connection: Connection
) -> None:
    for title in ("one", "two", "six"):
        raw = client.head("POST", "/api/tasks", b'{"title": "%b"}' % title.encode())
        head, body = await connection.ask(raw)
        assert head.startswith(b"HTTP/1.1 201 ")
        assert json.loads(body)["title"] == title
    raw = client.head("POST", "/api/tasks", b'{"title": "tw"}\n')
    head, body = await connection.ask(raw[:-1] + b"}")
    assert head.startswith(b"HTTP/1.1 422 ")


async def test_a_token_is_checked_each_time_though_its_head_is_known(
    client: Client, connection: Connection
) -> None:
    raw = client.head("GET", "/api/tasks/existing")
    for _ in range(2):
        head, _ = await connection.ask(raw)
        assert head.startswith(b"HTTP/1.1 200 ")
    client.app.state.better_auth.tokens.deny_user(client.user_id)
    head, _ = await connection.ask(raw)
    assert head.startswith(b"HTTP/1.1 401 ")


async def test_the_second_part_of_a_request_teaches_nothing(
    client: Client, connection: Connection
) -> None:
    """It looks like a request, but its head began in the read before, with somebody's token."""
    raw = client.raw("GET", "/api/tasks/existing", b"", "Host: x")
    begin = (
        client.head("GET", "/api/tasks/existing").removesuffix(b"\r\n\r\n").replace(b"Host", b"X")
    )
    connection.writer.write(begin + b"\r\nY: ")
    [protocol] = client.server.protocols
    async with asyncio.timeout(PATIENCE):
        while not protocol._received:  # noqa: ASYNC110
            await asyncio.sleep(0)
        head, _ = await connection.ask(raw)
        assert head.startswith(b"HTTP/1.1 200 ")
        head, _ = await connection.ask(raw)
    assert head.startswith(b"HTTP/1.1 401 ")


async def test_after_a_refusal_no_request_is_begun_however_well_it_is_known(
    client: Client,
    connection: Connection,
) -> None:
    raw = client.head("GET", "/api/tasks/existing")
    await answered_alone(client.server, raw, "GET")
    connection.writer.write(raw + b"nonsense\r\n\r\n")
    async with asyncio.timeout(PATIENCE):
        await asyncio.sleep(0)
        connection.writer.write(raw)
        answered = await connection.reader.read()
    assert answered.count(b"HTTP/1.1 200 ") == 1


async def test_a_server_that_ends_closes_the_connection_of_a_known_head_too(
    client: Client,
    connection: Connection,
) -> None:
    raw = client.head("GET", "/api/tasks/existing")
    await connection.ask(raw)
    client.server.protocols[-1].shutdown()
    head, _ = await connection.ask(raw)
    assert b"\r\nconnection: close\r\n" in head
    assert await connection.reader.read() == b""


async def test_one_that_cannot_be_counted_keeps_nobody_of_its_batch_waiting(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    edge = client.app.middleware_stack
    assert isinstance(edge, EdgeMiddleware)

    def fail(*_: object) -> None:
        raise ValueError

    told: list[Any] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: told.append(context["exception"]))
    raw = client.head("GET", "/api/tasks/existing")
    monkeypatch.setattr(edge.edge, "_observe", fail)
    answers = await asyncio.gather(*(answered_alone(client.server, raw, "GET") for _ in range(9)))
    loop.set_exception_handler(None)
    assert all(answer.startswith(b"HTTP/1.1 200 ") for answer in answers)
    assert len(told) == 9
    assert {type(error) for error in told} == {ValueError}


async def test_a_known_head_is_answered_directly_in_every_operation(client: Client) -> None:
    edge = client.app.middleware_stack
    assert isinstance(edge, EdgeMiddleware)
    for method, path in (("GET", "/api/tasks/existing"), ("GET", "/api/tasks?status=all")):
        for _ in range(2):
            await client.ask(method, path)
            assert isinstance(client.server.protocols[-1].cycle, DirectRequest)
