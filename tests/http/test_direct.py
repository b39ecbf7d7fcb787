"""Requests that the protocol answers itself: the same bytes as by ASGI, and the same bounds."""

import asyncio
import json
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import redirect_stdout, suppress
from io import StringIO
from itertools import pairwise
from typing import Any

import httpx
import pytest
from anyio.from_thread import BlockingPortal
from anyio.to_thread import run_sync
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.lifespan.on import LifespanOn

from taskward.app import create_app
from taskward.http import security_headers
from taskward.http.backpressure import LARGE
from taskward.http.direct import DIRECT, MAX_BODY_BYTES, DirectRequest
from taskward.http.known_heads import MAX_QUERY_BYTES
from taskward.http.middleware import EdgeMiddleware
from tests.conftest import TRUSTED_ORIGIN, settings_for
from tests.fuzz.sizes import size
from tests.fuzz.wire import HOST, PATIENCE
from tests.http.test_fast_path import OPTIONAL_HEADERS, requests
from tests.support.factories import running_on
from tests.support.wires import Served, exchange, served

EXAMPLES = size(60, 2_000)
TASK = b'{"title": "good", "description": "words"}'
KNOWN = [
    ("POST", "/api/tasks", TASK),
    ("POST", "/api/tasks/", TASK),
    ("GET", "/api/tasks", b""),
    ("GET", "/api/tasks?status=pending", b""),
    ("HEAD", "/api/tasks", b""),
    ("GET", "/api/tasks/existing", b""),
    ("GET", "/api/tasks/existing/", b""),
    ("HEAD", "/api/tasks/existing", b""),
    ("PUT", "/api/tasks/existing", TASK),
    ("PATCH", "/api/tasks/existing/complete", b""),
    ("DELETE", "/api/tasks/existing", b""),
]
WAITING = "SELECT 1 FROM pg_locks WHERE relation = 'tasks'::regclass AND NOT granted"
LINES = [
    *('If-None-Match: "none"', "If-None-Match: *", "Accept-Encoding: gzip, br", "If-Match: *"),
    *(f"Origin: {TRUSTED_ORIGIN}", "Origin: https://evil.example", "Idempotency-Key: a-key"),
    *("Connection: close", "Connection: keep-alive", "X-Request-ID: of-mine", "X-Request-ID: (!)"),
]


class Client:
    """Somebody with one task, on one way; ids and moments in answers are made comparable."""

    def __init__(self, app: FastAPI, server: Served) -> None:
        self.app, self.server = app, server
        self.user_id = f"u{secrets.token_hex(8)}"
        self.token = app.state.better_auth.tokens.issue(self.user_id)
        self.existing = 0

    async def begin(self) -> None:
        query = "INSERT INTO tasks (user_id, title) VALUES ($1, 'first') RETURNING id"
        row = await self.app.state.database.fetchrow(query, self.user_id)
        self.existing = row["id"]

    def head(self, method: str, path: str, body: bytes = b"", *lines: str) -> bytes:
        credentials = f"Authorization: Bearer {self.token}"
        length = ["Content-Type: application/json", f"Content-Length: {len(body)}"] if body else []
        return self.raw(method, path, body, "Host: x", credentials, *length, *lines)

    def raw(self, method: str, path: str, body: bytes, *lines: str) -> bytes:
        target = path.replace("existing", str(self.existing))
        head = "\r\n".join([f"{method} {target} HTTP/1.1", *lines, "", ""])
        return head.encode() + body

    async def ask(self, method: str, path: str, body: bytes = b"", *lines: str) -> bytes:
        [answer] = await exchange(self.server, [self.head(method, path, body, *lines)], [method])
        return answer

    def normal(self, answer: bytes) -> bytes:
        text = answer.decode("latin-1").replace(self.user_id, "<user>")
        text = re.sub(r'"id":[0-9]+', '"id":0', text)
        text = re.sub(r'(?<=")20\d\d-\d\d-\d\dT[0-9:.]+Z', "<moment>", text)
        text = re.sub(r'(?<=")[0-9a-f]{32}(?=")', "<digest>", text)
        text = re.sub(r"(?m)^location: /api/tasks/[0-9]+", "location: <new>", text)
        return re.sub(r"(?m)^(x-request-id|content-length): .*$", r"\1: ?", text).encode()


