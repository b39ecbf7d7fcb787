"""What operators see and do: metrics, logs, tokens to try things out, the doctor, what it costs."""

import subprocess
import sys

import httpx
import httpx2
import pytest
from fastapi import FastAPI

from taskward.cli.database import issue_token
from taskward.cli.doctor_assistants import examine_assistants
from taskward.cli.findings import Severity
from taskward.settings import Settings
from tests.assistants.rpc import Assistant
from tests.conftest import BASE_URL
from tests.operations.commands import Environment, environment
from tests.operations.test_access_log import access_log, own_app, own_client
from tests.operations.test_metrics import Samples, measured
from tests.support.process_environment import clean_environment
from tests.support.servers import ROOT

__all__ = ["environment", "own_app", "own_client"]  # fixtures


def calls(found: Samples) -> dict[tuple[str, str], float]:
    return {
        (dict(labels)["tool"], dict(labels)["outcome"]): value
        for (name, labels), value in found.items()
        if name == "taskward_tool_calls_total"
    }


async def test_calls_are_counted_by_tool_and_outcome(database_url: str) -> None:
    async with measured(database_url) as seen:
        assistant = Assistant(seen.client, {})
        for _ in range(3):
            await assistant.call("add_task", title="t")
        await assistant.refused("add_task", title="")
        await assistant.ask("tools/call", name="no_tool")
        await assistant.ask("tools/call", name="another")
        await assistant.result("tools/list")
        await seen.app.state.database.close()
        await assistant.refused("list_tasks")
        found = await seen.scrape()
    assert calls(found) == {
        ("add_task", "ok"): 3,
        ("add_task", "error"): 1,
        ("other", "unknown"): 2,
        ("list_tasks", "unavailable"): 1,
    }
    name = "taskward_tool_call_duration_seconds"
    assert found[f"{name}_count", frozenset({("tool", "add_task")})] == 4
    assert 0 < found[f"{name}_sum", frozenset({("tool", "add_task")})] < 60
    labels = {("method", "POST"), ("route", "/mcp"), ("status", "200")}
    assert found["taskward_requests_total", frozenset(labels)] == 6


async def test_a_line_has_the_tool_and_how_it_ended_and_nothing_of_what_was_said(
    own_app: FastAPI, own_client: httpx.AsyncClient
) -> None:
    token = own_app.state.better_auth.tokens.issue("user_1")
    assistant = Assistant(own_client, {"Authorization": f"Bearer {token}"})
    await assistant.result("tools/list")
    async with access_log() as written:
        await assistant.call("add_task", title="secret plan", description="in detail")
        await assistant.refused("list_tasks", query="secret plan", limit=0)
        await assistant.ask("tools/call", name="secret_plan")
        await assistant.result("tools/list")
        await own_client.get("/mcp")
    assert [(line.get("tool"), line.get("outcome")) for line in written] == [
        ("add_task", "ok"),
        ("list_tasks", "error"),
        ("other", "unknown"),
        (None, None),
        (None, None),
    ]
    assert {line["event"] for line in written} == {"POST /mcp", "GET /mcp"}
    for said in ("secret", "detail", token, "user_1"):
        assert said not in str(written)


# Tokens


async def test_a_token_for_the_tools_is_for_nothing_else(
    client: httpx.AsyncClient, settings: Settings, environment: Environment
) -> None:
    assert settings.better_auth_secret is not None
    environment({"BETTER_AUTH_SECRET": settings.better_auth_secret.get_secret_value()})
    token = await issue_token("user_1", 60, for_tools=True)
    headers = {"Authorization": f"Bearer {token}"}
    assert (await client.get("/api/tasks", headers=headers)).status_code == 401
    assert (await Assistant(client, headers).call("list_tasks"))["total"] >= 0


# The doctor


async def test_the_doctor_finds_the_way_that_a_client_goes(app: FastAPI) -> None:
    found = await examine_assistants(BASE_URL, httpx2.ASGITransport(app))
    assert (found.severity, found.message) == (Severity.OK, f"connect with {BASE_URL}/mcp")


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ("/mcp", "answers 404, not 401"),
        ("/.well-known/oauth-protected-resource/mcp", "no document"),
        ("/.well-known/oauth-authorization-server/api/auth", "no document"),
    ],
)
async def test_the_doctor_names_what_a_proxy_does_not_pass_on(
    app: FastAPI, broken: str, says: str
) -> None:
    class Proxy(httpx2.ASGITransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            if request.url.path == broken:
                return httpx2.Response(404, text="no such page")
            return await super().handle_async_request(request)

    found = await examine_assistants(BASE_URL, Proxy(app))
    assert (found.severity, says in found.message) == (Severity.ERROR, True)
    assert "Host header" in found.advice


async def test_the_doctor_knows_a_server_that_does_not_run() -> None:
    found = await examine_assistants("http://127.0.0.1:1")
    assert (found.severity, "start the server" in found.advice) == (Severity.WARNING, True)


async def test_the_doctor_tells_a_server_that_is_known_by_another_name(app: FastAPI) -> None:
    found = await examine_assistants("http://elsewhere.example", httpx2.ASGITransport(app))
    assert (found.severity, "421" in found.message) == (Severity.ERROR, True)


# What it costs


IMPORTED = """
import sys
from taskward.app import create_app
from taskward.settings import Settings
url, secret = "postgresql://u:p@127.0.0.1:1/d", "x" * 16 + "0123456789abcdef"
for enabled in (False, True):
    settings = Settings(database_url=url, better_auth_secret=secret, mcp_enabled=enabled)
    create_app(settings)
    print("mcp" in sys.modules, "taskward.mcp.tools" in sys.modules)
"""


def test_the_protocols_library_is_not_loaded_before_it_is_needed() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", IMPORTED],
        cwd=ROOT,
        env=clean_environment({}),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert ended.stdout.splitlines() == ["False False", "False True"]
