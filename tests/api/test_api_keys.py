"""With the plugin `api-key` a key opens its user's tasks, and nothing of the account."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.conftest import BASE_URL, CreateDatabase
from tests.fuzz.wire import HOST
from tests.support.factories import Browser, running_on
from tests.support.wires import served


@pytest.fixture(scope="module")
async def app(create_migrated_database: CreateDatabase) -> AsyncIterator[FastAPI]:
    settings: Any = {"better_auth_plugins": "api-key", "mcp_enabled": False}
    async with running_on(await create_migrated_database(), **settings) as app:
        yield app


@pytest.fixture
async def program(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody without a session, over the protocol that answers requests itself."""
    async with served(app, direct=True) as server:
        base = f"http://{HOST}:{server.port}"
        async with httpx.AsyncClient(base_url=base) as client:
            yield client


async def key_of(who: Browser) -> dict[str, Any]:
    made = await who.post("api-key/create", name="robot")
    assert made.status_code == 200, made.text
    return dict(made.json())


async def test_a_key_opens_all_that_its_user_has(program: httpx.AsyncClient, ada: Browser) -> None:
    headers = {"x-api-key": (await key_of(ada))["key"]}
    made = await program.post("/api/tasks", json={"title": "By a robot"}, headers=headers)
    assert (made.status_code, made.json()["user_id"]) == (201, ada.user["id"])
    path = f"/api/tasks/{made.json()['id']}"
    assert [t["title"] for t in (await program.get("/api/tasks", headers=headers)).json()] == [
        "By a robot"
    ]
    assert (await program.patch(f"{path}/complete", headers=headers)).json()["completed"] is True
    assert (await program.delete(path, headers=headers)).status_code == 204


async def test_a_key_opens_nothing_of_others(
    program: httpx.AsyncClient, ada: Browser, eve: Browser
) -> None:
    adas, eves = [{"x-api-key": (await key_of(who))["key"]} for who in (ada, eve)]
    made = await program.post("/api/tasks", json={"title": "Ada's"}, headers=adas)
    path = f"/api/tasks/{made.json()['id']}"
    assert (await program.get(path, headers=eves)).status_code == 404
    assert (await program.delete(path, headers=eves)).status_code == 404
    assert (await program.get("/api/tasks", headers=eves)).json() == []


@pytest.mark.parametrize("key", [b"x", b"x" * 64, b"x" * 10_000, b"\xff" * 64, b""])
async def test_what_is_no_key_opens_nothing(program: httpx.AsyncClient, key: bytes) -> None:
    answer = await program.get("/api/tasks", headers={b"x-api-key": key})
    assert answer.status_code in {401, 403}
    assert isinstance(answer.json()["detail"], str)


async def test_a_key_that_is_disabled_or_deleted_opens_nothing(
    program: httpx.AsyncClient, ada: Browser
) -> None:
    made = await key_of(ada)
    headers = {"x-api-key": made["key"]}
    assert (await program.get("/api/tasks", headers=headers)).status_code == 200
    await ada.post("api-key/update", keyId=made["id"], enabled=False)
    assert (await program.get("/api/tasks", headers=headers)).status_code == 401
    await ada.post("api-key/delete", keyId=made["id"])
    assert (await program.get("/api/tasks", headers=headers)).status_code == 401


async def test_a_token_counts_before_a_key(
    app: FastAPI, program: httpx.AsyncClient, ada: Browser, eve: Browser
) -> None:
    headers = {"x-api-key": (await key_of(ada))["key"]}
    token = app.state.better_auth.tokens.issue(eve.user["id"])
    both = {**headers, "authorization": f"Bearer {token}"}
    made = await program.post("/api/tasks", json={"title": "t"}, headers=both)
    assert made.json()["user_id"] == eve.user["id"]
    wrong = {**headers, "authorization": "Bearer x"}
    assert (await program.get("/api/tasks", headers=wrong)).status_code == 401


async def test_each_request_is_one_use_of_a_key(
    app: FastAPI, program: httpx.AsyncClient, ada: Browser
) -> None:
    made = await app.state.better_auth.api.create_api_key(user_id=ada.user["id"], remaining=3)
    headers = {"x-api-key": made["key"]}
    statuses = [(await program.get("/api/tasks", headers=headers)).status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]


async def test_a_key_opens_no_endpoint_of_the_account(app: FastAPI, ada: Browser) -> None:
    """Or whoever finds one could make more of them, and tokens."""
    headers = {"x-api-key": (await key_of(ada))["key"], "origin": BASE_URL}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=f"{BASE_URL}/api/auth") as client:
        assert (await client.get("/get-session", headers=headers)).json() is None
        for method, path in (
            ("GET", "/token"),
            ("GET", "/api-key/list"),
            ("POST", "/api-key/create"),
            ("POST", "/update-user"),
        ):
            answer = await client.request(method, path, json={"name": "x"}, headers=headers)
            assert answer.status_code == 401, path
