"""A database that is away: what an assistant reads then, and that it is true."""

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from taskward.database.database import Database
from taskward.database.unavailable import DatabaseUnavailableError, NotSentError, RolledBackError
from taskward.mcp.tools import TOOLS, UnavailableError, call
from tests.assistants.rpc import Assistant
from tests.conftest import User
from tests.support.databases import add_trigger_functions, backend_that_waits, trigger
from tests.support.factories import running_on

NOTHING = (
    "The task store cannot be reached right now. Nothing was changed; try again in a few seconds."
)
UNKNOWN = (
    "The task store cannot be reached right now. "
    "It is not known whether this was done: call list_tasks before you try again."
)
ARGUMENTS: dict[str, dict[str, Any]] = {
    "add_task": {"title": "t"},
    "add_tasks": {"tasks": [{"title": "t"}]},
    "list_tasks": {},
    "get_task": {"task_id": 1},
    "update_task": {"task_id": 1, "title": "t"},
    "complete_task": {"task_id": 1},
    "delete_task": {"task_id": 1},
}


@pytest.mark.parametrize("tool", TOOLS)
async def test_where_no_connection_can_be_had_nothing_was_changed(tool: str) -> None:
    with pytest.raises(UnavailableError) as error:
        await call(Database(), "user_1", tool, ARGUMENTS[tool])
    assert str(error.value) == NOTHING


class Lost(Database):
    """A pool whose connection is lost in the middle of something."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    async def fetch(self, query: str, /, *args: Any) -> Any:
        raise self.error


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("error", [DatabaseUnavailableError, RolledBackError, NotSentError])
async def test_nothing_is_said_that_is_not_known(tool: str, error: type[Exception]) -> None:
    is_known = TOOLS[tool].hints.read_only or error is not DatabaseUnavailableError
    with pytest.raises(UnavailableError) as answer:
        await call(Lost(error()), "user_1", tool, ARGUMENTS[tool])
    assert str(answer.value) == (NOTHING if is_known else UNKNOWN)


async def test_an_assistant_is_told_in_its_own_terms(
    database_url: str, assistant: Assistant, alice: User
) -> None:
    """Of an application that was served and has no database any more."""
    async with running_on(database_url) as app:
        token = app.state.better_auth.tokens.issue(alice.id)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost:8000"
        ) as client:
            there = Assistant(client, {"Authorization": f"Bearer {token}"}, assistant.era)
            await there.call("list_tasks")
            await app.state.database.close()
            assert await there.refused("add_task", title="t") == NOTHING
            assert await there.refused("list_tasks") == NOTHING


async def test_a_connection_that_is_lost_under_way_leaves_it_open(
    create_database: Any, app: FastAPI
) -> None:
    async with running_on(await create_database()) as own:
        await add_trigger_functions(own)
        async with (
            trigger(own, "tasks", "wait"),
            own.state.database.acquire() as holder,
            holder.transaction(),
        ):
            await holder.execute("SELECT pg_advisory_xact_lock(42)")
            adding = asyncio.create_task(
                call(own.state.database, "user_1", "add_tasks", {"tasks": [{"title": "t"}]})
            )
            pid = await backend_that_waits(own)
            await holder.execute("SELECT pg_terminate_backend($1::int)", pid)
            with pytest.raises(UnavailableError) as error:
                await adding
    assert str(error.value) == UNKNOWN
