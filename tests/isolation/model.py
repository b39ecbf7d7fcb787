"""What several users do, in any order, beside a model of what each of them should see."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

import httpx
from hypothesis import strategies as st

from taskward import task_store
from taskward.database import Database
from tests.conftest import Person

Operation: TypeAlias = Literal["create", "get", "replace", "toggle", "delete", "list", "remove all"]
NOT_FOUND = (404, {"detail": "Task not found"})
PEOPLE = 4
_FREQUENT: list[Operation] = [
    *("create", "create", "create", "get", "replace", "replace", "toggle", "toggle"),
    *("delete", "list"),
]


class Step(NamedTuple):
    """What is done, by which person, with which of all the tasks made so far, and how."""

    operation: Operation
    who: int
    which: int
    title: str
    description: str | None
    completed: bool | None
    status: Literal["all", "pending", "completed"]


def steps(most: int) -> st.SearchStrategy[list[Step]]:
    """Any number of steps up to `most`, mostly many; rarely somebody's tasks are all removed."""
    words = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8)
    operations = st.integers(0, 40).map(
        lambda n: "remove all" if n == 40 else _FREQUENT[n % len(_FREQUENT)]
    )
    step = st.builds(
        Step,
        operation=operations,
        who=st.integers(0, PEOPLE - 1),
        which=st.integers(0, 60),
        title=words,
        description=st.none() | words,
        completed=st.none() | st.booleans(),
        status=st.sampled_from(["all", "pending", "completed"]),
    )
    return st.lists(step, min_size=most // 4, max_size=most)


@dataclass
class Model:
    """Each person's tasks in a dictionary; `ids` are all that anybody ever made."""

    client: httpx.AsyncClient
    database: Database
    people: Sequence[Person]

    def __post_init__(self) -> None:
        self.ids: list[int] = []
        self.tasks: dict[str, dict[int, dict[str, Any]]] = {p.id: {} for p in self.people}
        self.steps_done = 0

    @classmethod
    def of(
        cls, client: httpx.AsyncClient, database: Database, new_person: Callable[[], Person]
    ) -> "Model":
        return cls(client, database, [new_person() for _ in range(PEOPLE)])

    async def step(self, step: Step) -> None:
        """Do one thing, and compare the answer with what the model says."""
        self.steps_done += 1
        person = self.people[step.who]
        if step.operation == "create":
            await self._create(person, step)
        elif step.operation == "list":
            await self.check(person, step.status)
        elif step.operation == "remove all":
            await task_store.remove_all(self.database, person.id)
            self.tasks[person.id].clear()
        elif self.ids:
            await self._ask(person, self.ids[step.which % len(self.ids)], step)

    async def check(self, person: Person, status: str = "all") -> None:
        """The list of a person is what the model has, the newest first."""
        answer = await self.client.get(f"/api/tasks?status={status}", headers=person.headers)
        wanted = {"all": (True, False), "pending": (False,), "completed": (True,)}[status]
        own = self.tasks[person.id]
        newest_first = [own[task_id] for task_id in sorted(own, reverse=True)]
        assert answer.json() == [task for task in newest_first if task["completed"] in wanted]

    async def _create(self, person: Person, step: Step) -> None:
        body = {"title": step.title, "description": step.description}
        answer = await self.client.post("/api/tasks", headers=person.headers, json=body)
        assert answer.status_code == 201, answer.text
        task = answer.json()
        assert task == task | body | {"user_id": person.id, "completed": False}
        assert all(task["id"] not in own for own in self.tasks.values())
        self.ids.append(task["id"])
        self.tasks[person.id][task["id"]] = task

    async def _ask(self, person: Person, task_id: int, step: Step) -> None:
        method = {"get": "GET", "replace": "PUT", "toggle": "PATCH", "delete": "DELETE"}
        path = f"/api/tasks/{task_id}" + ("/complete" if step.operation == "toggle" else "")
        answer = await self.client.request(
            method[step.operation], path, headers=person.headers, json=_body(step)
        )
        own = self.tasks[person.id]
        if task_id not in own:
            assert (answer.status_code, answer.json()) == NOT_FOUND
        elif step.operation == "delete":
            assert (answer.status_code, answer.content) == (204, b"")
            del own[task_id]
        else:
            assert answer.status_code == 200, answer.text
            own[task_id] = _changed(own[task_id], step, answer.json())


def _body(step: Step) -> dict[str, Any]:
    given = {"description": step.description, "completed": step.completed}
    return {"title": step.title} | {k: v for k, v in given.items() if v is not None}


def _changed(task: dict[str, Any], step: Step, answer: dict[str, Any]) -> dict[str, Any]:
    """Return the task as it should now be; its moment of change is the server's to choose."""
    if step.operation == "get":
        expected = task
    elif step.operation == "toggle":
        expected = task | {"completed": not task["completed"]}
    else:
        completed = task["completed"] if step.completed is None else step.completed
        changed = {"title": step.title, "description": step.description, "completed": completed}
        expected = task | changed
    if step.operation != "get":
        assert answer["updated_at"] > task["updated_at"]
        expected = expected | {"updated_at": answer["updated_at"]}
    assert answer == expected
    return expected