@pytest.fixture
async def ways(app: FastAPI) -> AsyncIterator[list[Client]]:
    async with served(app, direct=True) as one, served(app, direct=False) as other:
        clients = [Client(app, one), Client(app, other)]
        for client in clients:
            await client.begin()
        yield clients


async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError(scope["path"])


@pytest.mark.parametrize(("method", "path", "body"), KNOWN)
async def test_what_is_known_is_answered_without_the_application(
    app: FastAPI, method: str, path: str, body: bytes
) -> None:
    async with served(app, direct=True, instead=nothing) as server:
        client = Client(app, server)
        await client.begin()
        answer = await client.ask(method, path, body)
    assert re.match(rb"HTTP/1\.1 20[014] ", answer)
    assert isinstance(server.protocols[-1].cycle, DirectRequest)


@pytest.mark.parametrize("line", LINES)
async def test_usual_headers_change_nothing_of_that(ways: list[Client], line: str) -> None:
    for method, path, body in KNOWN:
        answers = [client.normal(await client.ask(method, path, body, line)) for client in ways]
        assert answers[0] == answers[1]
        if not line.startswith("Connection"):
            assert isinstance(ways[0].server.protocols[-1].cycle, DirectRequest)


def wire_form(client: Client, request: dict[str, Any]) -> bytes:
    """A request of the property test as bytes."""
    path = request["path"].replace(" ", "%20")
    target = path + (f"?{request['query']}" if request["query"] else "")
    lines = [f"authorization: {request['authorization'].format(client.token)}"]
    lines += lines if request["twice"] else []
    for name in OPTIONAL_HEADERS:
        if request[name] is not None:
            lines.append(f"{name.replace('_', '-')}: {request[name]}")
    length = f"content-length: {len(request['body'])}"
    return client.raw(request["method"], target, request["body"], "host: x", *lines, length)


async def test_arbitrary_requests_have_the_same_bytes_both_ways_whole_and_in_pieces(
    app: FastAPI,
) -> None:
    """Each connection has a few requests, sent in pieces that begin and end anywhere."""

    async def compare(sequence: list[dict[str, Any]], cuts: list[float]) -> None:
        async with served(app, direct=True) as one, served(app, direct=False) as other:
            seen = []
            for client in (Client(app, one), Client(app, other)):
                await client.begin()
                raw = b"".join(wire_form(client, request) for request in sequence)
                places = sorted({0, len(raw), *(int(cut * len(raw)) for cut in cuts)})
                pieces = [raw[a:b] for a, b in pairwise(places)]
                methods = [request["method"] for request in sequence]
                answers = await exchange(client.server, pieces, methods)
                seen.append([client.normal(answer) for answer in answers])
            assert seen[0] == seen[1], sequence
            await one.until_idle()

    async with BlockingPortal() as portal:
        cuts = st.lists(st.floats(0, 1), max_size=3)

        @given(st.lists(requests(), min_size=1, max_size=4), cuts)
        @settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
        def run(sequence: list[dict[str, Any]], cuts: list[float]) -> None:
            portal.call(compare, sequence, cuts)

        await run_sync(run)


async def test_pipelined_requests_are_answered_in_their_order(ways: list[Client]) -> None:
    for client in ways:
        asked = [client.head("POST", "/api/tasks", b'{"title": "%d"}' % n) for n in range(5)]
        asked += [client.head("GET", "/api/tasks")] * 2
        answers = await exchange(client.server, [b"".join(asked)], ["POST"] * 5 + ["GET"] * 2)
        made = [json.loads(answer.partition(b"\r\n\r\n")[2]) for answer in answers]
        assert [task["title"] for task in made[:5]] == ["0", "1", "2", "3", "4"]
        assert [task["title"] for task in made[5]] == ["4", "3", "2", "1", "0", "first"]
        assert made[6] == made[5]


@pytest.mark.parametrize(("method", "path", "body"), [KNOWN[0], KNOWN[5], KNOWN[9]])
async def test_a_connection_that_dies_at_any_byte_leaves_nothing_behind(
    app: FastAPI, method: str, path: str, body: bytes
) -> None:
    async with served(app, direct=True) as server:
        client = Client(app, server)
        await client.begin()
        raw = client.head(method, path, body)
        for end in range(len(raw) + 1):
            _, writer = await asyncio.open_connection(HOST, server.port)
            writer.write(raw[:end])
            for _ in range(end % 3):
                await asyncio.sleep(0)
            writer.transport.abort()
        await server.until_idle()
        answer = await client.ask("GET", "/api/tasks")
    titles = [task["title"] for task in json.loads(answer.partition(b"\r\n\r\n")[2])]
    assert titles in (["first"], ["good", "first"])


