"""Users: what they may change about themselves, and what remains of them afterwards: nothing."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.conftest import PASSWORD, CreateDatabase, new_email
from tests.support.databases import add_trigger_functions, backend_that_waits, trigger
from tests.support.factories import Browser, rows_of, running_on, signed_in

NEW_PASSWORD = "tr0ub4dor and three"
DELETE_USER = 'DELETE FROM "user" WHERE id = $1'


@pytest.fixture(scope="module")
async def breakable(create_migrated_database: CreateDatabase) -> AsyncIterator[FastAPI]:
    async with running_on(await create_migrated_database()) as app:
        await add_trigger_functions(app)
        yield app


async def form_csrf(browser: Browser, password: str) -> bool:
    """Whether the password is right; in a browser of its own."""
    transport = browser.client._transport
    async with httpx.AsyncClient(transport=transport, base_url=browser.client.base_url) as client:
        body = {"email": browser.email, "password": password}
        response = await client.post("/api/auth/sign-in/email", json=body)
    assert response.status_code in {200, 401}
    return response.status_code == 200


async def add_tasks(browser: Browser, count: int) -> dict[str, str]:
    """Create tasks; returns the headers for more."""
    token = (await browser.get("token")).json()["token"]
    headers = {"Authorization": f"Bearer {token}"}
    for number in range(count):
        task = {"title": f"task {number}"}
        response = await browser.client.post("/api/tasks", json=task, headers=headers)
        assert response.status_code == 201
    return headers


async def count_tasks(app: FastAPI, browser: Browser) -> int:
    query = "SELECT count(*) FROM tasks WHERE user_id = $1"
    row = await app.state.database.fetchrow(query, browser.user["id"])
    return int(row["count"])


async def test_a_user_changes_name_and_image_and_nothing_else_changes(
    app: FastAPI, ada: Browser
) -> None:
    before = await rows_of(app, ada.email)
    image = "https://example.com/a.png"
    response = await ada.post("update-user", name="Ada L.", image=image)
    assert response.json() == {"status": True}
    after = await rows_of(app, ada.email)
    [old], [new] = before.pop("user"), after.pop("user")
    assert new.pop("updatedAt") > old.pop("updatedAt")
    assert new == {**old, "name": "Ada L.", "image": image}
    assert after == before
    shown = (await ada.get("get-session")).json()["user"]
    assert (shown["name"], shown["image"]) == ("Ada L.", image)


async def test_an_image_can_be_taken_away_again(app: FastAPI, ada: Browser) -> None:
    await ada.post("update-user", image="https://example.com/a.png")
    await ada.post("update-user", image=None)
    [user] = (await rows_of(app, ada.email))["user"]
    assert user["image"] is None
    assert user["name"] == "Ada"


@pytest.mark.parametrize(
    "change",
    [
        {"email": "other@example.com"},
        {"email": "other@example.com", "name": "Other"},
        {"id": "other"},
        {"emailVerified": True},
        {"createdAt": "2020-01-01T00:00:00.000Z"},
        {"updatedAt": "2020-01-01T00:00:00.000Z"},
        {"password": NEW_PASSWORD},
        {"userId": "other"},
        {"role": "admin"},
        {"name": 5},
        {"name": None},
        {"name": ["Ada"]},
        {"name": "NUL \0"},
        {"name": "n" * 100_000},
        {"image": 5},
        {"image": "NUL \0"},
        {"image": "i" * 1_000_000},
        {"__proto__": {"emailVerified": True}},
        {},
    ],
    ids=lambda change: ascii(change)[:40],
)
async def test_nothing_else_about_a_user_can_be_changed(
    app: FastAPI, ada: Browser, change: dict[str, Any]
) -> None:
    before = await rows_of(app, ada.email)
    response = await ada.post("update-user", **change)
    assert response.status_code == 400
    assert isinstance(response.json()["message"], str)
    assert await rows_of(app, ada.email) == before


async def test_what_cannot_be_changed_is_ignored_beside_what_can(
    app: FastAPI, ada: Browser
) -> None:
    [before] = (await rows_of(app, ada.email))["user"]
    await ada.post("update-user", name="New", id="other", emailVerified=True, createdAt=None)
    [after] = (await rows_of(app, ada.email))["user"]
    assert after == {**before, "name": "New", "updatedAt": after["updatedAt"]}


async def test_a_name_with_half_a_character_is_stored_as_javascript_encodes_it(
    app: FastAPI, ada: Browser
) -> None:
    response = await ada.client.post(
        "/api/auth/update-user",
        content=b'{"name":"a\\ud800b"}',
        headers={"content-type": "application/json"},
    )
    assert response.status_code == 200
    [user] = (await rows_of(app, ada.email))["user"]
    assert user["name"] == "a\ufffdb"


async def test_a_changed_password_replaces_the_old_one_and_keeps_the_sessions(
    app: FastAPI, ada: Browser
) -> None:
    before = await rows_of(app, ada.email)
    response = await ada.post("change-password", currentPassword=PASSWORD, newPassword=NEW_PASSWORD)
    assert response.status_code == 200
    assert response.json()["token"] is None
    after = await rows_of(app, ada.email)
    assert after["session"] == before["session"]
    assert after["account"][0]["password"] != before["account"][0]["password"]
    assert await form_csrf(ada, NEW_PASSWORD)
    assert not await form_csrf(ada, PASSWORD)


async def test_a_changed_password_ends_all_other_sessions_if_asked_to(
    app: FastAPI, ada: Browser
) -> None:
    assert await form_csrf(ada, PASSWORD)
    before = (await rows_of(app, ada.email))["session"]
    response = await ada.post(
        "change-password",
        currentPassword=PASSWORD,
        newPassword=NEW_PASSWORD,
        revokeOtherSessions=True,
    )
    [session] = (await rows_of(app, ada.email))["session"]
    assert session["token"] == response.json()["token"]
    assert session["token"] not in {old["token"] for old in before}
    assert (await ada.get("get-session")).json()["session"]["id"] == session["id"]


@pytest.mark.parametrize(
    "passwords",
    [
        {"currentPassword": "wrong password", "newPassword": NEW_PASSWORD},
        {"currentPassword": "", "newPassword": NEW_PASSWORD},
        {"currentPassword": PASSWORD, "newPassword": "short"},
        {"currentPassword": PASSWORD, "newPassword": "n" * 129},
        {"currentPassword": "n" * 129, "newPassword": NEW_PASSWORD},
        {"currentPassword": None, "newPassword": NEW_PASSWORD},
        {"newPassword": NEW_PASSWORD},
        {"currentPassword": PASSWORD},
    ],
    ids=lambda passwords: ascii(passwords)[:60],
)
async def test_a_password_is_changed_only_with_the_current_one_and_to_a_good_one(
    app: FastAPI, ada: Browser, passwords: dict[str, Any]
) -> None:
    before = await rows_of(app, ada.email)
    response = await ada.post("change-password", revokeOtherSessions=True, **passwords)
    assert response.status_code == 400
    assert await rows_of(app, ada.email) == before


async def test_a_change_of_password_that_fails_in_the_middle_changes_nothing(
    breakable: FastAPI,
) -> None:
    async with signed_in(breakable) as ada:
        before = await rows_of(breakable, ada.email)
        async with trigger(breakable, "session", "refuse"):
            response = await ada.post(
                "change-password",
                currentPassword=PASSWORD,
                newPassword=NEW_PASSWORD,
                revokeOtherSessions=True,
            )
        assert response.status_code == 500
        assert "set-cookie" not in response.headers
        assert await rows_of(breakable, ada.email) == before


async def test_a_deleted_user_leaves_nothing_and_takes_nothing_of_others(
    app: FastAPI, ada: Browser
) -> None:
    async with signed_in(app) as eve:
        headers = await add_tasks(ada, 3)
        await add_tasks(eve, 2)
        others = await rows_of(app, eve.email)
        await form_csrf(ada, PASSWORD)
        response = await ada.post("delete-user")
        assert response.json() == {"success": True, "message": "User deleted"}
        assert await rows_of(app, ada.email) == {"user": [], "account": [], "session": []}
        assert await count_tasks(app, ada) == 0
        assert await rows_of(app, eve.email) == others
        assert await count_tasks(app, eve) == 2
    for table in ("account", "session"):
        left = await app.state.database.fetch(
            f'SELECT FROM {table} WHERE "userId" = $1', ada.user["id"]
        )
        assert left == []
    assert (await ada.client.get("/api/tasks", headers=headers)).status_code == 401
    assert ada.client.cookies.get("better-auth.session_token") is None
    assert not await form_csrf(ada, PASSWORD)


async def test_a_deleted_user_can_sign_up_again_as_somebody_new(ada: Browser) -> None:
    await add_tasks(ada, 1)
    await ada.post("delete-user")
    body = {"name": "Ada", "email": ada.email, "password": PASSWORD}
    again = await ada.client.post("/api/auth/sign-up/email", json=body)
    assert again.json()["user"]["id"] != ada.user["id"]
    headers = {"Authorization": f"Bearer {again.headers['set-auth-jwt']}"}
    assert (await ada.client.get("/api/tasks", headers=headers)).json() == []


@pytest.mark.parametrize("table", ["tasks", '"user"', "account", "session"])
async def test_a_deletion_that_fails_in_the_middle_removes_nothing(
    breakable: FastAPI, table: str
) -> None:
    async with signed_in(breakable) as ada:
        await add_tasks(ada, 2)
        before = await rows_of(breakable, ada.email)
        async with trigger(breakable, table, "refuse", "AFTER DELETE"):
            response = await ada.post("delete-user")
        assert response.status_code == 500
        assert "set-cookie" not in response.headers
        assert await rows_of(breakable, ada.email) == before
        assert await count_tasks(breakable, ada) == 2
        assert (await ada.post("delete-user")).status_code == 200
        assert await count_tasks(breakable, ada) == 0


async def test_a_session_of_yesterday_needs_the_password_to_delete_the_user(
    app: FastAPI, ada: Browser
) -> None:
    age = 'UPDATE session SET "createdAt" = now() - $1::interval WHERE "userId" = $2'
    await app.state.database.fetch(age, timedelta(days=1, minutes=1), ada.user["id"])
    before = await rows_of(app, ada.email)
    assert (await ada.post("delete-user")).status_code == 400
    assert (await ada.post("delete-user", password="")).status_code == 400
    assert (await ada.post("delete-user", password="wrong password")).status_code == 400
    assert await rows_of(app, ada.email) == before
    assert (await ada.post("delete-user", password=PASSWORD)).status_code == 200
    assert (await rows_of(app, ada.email))["user"] == []


async def test_nobody_can_delete_somebody_else(app: FastAPI, ada: Browser) -> None:
    async with signed_in(app) as eve:
        before = await rows_of(app, eve.email)
        named = {"id": eve.user["id"], "userId": eve.user["id"], "email": eve.email}
        await ada.post("delete-user", **named)
        assert await rows_of(app, eve.email) == before


@pytest.mark.parametrize(
    ("table", "event", "path", "body"),
    [
        ("session", "INSERT", "sign-in/email", {}),
        ("account", "UPDATE", "change-password", {"revokeOtherSessions": True}),
        ("account", "UPDATE", "change-password", {}),
        ('"user"', "UPDATE", "update-user", {"name": "New"}),
        ("tasks", "DELETE", "delete-user", {}),
    ],
)
async def test_a_user_who_is_deleted_meanwhile_is_no_failure_and_does_not_come_back(
    breakable: FastAPI, table: str, event: str, path: str, body: dict[str, Any]
) -> None:
    database = breakable.state.database
    async with (
        signed_in(breakable) as ada,
        trigger(breakable, table, "wait", f"BEFORE {event}"),
    ):
        content = {"email": ada.email, "password": PASSWORD, "currentPassword": PASSWORD}
        content |= {"newPassword": NEW_PASSWORD, **body}
        if path == "update-user":
            del content["email"]
        async with database.acquire() as holder, holder.transaction():
            await holder.execute("SELECT pg_advisory_xact_lock(42)")
            request = asyncio.create_task(ada.post(path, **content))
            await backend_that_waits(breakable)
            deletion = asyncio.create_task(database.fetch(DELETE_USER, ada.user["id"]))
            await is_over_or_waits(breakable, deletion)
        response = await request
        await deletion
        assert response.status_code in {200, 400, 401}
        assert isinstance(response.json(), dict)
        assert await rows_of(breakable, ada.email) == {"user": [], "account": [], "session": []}


async def is_over_or_waits(app: FastAPI, deletion: asyncio.Task[Any]) -> None:
    """A request that has locked the user goes first, any other comes too late."""
    waits = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query = $1"
    while not deletion.done() and not await app.state.database.fetch(waits, DELETE_USER):
        pass


async def test_the_email_address_of_a_user_stays_that_users(app: FastAPI, ada: Browser) -> None:
    async with signed_in(app) as eve:
        assert (await eve.post("update-user", email=ada.email)).status_code == 400
        assert (await eve.post("change-email", newEmail=ada.email)).status_code in {400, 404}
        assert (await rows_of(app, ada.email))["user"][0]["id"] == ada.user["id"]
    assert (await ada.post("update-user", email=new_email())).status_code == 400
