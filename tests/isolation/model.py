"""What several users do, in any order, beside a model of what each of them should see."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

import httpx
import pytest
from hypothesis import strategies as st

from taskward.database.database import Database
from taskward.mcp.errors import ToolError
from taskward.mcp.tools import call
from taskward.tasks import store as task_store
from tests.conftest import User

Operation: TypeAlias = Literal["create", "get", "update", "toggle", "delete", "list", "remove all"]
NOT_FOUND = (404, {"detail": "Task not found"})
USERS = 4
_FREQUENT: list[Operation] = [
    *("create", "create", "create", "get", "update", "update", "toggle", "toggle"),
    *("delete", "list"),
]


class Step(NamedTuple):
    """What is done, by which user, with which of all the tasks made so far, and how."""

    operation: Operation
    who: int
    which: int
    title: str
    description: str | None
    completed: bool | None
    says_description: bool
    status: Literal["all", "pending", "completed"]
    by_tool: bool
    """Whether an assistant does it."""


def steps(most: int) -> st.SearchStrategy[list[Step]]:
    """Any number of steps up to `most`, mostly many; rarely somebody's tasks are all removed."""
    words = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8)
    operations = st.integers(0, 40).map(
        lambda n: "remove all" if n == 40 else _FREQUENT[n % len(_FREQUENT)]
    )
    step = st.builds(
        Step,
        operation=operations,
        who=st.integers(0, USERS - 1),
        which=st.integers(0, 60),
        title=words,
        description=st.none() | words,
        completed=st.none() | st.booleans(),
        says_description=st.booleans(),
        status=st.sampled_from(["all", "pending", "completed"]),
        by_tool=st.booleans(),
    )
    return st.lists(step, min_size=most // 4, max_size=most)


@dataclass
class Model:
    """Each user's tasks in a dictionary; `ids` are all that anybody ever made."""

    client: httpx.AsyncClient
    database: Database
    users: Sequence[User]

    def __post_init__(self) -> None:
        self.ids: list[int] = []
        self.tasks: dict[str, dict[int, dict[str, Any]]] = {p.id: {} for p in self.users}
        self.steps_done = 0

    @classmethod
    def of(
        cls, client: httpx.AsyncClient, database: Database, new_user: Callable[[], User]
    ) -> "Model":
        return cls(client, database, [new_user() for _ in range(USERS)])

    async def step(self, step: Step) -> None:
        """Do one thing, and compare the answer with what the model says."""
        self.steps_done += 1
        user = self.users[step.who]
        if step.operation == "create":
            await (self._add if step.by_tool else self._create)(user, step)
        elif step.operation == "list":
            await (self.check_page if step.by_tool else self.check)(user, step.status)
        elif step.operation == "remove all":
            await task_store.remove_all(self.database, user.id)
            self.tasks[user.id].clear()
        elif self.ids:
            ask = self._ask_tool if step.by_tool else self._ask
            await ask(user, self.ids[step.which % len(self.ids)], step)

    async def check(self, user: User, status: str = "all") -> None:
        """The list of a user is what the model has, the newest first."""
        answer = await self.client.get(f"/api/tasks?status={status}", headers=user.headers)
        wanted = {"all": (True, False), "pending": (False,), "completed": (True,)}[status]
        own = self.tasks[user.id]
        newest_first = [own[task_id] for task_id in sorted(own, reverse=True)]
        assert answer.json() == [task for task in newest_first if task["completed"] in wanted]

    async def check_page(self, user: User, status: str = "all") -> None:
        """An assistant sees the same tasks, and how many there are."""
        page = await call(self.database, user.id, "list_tasks", {"status": status, "limit": 200})
        wanted = {"all": (True, False), "pending": (False,), "completed": (True,)}[status]
        own = self.tasks[user.id]
        ids = [i for i in sorted(own, reverse=True) if own[i]["completed"] in wanted]
        assert [task["id"] for task in page["tasks"]] == ids[:200]
        assert page["total"] == len(ids)

    async def _add(self, user: User, step: Step) -> None:
        new = [{"title": step.title, "description": step.description}, {"title": step.title}]
        added = await call(self.database, user.id, "add_tasks", {"tasks": new})
        for task in added["tasks"]:
            self.ids.append(task["task_id"])
            self.tasks[user.id][task["task_id"]] = await self._read(user, task["task_id"])

    async def _read(self, user: User, task_id: int) -> dict[str, Any]:
        answer = await self.client.get(f"/api/tasks/{task_id}", headers=user.headers)
        assert answer.status_code == 200, answer.text
        task: dict[str, Any] = answer.json()
        return task

    async def _ask_tool(self, user: User, task_id: int, step: Step) -> None:
        own, (tool, new) = self.tasks[user.id], _tool_for(step)
        asked = call(self.database, user.id, tool, {"task_id": task_id, **new})
        if task_id not in own:
            with pytest.raises(ToolError, match="There is no task"):
                await asked
            return
        await asked
        if tool == "delete_task":
            del own[task_id]
            return
        before, after = own[task_id], await self._read(user, task_id)
        assert after == before | new | {"updated_at": after["updated_at"]}
        is_changed = any(before[name] != value for name, value in new.items())
        assert (after["updated_at"] > before["updated_at"]) == is_changed
        own[task_id] = after

    async def _create(self, user: User, step: Step) -> None:
        body = {"title": step.title, "description": step.description}
        answer = await self.client.post("/api/tasks", headers=user.headers, json=body)
        assert answer.status_code == 201, answer.text
        task = answer.json()
        assert task == task | body | {"user_id": user.id, "completed": False}
        assert all(task["id"] not in own for own in self.tasks.values())
        self.ids.append(task["id"])
        self.tasks[user.id][task["id"]] = task

    async def _ask(self, user: User, task_id: int, step: Step) -> None:
        method = {"get": "GET", "update": "PUT", "toggle": "PATCH", "delete": "DELETE"}
        path = f"/api/tasks/{task_id}" + ("/complete" if step.operation == "toggle" else "")
        answer = await self.client.request(
            method[step.operation], path, headers=user.headers, json=_body(step)
        )
        own = self.tasks[user.id]
        if task_id not in own:
            assert (answer.status_code, answer.json()) == NOT_FOUND
        elif step.operation == "delete":
            assert (answer.status_code, answer.content) == (204, b"")
            del own[task_id]
        else:
            assert answer.status_code == 200, answer.text
            own[task_id] = _changed(own[task_id], step, answer.json())


def _tool_for(step: Step) -> tuple[str, dict[str, Any]]:
    """What an assistant calls for a step, and with which new values."""
    if step.operation == "update":
        return "update_task", _body(step)
    if step.operation == "toggle":
        return "complete_task", {"completed": step.completed is not False}
    return f"{step.operation}_task", {}


def _body(step: Step) -> dict[str, Any]:
    completed = {} if step.completed is None else {"completed": step.completed}
    description = {"description": step.description} if step.says_description else {}
    return {"title": step.title, **description, **completed}


def _changed(task: dict[str, Any], step: Step, answer: dict[str, Any]) -> dict[str, Any]:
    """Return the task as it should now be; its moment of change is the server's to choose."""
    if step.operation == "get":
        expected = task
    elif step.operation == "toggle":
        expected = task | {"completed": not task["completed"]}
    else:
        expected = task | _body(step)
    if step.operation != "get":
        assert answer["updated_at"] > task["updated_at"]
        expected = expected | {"updated_at": answer["updated_at"]}
    assert answer == expected
    return expected


async def at_once(model: Model, script: list[Step]) -> None:
    """Each user does their steps in order, and all of them at the same time."""

    async def live(who: int) -> None:
        for step in script:
            if step.who == who:
                await model.step(step)

    async with asyncio.TaskGroup() as group:
        for who in range(USERS):
            group.create_task(live(who))
    for user in model.users:
        await model.check(user)
