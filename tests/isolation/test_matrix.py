"""A thing of somebody else and a thing that is not there are one and the same to whoever asks."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI

from taskward.mcp.tools import TOOLS
from tests.isolation.matrix import World, world
from tests.isolation.rows import ELSEWHERE, NAME, NAMES_NOTHING, ROWS, Row
from tests.support.wires import exchange, served

HEADERS = [{"If-Match": "*"}, {"If-None-Match": "*"}, {"If-Match": '"0"'}, {"Idempotency-Key": "k"}]
TASK_ROWS = [row for row in ROWS if row.kind == "task"]


@pytest.fixture(scope="module")
async def small_world(database_url: str) -> AsyncIterator[World]:
    async with world(database_url, size=4) as made:
        yield made


def test_the_matrix_has_every_operation(app: FastAPI) -> None:
    paths = app.openapi()["paths"].values()
    documented = [operation["operationId"] for path in paths for operation in path.values()]
    documented += [f"tool {name}" for name in TOOLS]
    named = {row.operation for row in ROWS}
    assert sorted([*named, *NAMES_NOTHING, *ELSEWHERE]) == sorted(documented)


@pytest.mark.parametrize("row", ROWS, ids=str)
async def test_foreign_is_missing_in_status_body_headers_and_work(
    small_world: World, row: Row
) -> None:
    """The work is what the database is asked for the answer; `make isolation` takes the time."""
    before = await small_world.state_of_bob()
    pairs = zip(small_world.foreign[row.kind], small_world.missing[row.kind], strict=True)
    for foreign, missing in list(pairs)[: 1 if row.hashes else None]:
        answers = [await small_world.ask(row, name) for name in (foreign, missing)]
        assert answers[0].seen == answers[1].seen
        assert answers[0].statements == answers[1].statements
        assert answers[0].status < 500
    assert await small_world.state_of_bob() == before


@pytest.mark.parametrize("path", ["send-verification-email", "request-password-reset"])
async def test_what_a_stranger_gets_for_an_address_is_said_before_anybody_looks_for_it(
    small_world: World, path: str
) -> None:
    """Else its time would tell: a row that is found has to be read."""
    [row] = [row for row in ROWS if row.path.endswith(path) and not row.signed_in]
    for known in (small_world.foreign["e-mail"][0], small_world.missing["e-mail"][0]):
        asked = len(small_world.asked)
        answer = await small_world.ask(row, known)
        assert (answer.status, answer.statements) == (200, [])
        async with asyncio.timeout(60):
            while len(small_world.asked) == asked:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("headers", HEADERS, ids=str)
@pytest.mark.parametrize("row", TASK_ROWS, ids=str)
async def test_no_header_tells_a_foreign_task_from_a_missing_one(
    small_world: World, row: Row, headers: dict[str, str]
) -> None:
    before = await small_world.state_of_bob()
    names = small_world.foreign["task"][0], small_world.missing["task"][0]
    one, other = [await small_world.ask(row, name, headers) for name in names]
    assert (one.seen, one.statements) == (other.seen, other.statements)
    assert await small_world.state_of_bob() == before


@pytest.mark.parametrize("row", [row for row in TASK_ROWS if not row.repeats], ids=str)
async def test_foreign_is_missing_byte_by_byte_where_the_protocol_answers(
    small_world: World, row: Row
) -> None:
    before = await small_world.state_of_bob()
    token = small_world.access_token(small_world.alice)
    body = b"" if row.body is None else json.dumps(row.body).encode()
    lines = ["Host: x", f"Authorization: Bearer {token}", "X-Request-ID: the-same"]
    lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"] if body else []
    pairs = zip(small_world.foreign["task"], small_world.missing["task"], strict=True)
    async with served(small_world.app, direct=True) as server:
        for names in pairs:
            paths = [row.path.replace(NAME, name) for name in names]
            heads = [
                "\r\n".join((f"{row.method} {path} HTTP/1.1", *lines, "", "")) for path in paths
            ]
            one, other = [
                await exchange(server, [head.encode() + body], [row.method]) for head in heads
            ]
            assert one == other
            assert one[0].startswith(b"HTTP/1.1 404 ")
    assert await small_world.state_of_bob() == before


@pytest.mark.parametrize("row", TASK_ROWS, ids=str)
async def test_the_tag_of_a_foreign_task_opens_nothing(small_world: World, row: Row) -> None:
    foreign, missing = (things["task"][0] for things in (small_world.foreign, small_world.missing))
    bearer = {"Authorization": f"Bearer {small_world.access_token(small_world.bob)}"}
    own = await small_world.send("GET", f"/api/tasks/{foreign}", headers=bearer)
    tag = dict(own.headers).get(b"etag", b'"none"').decode()
    for name in ("If-Match", "If-None-Match"):
        answers = [await small_world.ask(row, thing, {name: tag}) for thing in (foreign, missing)]
        assert answers[0].seen == answers[1].seen


@pytest.mark.parametrize("operation", NAMES_NOTHING)
async def test_who_names_somebody_else_where_nobody_is_named_is_not_heard(
    small_world: World, operation: str
) -> None:
    method, path = NAMES_NOTHING[operation]
    bob, before = small_world.bob, await small_world.state_of_bob()
    names = {"userId": bob, "user_id": bob, "id": bob, "sub": bob, "title": "t", "name": "Alice"}
    query = f"{path}?userId={bob}&user_id={bob}&id={bob}"
    body = b"" if method == "GET" else json.dumps(names).encode()
    alice = await small_world.with_another_alice()
    answer = await alice.send(method, query, body, alice.credentials(path))
    told = answer.body.decode() + str(answer.headers)
    assert bob not in told
    assert small_world.bob_email not in told
    assert await small_world.state_of_bob() == before
