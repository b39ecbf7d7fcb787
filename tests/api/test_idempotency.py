"""`Idempotency-Key`: the same request twice is one task, and the same answer."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from taskward.database.url import DatabaseURL
from taskward.tasks.idempotency import fingerprint_of, prune
from taskward.tasks.schemas import TaskCreate
from tests.conftest import PASSWORD, User, new_email
from tests.support.databases import count_queries

BODY: dict[str, Any] = {"title": "once", "description": "and no more"}
CLAIM = "INSERT INTO idempotency_keys (user_id, key, fingerprint, task) VALUES ($1, $2, '', '')"
MOVE = "UPDATE idempotency_keys SET key = 'moved' WHERE user_id = $1 AND key = 'k'"
WAITING = """
    SELECT count(*) FROM pg_locks
    WHERE NOT granted AND transactionid = pg_current_xact_id_if_assigned()::xid
"""
FORGET = "UPDATE idempotency_keys SET created_at = now() - interval '25 hours' WHERE key = $1"


async def post(
    client: httpx.AsyncClient, person: User, key: str, body: Any = None
) -> httpx.Response:
    headers = {**person.headers, "Idempotency-Key": key}
    return await client.post("/api/tasks", json=body or BODY, headers=headers)


async def tasks_of(client: httpx.AsyncClient, person: User) -> list[dict[str, Any]]:
    answer = await client.get("/api/tasks", headers=person.headers)
    return list(answer.json())


def same(first: httpx.Response, second: httpx.Response) -> bool:
    headers = [
        {k: v for k, v in answer.headers.items() if k != "x-request-id"}
        for answer in (first, second)
    ]
    return (first.status_code, first.content, headers[0]) == (
        second.status_code,
        second.content,
        headers[1],
    )


async def test_the_same_request_again_is_answered_with_the_same_task(
    client: httpx.AsyncClient, alice: User
) -> None:
    first = await post(client, alice, "a-key")
    again = await post(client, alice, "a-key", {"description": "and no more", "title": " once "})
    assert first.status_code == 201
    assert same(first, again)
    assert await tasks_of(client, alice) == [first.json()]


async def test_the_answer_stays_the_same_when_the_task_has_changed_or_is_gone(
    client: httpx.AsyncClient, alice: User
) -> None:
    first = await post(client, alice, "k")
    path = first.headers["location"]
    await client.patch(f"{path}/complete", headers=alice.headers)
    assert same(first, await post(client, alice, "k"))
    await client.delete(path, headers=alice.headers)
    assert same(first, await post(client, alice, "k"))
    assert await tasks_of(client, alice) == []


async def test_the_key_with_another_body_is_422_and_creates_nothing(
    client: httpx.AsyncClient, alice: User
) -> None:
    first = await post(client, alice, "k")
    for body in ({"title": "twice"}, {"title": "once"}, {"title": "once", "description": ""}):
        answer = await post(client, alice, "k", body)
        assert answer.status_code == 422
        assert answer.json()["detail"] == "Idempotency-Key: was used with another body before"
        assert answer.json()["errors"][0]["loc"] == ["header", "Idempotency-Key"]
    assert await tasks_of(client, alice) == [first.json()]


def test_what_a_task_may_say_more_one_day_counts_as_another_body() -> None:
    class LaterTask(TaskCreate):
        due_at: datetime | None = None

    task = {"title": "t", "description": "d"}
    days = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2)]
    seen = {fingerprint_of(LaterTask(**task, due_at=day)) for day in (None, *days)}
    assert len(seen) == 3
    assert fingerprint_of(LaterTask(**task)) == fingerprint_of(TaskCreate(**task)) in seen


@pytest.mark.parametrize("field", sorted(TaskCreate.model_fields))
def test_each_member_of_a_new_task_is_in_its_fingerprint(field: str) -> None:
    one, other = ({**BODY, field: value} for value in ("this", "that"))
    assert fingerprint_of(TaskCreate(**one)) != fingerprint_of(TaskCreate(**other))


async def test_a_key_belongs_to_one_user(client: httpx.AsyncClient, alice: User, bob: User) -> None:
    first, second = await post(client, alice, "k"), await post(client, bob, "k")
    assert first.json()["id"] != second.json()["id"]
    assert second.json()["user_id"] == bob.id
    assert await tasks_of(client, alice) == [first.json()]


async def test_another_key_and_no_key_create_another_task(
    client: httpx.AsyncClient, alice: User
) -> None:
    await post(client, alice, "k")
    await post(client, alice, "K")
    for _ in range(2):
        await client.post("/api/tasks", json=BODY, headers=alice.headers)
    assert len(await tasks_of(client, alice)) == 4


async def test_of_many_at_once_one_creates_and_the_others_learn_of_it_or_are_told_to_wait(
    client: httpx.AsyncClient, alice: User
) -> None:
    answers = await asyncio.gather(*(post(client, alice, "k") for _ in range(30)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    created = [answer for answer in answers if answer.status_code == 201]
    assert all(same(created[0], answer) for answer in created)
    assert await tasks_of(client, alice) == [created[0].json()]


@pytest.fixture
async def elsewhere(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection of another node, whose advisory locks nobody would see."""
    connection = await asyncpg.connect(**DatabaseURL.parse(database_url).connect_arguments())
    yield connection
    await connection.close()


