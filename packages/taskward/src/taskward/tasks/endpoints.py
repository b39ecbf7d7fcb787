"""The six task endpoints."""

import re
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import orjson
import xxhash
from asyncpg import Record
from fastapi import APIRouter, Depends, Header, HTTPException, Path, Query
from fastapi.routing import APIRoute
from pydantic import BeforeValidator
from pydantic.alias_generators import to_camel
from pydantic.json_schema import SkipJsonSchema
from starlette.requests import Request
from starlette.responses import Response

from authward import CurrentUser
from authward.bodies import JSONRequest
from authward.fastapi.current_user import authenticate, jwt_bearer, known_user
from taskward.database.database import Database
from taskward.http.compression import COMPRESSED_FROM, accepts_gzip, compressed
from taskward.http.errors import ErrorDetail, InvalidRequestDetail
from taskward.http.operations import Batched, Halves, Headers, Provider, Services
from taskward.http.raw_json import RawJSONResponse
from taskward.tasks import idempotency
from taskward.tasks import store as task_store
from taskward.tasks.preconditions import etag_matches, parse_if_match
from taskward.tasks.schemas import IDEMPOTENCY_KEY_MAX_LENGTH, TaskCreate, TaskRead, TaskUpdate
from taskward.tasks.store import TaskJSON

STATUSES = tuple(task_store.LIST_TASKS)
INVALID_STATUS = "Invalid status filter: must be 'pending', 'completed', or 'all'"
_INTEGER = re.compile(r"-?[0-9]+")
_BIGINT_DIGITS = 18
_VISIBLE_ASCII = "^[!-~]+$"
_NO_TASK = 0


class AuthenticatedRoute(APIRoute):
    """Authenticates before it reads the body: 401 comes before 422."""

    def get_route_handler(self) -> Any:
        """Return the handler that FastAPI calls."""
        handle = super().get_route_handler()

        async def handle_authenticated(request: Request) -> Response:
            await authenticate(request)
            return await handle(JSONRequest(request.scope, request.receive))

        return handle_authenticated


def _parse_id(value: Any) -> Any:
    """Parse an id; an integer beyond bigint is valid too, and no task has it: 404, not 422."""
    if not isinstance(value, str):
        raise ValueError("must be an integer")  # noqa: TRY004 - pydantic's validators do so
    if not (value.isdecimal() and value.isascii()) and not _INTEGER.fullmatch(value):
        raise ValueError("must be an integer")
    return int(value) if len(value) <= _BIGINT_DIGITS else _NO_TASK


def _database(request: Request) -> Database:
    return request.app.state.database  # type: ignore[no-any-return]


def _provide_user(services: Services, headers: Headers) -> Any:
    user_id = known_user(services.better_auth.tokens, headers.get(b"authorization"))
    return user_id or NotImplemented


def _provide_database(services: Services, _: Headers) -> Database:
    return services.database  # type: ignore[no-any-return]


PROVIDERS: dict[Callable[..., Any], Provider] = {
    jwt_bearer: _provide_user,
    _database: _provide_database,
}
"""What the hot paths call in place of the endpoints' dependencies."""

TaskId = Annotated[
    int,
    BeforeValidator(_parse_id),
    Path(
        alias="id",
        description="The task's id",
        examples=[1],
        openapi_examples={"the first": {"value": 1}},
    ),
]
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
        pattern=_VISIBLE_ASCII,
        examples=["8e03978e-40d5-43e8-bc93-6894a57f9324"],
        json_schema_extra={
            "pattern": _VISIBLE_ASCII
        },  # pydantic leaves it out where there is a `None`
        description=(
            "Any text of the client's; the same again within"
            f" {idempotency.HOURS_KEPT} hours creates nothing new"
        ),
    ),
]
IfMatch = Annotated[
    str | SkipJsonSchema[None],
    Header(
        alias="If-Match",
        examples=['"2026-01-08T10:30:00.123Z"', "*"],
        description="ETags: change the task only if it still has one of them, else 412",
    ),
]
IfNoneMatch = Annotated[
    str | SkipJsonSchema[None],
    Header(
        alias="If-None-Match",
        examples=['"2026-01-08T10:30:00.123Z"'],
        description="ETags: answer 304 if what would be sent still has one of them",
    ),
]

