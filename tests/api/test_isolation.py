"""Nobody sees, changes or even notices another user's task."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given
from hypothesis import settings as examples

from taskward.tasks import store as task_store
from taskward.tasks.errors import TaskNotFoundError
from taskward.tasks.schemas import TaskCreate, TaskUpdate
from tests.conftest import TRUSTED_ORIGIN, User
from tests.isolation.model import Model, Step, steps

OPERATIONS = [("GET", ""), ("PUT", ""), ("DELETE", ""), ("PATCH", "/complete")]
BODIES: list[object] = [
    {"title": "Mine now", "completed": True},
    {"title": ""},
    {"title": 5, "description": 5},
    [],
]


async def create(client: httpx.AsyncClient, person: User, title: str = "t") -> dict[str, Any]:
    body = {"title": title, "description": "private"}
    answer = await client.post("/api/tasks", headers=person.headers, json=body)
    assert answer.status_code == 201, answer.text
    task: dict[str, Any] = answer.json()
    return task


async def tasks_of(client: httpx.AsyncClient, person: User) -> list[dict[str, Any]]:
    answer = await client.get("/api/tasks", headers=person.headers)
    assert answer.status_code == 200
    listed: list[dict[str, Any]] = answer.json()
    return listed


def token_for(app: FastAPI, user_id: str) -> User:
    token = app.state.better_auth.tokens.issue(user_id)
    return User(user_id, {"Authorization": f"Bearer {token}"})


async def test_each_of_two_users_lists_only_their_own_tasks(
    client: httpx.AsyncClient, alice: User, bob: User
) -> None:
    of_alice = [await create(client, alice, f"alice {n}") for n in range(3)]
    of_bob = [await create(client, bob, f"bob {n}") for n in range(2)]
    assert await tasks_of(client, alice) == of_alice[::-1]
    assert await tasks_of(client, bob) == of_bob[::-1]


@pytest.mark.parametrize("status", ["all", "pending", "completed"])
async def test_no_filter_shows_a_task_of_another_user(
    client: httpx.AsyncClient, alice: User, bob: User, status: str
) -> None:
    done = await create(client, bob)
    await create(client, bob)
    await client.patch(f"/api/tasks/{done['id']}/complete", headers=bob.headers)
    for query in (f"?status={status}", f"?status={status}&user_id={bob.id}"):
        answer = await client.get(f"/api/tasks{query}", headers=alice.headers)
        assert answer.json() == []


@pytest.mark.parametrize(("method", "suffix"), OPERATIONS)
async def test_a_foreign_task_is_404_and_stays_as_it_was(
    client: httpx.AsyncClient, alice: User, bob: User, method: str, suffix: str
) -> None:
    task = await create(client, bob)
    path = f"/api/tasks/{task['id']}{suffix}"
    answer = await client.request(method, path, headers=alice.headers, json=BODIES[0])
    assert (answer.status_code, answer.json()) == (404, {"detail": "Task not found"})
    assert await tasks_of(client, bob) == [task]
    assert await tasks_of(client, alice) == []


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_foreign_task_and_a_missing_one_get_the_same_status_body_and_headers(
    client: httpx.AsyncClient, alice: User, bob: User, operation: tuple[str, str], body: object
) -> None:
    method, suffix = operation
    foreign, missing = (await create(client, bob))["id"], (await create(client, bob))["id"]
    await client.delete(f"/api/tasks/{missing}", headers=bob.headers)
    headers = {**alice.headers, "Origin": TRUSTED_ORIGIN, "X-Request-ID": "the-same"}
    answers = [
        await client.request(method, f"/api/tasks/{task_id}{suffix}", headers=headers, json=body)
        for task_id in (foreign, missing)
    ]
    one, other = ((a.status_code, a.content, a.headers.multi_items()) for a in answers)
    assert one == other
    assert answers[0].status_code in {404, 422}


@pytest.mark.parametrize(
    ("one", "other"),
    [("user_1", "userx1"), ("User1", "user1"), ("a-b", "a_b"), ("x", "x-"), ("0", "00")],
)
async def test_user_ids_that_look_alike_are_different_users(
    app: FastAPI, client: httpx.AsyncClient, alice: User, one: str, other: str
) -> None:
    users = [token_for(app, f"{alice.id}{user_id}") for user_id in (one, other)]
    created = [await create(client, person) for person in users]
    for person, task in zip(users, created, strict=True):
        assert await tasks_of(client, person) == [task]


async def test_a_user_id_of_255_characters_owns_tasks_like_any_other(
    app: FastAPI, client: httpx.AsyncClient, alice: User
) -> None:
    longest = token_for(app, alice.id.ljust(255, "x"))
    nearly = token_for(app, alice.id.ljust(254, "x"))
    task = await create(client, longest)
    assert await tasks_of(client, longest) == [task]
    assert task["user_id"] == longest.id
    assert await tasks_of(client, nearly) == []


async def test_two_tokens_of_one_user_reach_the_same_tasks(
    app: FastAPI, client: httpx.AsyncClient, alice: User
) -> None:
    task = await create(client, alice)
    assert await tasks_of(client, token_for(app, alice.id)) == [task]


async def test_a_stranger_learns_nothing_of_a_task_or_of_a_body(
    client: httpx.AsyncClient, bob: User
) -> None:
    path = f"/api/tasks/{(await create(client, bob))['id']}"
    answers = [
        await client.request(method, target + suffix, json=body)
        for method, suffix in OPERATIONS
        for target in (path, "/api/tasks/0", "/api/tasks/abc")
        for body in BODIES
    ]
    answers += [
        await client.post("/api/tasks", content=b"{", headers={"Content-Type": kind})
        for kind in ("application/json", "text/plain")
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert {answer.text for answer in answers} == {'{"detail":"Not authenticated"}'}


@examples(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps(40))
async def test_whatever_several_users_do_each_sees_exactly_their_own_tasks(
    app: FastAPI, client: httpx.AsyncClient, new_user: Callable[[], User], script: list[Step]
) -> None:
    model = Model.of(client, app.state.database, new_user)
    for step in script:
        await model.step(step)
    for person in model.users:
        await model.check(person)


# The functions under the endpoints, which other front doors will call


async def test_the_functions_without_http_keep_users_apart_as_well(
    app: FastAPI, alice: User, bob: User
) -> None:
    database = app.state.database
    task_id = (await task_store.create(database, bob.id, TaskCreate(title="Bob's")))["id"]
    with pytest.raises(TaskNotFoundError):
        await task_store.get(database, alice.id, task_id)
    with pytest.raises(TaskNotFoundError):
        await task_store.update_content(database, alice.id, task_id, TaskUpdate(title="Mine"))
    with pytest.raises(TaskNotFoundError):
        await task_store.toggle(database, alice.id, task_id)
    with pytest.raises(TaskNotFoundError):
        await task_store.remove(database, alice.id, task_id)
    assert await task_store.list_all(database, alice.id) == "[]"
    row = await task_store.get(database, bob.id, task_id)
    assert (row["title"], row["completed"]) == ("Bob's", False)


async def test_removing_all_tasks_of_one_user_leaves_those_of_the_others(
    app: FastAPI, client: httpx.AsyncClient, alice: User, bob: User
) -> None:
    kept = await create(client, bob)
    for _ in range(3):
        await create(client, alice)
    await task_store.remove_all(app.state.database, alice.id)
    assert await tasks_of(client, alice) == []
    assert await tasks_of(client, bob) == [kept]
