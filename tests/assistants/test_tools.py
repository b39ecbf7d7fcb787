"""What the seven tools do, hand back and refuse, through the server and in this process alike."""

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from taskward.mcp.errors import ToolError, UnknownToolError
from taskward.mcp.tools import MOST_BYTES, TOOLS, call
from tests.assistants.rpc import Assistant
from tests.conftest import User


async def read(client: httpx.AsyncClient, user: User, task_id: int) -> dict[str, Any]:
    """A task as the API has it."""
    answer = await client.get(f"/api/tasks/{task_id}", headers=user.headers)
    assert answer.status_code == 200
    task: dict[str, Any] = answer.json()
    return task


async def test_a_task_that_is_added_is_there(
    assistant: Assistant, client: httpx.AsyncClient, alice: User
) -> None:
    added = await assistant.call("add_task", title="  Buy milk ", description="Two litres")
    task = await read(client, alice, added["task_id"])
    assert added == {"task_id": task["id"], "status": "created", "title": "Buy milk"}
    assert (task["title"], task["description"], task["completed"]) == (
        *("Buy milk", "Two litres"),
        False,
    )
    assert await assistant.call("get_task", task_id=task["id"]) == task


async def test_several_tasks_are_added_in_their_order(assistant: Assistant) -> None:
    given = [{"title": f"t{n}", "description": f"d{n}"} for n in range(49)] + [{"title": "last"}]
    added = await assistant.call("add_tasks", tasks=given)
    assert added["status"] == "created"
    assert [task["title"] for task in added["tasks"]] == [task["title"] for task in given]
    ids = [task["task_id"] for task in added["tasks"]]
    assert ids == sorted(ids)
    assert (await assistant.call("get_task", task_id=ids[3]))["description"] == "d3"
    assert (await assistant.call("get_task", task_id=ids[-1]))["description"] is None
    assert (await assistant.call("list_tasks"))["total"] == 50


async def test_of_several_tasks_all_are_added_or_none(assistant: Assistant) -> None:
    refusal = await assistant.refused("add_tasks", tasks=[{"title": "good"}, {"title": " "}])
    assert refusal == "tasks.1.title: must not be empty"
    assert (await assistant.call("list_tasks"))["total"] == 0


async def test_a_list_is_filtered_counted_and_paged_newest_first(assistant: Assistant) -> None:
    await assistant.call("add_tasks", tasks=[{"title": f"t{n}"} for n in range(5)])
    everything = await assistant.call("list_tasks")
    ids = [task["id"] for task in everything["tasks"]]
    assert ids == sorted(ids, reverse=True)
    assert everything == {
        "tasks": [{"id": ids[n], "title": f"t{4 - n}", "completed": False} for n in range(5)],
        "total": 5,
    }
    await assistant.call("complete_task", task_id=ids[0])
    first = await assistant.call("list_tasks", status="pending", limit=3)
    assert [task["id"] for task in first["tasks"]] == ids[1:4]
    assert (first["total"], first["next_before_id"]) == (4, ids[3])
    second = await assistant.call(
        "list_tasks", status="pending", limit=3, before_id=first["next_before_id"]
    )
    assert [task["id"] for task in second["tasks"]] == ids[4:]
    assert (second["total"], "next_before_id" in second) == (4, False)
    assert await assistant.call("list_tasks", before_id=1) == {"tasks": [], "total": 5}
    assert [t["id"] for t in (await assistant.call("list_tasks", status="completed"))["tasks"]] == [
        ids[0]
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("MILK", ["buy Milk"]),
        ("  litres ", ["buy Milk"]),
        ("%", ["100 % sure"]),
        ("_", ["under_score"]),
        ("\\", ["back\\slash"]),
        ("ÄPFEL", ["zwei Äpfel"]),
        ("milk two", []),
        ("", ["zwei Äpfel", "back\\slash", "under_score", "100 % sure", "buy Milk"]),
    ],
)
async def test_words_are_found_in_title_and_description_in_any_case(
    assistant: Assistant, query: str, found: list[str]
) -> None:
    titles = ["buy Milk", "100 % sure", "under_score", "back\\slash", "zwei Äpfel"]
    tasks = [{"title": title} for title in titles]
    await assistant.call("add_tasks", tasks=[tasks[0] | {"description": "Two Litres"}, *tasks[1:]])
    listed = await assistant.call("list_tasks", query=query)
    assert [task["title"] for task in listed["tasks"]] == found
    assert listed["total"] == len(found)


async def test_long_descriptions_are_cut_in_lists_and_whole_elsewhere(assistant: Assistant) -> None:
    exactly, longer = "x" * 200, "ü" * 201
    await assistant.call(
        "add_tasks",
        tasks=[
            {"title": "a", "description": exactly},
            {"title": "b", "description": longer},
            {"title": "c", "description": ""},
        ],
    )
    nothing, cut, whole = (await assistant.call("list_tasks"))["tasks"]
    assert [*nothing] == ["id", "title", "completed"]
    assert (cut["description"], cut["description_truncated"]) == ("ü" * 200, True)
    assert whole["description"] == exactly
    assert "description_truncated" not in whole
    assert (await assistant.call("get_task", task_id=cut["id"]))["description"] == longer


