"""All routes: who may call them, what they cost, which methods and ids they take."""

import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.responses import Response
from starlette.routing import BaseRoute, WebSocketRoute

from authward import CurrentUser
from authward.fastapi.current_user import JWTBearer
from taskward.app import create_app
from taskward.http.hot_path import HotPath
from taskward.tasks import endpoints as tasks
from taskward.tasks.endpoints import AuthenticatedRoute
from tests.conftest import BASE_URL, User, settings_for
from tests.support.databases import tell_of_requests

COLLECTION = {"GET", "HEAD", "POST"}
ITEM = {"GET", "HEAD", "PUT", "DELETE"}
ALLOWED = {
    "/api/tasks": COLLECTION,
    "/api/tasks/": COLLECTION,
    "/api/tasks/1": ITEM,
    "/api/tasks/1/": ITEM,
    "/api/tasks/abc": ITEM,
    "/api/tasks/1/complete": {"PATCH"},
    "/api/tasks/1/complete/": {"PATCH"},
}
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW"]
REFUSED = [(path, m) for path, allowed in ALLOWED.items() for m in METHODS if m not in allowed]
MEMBER = [("GET", ""), ("PUT", ""), ("DELETE", ""), ("PATCH", "/complete")]
OPEN_PATHS = re.compile(
    r"/(docs(/oauth2-redirect)?|redoc|openapi\.json|static-offline-docs|health(/live|/ready)?|mcp)?/?"
    r"|/\.well-known/(oauth-authorization-server|oauth-protected-resource|openid-configuration)(/.*)?"
)


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
    assert len(list(walk(app.routes, "/api/tasks"))) == 6 + 6 + 2  # slashes, HEAD


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


async def test_the_fast_path_leaves_a_route_that_forgets_to_ask_to_its_route_class() -> None:
    async def forgetful() -> Response:
        return Response("everything")

    app, router = FastAPI(), APIRouter(route_class=AuthenticatedRoute)
    router.add_api_route("/api/tasks", forgetful)
    app.include_router(router)
    fast_path = HotPath(app, Response("asked who it is", 401), router, tasks.PROVIDERS)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(fast_path), base_url=BASE_URL
    ) as client:
        assert (await client.get("/api/tasks")).status_code == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [(m, path) for path, allowed in ALLOWED.items() for m in sorted(allowed)],
)
async def test_without_a_token_every_tasks_operation_is_401(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    answer = await client.request(method, path, json={"title": "t"})
    assert answer.status_code == 401
    assert method == "HEAD" or answer.json() == {"detail": "Not authenticated"}


async def test_there_is_nothing_but_tasks_better_auth_the_documentation_and_health(
    app: FastAPI,
) -> None:
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


@asynccontextmanager
async def served(url: str) -> AsyncIterator[tuple[FastAPI, httpx.AsyncClient]]:
    """An app of the test's own, and somebody who is signed in there."""
    app = create_app(settings_for(url))
    headers = {"Authorization": f"Bearer {app.state.better_auth.tokens.issue('user_1')}"}
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=BASE_URL, headers=headers) as client,
    ):
        yield app, client


async def test_checking_a_token_and_a_body_asks_no_database(database_url: str) -> None:
    async with served(database_url) as (app, client):
        await app.state.database.close()
        anonymous = await client.get("/api/tasks", headers={"Authorization": ""})
        forged = await client.get("/api/tasks", headers={"Authorization": "Bearer a.b.c"})
        unfit = await client.post("/api/tasks", json={"title": ""})
        right = await client.get("/api/tasks")
    assert [a.status_code for a in (anonymous, forged, unfit, right)] == [401, 401, 422, 503]


async def test_each_operation_is_exactly_one_statement(database_url: str) -> None:
    sent: list[str] = []
    async with served(database_url) as (app, client):
        async with app.state.database.acquire() as connection:
            tell_of_requests(connection, sent)
        path = (await client.post("/api/tasks", json={"title": "t"})).headers["location"]
        await client.get("/api/tasks?status=pending")
        await client.get(path)
        await client.put(path, json={"title": "t"})
        await client.patch(f"{path}/complete")
        await client.delete(path)
    verbs = [query.split()[0] for query in sent]
    assert verbs == ["INSERT", "SELECT", "SELECT", "UPDATE", "UPDATE", "DELETE"]


# Methods