async def test_a_new_header_is_added_in_one_place_for_both_ways(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = (*security_headers._ALWAYS, (b"x-of-tomorrow", b"everywhere"))
    monkeypatch.setattr(security_headers, "_ALWAYS", more)
    async with running_on(database_url) as app:
        for direct in (True, False):
            async with served(app, direct=direct) as server:
                answer = await Client(app, server).ask("GET", "/api/tasks")
                assert isinstance(server.protocols[-1].cycle, DirectRequest) == direct
            assert answer.count(b"\r\nx-of-tomorrow: everywhere\r\n") == 1


async def test_both_ways_leave_the_same_line_in_the_log_and_the_same_count(
    database_url: str,
) -> None:
    async with running_on(database_url, metrics_path="/metrics") as app:
        lines = []
        for direct in (True, False):
            async with served(app, direct=direct) as server:
                client = Client(app, server)
                await client.begin()
                with redirect_stdout(StringIO()) as written:
                    await client.ask("GET", "/api/tasks/existing", b"", "X-Request-ID: the-same")
                    await client.ask("GET", "/api/tasks/0", b"", "X-Request-ID: the-same")
            read = [json.loads(line) for line in written.getvalue().splitlines()]
            assert {line["user"] for line in read} == {read[0]["user"]}
            varying = {"user": "", "milliseconds": 0, "timestamp": ""}
            lines.append(
                [(line | varying)["event"].replace(str(client.existing), "1") for line in read]
            )
            assert all(line.keys() == read[0].keys() for line in read)
            assert [line["status"] for line in read] == [200, 404]
            assert {line["request_id"] for line in read} == {"the-same"}
        assert lines[0] == lines[1]
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as scraper:
            text = (await scraper.get("/metrics")).text
    for status in (200, 404):
        series = f'requests_total{{method="GET",route="/api/tasks/{{id}}",status="{status}"}} 2.0'
        assert series in text


async def test_a_database_that_is_away_is_the_same_503_both_ways(database_url: str) -> None:
    app = create_app(settings_for(database_url))  # its pool is not open
    for method, path, body in KNOWN:
        seen = []
        for direct in (True, False):
            async with served(app, direct=direct) as server:
                client = Client(app, server)
                seen.append(client.normal(await client.ask(method, path, body)))
        assert seen[0] == seen[1]
        assert seen[0].startswith(b"HTTP/1.1 503 ")
        assert b"\r\nretry-after: 2\r\n" in seen[0]


async def test_what_is_cut_off_at_the_end_is_told_so_both_ways(database_url: str) -> None:
    """As uvicorn ends: it cancels what is under way when the time for it is over."""
    async with running_on(database_url) as app:
        seen = []
        for direct in (True, False):
            async with served(app, direct=direct) as server, app.state.database.acquire() as holder:
                client = Client(app, server)
                await client.begin()
                async with holder.transaction():
                    await holder.execute("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE")
                    asked = asyncio.create_task(client.ask("GET", "/api/tasks/existing"))
                    async with asyncio.timeout(PATIENCE):
                        while not await holder.fetch(WAITING):
                            pass
                        for task in [*server.state.tasks]:
                            task.cancel("the end")
                        seen.append(client.normal(await asked))
        assert seen[0] == seen[1]
        assert b"restarted" in seen[0]


async def test_who_is_cut_off_is_answered_once_though_the_statement_ends_later(
    database_url: str,
) -> None:
    """And for whom something may have been created is told once, whether it was or not."""
    async with running_on(database_url) as app, served(app, direct=True) as server:
        client, database, told = Client(app, server), app.state.database, list[str]()
        database.on_created = told.append
        await client.begin()
        with redirect_stdout(StringIO()) as written:
            async with database.acquire() as holder, holder.transaction():
                await holder.execute("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE")
                asked = [asyncio.create_task(client.ask(*KNOWN[n])) for n in (0, 0, 5)]
                async with asyncio.timeout(PATIENCE):
                    while len(await holder.fetch(WAITING)) < 2 or len(server.state.tasks) < 3:
                        pass
                    requests = [*server.state.tasks]
                    assert [request.cancel("the end") for request in requests] == [True] * 3
                    assert [request.cancel("again") for request in requests] == [False] * 3
                    answers = await asyncio.gather(*asked)
            count = "SELECT count(*) FROM tasks WHERE user_id = $1"
            async with asyncio.timeout(PATIENCE):
                while (await database.fetchrow(count, client.user_id))[0] < 3:
                    pass
                assert b" 200 " in await client.ask(*KNOWN[5])
            await server.until_idle()
        assert [answer[9:12] for answer in answers] == [b"503"] * 3
        assert told == [client.user_id] * 2
        lines = [json.loads(line) for line in written.getvalue().splitlines()]
        assert [line["status"] for line in lines if "milliseconds" in line] == [503, 503, 503, 200]


@pytest.mark.parametrize(("more", "directly"), [(0, True), (1, False)])
async def test_what_is_longer_than_usual_takes_the_ordinary_way(
    ways: list[Client], more: int, directly: bool
) -> None:
    body = TASK + b" " * (MAX_BODY_BYTES - len(TASK) + more)
    query = "?status=all&more=".ljust(1 + MAX_QUERY_BYTES + more, "x")
    for method, path, sent in (("GET", f"/api/tasks{query}", b""), ("POST", "/api/tasks", body)):
        answers = [client.normal(await client.ask(method, path, sent)) for client in ways]
        assert answers[0] == answers[1]
        assert isinstance(ways[0].server.protocols[-1].cycle, DirectRequest) == directly


async def test_a_list_that_is_large_is_answered_by_the_application(ways: list[Client]) -> None:
    insert = "INSERT INTO tasks (user_id, title, description) SELECT $1, 't', repeat('x', 9999)"
    answers = []
    for client in ways:
        await client.app.state.database.fetch(
            f"{insert} FROM generate_series(1, 20)", client.user_id
        )
        answers.append(await client.ask("GET", "/api/tasks"))
        assert not isinstance(client.server.protocols[-1].cycle, DirectRequest)
    assert len(answers[0]) > 200_000
    assert ways[0].normal(answers[0]) == ways[1].normal(answers[1])


async def test_of_a_foreign_task_the_direct_way_says_what_it_says_of_a_missing_one(
    ways: list[Client],
) -> None:
    alice, bob = ways[0], ways[1]
    for method, path, body in KNOWN[5:]:
        foreign = path.replace("existing", str(bob.existing))
        missing = path.replace("existing", "9" * len(str(bob.existing)))
        line = "X-Request-ID: the-same"
        one, other = [await alice.ask(method, p, body, line) for p in (foreign, missing)]
        assert one == other
        assert one.startswith(b"HTTP/1.1 404 ")


async def test_who_does_not_read_gets_no_more_answers_than_buffers_hold(app: FastAPI) -> None:
    async with served(app, direct=True) as server:
        client = Client(app, server)
        await client.begin()
        reader, writer = await asyncio.open_connection(HOST, server.port, limit=1024)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        request = client.head("GET", "/api/tasks/existing")
        with suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(3):
                while True:
                    writer.write(request)
                    await writer.drain()
        [protocol] = server.protocols
        assert protocol.transport.get_write_buffer_size() < 2 * LARGE
        writer.transport.abort()
        del reader
        await server.until_idle()


@pytest.mark.parametrize("wrapped", [False, True])
async def test_nobody_goes_past_what_stands_around_the_application(
    database_url: str, wrapped: bool
) -> None:
    app = create_app(settings_for(database_url))

    async def around(scope: Scope, receive: Receive, send: Send) -> None:
        await app(scope, receive, send)

    config = Config(around if wrapped else app, log_config=None)
    config.load()
    lifespan = LifespanOn(config)
    await lifespan.startup()
    known = lifespan.state.get(DIRECT)
    await lifespan.shutdown()
    edge = app.middleware_stack
    assert isinstance(edge, EdgeMiddleware)
    assert known is (None if wrapped else edge.direct)
    assert edge.direct is not None


async def test_behind_a_proxy_that_is_not_counted_the_direct_way_warns_once_too(
    database_url: str,
) -> None:
    async with running_on(database_url) as app, served(app, direct=True) as server:
        middleware, client = app.middleware_stack, Client(app, server)
        assert isinstance(middleware, EdgeMiddleware)
        for line, warns in (("X: y", True), ("X-Forwarded-For: 192.0.2.1", False)):
            await client.ask("GET", "/api/tasks", b"", line)
            assert isinstance(server.protocols[-1].cycle, DirectRequest)
            assert middleware.edge.warns_of_proxies == warns
