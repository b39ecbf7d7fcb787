"""The fast path answers every request exactly as FastAPI alone would."""

import json
import secrets
from typing import Any

import httpx
from anyio.from_thread import BlockingPortal
from anyio.to_thread import run_sync
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from taskward.http.hot_path import HotPath, plain_routes
from taskward.http.middleware import EdgeMiddleware
from tests.conftest import BASE_URL
from tests.fuzz.sizes import size

EXAMPLES = size(100, 3_000)
VARYING = {"x-request-id", "content-length", "location"}
TAGS = ["*", '"2026-01-08T10:30:00.123Z"', "nonsense", "", '"é"']


def layers(app: FastAPI) -> tuple[EdgeMiddleware, HotPath]:
    edge = app.middleware_stack
    assert isinstance(edge, EdgeMiddleware)
    fast_path = edge.app
    assert isinstance(fast_path, HotPath)
    return edge, fast_path


def without_fast_path(app: FastAPI) -> ASGIApp:
    """The same application, every request of which goes through FastAPI's router and solver."""
    edge, fast_path = layers(app)

    async def plain(scope: Any, receive: Any, send: Any) -> None:
        scope["app"] = app
        slow = EdgeMiddleware(fast_path._rest, edge.preflight.origins, edge.access_log)
        await slow(scope, receive, send)

    return plain


async def test_all_six_operations_are_on_the_fast_path(app: FastAPI) -> None:
    _, fast_path = layers(app)
    routes = [
        (method, str(route.path).removeprefix("/api/tasks"))
        for route in iter_route_contexts(app.routes)
        if isinstance(route.original_route, APIRoute) and str(route.path).startswith("/api/tasks")
        for method in route.methods or ()
    ]
    assert len(routes) == 16  # six, the two by HEAD, and all of them with a trailing slash
    assert set(fast_path.operations) == set(routes)


async def test_endpoints_that_take_the_request_alone_are_found_without_the_router(
    app: FastAPI,
) -> None:
    _, fast_path = layers(app)
    assert fast_path.plain.keys() >= {
        ("GET", "/api/auth/get-session"),
        ("POST", "/api/auth/sign-in/email"),
        ("GET", "/api/auth/token"),
    }
    assert not any(path.startswith("/api/tasks") for _, path in fast_path.plain)
    for method, path in fast_path.plain:
        seen = []
        for side in (app, without_fast_path(app)):
            transport = httpx.ASGITransport(side)
            async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
                for body in (b"", b"{", b'{"email": "nobody@example.com", "password": "x"}'):
                    headers = {"content-type": "application/json"} if body else {}
                    answer = await client.request(method, path, content=body, headers=headers)
                    kept = {k: v for k, v in answer.headers.items() if k not in VARYING}
                    seen.append((answer.status_code, kept, answer.text))
        assert seen[:3] == seen[3:], path


def test_a_path_that_an_earlier_route_with_parameters_may_take_is_the_routers() -> None:
    async def endpoint(request: Request) -> Response:
        return Response(request.url.path)

    async def depending(request: Request, q: str) -> Response:
        return Response(q + request.url.path)

    async def a_value(request: Request) -> str:
        return request.url.path

    app = FastAPI()
    for path in ("/before", "/{name}", "/after", "/a/b"):
        app.add_api_route(path, endpoint, response_model=None)
    app.add_api_route("/c/d", depending, response_model=None)
    app.add_api_route("/e/f", a_value)
    assert {*plain_routes(app)} == {("GET", "/before"), ("GET", "/a/b")}


