"""Errors: one JSON shape, `{"detail": "…"}`, whatever went wrong.

`detail` is always a string, because front ends show it as it comes; 422 also lists each problem.
"""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

import asyncpg
import orjson
import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from authward.plugins.token_login import router as token_login_router
from taskward.database.database import DatabaseUnavailableError
from taskward.tasks.errors import RequestInFlightError, TaskChangedError, TaskNotFoundError
from taskward.validation import message_of

RETRY_AFTER = {"Retry-After": "2"}
_PROTOCOL = "/api/auth/"
_MAX_PROBLEMS = 20
_TOKEN_LOGIN = frozenset(
    f"/api/auth{route.path}"  # type: ignore[attr-defined]
    for route in token_login_router.routes
)

log = structlog.get_logger(__name__)


class ErrorDetail(BaseModel):
    """What went wrong."""

    detail: str


class Problem(BaseModel):
    """One thing that is wrong with a request."""

    loc: list[str | int]
    msg: str
    type: str


class InvalidRequestDetail(ErrorDetail):
    """What is wrong with a request, for people and for programs."""

    errors: list[Problem]


def install(app: FastAPI) -> None:
    """Answer every exception of `app` with JSON."""
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(TaskNotFoundError, _task_not_found)
    app.add_exception_handler(TaskChangedError, _task_changed)
    app.add_exception_handler(RequestInFlightError, _in_flight)
    app.add_exception_handler(DatabaseUnavailableError, _database_unavailable)
    app.add_exception_handler(asyncpg.DataError, _unstorable)
    app.add_exception_handler(Exception, _internal_error)


def json_error(
    status: int,
    detail: str,
    *,
    path: str = "",
    headers: dict[str, str] | None = None,
    errors: Iterable[dict[str, Any]] | None = None,
) -> Response:
    """Return an error, in the shape of the Better Auth protocol where `path` belongs to it."""
    body: dict[str, Any] = {"detail": detail}
    if errors is not None:
        body["errors"] = list(errors)
    elif path.startswith(_PROTOCOL) and path not in _TOKEN_LOGIN:
        body = {"code": HTTPStatus(status).name, "message": detail}
    return Response(orjson.dumps(body), status, headers, "application/json")


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(sorted(_allowed_methods(request)))
    path = request.url.path
    return json_error(error.status_code, error.detail, path=path, headers=headers)


async def _validation_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    problems = [_problem(e) for e in error.errors()[:_MAX_PROBLEMS]]
    return json_error(422, "; ".join(_sentence(p) for p in problems), errors=problems)


async def _task_not_found(_: Request, __: Exception) -> Response:
    return json_error(404, "Task not found")


async def _task_changed(_: Request, __: Exception) -> Response:
    return json_error(412, "The task has changed: If-Match does not name its ETag")


async def _in_flight(_: Request, __: Exception) -> Response:
    detail = "A request with this Idempotency-Key is under way"
    return json_error(409, detail, headers={"Retry-After": "1"})


async def _database_unavailable(request: Request, error: Exception) -> Response:
    log.warning("database unavailable", error=repr(error.__cause__ or error))
    detail = "The database is unavailable, try again"
    return json_error(503, detail, path=request.url.path, headers=RETRY_AFTER)


async def _internal_error(request: Request, _: Exception) -> Response:
    """The last resort; the edge logs the exception."""
    return json_error(500, "Internal server error", path=request.url.path)


async def _unstorable(_: Request, error: Exception) -> Response:
    """PostgreSQL's last word on a value that our own checks let through."""
    log.warning("value refused by the database", error=type(error).__name__)
    return json_error(422, "A value cannot be stored", errors=[])


def _problem(error: dict[str, Any]) -> dict[str, Any]:
    """Never with the input: it may be a secret."""
    kind, location = error["type"], list(error["loc"])
    if kind == "json_invalid":
        location = location[:1]  # the position that follows says nothing to a person
    return {"loc": location, "msg": message_of(error), "type": kind}


def _sentence(problem: dict[str, Any]) -> str:
    where = ".".join(str(part) for part in problem["loc"][1:]) or str(problem["loc"][0])
    return f"{where}: {problem['msg']}"


def _allowed_methods(request: Request) -> set[str]:
    """Return the methods of all routes for this path; the router names only the first route's."""
    return {
        method
        for route in iter_route_contexts(request.app.routes)
        if route.methods and route.path_regex.match(request.url.path)
        for method in route.methods
    }
