"""Access tokens of the OAuth server beside us: for these tools, in time, with the scope."""

import time
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.assistants.rpc import Assistant
from tests.assistants.test_endpoint import BAD_TOKEN, METADATA, challenge
from tests.assistants.test_hostile_input import access_token
from tests.conftest import BASE_URL, User

READ, WRITE = "tasks:read", "tasks:write"


async def assistant_of(
    app: FastAPI, client: httpx.AsyncClient, user: User, scopes: str
) -> Assistant:
    token = await access_token(app, user.id, scopes)
    return Assistant(client, {"Authorization": f"Bearer {token}"})


async def test_with_both_scopes_everything_can_be_done(
    app: FastAPI, client: httpx.AsyncClient, alice: User
) -> None:
    assistant = await assistant_of(app, client, alice, f"openid {READ} {WRITE}")
    task_id = (await assistant.call("add_task", title="t"))["task_id"]
    answer = await client.get(f"/api/tasks/{task_id}", headers=alice.headers)
    assert answer.json()["title"] == "t"


@pytest.mark.parametrize(
    ("scopes", "tool", "missing"),
    [
        (READ, "add_task", WRITE),
        (READ, "add_tasks", WRITE),
        (READ, "update_task", WRITE),
        (READ, "complete_task", WRITE),
        (READ, "delete_task", WRITE),
        (WRITE, "list_tasks", READ),
        (WRITE, "get_task", READ),
        ("openid", "list_tasks", f"{READ} {WRITE}"),
        ("tasks:reader", "add_task", f"{READ} {WRITE}"),
        ("", "add_task", f"{READ} {WRITE}"),
    ],
)
async def test_a_scope_that_is_missing_is_asked_for(
    app: FastAPI, client: httpx.AsyncClient, scopes: str, tool: str, missing: str
) -> None:
    assistant = await assistant_of(app, client, User("user_1", {}), scopes)
    answer = await assistant.ask("tools/call", name=tool, arguments={"title": "t", "task_id": 1})
    assert (answer.status_code, answer.json()) == (403, {"detail": "Insufficient scope"})
    assert challenge(answer) == (
        f'Bearer error="insufficient_scope", scope="{missing}", {METADATA}, '
        f'error_description="The access token lacks {missing}"'
    )


async def test_what_needs_no_scope_has_none(
    app: FastAPI, client: httpx.AsyncClient, alice: User
) -> None:
    assistant = await assistant_of(app, client, alice, "")
    assert len((await assistant.result("tools/list"))["tools"]) == 7
    assert (await assistant.ask("tools/call", name="no_tool")).status_code == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": BASE_URL},
        {"aud": f"{BASE_URL}/api/auth"},
        {"aud": "https://other.example/mcp"},
        {"aud": None},
        {"iss": "https://other.example/api/auth"},
        {"iss": BASE_URL},
        {"client_id": None},
        {"sub": "client_1"},
    ],
    ids=str,
)
async def test_a_token_for_something_else_is_refused(
    app: FastAPI, client: httpx.AsyncClient, changes: dict[str, Any]
) -> None:
    token = await access_token(app, "user_1", f"{READ} {WRITE}", **changes)
    assistant = Assistant(client, {"Authorization": f"Bearer {token}"})
    answer = await assistant.ask("tools/list")
    assert answer.status_code == 401
    assert 'error="invalid_token"' in challenge(answer)


async def test_a_token_that_is_over_is_refused(app: FastAPI, client: httpx.AsyncClient) -> None:
    token = await access_token(app, "user_1", READ, exp=int(time.time()) - 1)
    answer = await Assistant(client, {"Authorization": f"Bearer {token}"}).ask("tools/list")
    assert challenge(answer) == BAD_TOKEN.format("The access token has expired")


async def test_a_token_whose_user_is_gone_is_refused(
    app: FastAPI, client: httpx.AsyncClient, alice: User
) -> None:
    assistant = await assistant_of(app, client, alice, READ)
    assert (await assistant.ask("tools/list")).status_code == 200
    app.state.better_auth.tokens.deny_user(alice.id)
    assert (await assistant.ask("tools/list")).status_code == 401


async def test_an_access_token_opens_no_task_of_the_api(
    app: FastAPI, client: httpx.AsyncClient, alice: User
) -> None:
    token = await access_token(app, alice.id, f"{READ} {WRITE}", aud=[f"{BASE_URL}/mcp", BASE_URL])
    answer = await client.get("/api/tasks", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