async def test_while_a_request_elsewhere_is_under_way_the_same_is_409_and_then_creates(
    client: httpx.AsyncClient, alice: User, elsewhere: asyncpg.Connection
) -> None:
    transaction = elsewhere.transaction()
    await transaction.start()
    await elsewhere.execute(CLAIM, alice.id, "k")
    second = await post(client, alice, "k")
    assert second.status_code == 409
    assert int(second.headers["retry-after"]) > 0
    assert second.json() == {"detail": "A request with this Idempotency-Key is under way"}
    await transaction.rollback()
    first = await post(client, alice, "k")
    assert same(first, await post(client, alice, "k"))
    assert await tasks_of(client, alice) == [first.json()]


async def test_who_comes_a_moment_too_early_waits_and_gets_the_same_answer(
    client: httpx.AsyncClient, alice: User, elsewhere: asyncpg.Connection
) -> None:
    """The other node's transaction ends while the request waits for its row."""
    first = await post(client, alice, "k")
    transaction = elsewhere.transaction()
    await transaction.start()
    await elsewhere.execute(MOVE, alice.id)
    second = asyncio.create_task(post(client, alice, "moved"))
    while not await elsewhere.fetchval(WAITING):
        assert not second.done()
    await transaction.commit()
    assert same(first, await second)
    assert await tasks_of(client, alice) == [first.json()]


async def test_what_failed_leaves_the_key_free(client: httpx.AsyncClient, alice: User) -> None:
    refused = await post(client, alice, "k", {"title": " "})
    assert refused.status_code == 422
    assert (await post(client, alice, "k")).status_code == 201


@pytest.mark.parametrize("key", ["", "k" * 256, "a b", "caf\u00e9".encode(), b"\x00", "\t"])
async def test_an_unfit_key_is_422_and_creates_nothing(
    client: httpx.AsyncClient, alice: User, key: Any
) -> None:
    answer = await post(client, alice, key)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"] == ["header", "Idempotency-Key"]
    assert await tasks_of(client, alice) == []


@pytest.mark.parametrize("key", ["k" * 255, '"8e03978e-40d5-43e8-bc93-6894a57f9324"', "!~"])
async def test_any_other_visible_text_is_a_key(
    client: httpx.AsyncClient, alice: User, key: str
) -> None:
    assert same(await post(client, alice, key), await post(client, alice, key))


async def test_after_a_day_the_key_is_forgotten_and_removed(
    app: FastAPI, client: httpx.AsyncClient, alice: User
) -> None:
    database, key = app.state.database, f"old-{alice.id}"
    first = await post(client, alice, key)
    await database.fetch(FORGET, key)
    second = await post(client, alice, key, {"title": "another"})
    assert (second.status_code, second.json()["id"] > first.json()["id"]) == (201, True)
    await database.fetch(FORGET, key)
    await post(client, alice, "younger")
    await prune(database)
    left = await database.fetch("SELECT key FROM idempotency_keys WHERE user_id = $1", alice.id)
    assert [row["key"] for row in left] == ["younger"]


async def test_the_keys_of_a_deleted_user_are_gone(app: FastAPI, client: httpx.AsyncClient) -> None:
    someone = {"email": new_email(), "password": PASSWORD}
    signed_up = (await client.post("/api/auth/signup", json=someone)).json()
    user = User(signed_up["user"]["id"], {"Authorization": f"Bearer {signed_up['token']}"})
    await post(client, user, "k")
    gone = await client.post(
        "/api/auth/delete-user",
        json={"password": PASSWORD},
        headers={"Origin": "http://localhost:3000"},
    )
    assert gone.status_code == 200
    query = "SELECT FROM idempotency_keys WHERE user_id = $1"
    assert await app.state.database.fetch(query, user.id) == []


async def test_without_the_header_nothing_is_kept_and_nothing_more_is_asked(
    app: FastAPI, client: httpx.AsyncClient, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = count_queries(app, monkeypatch)
    await client.post("/api/tasks", json=BODY, headers=alice.headers)
    assert len(sent) == 1