ids = st.one_of(
    st.integers(-5, 10**25).map(str),
    st.sampled_from(["existing", "", "1.0", "+1", "1e3", "%31", "%00", "1%0A", "a", "1/", " 1"]),
)
paths = st.one_of(
    st.sampled_from(["/api/tasks", "/api/tasks/", "/api/tasksx", "/api/tasks//", "/api/task"]),
    ids.map(lambda task_id: f"/api/tasks/{task_id}"),
    ids.map(lambda task_id: f"/api/tasks/{task_id}/"),
    ids.map(lambda task_id: f"/api/tasks/{task_id}/complete"),
    ids.map(lambda task_id: f"/api/tasks/{task_id}/complete/"),
    ids.map(lambda task_id: f"/api/tasks/{task_id}/x"),
)
queries = st.one_of(
    st.just(""),
    st.sampled_from(
        ["status=pending", "status=completed", "status=all", "status=", "status", "status=x&a=b"]
        + ["status=x&status=all", "status=all&status=x", "Status=x", "status=%70ending", "%ff=%zz"]
        + ["status=pending;status=all", "status[]=all", "a=1&b", "status=pend+ing", "&&=&status"]
    ),
)
words = st.one_of(
    st.text(max_size=30),
    st.sampled_from(["", " ", " x ", "\0", "a\0", "x" * 200, "x" * 201, "é" * 200, "\U0001f600"]),
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=5,
)
fields = st.fixed_dictionaries(
    {},
    optional={
        "title": words | values,
        "description": words | values,
        "completed": st.booleans() | values,
        "id": values,
        "user_id": words,
        "extra": values,
    },
)
raw = st.sampled_from(
    [b"", b"{", b"[]", b"null", b'"x"', b'{"title":"\xff"}', b'{"title":"\xed\xa0\x80"}']
    + [b'\xef\xbb\xbf{"title":"x"}', b'{"title":"a","title":"b"}', b'{"title":"\\ud800"}']
    + [b'{"title":"x"} ', b'{"title":"x"},', b'{"title":NaN}', b'{"title":"x","n":NaN}']
    + [
        b'{"title":"x","n":' + b"9" * 5000 + b"}",
        b'{"title":"x","n":' + b"[" * 500 + b"]" * 500 + b"}",
    ]
    + ['{"title":"x"}'.encode("utf-16"), b'{"title":"tab\t"}', b'{"title":"x","completed":1}']
)
bodies = st.one_of(fields.map(lambda body: json.dumps(body).encode()), raw)
content_types = st.sampled_from(
    ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON", "text/plain", None]
    + ["application/problem+json", "application/json;charset=latin-1", "application/x"]
)
authorizations = st.sampled_from(
    [
        "Bearer {}",
        "bearer {}",
        "Bearer  {}",
        "Bearer {} ",
        "Basic {}",
        "Bearer",
        "Bearer x",
        "",
        "{}",
    ]
)
OPTIONAL_HEADERS = (
    "content_type",
    "content_encoding",
    "origin",
    "if_match",
    "if_none_match",
    "idempotency_key",
)
OPERATIONS = [
    ("GET", "/api/tasks"),
    ("POST", "/api/tasks"),
    ("POST", "/api/tasks/"),
    ("GET", "/api/tasks/existing"),
    ("HEAD", "/api/tasks/existing"),
    ("GET", "/api/tasks/existing/"),
    ("PUT", "/api/tasks/existing"),
    ("PATCH", "/api/tasks/existing/complete"),
    ("DELETE", "/api/tasks/existing"),
]
DEVIATIONS: dict[str, st.SearchStrategy[Any]] = {
    "method": st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]),
    "path": paths,
    "query": queries,
    "body": bodies,
    "content_type": content_types,
    "content_encoding": st.sampled_from(["gzip", "identity", "", "Identity, gzip", "br"]),
    "authorization": authorizations,
    "origin": st.sampled_from(["http://localhost:3000", "https://evil.example", ""]),
    "twice": st.just(value=True),
    "if_match": st.sampled_from(TAGS),
    "if_none_match": st.sampled_from(TAGS),
    "idempotency_key": st.sampled_from(["key", "other", "", "a b", "k" * 256, "é"]),
}


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    """A good request in which at most two things are odd."""
    method, path = draw(st.sampled_from(OPERATIONS))
    request: dict[str, Any] = {
        "method": method,
        "path": path,
        "query": "",
        "body": b'{"title": "good", "description": "words"}' if method in {"POST", "PUT"} else b"",
        "content_type": "application/json",
        "content_encoding": None,
        "authorization": "Bearer {}",
        "origin": None,
        "twice": False,
        "if_match": None,
        "if_none_match": None,
        "idempotency_key": None,
    }
    odd = draw(st.lists(st.sampled_from(sorted(DEVIATIONS)), max_size=2, unique=True))
    return request | {name: draw(DEVIATIONS[name]) for name in odd}


class World:
    """One user on one side, with a task whose id the requests may name."""

    def __init__(self, app: FastAPI, side: ASGIApp, user_id: str) -> None:
        self.token = app.state.better_auth.tokens.issue(user_id)
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(side), base_url=BASE_URL)
        self.user_id = user_id
        self.existing = 0

    async def begin(self) -> None:
        headers = {"Authorization": f"Bearer {self.token}"}
        task = await self.client.post("/api/tasks", headers=headers, json={"title": "first"})
        self.existing = task.json()["id"]

    async def answer(self, request: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
        path = request["path"].replace("existing", str(self.existing))
        url = f"{BASE_URL}{path}" + (f"?{request['query']}" if request["query"] else "")
        headers = [("authorization", request["authorization"].format(self.token).encode())]
        headers += headers if request["twice"] else []
        for name in OPTIONAL_HEADERS:
            if request[name] is not None:
                headers.append((name.replace("_", "-"), request[name].encode()))
        response = await self.client.request(
            request["method"], url, headers=headers, content=request["body"]
        )
        kept = {k: v for k, v in response.headers.items() if k not in VARYING}
        if "etag" in kept:
            kept["etag"] = f"{len(kept['etag'])} characters"
        return response.status_code, kept, self._normal(response)

    def _normal(self, response: httpx.Response) -> Any:
        text = response.text.replace(self.user_id, "<user>")
        if response.headers.get("content-type") != "application/json" or not text:
            return text
        return self._tasks(json.loads(text))

    def _tasks(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._tasks(item) for item in value]
        if isinstance(value, dict) and "updated_at" in value:
            changed = value["updated_at"] > value["created_at"]
            rest = {k: v for k, v in value.items() if k not in {"id", "created_at", "updated_at"}}
            return {**rest, "existing": value["id"] == self.existing, "changed": changed}
        return value


async def test_arbitrary_requests_are_answered_as_fastapi_answers_them(app: FastAPI) -> None:
    sides = (app, without_fast_path(app))

    async def compare(sequence: list[dict[str, Any]]) -> None:
        worlds = [World(app, side, f"u{secrets.token_hex(8)}") for side in sides]
        for world in worlds:
            await world.begin()
        for request in sequence:
            fast_answer, slow_answer = [await world.answer(request) for world in worlds]
            assert fast_answer == slow_answer, request

    async with BlockingPortal() as portal:

        @given(st.lists(requests(), min_size=1, max_size=10))
        @settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
        def run(sequence: list[dict[str, Any]]) -> None:
            portal.call(compare, sequence)

        await run_sync(run)
