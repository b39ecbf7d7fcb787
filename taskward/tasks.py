"""The six task endpoints, and the functions under them, which need no HTTP.

Every statement names the owner, so another user's task is simply not there.
"""

import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

import orjson
from asyncpg import Record
from fastapi import APIRouter, Depends, HTTPException, Path, Query
from fastapi.routing import APIRoute
from pydantic import BeforeValidator
from sqlalchemy import (
    Boolean,
    DateTime,
    bindparam,
    delete,
    false,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlmodel import col
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from taskward.auth import CurrentUser
from taskward.auth.bodies import JSONRequest
from taskward.auth.current_user import authenticate, jwt_bearer, known_user
from taskward.database import Database
from taskward.errors import ErrorDetail, InvalidRequestDetail, TaskNotFoundError
from taskward.fast_path import Headers, Provider
from taskward.models import Task, TaskCreate, TaskRead, TaskReplace
from taskward.statements import Executor, Statement
from taskward.timestamps import to_json

STATUSES = ("all", "pending", "completed")
INVALID_STATUS = "Invalid status filter: must be 'pending', 'completed', or 'all'"
_INTEGER = re.compile(r"-?[0-9]+")
_BIGINT_DIGITS = 18
_NO_TASK = 0

_COLUMNS = [*Task.__table__.c]  # type: ignore[attr-defined]
_OWNED = col(Task.user_id) == bindparam("user_id")
_ONE = (col(Task.id) == bindparam("task_id")) & _OWNED
_NOW = literal_column("date_trunc('milliseconds', clock_timestamp())", type_=DateTime)
_NEXT = func.greatest(_NOW, col(Task.updated_at) + literal_column("interval '1 millisecond'"))
_LIST = select(*_COLUMNS).where(_OWNED).order_by(col(Task.id).desc())

CREATE_TASK = Statement(
    insert(Task)
    .values(
        user_id=bindparam("user_id"),
        title=bindparam("title"),
        description=bindparam("description"),
        completed=false(),
    )
    .returning(*_COLUMNS)
)
LIST_TASKS = {
    "all": Statement(_LIST),
    "pending": Statement(_LIST.where(~col(Task.completed))),
    "completed": Statement(_LIST.where(col(Task.completed))),
}
GET_TASK = Statement(select(*_COLUMNS).where(_ONE))
REPLACE_TASK = Statement(
    update(Task)
    .where(_ONE)
    .values(
        title=bindparam("title"),
        description=bindparam("description"),
        completed=func.coalesce(bindparam("completed", type_=Boolean), col(Task.completed)),
        updated_at=_NEXT,
    )
    .returning(*_COLUMNS)
)
TOGGLE_TASK = Statement(
    update(Task)
    .where(_ONE)
    .values(completed=~col(Task.completed), updated_at=_NEXT)
    .returning(*_COLUMNS)
)
DELETE_TASK = Statement(delete(Task).where(_ONE).returning(col(Task.id)))
DELETE_TASKS_OF_USER = Statement(delete(Task).where(_OWNED))


async def create(database: Executor, user_id: str, task: TaskCreate) -> Record:
    """Store a new task and return its row."""
    row = await CREATE_TASK.fetchrow(
        database, user_id=user_id, title=task.title, description=task.description
    )
    return _found(row)


async def list_all(
    database: Executor, user_id: str, status: Literal["all", "pending", "completed"] = "all"
) -> Sequence[Record]:
    """Return a user's tasks, the newest first."""
    return await LIST_TASKS[status].fetch(database, user_id=user_id)


async def get(database: Executor, user_id: str, task_id: int) -> Record:
    """Return a task.

    Raises:
        TaskNotFoundError: there is none with this id, or it is another user's.
    """
    return _found(await GET_TASK.fetchrow(database, user_id=user_id, task_id=task_id))


async def replace(database: Executor, user_id: str, task_id: int, task: TaskReplace) -> Record:
    """Replace a task's content; `completed` stays where the new content does not say.

    Raises:
        TaskNotFoundError: there is none with this id, or it is another user's.
    """
    row = await REPLACE_TASK.fetchrow(
        database,
        user_id=user_id,
        task_id=task_id,
        title=task.title,
        description=task.description,
        completed=task.completed,
    )
    return _found(row)


async def toggle(database: Executor, user_id: str, task_id: int) -> Record:
    """Make a pending task completed and a completed one pending.

    Raises:
        TaskNotFoundError: there is none with this id, or it is another user's.
    """
    return _found(await TOGGLE_TASK.fetchrow(database, user_id=user_id, task_id=task_id))


async def remove(database: Executor, user_id: str, task_id: int) -> None:
    """Delete a task.

    Raises:
        TaskNotFoundError: there is none with this id, or it is another user's.
    """
    _found(await DELETE_TASK.fetchrow(database, user_id=user_id, task_id=task_id))


async def remove_all(database: Executor, user_id: str) -> None:
    """Delete all tasks of a user."""
    await DELETE_TASKS_OF_USER.fetch(database, user_id=user_id)


def _found(row: Record | None) -> Record:
    if row is None:
        raise TaskNotFoundError
    return row


# HTTP


class AuthenticatedRoute(APIRoute):
    """Asks who it is before it reads a body: a stranger learns nothing of what is wrong with it."""

    def get_route_handler(self) -> Any:
        """Return the handler that FastAPI calls."""
        handle = super().get_route_handler()

        async def handle_authenticated(request: Request) -> Response:
            await authenticate(request)
            return await handle(JSONRequest(request.scope, request.receive))

        return handle_authenticated


def _parse_id(value: Any) -> Any:
    """Numbers beyond PostgreSQL's bigint are integers too, which no task has."""
    if not isinstance(value, str) or not _INTEGER.fullmatch(value):
        raise ValueError("must be an integer")
    return int(value) if len(value) <= _BIGINT_DIGITS else _NO_TASK


def _database(request: Request) -> Database:
    return request.app.state.database  # type: ignore[no-any-return]


def _provide_user(scope: Scope, headers: Headers) -> Any:
    tokens = scope["app"].state.better_auth.tokens
    return known_user(tokens, headers.get(b"authorization")) or NotImplemented


def _provide_database(scope: Scope, _: Headers) -> Database:
    return scope["app"].state.database  # type: ignore[no-any-return]


PROVIDERS: dict[Callable[..., Any], Provider] = {
    jwt_bearer: _provide_user,
    _database: _provide_database,
}
"""What the dependencies of the endpoints are on the fast path."""

TaskId = Annotated[int, BeforeValidator(_parse_id), Path(description="The task's id")]
Tasks = Annotated[Database, Depends(_database)]
StatusFilter = Annotated[
    str, Query(description="Which tasks", json_schema_extra={"enum": list(STATUSES)})
]


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    models = {422: InvalidRequestDetail}
    return {status: {"model": models.get(status, ErrorDetail)} for status in (401, *statuses, 503)}


_CREATED: dict[int | str, dict[str, Any]] = {
    201: {
        "headers": {"Location": {"required": True, "schema": {"type": "string"}}},
        "links": {
            f"{name} the task": {
                "operationId": f"{name}_task_api_tasks__task_id_{path}_{method}",
                "parameters": {"task_id": "$response.body#/id"},
            }
            for name, path, method in (
                ("get", "", "get"),
                ("replace", "", "put"),
                ("toggle", "_complete", "patch"),
                ("delete", "", "delete"),
            )
        },
    }
}

router = APIRouter(prefix="/api/tasks", tags=["tasks"], route_class=AuthenticatedRoute)


@router.post("", status_code=201, response_model=TaskRead, responses=_errors(413, 422) | _CREATED)
@router.post("/", status_code=201, include_in_schema=False)
async def create_task(body: TaskCreate, user_id: CurrentUser, database: Tasks) -> Response:
    """Create a task."""
    row = await create(database, user_id, body)
    return JSONAnswer(_task_json(row), 201, f"/api/tasks/{row['id']}")


@router.get("", response_model=list[TaskRead], responses=_errors(400))
@router.get("/", include_in_schema=False)
async def list_tasks(
    user_id: CurrentUser, database: Tasks, status: StatusFilter = "all"
) -> Response:
    """List one's tasks, the newest first."""
    if status not in STATUSES:
        raise HTTPException(400, INVALID_STATUS)
    rows = await list_all(database, user_id, status)  # type: ignore[arg-type]
    return JSONAnswer([_task_json(row) for row in rows])


@router.get("/{task_id}", response_model=TaskRead, responses=_errors(404, 422))
async def get_task(task_id: TaskId, user_id: CurrentUser, database: Tasks) -> Response:
    """Get a task."""
    return JSONAnswer(_task_json(await get(database, user_id, task_id)))


@router.put("/{task_id}", response_model=TaskRead, responses=_errors(404, 413, 422))
async def replace_task(
    task_id: TaskId, body: TaskReplace, user_id: CurrentUser, database: Tasks
) -> Response:
    """Replace a task's content."""
    return JSONAnswer(_task_json(await replace(database, user_id, task_id, body)))


@router.patch("/{task_id}/complete", response_model=TaskRead, responses=_errors(404, 422))
async def toggle_task(task_id: TaskId, user_id: CurrentUser, database: Tasks) -> Response:
    """Toggle whether a task is completed."""
    return JSONAnswer(_task_json(await toggle(database, user_id, task_id)))


@router.delete("/{task_id}", status_code=204, responses=_errors(404, 422))
async def delete_task(task_id: TaskId, user_id: CurrentUser, database: Tasks) -> Response:
    """Delete a task."""
    await remove(database, user_id, task_id)
    return Response(status_code=204)


def _task_json(row: Record) -> dict[str, Any]:
    task = dict(row)
    task["created_at"] = to_json(row["created_at"])
    task["updated_at"] = to_json(row["updated_at"])
    return task


class JSONAnswer(Response):
    """Rows go to JSON directly: a model for each would cost more than the query."""

    def __init__(self, content: Any, status: int = 200, location: str | None = None) -> None:
        self.status_code = status
        self.background = None
        self.body = orjson.dumps(content)
        length = str(len(self.body)).encode()
        self.raw_headers = [(b"content-length", length), (b"content-type", b"application/json")]
        if location is not None:
            self.raw_headers.append((b"location", location.encode()))
