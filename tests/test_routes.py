"""All routes: who may call them, which methods and ids they take; all statements name the owner."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.routing import BaseRoute, WebSocketRoute

from taskward import tasks
from taskward.auth import CurrentUser
from taskward.auth.current_user import JWTBearer
from taskward.statements import Statement
from taskward.tasks import AuthenticatedRoute
from tests.conftest import Person

COLLECTION = {"GET", "POST"}
ITEM = {"GET", "PUT", "DELETE"}
ALLOWED = {
    "/api/tasks": COLLECTION,
    "/api/tasks/": COLLECTION,
    "/api/tasks/1": ITEM,
    "/api/tasks/abc": ITEM,
    "/api/tasks/1/complete": {"PATCH"},
}
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW"]
REFUSED = [(path, m) for path, allowed in ALLOWED.items() for m in METHODS if m not in allowed]
MEMBER = [("GET", ""), ("PUT", ""), ("DELETE", ""), ("PATCH", "/complete")]
OPEN_PATHS = re.compile(r"/(docs(/oauth2-redirect)?|redoc|openapi\.json|static-offline-docs)?")


def walk(routes: Sequence[BaseRoute], prefix: str = "") -> Iterator[RouteContext]:
    for context in iter_route_contexts(routes):
        if (context.path or "").startswith(prefix):
            yield context


def asks_who_it_is(dependant: Dependant) -> bool:
    """Whether `CurrentUser` is among the dependencies, at any depth."""
    return isinstance(dependant.call, JWTBearer) or any(
        asks_who_it_is(dependency) for dependency in dependant.dependencies
    )


def unprotected(routes: Sequence[BaseRoute]) -> list[str]:
    """The routes below /api/tasks that lack the dependency or the route class."""
    return [
        f"{context.methods} {context.path}"
        for context in walk(routes, "/api/tasks")
        if not isinstance(context.original_route, AuthenticatedRoute)
        or not asks_who_it_is(context.dependant)
    ]


# Who may call


async def test_every_route_below_tasks_asks_who_it_is_before_anything_else(app: FastAPI) -> None:
    assert unprotected(app.routes) == []
    assert len(list(walk(app.routes, "/api/tasks"))) == 8


def test_a_route_that_forgets_to_ask_is_found() -> None:
    async def forgetful() -> None: ...

    async def careful(user_id: CurrentUser) -> None: ...

    plain, asking = APIRouter(), APIRouter(route_class=AuthenticatedRoute)
    plain.add_api_route("/api/tasks/without-class", careful)
    asking.add_api_route("/api/tasks/without-dependency", forgetful)
    asking.add_api_route("/api/tasks/right", careful)
    app = FastAPI()
    app.include_router(plain)
    app.include_router(asking)
    assert unprotected(app.routes) == [
        "{'GET'} /api/tasks/without-class",
        "{'GET'} /api/tasks/without-dependency",
    ]


@pytest.mark.parametrize(
    ("method", "path"),
    [(m, path) for path, allowed in ALLOWED.items() for m in sorted(allowed)],
)
async def test_without_a_token_every_tasks_operation_is_401(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    answer = await client.request(method, path, json={"title": "t"})
    assert (answer.status_code, answer.json()) == (401, {"detail": "Not authenticated"})


async def test_there_is_nothing_but_tasks_better_auth_and_the_documentation(app: FastAPI) -> None:
    others = [
        str(context.path)
        for context in walk(app.routes)
        if not (context.path or "").startswith(("/api/tasks", "/api/auth/"))
    ]
    assert [path for path in others if not OPEN_PATHS.fullmatch(path)] == []


async def test_nothing_takes_files_websockets_or_pages(app: FastAPI) -> None:
    schema = app.openapi()
    operations = [op for path in schema["paths"].values() for op in path.values()]
    assert not any(
        isinstance(context.original_route, WebSocketRoute) for context in walk(app.routes)
    )
    assert "multipart/form-data" not in str(schema)
    parameters = [p["name"] for op in operations for p in op.get("parameters", [])]
    assert set(parameters).isdisjoint({"page", "limit", "offset", "cursor", "skip", "size"})


# Statements


def statements() -> list[Statement]:
    """Every compiled statement of the tasks module, those in dictionaries as well."""
    values: list[Any] = []
    for value in vars(tasks).values():
        values += value.values() if isinstance(value, dict) else [value]
    return [value for value in values if isinstance(value, Statement)]


def test_every_statement_on_tasks_names_the_owner() -> None:
    found = [statement.sql for statement in statements()]
    assert len(found) == 9
    for sql in found:
        wanted = r"INSERT INTO tasks \(user_id, " if sql.startswith("INSERT") else r"user_id = \$\d"
        assert re.search(wanted, sql), sql
        assert " OR " not in sql


# Methods


@pytest.mark.parametrize(("path", "method"), REFUSED)
async def test_any_other_method_is_405_and_names_all_that_are_allowed(
    client: httpx.AsyncClient, alice: Person, path: str, method: str
) -> None:
    answer = await client.request(method, path, headers=alice.headers)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == ALLOWED[path]
    if method != "HEAD":
        assert answer.json() == {"detail": "Method Not Allowed"}


@pytest.mark.parametrize("path", ["/api/tasks", "/api/tasks/"])
@pytest.mark.parametrize("method", sorted(COLLECTION))
async def test_no_spelling_of_the_collection_is_redirected(
    client: httpx.AsyncClient, alice: Person, path: str, method: str
) -> None:
    answer = await client.request(method, path, headers=alice.headers, json={"title": "t"})
    assert answer.is_success


# Ids


@pytest.mark.parametrize(("method", "suffix"), MEMBER)
@pytest.mark.parametrize(
    "task_id",
    [
        *("abc", "1.5", "1.0", "1e3", "0x10", "1_0", "%D9%A1", "%C2%B2", "%201", "1%20", "+1"),
        *("%2B1", "--1", "-", "1%00", "1%0A", "null", "true", "%F0%9F%91%8D", "%FF", "1,2", "NaN"),
    ],
)
async def test_an_id_that_is_no_integer_is_422(
    client: httpx.AsyncClient, alice: Person, method: str, suffix: str, task_id: str
) -> None:
    path = f"/api/tasks/{task_id}{suffix}"
    answer = await client.request(method, path, headers=alice.headers, json={"title": "t"})
    assert answer.status_code == 422
    assert answer.json()["detail"] == "task_id: must be an integer"
    assert answer.json()["errors"][0]["loc"] == ["path", "task_id"]


@pytest.mark.parametrize(("method", "suffix"), MEMBER)
@pytest.mark.parametrize(
    "task_id",
    [
        *("0", "-1", "-0", "2147483648", "9223372036854775807", "9223372036854775808"),
        *("-9223372036854775809", "18446744073709551617", "9" * 5000, "-" + "9" * 5000),
    ],
)
async def test_an_integer_that_no_task_has_is_404_at_any_size(
    client: httpx.AsyncClient, alice: Person, method: str, suffix: str, task_id: str
) -> None:
    path = f"/api/tasks/{task_id}{suffix}"
    answer = await client.request(method, path, headers=alice.headers, json={"title": "t"})
    assert (answer.status_code, answer.json()) == (404, {"detail": "Task not found"})


@pytest.mark.parametrize("path", ["/api/tasks//", "/api/tasks//complete", "/api/tasks/1/"])
async def test_an_empty_id_names_no_task(
    client: httpx.AsyncClient, alice: Person, path: str
) -> None:
    answer = await client.get(path, headers=alice.headers)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})
