"""The ASGI hot path: requests answered without FastAPI's router and dependency solver.

What it answers of tasks `operations.py` has compiled from the very routes that FastAPI documents;
whatever is unusual it leaves to FastAPI. So a request is answered in the same way with or without
it; a test compares them. Endpoints that take nothing but the request, as those of Better Auth do,
are found by their path in a dictionary, and called. Requests that `DirectProtocol` has begun, and
whose outcome is an error or large, come here to be answered.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from inspect import iscoroutinefunction, signature
from re import Pattern
from types import MappingProxyType
from typing import Any, TypeGuard

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from taskward.http.edge import BEGUN, Begun
from taskward.http.operations import (
    Batched,
    NotHandled,
    Operation,
    Provider,
    arguments,
    authenticate,
    body_argument,
    compile_operations,
    find,
    query_arguments,
    takes_body,
    unique,
)


class HotPath:
    """Answers what it has compiled, and passes everything else on to `rest`."""

    def __init__(
        self,
        app: FastAPI,
        rest: ASGIApp,
        router: APIRouter,
        providers: Mapping[Callable[..., Any], Provider],
        batched: Batched = MappingProxyType({}),
    ) -> None:
        """Compile the routes of `router` that have exactly the dependencies with a provider.

        Args:
            app: includes `router` as it is, and has the handlers of errors.
            rest: answers what is not compiled.
            router: has the paths below `/api/tasks`.
            providers: by dependency.
            batched: the endpoints that await one batched statement.
        """
        self._app = app
        self._rest = rest
        self.operations = compile_operations(router, providers, batched)
        self.plain = plain_routes(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (begun := scope.get(BEGUN)) is not None:
            await self._end(begun, scope, receive, send)
            return
        operation, task_id = self._find(scope)
        if operation is None:
            await self._call_plain(scope, receive, send)
            return
        scope["route"] = operation.route  # as FastAPI does
        body = _Body(receive)
        try:
            given = await self._arguments(operation, scope, task_id, body)
            response = await operation.endpoint(**given)
        except NotHandled:
            await self._rest(scope, body.replay, send)
            return
        except Exception as error:  # noqa: BLE001 - _failure raises what it has no answer for
            response = await self._failure(error, Request(scope, receive))
        await _send(response, send)

    async def _call_plain(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self.plain.get((scope["method"], scope["path"])) if is_plain(scope) else None
        if route is None:
            await self._rest(scope, receive, send)
            return
        scope["route"], scope["path_params"] = route, {}
        request = Request(scope, receive, send)
        try:
            response = await route.endpoint(request)
        except Exception as error:  # noqa: BLE001 - _failure raises what it has no answer for
            response = await self._failure(error, request)
        await response(scope, receive, send)

    async def _end(self, begun: Begun, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what has happened already."""
        scope["route"], scope["user_id"] = begun.route, begun.user_id
        response = begun.outcome
        if isinstance(response, BaseException):
            response = await self._failure(response, Request(scope, receive))
        await _send(response, send)

    def _find(self, scope: Scope) -> tuple[Operation | None, str]:
        if not is_plain(scope):
            return None, ""
        return find(self.operations, scope["method"], scope["path"])

    async def _arguments(
        self, operation: Operation, scope: Scope, task_id: str, body: "_Body"
    ) -> dict[str, Any]:
        headers, services = unique(scope["headers"]), self._app.state
        user_id = authenticate(operation, services, headers)
        given = arguments(operation, services, user_id, task_id, headers)
        given |= query_arguments(operation, scope["query_string"])
        scope["user_id"] = user_id
        if takes_body(operation, headers):
            given |= body_argument(operation, await body.read())
        return given

    async def _failure(self, error: BaseException, request: Request) -> Response:
        """Answer an error by the handler that FastAPI would have found."""
        handlers = self._app.exception_handlers
        for kind in type(error).__mro__:
            if kind in handlers and kind is not Exception:
                return await handlers[kind](request, error)  # type: ignore[no-any-return,misc]
        raise error


def is_plain(scope: Scope) -> bool:
    """Whether nothing but the application has anything to do with a request."""
    return (
        scope["type"] == "http" and "fastapi.telemetry" not in scope and not scope.get("root_path")
    )


def plain_routes(app: FastAPI) -> dict[tuple[str, str], APIRoute]:
    """Return the routes, by method and path, whose endpoints take nothing but the request.

    One whose path an earlier route with parameters may take is left to the router.
    """
    found: dict[tuple[str, str], APIRoute] = {}
    earlier: list[Pattern[str]] = []
    for context in iter_route_contexts(app.routes):
        route, path = context.original_route, context.path or ""
        if not isinstance(route, Route) or "{" in path:
            earlier += [regex] if (regex := getattr(context, "path_regex", None)) else []
        elif _is_first(route, path, earlier) and _takes_the_request(route):
            found = {(method, path): route for method in route.methods or ()} | found
    return found


def _is_first(route: Route, path: str, earlier: list[Pattern[str]]) -> bool:
    return path == route.path and not any(regex.match(path) for regex in earlier)


def _takes_the_request(route: Route) -> TypeGuard[APIRoute]:
    """And returns a response, which FastAPI sends as it is."""
    if type(route) is not APIRoute or not iscoroutinefunction(route.endpoint):
        return False
    taken = {
        field.name
        for field in fields(route.dependant)
        if field.name.endswith(("_params", "_param_name", "dependencies"))
        and getattr(route.dependant, field.name)
    }
    returned = signature(route.endpoint).return_annotation
    returns = isinstance(returned, type) and issubclass(returned, Response)
    return taken == {"request_param_name"} and returns


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
                raise NotHandled
            if not message.get("more_body"):
                return b"".join(m["body"] for m in self._messages)

    async def replay(self) -> Message:
        return self._messages.pop(0) if self._messages else await self._receive()


async def _send(response: Response, send: Send) -> None:
    start = {"type": "http.response.start", "status": response.status_code}
    await send({**start, "headers": response.raw_headers})
    await send({"type": "http.response.body", "body": response.body})