async def test_a_page_is_never_more_than_an_assistant_reads(assistant: Assistant) -> None:
    """200 tasks with text of four bytes a character are ten times that much."""
    new = [{"title": "\U0001f4dd" * 200, "description": '"' * 300}] * 50
    for _ in range(4):
        await assistant.call("add_tasks", tasks=new)
    seen: list[int] = []
    page: dict[str, Any] = {"next_before_id": 2**63 - 1}
    while before := page.get("next_before_id"):
        result = await assistant.result(
            "tools/call", name="list_tasks", arguments={"limit": 200, "before_id": before}
        )
        page = result["structuredContent"]
        assert page["total"] == 200
        text, whole = result["content"][0]["text"], len(str(page["tasks"]).encode())
        assert len(text.encode()) + whole < MOST_BYTES
        seen += [task["id"] for task in page["tasks"]]
    assert len(seen) == len({*seen}) == 200


async def test_an_update_changes_what_is_given_and_nothing_else(
    assistant: Assistant, client: httpx.AsyncClient, alice: User
) -> None:
    task_id = (await assistant.call("add_task", title="t", description="d"))["task_id"]
    before = await read(client, alice, task_id)
    changed = await assistant.call("update_task", task_id=task_id, title="u")
    assert changed == {
        "task_id": task_id,
        "status": "updated",
        "title": "u",
        "completed": False,
    }
    after = await read(client, alice, task_id)
    assert after == before | {"title": "u", "updated_at": after["updated_at"]}
    assert after["updated_at"] > before["updated_at"]
    done = await assistant.call("update_task", task_id=task_id, completed=True, description=None)
    assert (done["title"], done["completed"]) == ("u", True)
    assert (await read(client, alice, task_id))["description"] is None


@pytest.mark.parametrize("nothing", [{}, {"title": None}, {"title": None, "completed": None}])
async def test_an_update_of_nothing_is_refused(
    assistant: Assistant, nothing: dict[str, None]
) -> None:
    task_id = (await assistant.call("add_task", title="t"))["task_id"]
    refusal = await assistant.refused("update_task", task_id=task_id, **nothing)
    assert refusal == "Nothing to change: give title, description or completed."


async def test_completing_sets_and_never_toggles(
    assistant: Assistant, client: httpx.AsyncClient, alice: User
) -> None:
    task_id = (await assistant.call("add_task", title="t"))["task_id"]
    for _ in range(2):
        done = await assistant.call("complete_task", task_id=task_id)
        assert done == {"task_id": task_id, "status": "completed", "title": "t"}
        assert (await read(client, alice, task_id))["completed"] is True
    for _ in range(2):
        undone = await assistant.call("complete_task", task_id=task_id, completed=False)
        assert undone == {"task_id": task_id, "status": "reopened", "title": "t"}
        assert (await read(client, alice, task_id))["completed"] is False


async def test_what_is_so_already_keeps_its_version(
    assistant: Assistant, client: httpx.AsyncClient, alice: User
) -> None:
    """A hint says that once more changes nothing: then nobody's If-Match fails for it."""
    task_id = (await assistant.call("add_task", title="t", description="d"))["task_id"]
    await assistant.call("complete_task", task_id=task_id)
    before = await read(client, alice, task_id)
    await assistant.call("complete_task", task_id=task_id)
    await assistant.call("update_task", task_id=task_id, title="t", description="d")
    assert await read(client, alice, task_id) == before


async def test_what_is_deleted_is_handed_back_whole(
    assistant: Assistant, client: httpx.AsyncClient, alice: User
) -> None:
    task_id = (await assistant.call("add_task", title="t", description="d" * 9000))["task_id"]
    task = await read(client, alice, task_id)
    deleted = await assistant.call("delete_task", task_id=task_id)
    assert deleted == {"task_id": task_id, "status": "deleted", "title": "t", "task": task}
    answer = await client.get(f"/api/tasks/{task_id}", headers=alice.headers)
    assert answer.status_code == 404


