"""`DirectPath`: which requests the protocol may answer itself, and the bytes of their answers.

A request is answered directly if all of it is known when its last byte is here: an operation of
`operations.py`, a valid token, a plain body, no header that asks for something else. Nothing has
happened until then, so whatever is unusual goes the ordinary way through ASGI, to the same answer.

What one way to answer knows of a request the other must know too: headers, ids, logs and metrics
are those of `Edge`; endpoints, their arguments and their responses are those of FastAPI's routes.
"""

import time
from asyncio import Task
from collections.abc import Sequence
from typing import Any

from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from taskward.http.backpressure import LARGE
from taskward.http.edge import Begun, Edge, render, request_id_header
from taskward.http.operations import (
    Headers,
    NotHandled,
    Operation,
    Operations,
    Services,
    arguments,
    body_argument,
    find,
    takes_body,
    unique,
)
from taskward.http.security_headers import Header
from taskward.http.steps import Steps

DIRECT = "taskward.direct"
"""The key of the lifespan's state under which the `DirectPath` is, if there may be one."""
MAX_BODY_BYTES = 65_536
"""Of a request; above that the ordinary way paces what is read."""

_MAX_QUERY_BYTES = 512
_UNUSUAL = frozenset((b"expect", b"transfer-encoding", b"upgrade"))


class _NoEvent:
    """Nobody waits for a message of a request that is here as a whole."""

    def set(self) -> None:
        """Wake nobody."""


class DirectRequest:
    """One request; in uvicorn's protocol it stands where a cycle of request and response does."""

    __slots__ = (
        *("method", "url", "headers", "body", "facts", "operation", "arguments", "started", "id"),
        *("awaits_one", "origin", "named", "takes_body", "task"),
        *("disconnected", "keep_alive", "more_body", "response_complete", "response_started"),
    )
    message_event = _NoEvent()

    def __init__(self, method: bytes, url: bytes, headers: Sequence[Header]) -> None:
        """Begin with what stands in the head."""
        self.method, self.url, self.headers = method, url, headers
        self.body = b""
        self.started = time.perf_counter()
        self.keep_alive = True
        self.disconnected = self.more_body = self.response_complete = self.response_started = False
        self.facts: dict[str, Any]
        self.operation: Operation
        self.arguments: dict[str, Any]
        self.id: str
        self.origin: bytes | None
        self.named: bytes | None
        self.takes_body: bool
        self.awaits_one: bool
        self.task: Task[None] | Steps

    def begun(self, outcome: Response | BaseException) -> Begun:
        """Return what the ordinary way needs to know to answer it."""
        facts = self.facts
        return Begun(self.id, self.started, facts["user_id"], facts["route"], outcome)


class DirectPath:
    """Made once for an application; all its connections ask here."""

    def __init__(self, edge: Edge, operations: Operations, services: Services) -> None:
        """Answer `operations` with `services`, which has what the application's state has."""
        self.edge = edge
        self._operations = operations
        self._services = services
        self._defaults: Sequence[Header] = ()
        self._default_lines = b""

    def prepare(self, method: bytes, url: bytes, headers: Sequence[Header]) -> DirectRequest | None:
        """Return the request that has this head, or None if it is not for here."""
        path, _, query = url.partition(b"?")
        if b"%" in path or len(query) > _MAX_QUERY_BYTES or not path.isascii():
            return None
        text, verb = path.decode("ascii"), method.decode("ascii")
        operation, task_id = find(self._operations, verb, text)
        if operation is None:
            return None
        try:
            by_name = unique(headers)
            if not _UNUSUAL.isdisjoint(by_name) or _length(by_name) > MAX_BODY_BYTES:
                return None
            given = arguments(operation, self._services, task_id, query, by_name)
            wants_body = takes_body(operation, by_name)
        except NotHandled:
            return None
        request = DirectRequest(method, url, headers)
        request.operation, request.arguments, request.takes_body = operation, given, wants_body
        request.awaits_one = (
            operation.is_batched
            and len(given) == operation.plain_arguments
            and self._services.database.is_batching
        )
        user_id = given[operation.user]
        route = operation.route
        request.facts = {"method": verb, "path": text, "route": route, "user_id": user_id}
        request.origin = by_name.get(b"origin")
        request.named = by_name.get(b"x-request-id")
        self.edge.look_for_proxies(by_name)
        return request

    def accepts_body(self, request: DirectRequest) -> bool:
        """Whether the body, which is here as a whole, is valid; then it is one of the arguments."""
        if not request.takes_body:
            return True
        try:
            request.arguments |= body_argument(request.operation, request.body)
        except NotHandled:
            return False
        return True

    async def respond(self, request: DirectRequest) -> Response:
        """Call the endpoint.

        Raises:
            Exception: what the ordinary way has an answer for.
        """
        request.id = self.edge.name(request.named)
        return await request.operation.endpoint(**request.arguments)

    def answer(
        self, request: DirectRequest, response: Response, defaults: Sequence[Header]
    ) -> bytes:
        """Return head and body.

        Args:
            request: what was asked.
            response: of the endpoint; it is not large.
            defaults: the server's own headers.
        """
        own = response.raw_headers
        if defaults is not self._defaults:  # there are new ones each second
            self._defaults, self._default_lines = defaults, render(defaults)
        return b"".join(
            [
                STATUS_LINE[response.status_code],
                self._default_lines,
                render(own),
                b"%b: %b\r\n" % request_id_header(request.id),
                self.edge.header_lines(request.origin, own, request.facts["path"]),
                b"\r\n" if request.keep_alive else b"connection: close\r\n\r\n",
                b"" if request.method == b"HEAD" else response.body,
            ]
        )

    def record(self, request: DirectRequest, response: Response) -> None:
        """Tell the access log and the metrics."""
        self.edge.record(request.facts, response.status_code, request.started, request.id)


def is_small(response: Response) -> bool:
    """Whether nobody needs to count or pace it."""
    return len(response.body) <= LARGE


def _length(headers: Headers) -> int:
    """The parser has looked at the digits; so long a number is large anyway."""
    return int(headers.get(b"content-length", b"0")[:20])
