"""A guest's tasks go along to the account with which the guest signs in, whatever happens."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.api.test_deleted_users import becomes
from tests.conftest import BASE_URL, PASSWORD, CreateDatabase, new_email, settings_for
from tests.support.factories import Browser, running_on, signed_in

AT_ONCE = 12


@pytest.fixture(scope="module")
async def app(create_database: CreateDatabase) -> AsyncIterator[FastAPI]:
    settings: Any = {"better_auth_plugins": "anonymous", "mcp_enabled": False}
    async with running_on(await create_database(), **settings) as app:
        yield app


@asynccontextmanager
async def come(app: FastAPI) -> AsyncIterator[Browser]:
    """A guest."""
    transport, headers = httpx.ASGITransport(app), {"origin": BASE_URL}
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL, headers=headers) as client:
        answer = await client.post("/api/auth/sign-in/anonymous", json={})
        assert answer.status_code == 200, answer.text
        yield Browser(client, new_email(), answer.json()["user"])


@pytest.fixture
async def guest(app: FastAPI) -> AsyncIterator[Browser]:
    async with come(app) as browser:
        yield browser


def test_guests_whose_tasks_could_not_move_are_refused_at_start() -> None:
    settings: dict[str, object] = {"better_auth_plugins": "anonymous", "row_level_security": True}
    with pytest.raises(ValueError, match="anonymous needs ROW_LEVEL_SECURITY off"):
        settings_for("postgresql://u:p@localhost/x", **settings)


async def token_of(who: Browser) -> dict[str, str]:
    token = (await who.get("token")).json()["token"]
    return {"authorization": f"Bearer {token}"}


async def create(who: Browser, title: str, **headers: str) -> dict[str, Any]:
    sent = {**await token_of(who), **headers}
    made = await who.client.post("/api/tasks", json={"title": title}, headers=sent)
    assert made.status_code == 201, made.text
    return dict(made.json())


async def tasks_of(who: Browser) -> list[dict[str, Any]]:
    found = await who.client.get("/api/tasks", headers=await token_of(who))
    return list(found.json())


async def sign_up(who: Browser) -> str:
    body = {"name": "Ada", "email": who.email, "password": PASSWORD}
    answer = await who.post("sign-up/email", **body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["user"]["id"])


async def count(app: FastAPI, table: str, user_id: str) -> int:
    found = await app.state.database.fetch(
        f"SELECT count(*) AS rows FROM {table} WHERE user_id = $1", user_id
    )
    return int(found[0]["rows"])


async def test_what_a_guest_has_written_is_the_new_users(app: FastAPI, guest: Browser) -> None:
    made = [await create(guest, title) for title in ("one", "two")]
    user_id = await sign_up(guest)
    assert await tasks_of(guest) == [{**task, "user_id": user_id} for task in reversed(made)]
    assert await count(app, "tasks", guest.user["id"]) == 0


async def test_it_joins_what_the_user_has_already(app: FastAPI, guest: Browser) -> None:
    async with signed_in(app) as ada:
        await create(ada, "mine")
        await create(guest, "the guest's")
        answer = await guest.post("sign-in/email", email=ada.email, password=PASSWORD)
        assert answer.status_code == 200, answer.text
        assert [task["title"] for task in await tasks_of(ada)] == ["the guest's", "mine"]


async def test_nobody_elses_tasks_move(app: FastAPI, guest: Browser) -> None:
    async with signed_in(app) as bob, come(app) as another:
        before = [await create(bob, "bob's"), await create(another, "another guest's")]
        await create(guest, "the guest's")
        await sign_up(guest)
        assert [*await tasks_of(bob), *await tasks_of(another)] == before


async def test_answers_that_were_kept_for_the_guest_are_forgotten(
    app: FastAPI, guest: Browser
) -> None:
    key = {"Idempotency-Key": "the-same"}
    await create(guest, "once", **key)
    user_id = await sign_up(guest)
    assert await count(app, "idempotency_keys", guest.user["id"]) == 0
    assert (await create(guest, "another", **key))["user_id"] == user_id
    assert [task["title"] for task in await tasks_of(guest)] == ["another", "once"]


async def test_what_is_created_meanwhile_and_afterwards_goes_along_too(
    app: FastAPI, guest: Browser
) -> None:
    """The guest's token is good for a while: another page may still send what it has kept."""
    headers = await token_of(guest)

    async def late(number: int) -> int:
        body = {"title": str(number)}
        made = await guest.client.post("/api/tasks", json=body, headers=headers)
        return made.status_code

    async with come(app) as other:
        other.client.cookies = guest.client.cookies
        other.email = guest.email
        answers = await asyncio.gather(sign_up(other), *map(late, range(AT_ONCE)))
    user_id, *statuses = answers
    written = statuses.count(201)
    assert set(statuses) <= {201, 401}

    async def moved() -> int:
        return await count(app, "tasks", str(user_id))

    await becomes(moved, written)
    assert await count(app, "tasks", guest.user["id"]) == 0


async def test_a_task_that_another_worker_still_takes_from_the_guest_is_not_lost(
    app: FastAPI, guest: Browser
) -> None:
    user_id = await sign_up(guest)
    database, guest_id = app.state.database, guest.user["id"]
    await database.fetch("INSERT INTO tasks (user_id, title) VALUES ($1, 'late')", guest_id)
    database.on_created(guest_id)

    async def moved() -> int:
        return await count(app, "tasks", user_id)

    await becomes(moved, 1)


async def test_the_tasks_of_a_guest_who_leaves_go_too(app: FastAPI, guest: Browser) -> None:
    await create(guest, "gone")
    assert (await guest.post("delete-anonymous-user")).status_code == 200
    assert await count(app, "tasks", guest.user["id"]) == 0


async def test_tasks_do_not_go_to_a_user_who_is_gone(app: FastAPI, guest: Browser) -> None:
    await create(guest, "one")
    user_id = await sign_up(guest)
    await guest.post("delete-user", password=PASSWORD)
    database, guest_id = app.state.database, guest.user["id"]
    await database.fetch("INSERT INTO tasks (user_id, title) VALUES ($1, 'late')", guest_id)
    database.on_created(guest_id)

    async def left() -> int:
        return await count(app, "tasks", guest_id) + await count(app, "tasks", user_id)

    await becomes(left, 0)
