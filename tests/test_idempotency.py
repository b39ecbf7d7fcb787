"""`Idempotency-Key`: the same request twice is one task, and the same answer."""

import asyncio
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from taskward.database_url import DatabaseURL
from tests.conftest import PASSWORD, Person, new_email

BODY = {"title": "once", "description": "and no more"}
WAITING = """
    SELECT count(*) FROM pg_locks
    WHERE NOT granted AND relation = 'idempotency_keys'::regclass
"""
FORGET = "UPDATE idempotency_keys SET created_at = now() - interval '25 hours' WHERE key = $1"


async def post(
    client: httpx.AsyncClient, person: Person, key: str, body: Any = None
) -> httpx.Response:
    headers = {**person.headers, "Idempotency-Key": key}
    return await client.post("/api/tasks", json=body or BODY, headers=headers)


async def tasks_of(client: httpx.AsyncClient, person: Person) -> list[dict[str, Any]]:
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
    client: httpx.AsyncClient, alice: Person
) -> None:
    first = await post(client, alice, "a-key")
    again = await post(client, alice, "a-key", {"description": "and no more", "title": " once "})
    assert first.status_code == 201
    assert same(first, again)
    assert await tasks_of(client, alice) == [first.json()]


async def test_the_answer_stays_the_same_when_the_task_has_changed_or_is_gone(
    client: httpx.AsyncClient, alice: Person
) -> None:
    first = await post(client, alice, "k")
    path = first.headers["location"]
    await client.patch(f"{path}/complete", headers=alice.headers)
    assert same(first, await post(client, alice, "k"))
    await client.delete(path, headers=alice.headers)
    assert same(first, await post(client, alice, "k"))
    assert await tasks_of(client, alice) == []


async def test_the_key_with_another_body_is_422_and_creates_nothing(
    client: httpx.AsyncClient, alice: Person
) -> None:
    first = await post(client, alice, "k")
    for body in ({"title": "twice"}, {"title": "once"}, {"title": "once", "description": ""}):
        answer = await post(client, alice, "k", body)
        assert answer.status_code == 422
        assert answer.json()["detail"] == "Idempotency-Key: was used with another body before"
        assert answer.json()["errors"][0]["loc"] == ["header", "Idempotency-Key"]
    assert await tasks_of(client, alice) == [first.json()]


async def test_a_key_belongs_to_one_user(
    client: httpx.AsyncClient, alice: Person, bob: Person
) -> None:
    first, second = await post(client, alice, "k"), await post(client, bob, "k")
    assert first.json()["id"] != second.json()["id"]
    assert second.json()["user_id"] == bob.id
    assert await tasks_of(client, alice) == [first.json()]


async def test_another_key_and_no_key_create_another_task(
    client: httpx.AsyncClient, alice: Person
) -> None:
    await post(client, alice, "k")
    await post(client, alice, "K")
    for _ in range(2):
        await client.post("/api/tasks", json=BODY, headers=alice.headers)
    assert len(await tasks_of(client, alice)) == 4


async def test_of_many_at_once_one_creates_and_the_others_learn_of_it_or_are_told_to_wait(
    client: httpx.AsyncClient, alice: Person
) -> None:
    answers = await asyncio.gather(*(post(client, alice, "k") for _ in range(30)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    created = [answer for answer in answers if answer.status_code == 201]
    assert all(same(created[0], answer) for answer in created)
    assert await tasks_of(client, alice) == [created[0].json()]


async def test_while_the_first_is_under_way_the_second_is_409_and_then_the_same(
    client: httpx.AsyncClient, alice: Person, database_url: str
) -> None:
    other = await asyncpg.connect(**DatabaseURL.parse(database_url).connect_arguments())
    try:
        async with other.transaction():
            await other.execute("LOCK TABLE idempotency_keys IN EXCLUSIVE MODE")
            first = asyncio.create_task(post(client, alice, "k"))
            while not await other.fetchval(WAITING):
                assert not first.done()
            second = await post(client, alice, "k")
            assert second.status_code == 409
            assert int(second.headers["retry-after"]) > 0
            assert second.json() == {"detail": "A request with this Idempotency-Key is under way"}
    finally:
        await other.close()
    assert same(await first, await post(client, alice, "k"))


async def test_what_failed_leaves_the_key_free(client: httpx.AsyncClient, alice: Person) -> None:
    refused = await post(client, alice, "k", {"title": " "})
    assert refused.status_code == 422
    assert (await post(client, alice, "k")).status_code == 201


@pytest.mark.parametrize("key", ["", "k" * 256, "a b", "caf\u00e9".encode(), b"\x00", "\t"])
async def test_an_unfit_key_is_422_and_creates_nothing(
    client: httpx.AsyncClient, alice: Person, key: Any
) -> None:
    answer = await post(client, alice, key)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"] == ["header", "Idempotency-Key"]
    assert await tasks_of(client, alice) == []


@pytest.mark.parametrize("key", ["k" * 255, '"8e03978e-40d5-43e8-bc93-6894a57f9324"', "!~"])
async def test_any_other_visible_text_is_a_key(
    client: httpx.AsyncClient, alice: Person, key: str
) -> None:
    assert same(await post(client, alice, key), await post(client, alice, key))


async def test_after_a_day_the_key_is_forgotten_and_removed(
    app: FastAPI, client: httpx.AsyncClient, alice: Person
) -> None:
    database, key = app.state.database, f"old-{alice.id}"
    first = await post(client, alice, key)
    await database.fetch(FORGET, key)
    second = await post(client, alice, key, {"title": "another"})
    assert (second.status_code, second.json()["id"] > first.json()["id"]) == (201, True)
    await database.fetch(FORGET, key)
    await post(client, alice, "younger")
    left = await database.fetch("SELECT key FROM idempotency_keys WHERE user_id = $1", alice.id)
    assert [row["key"] for row in left] == ["younger"]


async def test_the_keys_of_a_deleted_user_are_gone(app: FastAPI, client: httpx.AsyncClient) -> None:
    someone = {"email": new_email(), "password": PASSWORD}
    signed_up = (await client.post("/api/auth/signup", json=someone)).json()
    user = Person(signed_up["user"]["id"], {"Authorization": f"Bearer {signed_up['token']}"})
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
    app: FastAPI, client: httpx.AsyncClient, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    real = app.state.database.fetch

    async def fetch(query: str, *arguments: object) -> object:
        sent.append(query)
        return await real(query, *arguments)

    monkeypatch.setattr(app.state.database, "fetch", fetch)
    await client.post("/api/tasks", json=BODY, headers=alice.headers)
    assert len(sent) == 1