BAD = [
    ("add_task", {}, "title: is required"),
    ("add_task", {"title": 5}, "title: must be a string"),
    ("add_task", {"title": None}, "title: is required"),
    ("add_task", {"title": " "}, "title: must not be empty"),
    ("add_task", {"title": "x" * 201}, "title: at most 200 characters"),
    ("add_task", {"title": "a\0b"}, "title: NUL characters are not allowed"),
    (
        "add_task",
        {"title": "t", "description": "x" * 10_001},
        "description: at most 10000 characters",
    ),
    ("add_task", {"title": "t", "secret": 1}, "the tool: takes only title, description"),
    ("add_tasks", {"tasks": []}, "tasks: must not be empty"),
    ("add_tasks", {"tasks": [{"title": "t"}] * 51}, "tasks: at most 50"),
    ("add_tasks", {"tasks": {"title": "t"}}, "tasks: must be a list"),
    ("add_tasks", {"tasks": ["t"]}, "tasks.0: must be an object"),
    ("add_tasks", {"tasks": [{"title": "t", "id": 1}]}, "tasks.0: takes only title, description"),
    ("list_tasks", {"status": "done"}, "status: must be 'all', 'pending' or 'completed'"),
    ("list_tasks", {"query": "x" * 201}, "query: at most 200 characters"),
    ("list_tasks", {"query": "\0"}, "query: NUL characters are not allowed"),
    ("list_tasks", {"limit": 0}, "limit: at least 1"),
    ("list_tasks", {"limit": 201}, "limit: at most 200"),
    ("list_tasks", {"limit": True}, "limit: must be an integer"),
    ("list_tasks", {"before_id": 0}, "before_id: at least 1"),
    ("get_task", {}, "task_id: is required"),
    ("get_task", {"task_id": "5"}, "task_id: must be an integer"),
    ("get_task", {"task_id": 5.5}, "task_id: must be an integer"),
    ("get_task", {"task_id": True}, "task_id: must be an integer"),
    ("get_task", {"task_id": 2**70}, f"task_id: at most {2**63 - 1}"),
    ("update_task", {"task_id": 1, "completed": "yes"}, "completed: must be true or false"),
    ("update_task", {"task_id": 1, "title": ""}, "title: must not be empty"),
    ("complete_task", {"task_id": 1, "completed": 1}, "completed: must be true or false"),
]


@pytest.mark.parametrize(("tool", "arguments", "refusal"), BAD, ids=str)
async def test_a_bad_argument_is_refused_in_our_own_words(
    bobs_assistant: Assistant, tool: str, arguments: dict[str, Any], refusal: str
) -> None:
    assert await bobs_assistant.refused(tool, **arguments) == refusal


async def test_a_whole_number_with_a_point_is_an_integer(bobs_assistant: Assistant) -> None:
    """So JSON Schema has it, and some clients write it."""
    task_id = (await bobs_assistant.call("add_task", title="t"))["task_id"]
    assert (await bobs_assistant.call("get_task", task_id=float(task_id)))["id"] == task_id


@pytest.mark.parametrize(
    "tool", [name for name in TOOLS if "task_id" in str(TOOLS[name].schemas[0])]
)
async def test_a_foreign_task_is_no_task(
    assistant: Assistant, bobs_assistant: Assistant, tool: str
) -> None:
    foreign = (await bobs_assistant.call("add_task", title="Bob's"))["task_id"]
    missing = (await assistant.call("add_task", title="t"))["task_id"]
    await assistant.call("delete_task", task_id=missing)
    more = {"title": "Mine now"} if tool == "update_task" else {}
    for task_id in (foreign, missing):
        refusal = await assistant.refused(tool, task_id=task_id, **more)
        assert refusal == f"There is no task {task_id}. Call list_tasks to see the ids."
    assert (await bobs_assistant.call("get_task", task_id=foreign))["title"] == "Bob's"


async def test_a_user_id_is_compared_and_never_acted_upon(
    assistant: Assistant, bobs_assistant: Assistant, alice: User, bob: User
) -> None:
    await assistant.call("add_task", title="t", user_id=alice.id)
    for wrong in (bob.id, "", 5, ["x"]):
        refusal = await assistant.refused("add_task", title="t", user_id=wrong)
        assert refusal == "user_id is not the signed-in user"
    assert (await assistant.call("list_tasks", user_id=alice.id))["total"] == 1
    assert (await bobs_assistant.call("list_tasks"))["total"] == 0


async def test_a_tool_needs_neither_http_nor_the_protocol(app: FastAPI, alice: User) -> None:
    added = await call(app.state.database, alice.id, "add_task", {"title": "t"})
    listed = await call(app.state.database, alice.id, "list_tasks", {})
    assert [task["id"] for task in listed["tasks"]] == [added["task_id"]]
    with pytest.raises(ToolError, match=r"^title: must be valid Unicode$"):
        await call(app.state.database, alice.id, "add_task", {"title": "\ud800"})
    with pytest.raises(UnknownToolError):
        await call(app.state.database, alice.id, "no_tool", {})


async def test_who_adds_a_task_is_looked_for_among_the_deleted_users(
    app: FastAPI, alice: User
) -> None:
    told: list[str] = []
    database = app.state.database
    before, database.on_created = database.on_created, told.append
    try:
        await call(database, alice.id, "add_task", {"title": "t"})
        await call(database, alice.id, "add_tasks", {"tasks": [{"title": "t"}]})
        await call(database, alice.id, "list_tasks", {})
    finally:
        database.on_created = before
    assert told == [alice.id, alice.id]


async def test_changes_at_once_of_different_fields_are_all_kept(app: FastAPI, alice: User) -> None:
    database = app.state.database
    task_id = (await call(database, alice.id, "add_task", {"title": "t"}))["task_id"]
    changes: list[dict[str, Any]] = [{"title": "u"}, {"description": "d"}, {"completed": True}]
    await asyncio.gather(
        *(call(database, alice.id, "update_task", {"task_id": task_id, **c}) for c in changes)
    )
    task = await call(database, alice.id, "get_task", {"task_id": task_id})
    assert (task["title"], task["description"], task["completed"]) == ("u", "d", True)
