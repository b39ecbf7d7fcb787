"""Many users at once: everything succeeds, nothing is lost, nobody gets another's answer."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import httpx

from tests.conftest import User

USERS = 60
WRITES = 10


def body(user: User, number: int) -> dict[str, str]:
    return {"title": f"{user.id} {number}", "description": f"only for {user.id}"}


async def create(client: httpx.AsyncClient, user: User, number: int) -> dict[str, Any]:
    answer = await client.post("/api/tasks", json=body(user, number), headers=user.headers)
    assert answer.status_code == 201, answer.text
    task: dict[str, Any] = answer.json()
    assert (task["user_id"], task["title"]) == (user.id, f"{user.id} {number}")
    assert answer.headers["location"] == f"/api/tasks/{task['id']}"
    return task


async def listed(client: httpx.AsyncClient, user: User) -> list[dict[str, Any]]:
    answer = await client.get("/api/tasks", headers=user.headers)
    assert answer.status_code == 200, answer.text
    tasks: list[dict[str, Any]] = answer.json()
    return tasks


async def all_at_once(coroutines: list[Coroutine[Any, Any, Any]]) -> list[Any]:
    return await asyncio.gather(*coroutines)


async def test_sixty_users_who_write_at_once_find_all_and_only_their_own_tasks(
    client: httpx.AsyncClient, new_user: Callable[[], User]
) -> None:
    users = [new_user() for _ in range(USERS)]

    async def write(user: User) -> list[dict[str, Any]]:
        created = [await create(client, user, number) for number in range(WRITES)]
        assert await listed(client, user) == created[::-1]
        return created

    created = await all_at_once([write(user) for user in users])
    ids = [task["id"] for tasks in created for task in tasks]
    assert len(set(ids)) == USERS * WRITES
    for user, tasks in zip(users, created, strict=True):
        assert await listed(client, user) == tasks[::-1]


async def test_sixty_users_who_create_change_toggle_and_delete_at_once_all_succeed(
    client: httpx.AsyncClient, new_user: Callable[[], User]
) -> None:
    async def live(user: User) -> None:
        kept, dropped = await create(client, user, 1), await create(client, user, 2)
        path = f"/api/tasks/{kept['id']}"
        replaced = await client.put(path, json=body(user, 3), headers=user.headers)
        toggled = await client.patch(f"{path}/complete", headers=user.headers)
        deleted = await client.delete(f"/api/tasks/{dropped['id']}", headers=user.headers)
        read = await client.get(path, headers=user.headers)
        answers = (replaced, toggled, deleted, read)
        assert [answer.status_code for answer in answers] == [200, 200, 204, 200]
        assert read.json() == toggled.json()
        assert read.json()["title"] == f"{user.id} 3"
        assert await listed(client, user) == [read.json()]

    await all_at_once([live(new_user()) for _ in range(USERS)])


async def test_one_user_s_hundred_tasks_made_at_once_are_a_hundred_tasks(
    client: httpx.AsyncClient, alice: User
) -> None:
    created = await all_at_once([create(client, alice, number) for number in range(100)])
    found = await listed(client, alice)
    assert sorted(found, key=lambda task: task["id"], reverse=True) == found
    assert {task["id"] for task in found} == {task["id"] for task in created}
    assert len(found) == 100


async def test_of_many_who_delete_one_task_at_once_exactly_one_did(
    client: httpx.AsyncClient, alice: User
) -> None:
    path = f"/api/tasks/{(await create(client, alice, 0))['id']}"
    answers = await all_at_once([client.delete(path, headers=alice.headers) for _ in range(30)])
    assert sorted(answer.status_code for answer in answers) == [204] + [404] * 29


async def test_a_replacement_and_a_toggle_at_once_lose_neither(
    client: httpx.AsyncClient, new_user: Callable[[], User]
) -> None:
    async def collide(user: User) -> None:
        path = f"/api/tasks/{(await create(client, user, 0))['id']}"
        await all_at_once(
            [
                client.put(path, json=body(user, 1), headers=user.headers),
                client.patch(f"{path}/complete", headers=user.headers),
            ]
        )
        (task,) = await listed(client, user)
        assert (task["title"], task["completed"]) == (f"{user.id} 1", True)

    await all_at_once([collide(new_user()) for _ in range(USERS)])


async def test_readers_never_see_a_half_made_change(client: httpx.AsyncClient, alice: User) -> None:
    path = f"/api/tasks/{(await create(client, alice, 0))['id']}"

    async def change(number: int) -> None:
        text = str(number)
        content = {"title": text, "description": text}
        assert (await client.put(path, json=content, headers=alice.headers)).status_code == 200

    async def look() -> None:
        task = (await client.get(path, headers=alice.headers)).json()
        assert task["title"] == task["description"]

    await change(0)
    await all_at_once([change(n) if n % 2 else look() for n in range(100)])
