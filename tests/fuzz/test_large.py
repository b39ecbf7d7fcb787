"""No request that is taken holds up the others, or is answered with much more than it takes.

For every operation of `/openapi.json` and every place that a client fills: at most 50 ms of the
event loop at a time, in CPU time inside the server's process, and 64 KiB of answer.
`FUZZ_SEED=<seed>` repeats the choice of `make test`; `make fuzz` sends all and prints a table.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from random import Random
from secrets import token_hex
from typing import Any

import asyncpg
import pytest

from authward.security.cookies import CookieSigner, encode_uri_component
from authward.storage.statements import Executor
from taskward.database.url import DatabaseURL
from tests.conftest import CreateDatabase, new_email
from tests.fuzz.large import COOKIE, KIB, Headers, Large, Operation, large_requests, operations
from tests.fuzz.sizes import LONG, seed, size
from tests.fuzz.target import TURNS, MeasuredPluginServer, MeasuredServer
from tests.fuzz.wire import PATIENCE, Answer, ask, send_raw
from tests.support.every_plugin import every_plugin
from tests.support.every_plugin import operations as of_every
from tests.support.factories import HASH_OF_PASSWORD, INSERT_SIGNED_UP_USER
from tests.support.forged_tokens import HEADER, Forger
from tests.support.servers import SECRET

REQUESTS = size(8, 1_000_000)
"""On each operation."""
OF_PLUGINS = size(3, 60)
"""On each operation of the plugins."""
TASK = "INSERT INTO tasks (user_id, title, created_at, updated_at) VALUES ($1, 't', now(), now())"
MAX_TURN = 0.050
MAX_ANSWER = 64 * KIB


@dataclass
class SignedInUser:
    """Signed in, with a task."""

    user_id: str = field(default_factory=lambda: token_hex(16))
    token: str = field(default_factory=lambda: token_hex(16))

    def headers(self, operation: Operation, port: int) -> dict[str, bytes]:
        cookie = f"{COOKIE}={encode_uri_component(CookieSigner(SECRET).sign(self.token))}"
        jwt = Forger(SECRET).sign(HEADER, f'{{"sub":"{self.user_id}","exp":99999999999}}')
        tasks = {"authorization": b"Bearer " + jwt.encode()}
        session = {"cookie": cookie.encode(), "origin": f"http://127.0.0.1:{port}".encode()}
        return tasks if operation.path.startswith("/api/tasks") else session


@dataclass
class Worst:
    """What was worst about the answers of one operation: seconds, bytes, and at which request."""

    turn: tuple[float, str] = (0.0, "")
    answer: tuple[int, str] = (0, "")
    requests: int = 0
    failures: list[str] = field(default_factory=list)

    def note(self, name: str, turn: float, answer: Answer) -> None:
        length = len(answer.body) + sum(len(n) + len(v) + 4 for n, v in answer.headers.items())
        self.turn, self.answer = max(self.turn, (turn, name)), max(self.answer, (length, name))
        self.requests += 1
        if answer.status >= 500:
            self.failures.append(f"{answer.status} to {name}")

    def row(self, operation: Operation) -> str:
        """A row of the table in `docs/reliability.md`."""
        (turn, slow), (length, long) = self.turn, self.answer
        of = f"`{operation.method} {operation.path}`"
        return f"| {of} | {self.requests} | {turn * 1000:.1f} ({slow}) | {length} ({long}) |"


@pytest.fixture
async def database(create_migrated_database: CreateDatabase) -> str:
    return await create_migrated_database()


@pytest.fixture
async def server(database: str) -> AsyncIterator[MeasuredServer]:
    with MeasuredServer(database, {"GITHUB_CLIENT_ID": "a", "GITHUB_CLIENT_SECRET": "b"}) as server:
        yield server


@pytest.fixture
async def connection(database: str, server: MeasuredServer) -> AsyncIterator[Executor]:
    connection = await asyncpg.connect(**DatabaseURL.parse(database).connect_arguments())
    yield connection
    await connection.close()


async def new_signed_in_user(connection: Executor) -> SignedInUser:
    user = SignedInUser()
    values = (user.user_id, "Ada", new_email(), HASH_OF_PASSWORD, user.token)
    await connection.fetch(INSERT_SIGNED_UP_USER, *values)
    if await connection.fetch("SELECT 1 WHERE to_regclass('tasks') IS NOT NULL"):
        await connection.fetch(TASK, user.user_id)
    return user


def written(large: Large, headers: dict[str, bytes]) -> bytes:
    sent: Headers = [(n, v) for n, v in headers.items() if n not in dict(large.headers)]
    sent += [("host", b"x"), *large.headers]
    if large.body is not None:
        sent.append(("content-length", str(len(large.body)).encode()))
    target = large.path + (f"?{large.query}" if large.query else "")
    lines = [f"{large.method} {target} HTTP/1.1".encode("latin-1")]
    lines += [name.encode() + b": " + value for name, value in sent]
    return b"\r\n".join([*lines, b"", large.body or b""])


async def longest_turn(server: MeasuredServer) -> float:
    turn: float = (await ask(server.port, f"GET {TURNS} HTTP/1.0\r\n\r\n".encode())).json
    return turn


async def attack(
    server: MeasuredServer,
    connection: Executor,
    operation: Operation,
    requests: list[Large],
) -> Worst:
    worst, user = Worst(), await new_signed_in_user(connection)
    for large in requests:
        raw = written(large, user.headers(operation, server.port))
        await longest_turn(server)
        [answer] = await asyncio.wait_for(send_raw(server.port, raw), PATIENCE)
        worst.note(large.name, await longest_turn(server), answer)
        if answer.status < 300 and operation.method != "GET":
            user = await new_signed_in_user(connection)
    return worst


def chosen(rng: Random, operation: Operation, most: int) -> list[Large]:
    every = list(large_requests(operation))
    return every if len(every) <= most else rng.sample(every, most)


@pytest.mark.long
async def test_no_large_request_holds_up_the_others_or_is_answered_at_length(
    server: MeasuredServer, connection: Executor
) -> None:
    document = (await ask(server.port, b"GET /openapi.json HTTP/1.0\r\n\r\n")).json
    await hold_up(server, connection, list(operations(document)), REQUESTS)


@pytest.mark.slow
async def test_no_large_request_to_a_plugin_holds_up_the_others_or_is_answered_at_length(
    create_database: CreateDatabase,
) -> None:
    url = await create_database()
    with MeasuredPluginServer(url) as server:
        document = (await ask(server.port, b"GET /openapi.json HTTP/1.0\r\n\r\n")).json
        async with asyncpg.create_pool(**DatabaseURL.parse(url).connect_arguments()) as pool:
            await hold_up(server, pool, of_plugins(document), OF_PLUGINS)


def of_plugins(document: dict[str, Any]) -> list[Operation]:
    """The operations of all plugins; none is missing in the document."""
    wanted = {(each.method, f"/api/auth{each.endpoint.path}") for each in of_every(every_plugin())}
    found = [each for each in operations(document) if (each.method, each.path) in wanted]
    assert {(each.method, each.path) for each in found} == wanted
    return found


async def hold_up(
    server: MeasuredServer, connection: Executor, attacked: list[Operation], most: int
) -> None:
    rng = Random(start := seed())
    print(f"\nlarge: seed {start}", flush=True)
    found = {}
    for operation in attacked:
        worst = await attack(server, connection, operation, chosen(rng, operation, most))
        found[operation.method, operation.path] = worst
        if LONG:
            print(worst.row(operation), flush=True)
    assert max(worst.turn for worst in found.values())[0] < MAX_TURN, slowest(found)
    assert max(worst.answer for worst in found.values())[0] <= MAX_ANSWER, slowest(found)
    assert [worst.failures for worst in found.values() if worst.failures] == []
    assert "internal error" not in server.log()


def slowest(found: dict[tuple[str, str], Worst]) -> str:
    return "\n".join(
        f"{method} {path}: {worst.turn}, {worst.answer}"
        for (method, path), worst in found.items()
        if worst.turn[0] >= MAX_TURN / 2 or worst.answer[0] > MAX_ANSWER / 2
    )
