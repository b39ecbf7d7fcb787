"""Both eras of the protocol: what is discovered and listed, and what an error looks like."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from mcp.shared.exceptions import MCPError

from taskward.mcp import arguments
from taskward.mcp import server as protocol_server
from taskward.mcp.tools import LISTED, TOOLS, Tool
from tests.assistants.rpc import LEGACY, META, MODERN, Assistant, envelope, official_client
from tests.conftest import User

NAMES = [
    *("add_task", "add_tasks", "list_tasks", "get_task"),
    *("update_task", "complete_task", "delete_task"),
]
HOUR = 3_600_000


def error(answer: httpx.Response) -> tuple[int, int, str]:
    """The status, the code and the words."""
    found = answer.json()["error"]
    return answer.status_code, found["code"], found["message"]


# What there is


async def test_what_is_discovered_is_tools_and_nothing_else(
    client: httpx.AsyncClient, alice: User
) -> None:
    found = await Assistant(client, alice.headers).result("server/discover")
    assert found["capabilities"] == {"tools": {}}
    assert found["supportedVersions"] == [MODERN]
    assert (found["ttlMs"], found["cacheScope"]) == (HOUR, "public")
    info = found["_meta"]["io.modelcontextprotocol/serverInfo"]
    assert (info["name"], [*info]) == ("taskward", ["name", "title", "version"])
    assert 0 < len(found["instructions"]) <= 400


@pytest.mark.parametrize("version", ["2025-03-26", "2025-06-18", "2025-11-25"])
async def test_an_older_client_shakes_hands_and_gets_no_session(
    client: httpx.AsyncClient, alice: User, version: str
) -> None:
    assistant = Assistant(client, alice.headers, version)
    who = {"name": "old", "version": "1"}
    found = await assistant.result(
        "initialize", protocolVersion=version, capabilities={}, clientInfo=who
    )
    assert (found["protocolVersion"], found["capabilities"]) == (version, {"tools": {}})
    assert found["serverInfo"]["name"] == "taskward"
    assert await assistant.result("ping") == {}
    assert [tool["name"] for tool in (await assistant.result("tools/list"))["tools"]] == NAMES


async def test_a_client_that_names_no_version_is_an_older_one(assistant: Assistant) -> None:
    answer = await assistant.send({"jsonrpc": "2.0", "id": 1, "method": "ping"})
    assert (answer.status_code, answer.json()["result"]) == (200, {})


async def test_the_list_of_tools_is_small_and_the_same_for_everyone(
    assistant: Assistant, bobs_assistant: Assistant
) -> None:
    bobs_assistant.era = assistant.era
    mine, bobs = await assistant.ask("tools/list"), await bobs_assistant.ask("tools/list")
    assert mine.content == bobs.content
    assert len(mine.content) < 5_120
    listed = mine.json()["result"]
    assert [tool["name"] for tool in listed["tools"]] == NAMES
    assert "nextCursor" not in listed
    if assistant.era == MODERN:
        assert (listed["ttlMs"], listed["cacheScope"]) == (HOUR, "public")


HINTS = {
    "add_task": (False, False, False),
    "add_tasks": (False, False, False),
    "list_tasks": (True, False, True),
    "get_task": (True, False, True),
    "update_task": (False, False, True),
    "complete_task": (False, False, True),
    "delete_task": (False, True, False),
}


@pytest.mark.parametrize("name", NAMES)
async def test_every_hint_is_given(assistant: Assistant, name: str) -> None:
    tools = (await assistant.result("tools/list"))["tools"]
    [tool] = [tool for tool in tools if tool["name"] == name]
    read_only, destructive, idempotent = HINTS[name]
    assert tool["annotations"] == {
        "readOnlyHint": read_only,
        "destructiveHint": destructive,
        "idempotentHint": idempotent,
        "openWorldHint": False,
    }
    assert TOOLS[name].scope == ("tasks:read" if read_only else "tasks:write")


def objects(schema: Any) -> Iterator[dict[str, Any]]:
    """All schemas of objects in a schema, with those of what is in them."""
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield schema
        for inner in schema.values():
            yield from objects(inner)


@pytest.mark.parametrize("tool", LISTED, ids=lambda tool: tool["name"])
def test_a_schema_is_flat_closed_and_says_what_each_property_is(tool: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(tool["inputSchema"])
    Draft202012Validator.check_schema(tool["outputSchema"])
    assert len(tool["description"]) <= 200
    for schema in objects(tool["inputSchema"]):
        assert schema["additionalProperties"] is False
        for name, each in schema["properties"].items():
            assert each["description"].strip(), name
            assert "title" not in each
            assert "user_id" not in schema["properties"]
    assert tool["outputSchema"]["type"] == "object"


@pytest.mark.parametrize("tool", TOOLS.values(), ids=lambda tool: tool.name)
def test_a_schema_says_what_is_checked(tool: Tool[Any]) -> None:
    """The schemas are written by hand; the limits that are checked are those of the models."""
    by_hand, checked = tool.schemas[0], tool.arguments.model_json_schema()
    assert [*by_hand["properties"]] == [*checked["properties"]]
    assert by_hand.get("required", []) == checked.get("required", [])
    for name, written in by_hand["properties"].items():
        mine, flat = _flat(written), _flat(checked["properties"][name])
        for limit in ("maxLength", "minItems", "maxItems"):
            assert mine.get(limit) == flat.get(limit), (name, limit)
        assert mine.get("enum") == flat.get("enum")
    one = TOOLS["add_tasks"].schemas[0]["properties"]["tasks"]["items"]
    assert one == TOOLS["add_task"].schemas[0]
    assert arguments.AddTasks.model_fields["tasks"].annotation == list[arguments.AddTask]


def _flat(schema: dict[str, Any]) -> dict[str, Any]:
    """With what holds where it is not null."""
    return schema | next((one for one in schema.get("anyOf", []) if one["type"] != "null"), {})


async def test_what_a_tool_hands_back_is_as_its_schema_says(assistant: Assistant) -> None:
    schemas = {tool["name"]: Draft202012Validator(tool["outputSchema"]) for tool in LISTED}
    added = await assistant.call("add_task", title="t")
    task_id = added["task_id"]
    results = {
        "add_task": added,
        "add_tasks": await assistant.call("add_tasks", tasks=[{"title": "u"}, {"title": "v"}]),
        "list_tasks": await assistant.call("list_tasks", limit=2),
        "get_task": await assistant.call("get_task", task_id=task_id),
        "update_task": await assistant.call("update_task", task_id=task_id, title="w"),
        "complete_task": await assistant.call("complete_task", task_id=task_id),
        "delete_task": await assistant.call("delete_task", task_id=task_id),
    }
    assert [*results] == NAMES
    for name, result in results.items():
        schemas[name].validate(result)
        assert {*TOOLS[name].schemas[1]["properties"]} - {*result} == set(), name


# The official client


@pytest.mark.parametrize("mode", ["auto", "legacy", MODERN])
async def test_the_official_client_does_everything(app: FastAPI, alice: User, mode: str) -> None:
    async with official_client(app, alice, mode) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == NAMES
        added = await client.call_tool("add_task", {"title": "Buy milk"})
        task_id = added.structured_content["task_id"]
        listed = await client.call_tool("list_tasks", {"query": "MILK"})
        assert listed.structured_content["tasks"] == [
            {"id": task_id, "title": "Buy milk", "completed": False}
        ]
        refused = await client.call_tool("get_task", {"task_id": task_id + 10**12})
        assert refused.is_error
        with pytest.raises(MCPError, match="Unknown tool: no_tool"):
            await client.call_tool("no_tool", {})


# Errors


async def test_an_unknown_method_is_not_found(assistant: Assistant) -> None:
    """To an older client 404 would say that its session is over."""
    status = 404 if assistant.era == MODERN else 200
    for method in ("prompts/list", "resources/list", "logging/setLevel", "no/such", "x" * 100):
        answer = await assistant.ask(method, level="info", uri="x")
        assert error(answer) == (status, -32601, "Method not found"), method
        assert "data" not in answer.json()["error"]


@pytest.mark.parametrize("method", ["ping", "initialize"])
async def test_what_is_of_the_older_era_is_not_found_in_the_newer(
    bobs_assistant: Assistant, method: str
) -> None:
    assert error(await bobs_assistant.ask(method)) == (404, -32601, "Method not found")


async def test_an_unknown_tool_is_named(assistant: Assistant) -> None:
    status = 400 if assistant.era == MODERN else 200
    answer = await assistant.ask("tools/call", name="no_tool", arguments={})
    assert error(answer) == (status, -32602, "Unknown tool: no_tool")


@pytest.mark.parametrize("name", ["<script>", "a b", "x" * 65, "ü", ""])
async def test_what_could_be_no_tools_name_is_not_repeated(
    client: httpx.AsyncClient, alice: User, name: str
) -> None:
    answer = await Assistant(client, alice.headers, LEGACY).ask("tools/call", name=name)
    assert error(answer) == (200, -32602, "Unknown tool")


@pytest.mark.parametrize("given", [5, "x", [], True])
async def test_arguments_that_are_no_object_are_invalid(assistant: Assistant, given: Any) -> None:
    status = 400 if assistant.era == MODERN else 200
    answer = await assistant.ask("tools/call", name="add_task", arguments=given)
    assert error(answer) == (status, -32602, "Invalid params")


async def test_arguments_may_be_left_out(assistant: Assistant) -> None:
    for params in ({"name": "list_tasks"}, {"name": "list_tasks", "arguments": None}):
        assert (await assistant.result("tools/call", **params))["isError"] is False


@pytest.mark.parametrize(
    "headers",
    [
        {"Mcp-Method": "tools/list"},
        {"Mcp-Method": ""},
        {"Mcp-Name": "delete_task"},
        {"Mcp-Name": ""},
        {"MCP-Protocol-Version": "2026-07-29"},
    ],
    ids=str,
)
async def test_headers_that_say_something_else_than_the_body_are_refused(
    bobs_assistant: Assistant, headers: dict[str, str]
) -> None:
    """Whoever forwards by headers, and whoever acts by the body, must see the same."""
    right = {"MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/call", "Mcp-Name": "add_task"}
    body = envelope("tools/call", {"name": "add_task", "arguments": {"title": "t"}})
    assert (await bobs_assistant.send(body, right)).status_code == 200
    sent = {name: value for name, value in (right | headers).items() if value}
    answer = await bobs_assistant.send(body, sent)
    assert error(answer)[:2] == (400, -32020)
    assert (await bobs_assistant.call("list_tasks"))["total"] == 1


async def test_white_space_around_a_header_is_no_part_of_it(bobs_assistant: Assistant) -> None:
    right = {
        "MCP-Protocol-Version": MODERN,
        "Mcp-Method": " tools/call ",
        "Mcp-Name": "list_tasks\t",
    }
    body = envelope("tools/call", {"name": "list_tasks"})
    assert (await bobs_assistant.send(body, right)).status_code == 200


async def test_a_version_that_nobody_speaks_is_refused_with_those_that_are(
    bobs_assistant: Assistant,
) -> None:
    body = envelope("tools/list")
    body["params"]["_meta"] = META | {"io.modelcontextprotocol/protocolVersion": "2030-01-01"}
    headers = {"MCP-Protocol-Version": "2030-01-01", "Mcp-Method": "tools/list"}
    answer = await bobs_assistant.send(body, headers)
    assert error(answer)[:2] == (400, -32022)
    assert answer.json()["error"]["data"]["supported"] == [MODERN]


async def test_without_an_envelope_the_newer_era_is_not_spoken(bobs_assistant: Assistant) -> None:
    headers = {"MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/list"}
    answer = await bobs_assistant.send(
        {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}, headers
    )
    assert error(answer)[:2] == (400, -32602)


@pytest.mark.parametrize("method", ["notifications/cancelled", "notifications/initialized", "x"])
async def test_a_notification_is_accepted_and_has_no_answer(
    assistant: Assistant, method: str
) -> None:
    body = {"jsonrpc": "2.0", "method": method, "params": {"requestId": 1}}
    answer = await assistant.send(body, {"MCP-Protocol-Version": assistant.era})
    assert (answer.status_code, answer.content) == (202, b"")


@contextmanager
def crashing_search(text: str) -> Iterator[None]:
    """A tool with a fault in it."""
    tool = TOOLS["list_tasks"]

    async def crash(*_: Any) -> dict[str, Any]:
        raise RuntimeError(text)

    TOOLS["list_tasks"] = tool._replace(run=crash)
    try:
        yield
    finally:
        TOOLS["list_tasks"] = tool


async def test_a_crash_says_nothing_of_itself(assistant: Assistant) -> None:
    with crashing_search("of the inside"):
        answer = await assistant.ask("tools/call", name="list_tasks")
    assert error(answer) == (200, -32603, "Internal error")
    assert "of the inside" not in answer.text


def test_the_words_for_assistants_are_few() -> None:
    assert len(protocol_server.INSTRUCTIONS) <= 400


async def test_requests_of_both_eras_at_once_each_get_their_own_answer(
    client: httpx.AsyncClient, alice: User
) -> None:
    eras = [Assistant(client, alice.headers, era) for era in (MODERN, LEGACY)] * 10
    added = await asyncio.gather(*(a.call("add_task", title=f"t{n}") for n, a in enumerate(eras)))
    assert [task["title"] for task in added] == [f"t{n}" for n in range(20)]


async def test_an_id_comes_back_as_it_was(assistant: Assistant) -> None:
    for name in (0, -7, 2**53, "x", ""):
        body = {**envelope("tools/list"), "id": name}
        headers = {"MCP-Protocol-Version": assistant.era, "Mcp-Method": "tools/list"}
        answer = await assistant.send(json.loads(json.dumps(body)), headers)
        assert answer.json()["id"] == name