AcceptEncoding = Annotated[
    str | SkipJsonSchema[None], Header(alias="Accept-Encoding", include_in_schema=False)
]

_TEXT: dict[str, Any] = {"required": True, "schema": {"type": "string"}}
_ETAG = {"ETag": _TEXT | {"description": "Names this state, for `If-Match` and `If-None-Match`"}}
_LOCATION = {"Location": _TEXT | {"description": "The new task's path"}}
_LINKS = {
    f"{name} the task": {
        "operationId": f"{name}Task",
        "parameters": {"id": "$response.body#/id"},
    }
    for name in ("get", "update", "toggle", "delete")
}
_CREATED: dict[int | str, dict[str, Any]] = {201: {"headers": _ETAG | _LOCATION, "links": _LINKS}}
_CHANGED: dict[int | str, dict[str, Any]] = {200: {"headers": _ETAG}}
_READ = _CHANGED | {304: {"description": "Not Modified", "headers": _ETAG}}


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    models = {422: InvalidRequestDetail}
    return {status: {"model": models.get(status, ErrorDetail)} for status in (401, *statuses, 503)}


def _method_name(route: APIRoute) -> str:
    """Name an operation as generated clients name their methods."""
    return to_camel(route.name)


router = APIRouter(
    prefix="/api/tasks",
    tags=["tasks"],
    route_class=AuthenticatedRoute,
    generate_unique_id_function=_method_name,
)


