"""ETags: nobody overwrites what they have not seen, and nobody fetches what they have."""

import asyncio

import httpx
import pytest
from fastapi import FastAPI

from tests.conftest import User
from tests.support.databases import count_queries

CHANGES = [("PUT", ""), ("PATCH", "/complete"), ("DELETE", "")]
SUFFIXES = ["-gzip", "--gzip", "-br", "-x-gzip", "-bzip2", "-gzip-br", ";gzip", ":gzip", "+br"]
COMPRESSED = ["W/{bare}", 'W/"{name}-gzip"', *(f'"{{name}}{suffix}"' for suffix in SUFFIXES)]
NEVER = '"2000-01-01T00:00:00.000Z"'


async def create(client: httpx.AsyncClient, user: User) -> httpx.Response:
    answer = await client.post("/api/tasks", json={"title": "t"}, headers=user.headers)
    assert answer.status_code == 201
    return answer


async def change(  # noqa: PLR0917
    client: httpx.AsyncClient, user: User, method: str, path: str, name: str, value: str
) -> httpx.Response:
    body = {"title": "changed"} if method == "PUT" else None
    headers = {**user.headers, name: value}
    return await client.request(method, path, json=body, headers=headers)


# ETag


async def test_every_answer_with_a_task_names_its_state_and_each_change_gives_another(
    client: httpx.AsyncClient, alice: User
) -> None:
    created = await create(client, alice)
    path, tags = created.headers["location"], [created.headers["etag"]]
    read = await client.get(path, headers=alice.headers)
    assert read.headers["etag"] == tags[0]
    for _ in range(20):
        toggled = await client.patch(f"{path}/complete", headers=alice.headers)
        tags.append(toggled.headers["etag"])
    replaced = await client.put(path, json={"title": "u"}, headers=alice.headers)
    tags.append(replaced.headers["etag"])
    assert len(set(tags)) == len(tags)
    assert (await client.get(path, headers=alice.headers)).headers["etag"] == tags[-1]


async def test_the_list_has_an_etag_that_stays_until_what_is_listed_changes(
    client: httpx.AsyncClient, alice: User
) -> None:
    async def tag(query: str = "") -> str:
        return str((await client.get(f"/api/tasks{query}", headers=alice.headers)).headers["etag"])

    seen = [await tag()]
    path = (await create(client, alice)).headers["location"]
    seen.append(await tag())
    assert await tag() == await tag("?status=pending") == seen[-1]
    await client.patch(f"{path}/complete", headers=alice.headers)
    seen.append(await tag())
    assert await tag("?status=pending") == seen[0]
    await client.delete(path, headers=alice.headers)
    assert await tag() == seen[0]
    assert len(set(seen)) == 3


# If-None-Match


@pytest.mark.parametrize("form", ["{}", "W/{}", '"x", {}', "*", ' {} , W/"y"', *COMPRESSED])
async def test_who_has_the_state_already_gets_304_without_a_body(
    client: httpx.AsyncClient, alice: User, form: str
) -> None:
    path = (await create(client, alice)).headers["location"]
    for url in (path, "/api/tasks", "/api/tasks/?status=pending"):
        etag = (await client.get(url, headers=alice.headers)).headers["etag"]
        value = form.format(etag, bare=etag, name=etag.strip('"'))
        headers = {**alice.headers, "If-None-Match": value}
        answer = await client.get(url, headers=headers)
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == etag
        assert "content-type" not in answer.headers
        assert "x-request-id" in answer.headers


@pytest.mark.parametrize("value", [NEVER, "", "nonsense", "{bare}", '"'])
async def test_who_has_another_state_gets_the_present_one(
    client: httpx.AsyncClient, alice: User, value: str
) -> None:
    created = await create(client, alice)
    path, bare = created.headers["location"], created.headers["etag"].strip('"')
    headers = {**alice.headers, "If-None-Match": value.format(bare=bare)}
    answer = await client.get(path, headers=headers)
    assert (answer.status_code, answer.json()) == (200, created.json())


# If-Match


@pytest.mark.parametrize(("method", "suffix"), CHANGES)
@pytest.mark.parametrize("form", ["{}", "*", '"x", {}', 'W/"x" , W/{}', *COMPRESSED])
async def test_a_change_of_the_state_that_was_seen_is_made(
    client: httpx.AsyncClient, alice: User, method: str, suffix: str, form: str
) -> None:
    created = await create(client, alice)
    path, etag = created.headers["location"], created.headers["etag"]
    value = form.format(etag, bare=etag, name=etag.strip('"'))
    answer = await change(client, alice, method, path + suffix, "If-Match", value)
    assert answer.status_code == (204 if method == "DELETE" else 200)
    after = await client.get(path, headers=alice.headers)
    if method == "DELETE":
        assert after.status_code == 404
    else:
        assert answer.json() == after.json() != created.json()
        assert answer.headers["etag"] == after.headers["etag"] != etag


@pytest.mark.parametrize(("method", "suffix"), CHANGES)
@pytest.mark.parametrize(
    "value", [NEVER, f"W/{NEVER}", f'{NEVER[:-1]}-gzip"', "", "nonsense", '"-gzip"', '"--"']
)
async def test_a_change_of_another_state_is_412_and_changes_nothing(
    client: httpx.AsyncClient, alice: User, method: str, suffix: str, value: str
) -> None:
    created = await create(client, alice)
    path = created.headers["location"]
    answer = await change(client, alice, method, path + suffix, "If-Match", value)
    assert answer.status_code == 412
    assert answer.json() == {"detail": "The task has changed: If-Match does not name its ETag"}
    assert (await client.get(path, headers=alice.headers)).json() == created.json()


@pytest.mark.parametrize(("method", "suffix"), CHANGES)
async def test_with_a_precondition_too_a_foreign_task_looks_like_a_missing_one(
    client: httpx.AsyncClient, alice: User, bob: User, method: str, suffix: str
) -> None:
    created = await create(client, bob)
    path, etag = created.headers["location"], created.headers["etag"]
    for value in (etag, NEVER, "*"):
        foreign = await change(client, alice, method, path + suffix, "If-Match", value)
        missing = await change(client, alice, method, f"/api/tasks/0{suffix}", "If-Match", value)
        assert foreign.status_code == missing.status_code == 404
        assert foreign.content == missing.content
    assert (await client.get(path, headers=bob.headers)).json() == created.json()


async def test_of_many_changes_of_one_state_at_once_exactly_one_is_made(
    client: httpx.AsyncClient, alice: User
) -> None:
    created = await create(client, alice)
    path, etag = created.headers["location"], created.headers["etag"]
    answers = await asyncio.gather(
        *(change(client, alice, "PATCH", f"{path}/complete", "If-Match", etag) for _ in range(30))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 29
    assert (await client.get(path, headers=alice.headers)).json()["completed"] is True


async def test_the_decision_is_one_statement(
    app: FastAPI, client: httpx.AsyncClient, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = (await create(client, alice)).headers["location"]
    sent = count_queries(app, monkeypatch)
    answer = await change(client, alice, "PUT", path, "If-Match", NEVER)
    assert (answer.status_code, len(sent)) == (412, 1)
