"""The six task endpoints."""

import re
from collections.abc import Callable
from typing import Annotated, Any

import orjson
import xxhash
from fastapi import APIRouter, Depends, Header, HTTPException, Path, Query
from fastapi.routing import APIRoute
from pydantic import BeforeValidator
from pydantic.json_schema import SkipJsonSchema
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from taskward import idempotency, task_store
from taskward.auth import CurrentUser
from taskward.auth.bodies import JSONRequest
from taskward.auth.current_user import authenticate, jwt_bearer, known_user
from taskward.database import Database
from taskward.errors import ErrorDetail, InvalidRequestDetail
from taskward.fast_path import Headers, Provider
from taskward.models import (
    IDEMPOTENCY_KEY_MAX_LENGTH,
    TaskCreate,
    TaskRead,
    TaskReplace,
)
from taskward.preconditions import is_fresh, versions
from taskward.task_store import TaskJSON

STATUSES = ("all", "pending", "completed")
INVALID_STATUS = "Invalid status filter: must be 'pending', 'completed', or 'all'"
_INTEGER = re.compile(r"-?[0-9]+")
_BIGINT_DIGITS = 18
_VISIBLE = "^[!-~]+$"
_NO_TASK = 0


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
    user_id = known_user(tokens, headers.get(b"authorization"))
    scope["user_id"] = user_id
    return user_id or NotImplemented


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


IdempotencyKey = Annotated[
    str | SkipJsonSchema[None],
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=IDEMPOTENCY_KEY_MAX_LENGTH,
        pattern=_VISIBLE,
        json_schema_extra={"pattern": _VISIBLE},  # pydantic leaves it out where there is a `None`
        description="Any text of the client's; the same again within 24 hours creates nothing new",
    ),
]
IfMatch = Annotated[
    str | SkipJsonSchema[None],
    Header(
        alias="If-Match",
        description="ETags: change the task only if it still has one of them, else 412",
    ),
]
IfNoneMatch = Annotated[
    str | SkipJsonSchema[None],
    Header(
        alias="If-None-Match",
        description="ETags: answer 304 if what would be sent still has one of them",
    ),
]

_TEXT: dict[str, Any] = {"required": True, "schema": {"type": "string"}}
_ETAG = {"ETag": _TEXT | {"description": "Names this state, for `If-Match` and `If-None-Match`"}}
_LOCATION = {"Location": _TEXT | {"description": "The new task's path"}}
_LINKS = {
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
}
_CREATED: dict[int | str, dict[str, Any]] = {201: {"headers": _ETAG | _LOCATION, "links": _LINKS}}
_CHANGED: dict[int | str, dict[str, Any]] = {200: {"headers": _ETAG}}
_READ = _CHANGED | {304: {"description": "Not Modified", "headers": _ETAG}}


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    models = {422: InvalidRequestDetail}
    return {status: {"model": models.get(status, ErrorDetail)} for status in (401, *statuses, 503)}


router = APIRouter(prefix="/api/tasks", tags=["tasks"], route_class=AuthenticatedRoute)


@router.post(
    "",
    status_code=201,
    response_model=TaskRead,
    responses=_errors(409, 413, 422) | _CREATED,
)
@router.post("/", status_code=201, include_in_schema=False)
async def create_task(
    body: TaskCreate,
    user_id: CurrentUser,
    database: Tasks,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Create a task."""
    if idempotency_key is None:
        task = await task_store.create(database, user_id, body)
    else:
        task = await idempotency.create_once(database, user_id, idempotency_key, body)
    return TaskAnswer(task, 201, f"/api/tasks/{task['id']}")


@router.get("", response_model=list[TaskRead], responses=_errors(400) | _READ)
@router.get("/", include_in_schema=False)
async def list_tasks(
    user_id: CurrentUser,
    database: Tasks,
    status: StatusFilter = "all",
    if_none_match: IfNoneMatch = None,
) -> Response:
    """List one's tasks, the newest first."""
    if status not in STATUSES:
        raise HTTPException(400, INVALID_STATUS)
    array = await task_store.list_all(database, user_id, status)  # type: ignore[arg-type]
    body = array.encode()
    return unless_fresh(JSONAnswer(body, xxhash.xxh3_128_hexdigest(body)), if_none_match)


@router.get("/{task_id}", response_model=TaskRead, responses=_errors(404, 422) | _READ)
async def get_task(
    task_id: TaskId, user_id: CurrentUser, database: Tasks, if_none_match: IfNoneMatch = None
) -> Response:
    """Get a task."""
    task = await task_store.get(database, user_id, task_id)
    return unless_fresh(TaskAnswer(task), if_none_match)


@router.put("/{task_id}", response_model=TaskRead, responses=_errors(404, 412, 413, 422) | _CHANGED)
async def replace_task(
    task_id: TaskId,
    body: TaskReplace,
    user_id: CurrentUser,
    database: Tasks,
    if_match: IfMatch = None,
) -> Response:
    """Replace a task's content."""
    task = await task_store.replace(database, user_id, task_id, body, versions(if_match))
    return TaskAnswer(task)


@router.patch(
    "/{task_id}/complete", response_model=TaskRead, responses=_errors(404, 412, 422) | _CHANGED
)
async def toggle_task(
    task_id: TaskId, user_id: CurrentUser, database: Tasks, if_match: IfMatch = None
) -> Response:
    """Toggle whether a task is completed."""
    return TaskAnswer(await task_store.toggle(database, user_id, task_id, versions(if_match)))


@router.delete("/{task_id}", status_code=204, responses=_errors(404, 412, 422))
async def delete_task(
    task_id: TaskId, user_id: CurrentUser, database: Tasks, if_match: IfMatch = None
) -> Response:
    """Delete a task."""
    await task_store.remove(database, user_id, task_id, versions(if_match))
    return Response(status_code=204)


class JSONAnswer(Response):
    """JSON that is written already."""

    def __init__(self, body: bytes, version: str, status: int = 200) -> None:
        self.status_code = status
        self.background = None
        self.body = body
        self.etag = f'"{version}"'
        self.raw_headers = [
            (b"content-length", str(len(body)).encode()),
            (b"content-type", b"application/json"),
            (b"etag", self.etag.encode()),
        ]


class TaskAnswer(JSONAnswer):
    """A task; each change gives it a later `updated_at`, so that is its version."""

    def __init__(self, task: TaskJSON, status: int = 200, location: str | None = None) -> None:
        super().__init__(orjson.dumps(task), task["updated_at"], status)
        if location is not None:
            self.raw_headers.append((b"location", location.encode()))


def unless_fresh(answer: JSONAnswer, if_none_match: str | None) -> Response:
    """Return 304 instead of what the client has already."""
    if if_none_match is None or not is_fresh(if_none_match, answer.etag):
        return answer
    return Response(status_code=304, headers={"ETag": answer.etag})