@router.post(
    "",
    status_code=201,
    response_model=TaskRead,
    responses=_errors(409, 413, 415, 422) | _CREATED,
)
async def create_task(
    body: TaskCreate,
    user_id: CurrentUser,
    database: Tasks,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Create a task."""
    try:
        if idempotency_key is None:
            task = await task_store.create(database, user_id, body)
        else:
            task = await idempotency.create_once(database, user_id, idempotency_key, body)
    finally:  # also after an error, when the task may have been created
        database.on_created(user_id)
    return _response(task, 201, _path(task["id"]))


@router.get("", response_model=list[TaskRead], responses=_errors(400) | _READ)
async def list_tasks(
    user_id: CurrentUser,
    database: Tasks,
    status: StatusFilter = "all",
    if_none_match: IfNoneMatch = None,
    accept_encoding: AcceptEncoding = None,
) -> Response:
    """List one's tasks, the newest first."""
    if status not in STATUSES:
        raise HTTPException(400, INVALID_STATUS)
    ask = partial(task_store.list_all, database, user_id, status)  # type: ignore[arg-type]
    array = await database.large_responses.fetch(user_id, ask)
    answer = not_modified_or(_list_response(array), if_none_match)
    if len(answer.body) < COMPRESSED_FROM or accept_encoding is None:
        return answer
    return await compressed(answer) if accepts_gzip(accept_encoding) else answer


@router.get("/{id}", response_model=TaskRead, responses=_errors(404, 422) | _READ)
async def get_task(
    task_id: TaskId, user_id: CurrentUser, database: Tasks, if_none_match: IfNoneMatch = None
) -> Response:
    """Get a task."""
    task = await task_store.get_json(database, user_id, task_id)
    return not_modified_or(_json_response(task), if_none_match)


@router.put("/{id}", response_model=TaskRead, responses=_errors(404, 412, 413, 415, 422) | _CHANGED)
async def update_task(
    task_id: TaskId,
    body: TaskUpdate,
    user_id: CurrentUser,
    database: Tasks,
    if_match: IfMatch = None,
) -> Response:
    """Change a task; what is missing stays as it is."""
    task = await task_store.update_content(
        database, user_id, task_id, body, parse_if_match(if_match)
    )
    return _response(task)


@router.patch(
    "/{id}/complete", response_model=TaskRead, responses=_errors(404, 412, 422) | _CHANGED
)
async def toggle_task(
    task_id: TaskId, user_id: CurrentUser, database: Tasks, if_match: IfMatch = None
) -> Response:
    """Toggle whether a task is completed."""
    return _response(await task_store.toggle(database, user_id, task_id, parse_if_match(if_match)))


@router.delete("/{id}", status_code=204, responses=_errors(404, 412, 422))
async def delete_task(
    task_id: TaskId, user_id: CurrentUser, database: Tasks, if_match: IfMatch = None
) -> Response:
    """Delete a task."""
    await task_store.remove(database, user_id, task_id, parse_if_match(if_match))
    return Response(status_code=204)


def _found(row: Record | None) -> Response:
    task = task_store.found_json(row)
    return RawJSONResponse(task.encode(), task_store.version_of(task))


def _created(row: Record | None) -> Response:
    task = task_store.stored_json(row)
    return _json_response(task, 201, _path(row["id"]))  # type: ignore[index]


def _on_created(services: Services, user_id: str, _: object) -> None:
    services.database.on_created(user_id)


def _listed(row: Record | None) -> Response:
    return _list_response(task_store.listed(row))


def _may_list(services: Services, user_id: str) -> bool:
    """Whether nothing else of the user's is under way that may be large."""
    return services.database.large_responses.begin(user_id)  # type: ignore[no-any-return]


def _on_listed(services: Services, user_id: str, outcome: Response | BaseException) -> None:
    services.database.large_responses.end(user_id, outcome)


_CREATE = Halves(task_store.CREATE_TASK, _created, over=_on_created)
_GET = Halves(task_store.GET_TASK, _found)
_TOGGLE = Halves(task_store.TOGGLE_TASK, _found)
_LISTS = {
    status: Halves(statement, _listed, _may_list, _on_listed)
    for status, statement in task_store.LIST_TASKS.items()
}
BATCHED: Batched = {
    create_task: lambda _: _CREATE,
    get_task: lambda _: _GET,
    toggle_task: lambda _: _TOGGLE,
    list_tasks: lambda query: _LISTS.get(query.get("status", "all")),
}


def _add_slash_and_head_routes() -> None:
    """Add each route with a trailing slash, and HEAD for GET, outside of the OpenAPI document."""
    for route in [route for route in router.routes if isinstance(route, APIRoute)]:
        path, methods = route.path.removeprefix(router.prefix), {*(route.methods or ())}
        heads = {"HEAD"} if "GET" in methods else set()
        for spelling, more in ((path, heads), (f"{path}/", methods | heads)):
            if more:
                router.add_api_route(
                    spelling,
                    route.endpoint,
                    methods=[*more],
                    status_code=route.status_code,
                    include_in_schema=False,
                )


_add_slash_and_head_routes()


def _response(task: TaskJSON, status: int = 200, location: str | None = None) -> RawJSONResponse:
    """A task; its ETag is `updated_at`, which every change makes later."""
    return RawJSONResponse(orjson.dumps(task), task["updated_at"], status, location)


def _json_response(task: str, status: int = 200, location: str | None = None) -> RawJSONResponse:
    """The same of a task that is JSON already."""
    return RawJSONResponse(task.encode(), task_store.version_of(task), status, location)


def _list_response(array: str) -> RawJSONResponse:
    body = array.encode()
    return RawJSONResponse(body, xxhash.xxh3_128_hexdigest(body))


def _path(task_id: int) -> str:
    return f"/api/tasks/{task_id}"


def not_modified_or(response: RawJSONResponse, if_none_match: str | None) -> Response:
    """Return 304 if the client has this version already, else the response."""
    if if_none_match is None or not etag_matches(if_none_match, response.etag):
        return response
    return Response(status_code=304, headers={"ETag": response.etag})
