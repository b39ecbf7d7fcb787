"""Fifty assistants at once, each with the official client: nothing is lost, nothing is mixed."""

import asyncio
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from mcp.client import Client

from tests.assistants.rpc import official_client
from tests.conftest import User

ASSISTANTS, ROUNDS = 50, 2
AGAIN = "Nothing was changed; try again in a few seconds."


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """Call a tool; as often as it says that nothing was changed and one may try again."""
    while True:
        result = await client.call_tool(tool, arguments)
        if not result.is_error:
            content: dict[str, Any] = result.structured_content or {}
            return content
        assert AGAIN in str(result.content), result.content


async def live(app: FastAPI, user: User, mode: str) -> None:
    """Add, change and look, and see nothing but what one did."""
    async with official_client(app, user, mode) as client:
        expected: dict[int, tuple[str, bool]] = {}
        for n in range(ROUNDS):
            title = f"{user.id} {n}"
            added = await call(client, "add_task", title=title)
            assert added["title"] == title
            expected[added["task_id"]] = (title, n % 2 == 0)
            if n % 2 == 0:
                await call(client, "complete_task", task_id=added["task_id"])
        listed = await call(client, "list_tasks")
        seen = {task["id"]: (task["title"], task["completed"]) for task in listed["tasks"]}
        assert (seen, listed["total"]) == (expected, ROUNDS)


async def test_fifty_assistants_at_once_each_see_their_own(
    app: FastAPI, new_user: Callable[[], User]
) -> None:
    async with asyncio.timeout(240), asyncio.TaskGroup() as group:
        for n in range(ASSISTANTS):
            group.create_task(live(app, new_user(), "legacy" if n % 2 else "auto"))