@pytest.mark.parametrize(("path", "method"), REFUSED)
async def test_any_other_method_is_405_and_names_all_that_are_allowed(
    client: httpx.AsyncClient, alice: User, path: str, method: str
) -> None:
    answer = await client.request(method, path, headers=alice.headers)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == ALLOWED[path]
    if method != "HEAD":
        assert answer.json() == {"detail": "Method Not Allowed"}


@pytest.mark.parametrize("slash", ["", "/"])
async def test_every_path_answers_directly_with_or_without_a_trailing_slash(
    client: httpx.AsyncClient, alice: User, slash: str
) -> None:
    client.headers.update(alice.headers)
    created = await client.post(f"/api/tasks{slash}", json={"title": "t"})
    one = created.headers["location"]
    answers = [
        created,
        await client.get(f"/api/tasks{slash}"),
        await client.get(one + slash),
        await client.put(one + slash, json={"title": "u"}),
        await client.patch(f"{one}/complete{slash}"),
        await client.delete(one + slash),
        await client.get(one + slash),
    ]
    assert [answer.status_code for answer in answers] == [201, 200, 200, 200, 200, 204, 404]
    assert one == f"/api/tasks/{created.json()['id']}"
    assert answers[4].json() | {"updated_at": ""} == created.json() | {
        "title": "u",
        "completed": True,
        "updated_at": "",
    }


@pytest.mark.parametrize("path", ["", "/", "/{id}", "/{id}/", "?status=pending", "/0", "/x"])
async def test_head_answers_as_get_does_without_the_body(
    client: httpx.AsyncClient, alice: User, path: str
) -> None:
    client.headers.update(alice.headers)
    task = (await client.post("/api/tasks", json={"title": "t"})).json()
    path = "/api/tasks" + path.format(id=task["id"])
    got, asked = await client.get(path), await client.head(path)
    assert (asked.status_code, asked.content) == (got.status_code, b"")
    varying = {"x-request-id"}
    heads = [{k: v for k, v in a.headers.items() if k not in varying} for a in (got, asked)]
    assert heads[0] == heads[1]


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/redoc", "/openapi.json", "/health", "/health/live", "/health/ready"]
)
async def test_whatever_can_be_got_can_be_asked_for_by_head(
    client: httpx.AsyncClient, path: str
) -> None:
    got, asked = await client.get(path), await client.head(path)
    assert asked.status_code == got.status_code
    assert asked.status_code in {200, 307}
    assert asked.content == b""
    assert asked.headers.get("content-type") == got.headers.get("content-type")
    for method in ("GET", "HEAD") if path != "/" else ():
        spelled = await client.request(method, f"{path}/")
        assert spelled.status_code == 200
        assert spelled.content == (got.content if method == "GET" else b"")
        same = ("content-type", "content-security-policy", "cache-control")
        assert [spelled.headers.get(n) for n in same] == [got.headers.get(n) for n in same]


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
    client: httpx.AsyncClient, alice: User, method: str, suffix: str, task_id: str
) -> None:
    path = f"/api/tasks/{task_id}{suffix}"
    answer = await client.request(method, path, headers=alice.headers, json={"title": "t"})
    assert answer.status_code == 422
    assert answer.json()["detail"] == "id: must be an integer"
    assert answer.json()["errors"][0]["loc"] == ["path", "id"]


@pytest.mark.parametrize(("method", "suffix"), MEMBER)
@pytest.mark.parametrize(
    "task_id",
    [
        *("0", "-1", "-0", "2147483648", "9223372036854775807", "9223372036854775808"),
        *("-9223372036854775809", "18446744073709551617", "9" * 5000, "-" + "9" * 5000),
    ],
)
async def test_an_integer_that_no_task_has_is_404_at_any_size(
    client: httpx.AsyncClient, alice: User, method: str, suffix: str, task_id: str
) -> None:
    path = f"/api/tasks/{task_id}{suffix}"
    answer = await client.request(method, path, headers=alice.headers, json={"title": "t"})
    assert (answer.status_code, answer.json()) == (404, {"detail": "Task not found"})


@pytest.mark.parametrize("path", ["/api/tasks//", "/api/tasks//complete", "/api/tasks/1//"])
async def test_an_empty_id_names_no_task(client: httpx.AsyncClient, alice: User, path: str) -> None:
    answer = await client.get(path, headers=alice.headers)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})
