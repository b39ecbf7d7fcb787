"""The measured hot path: task requests answered without FastAPI's router and dependency solver.

FastAPI spends several times as long on finding and calling an endpoint as the endpoint takes. What
it does for a request is known when the routes are made, so it is compiled here, once, from the
very routes that FastAPI documents: which path, which validators, which dependencies.

The fast path knows success only. Whatever is unusual (no valid token, a body that is not plain
valid JSON, a strange path) it leaves, before anything has happened, to FastAPI, which finds and
words the error. So a request is answered in the same way with or without it; a test compares them.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import parse_qsl

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

Headers: TypeAlias = dict[bytes, bytes]
Provider: TypeAlias = Callable[[Scope, Headers], Any]
"""Stands for a dependency: returns its value, or NotImplemented to leave the request to FastAPI."""

_PREFIX = "/api/tasks"
_ID = "{task_id}"
_JSON = (b"application/json", b"application/json; charset=utf-8", b"application/json;charset=utf-8")


class _Unusual(Exception):  # noqa: N818
    """Not for the fast path."""


class _Operation(NamedTuple):
    route: APIRoute
    endpoint: Callable[..., Awaitable[Response]]
    dependencies: tuple[tuple[str, Provider], ...]
    path: tuple[tuple[str, Any], ...]
    query: tuple[tuple[str, Any], ...]
    headers: frozenset[bytes]
    body: tuple[str, TypeAdapter[Any]] | None


class FastPath:
    """Answers what it has compiled, and passes everything else on to `rest`."""

    def __init__(
        self,
        app: FastAPI,
        rest: ASGIApp,
        router: APIRouter,
        providers: Mapping[Callable[..., Any], Provider],
    ) -> None:
        """Compile the routes of `router` that have exactly the dependencies with a provider.

        Args:
            app: includes `router` as it is, and has the handlers of errors.
            rest: answers what is not compiled.
            router: has the paths below `/api/tasks`.
            providers: by dependency.
        """
        self._app = app
        self._rest = rest
        self._operations: dict[tuple[str, str], _Operation] = {}
        for route in router.routes:
            if isinstance(route, APIRoute):
                self._compile(route, providers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        operation, task_id = self._find(scope)
        if operation is None:
            await self._rest(scope, receive, send)
            return
        scope["route"] = operation.route  # as FastAPI does
        body = _Body(receive)
        try:
            arguments = await _arguments(operation, scope, task_id, body)
            response = await operation.endpoint(**arguments)
        except _Unusual:
            await self._rest(scope, body.replay, send)
            return
        except Exception as error:  # noqa: BLE001 - _failure raises what it has no answer for
            response = await self._failure(error, Request(scope, receive))
        start = {"type": "http.response.start", "status": response.status_code}
        await send({**start, "headers": response.raw_headers})
        await send({"type": "http.response.body", "body": response.body})

    def _find(self, scope: Scope) -> tuple[_Operation | None, str]:
        path: str = scope["path"] if scope["type"] == "http" else ""
        if not path.startswith(_PREFIX) or "fastapi.telemetry" in scope or scope.get("root_path"):
            return None, ""
        key, task_id = _template(path[len(_PREFIX) :])
        return self._operations.get((scope["method"], key)), task_id

    async def _failure(self, error: Exception, request: Request) -> Response:
        """Answer an error by the handler that FastAPI would have found."""
        handlers = self._app.exception_handlers
        for kind in type(error).__mro__:
            if kind in handlers and kind is not Exception:
                return await handlers[kind](request, error)  # type: ignore[no-any-return,misc]
        raise error

    def _compile(self, route: APIRoute, providers: Mapping[Callable[..., Any], Provider]) -> None:
        dependant = route.dependant
        calls = [(d.name or "", d.call) for d in dependant.dependencies]
        if {call for _, call in calls} != providers.keys() or len(dependant.body_params) > 1:
            return
        if dependant.cookie_params or any(
            f.field_info.is_required() for f in dependant.header_params
        ):
            return
        bodies = [
            (f.name, TypeAdapter[Any](f.field_info.annotation or Any))
            for f in dependant.body_params
        ]
        operation = _Operation(
            route,
            route.endpoint,
            tuple((name, providers[call]) for name, call in calls if call is not None),
            tuple((field.name, field) for field in dependant.path_params),
            tuple((field.name, field) for field in dependant.query_params),
            frozenset(field.alias.lower().encode() for field in dependant.header_params),
            bodies[0] if bodies else None,
        )
        for method in route.methods or ():
            self._operations[method, route.path[len(_PREFIX) :]] = operation


class _Body:
    """Reads a body once and can give it to FastAPI as if nobody had."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._messages: list[Message] = []

    async def read(self) -> bytes:
        while True:
            message = await self._receive()
            self._messages.append(message)
            if message["type"] != "http.request":
                raise _Unusual
            if not message.get("more_body"):
                return b"".join(m["body"] for m in self._messages)

    async def replay(self) -> Message:
        return self._messages.pop(0) if self._messages else await self._receive()


async def _arguments(
    operation: _Operation, scope: Scope, task_id: str, body: _Body
) -> dict[str, Any]:
    headers = _unique_headers(scope)
    if not operation.headers.isdisjoint(headers):
        raise _Unusual
    arguments: dict[str, Any] = {}
    for name, provide in operation.dependencies:
        arguments[name] = value = provide(scope, headers)
        if value is NotImplemented:
            raise _Unusual
    for name, field in operation.path:
        arguments[name] = _valid(field, task_id)
    if operation.query:
        arguments |= _query(operation, scope)
    if operation.body is not None:
        name, adapter = operation.body
        arguments[name] = await _json(adapter, headers, body)
    return arguments


def _unique_headers(scope: Scope) -> Headers:
    headers = dict(scope["headers"])
    if len(headers) != len(scope["headers"]):
        raise _Unusual
    return headers


def _query(operation: _Operation, scope: Scope) -> dict[str, Any]:
    """Like Starlette, the last of equal names counts."""
    given = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
    return {
        name: _valid(field, given[field.alias]) if field.alias in given else field.get_default()
        for name, field in operation.query
    }


async def _json(adapter: TypeAdapter[Any], headers: Headers, body: _Body) -> Any:
    if headers.get(b"content-type") not in _JSON:
        raise _Unusual
    try:
        return adapter.validate_json(await body.read())
    except ValidationError:
        raise _Unusual from None


def _valid(field: Any, value: str) -> Any:
    validated, errors = field.validate(value, {}, loc=())
    if errors:
        raise _Unusual
    return validated


def _template(rest: str) -> tuple[str, str]:
    """Split what follows `/api/tasks` into its route's template and the id."""
    if rest in {"", "/"}:
        return rest, ""
    nothing, _, tail = rest.partition("/")
    task_id, slash, action = tail.partition("/")
    if nothing:
        return "not a task's path", ""
    return (f"/{_ID}/{action}" if slash else f"/{_ID}"), task_id
