"""`DirectPath`: which requests the protocol may answer itself, and the bytes of their answers.

A request is answered directly if all of it is known when its last byte is here: an operation of
`operations.py`, a valid token, a plain body, no header that asks for something else. Nothing has
happened until then, so whatever is unusual goes the ordinary way through ASGI, to the same answer.

What one way to answer knows of a request the other must know too: headers, ids, logs and metrics
are those of `Edge`; endpoints, their arguments and their responses are those of FastAPI's routes.
"""

import time
from asyncio import AbstractEventLoop, CancelledError, Task
from collections.abc import Sequence
from typing import Any, Protocol

from asyncpg import Record
from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from taskward.database.batcher import Batcher
from taskward.http.backpressure import LARGE
from taskward.http.edge import Begun, Edge, render, request_id_line
from taskward.http.known_heads import Head, KnownHeads
from taskward.http.operations import (
    PREFIX,
    NotHandled,
    Operation,
    Operations,
    Services,
    arguments,
    body_argument,
    find,
    takes_body,
)
from taskward.http.raw_json import RawJSONResponse
from taskward.http.security_headers import Header
from taskward.http.steps import Steps

DIRECT = "taskward.direct"
"""The key of the lifespan's state under which the `DirectPath` is, if there may be one."""
MAX_BODY_BYTES = 65_536
"""Of a request; above that the ordinary way paces what is read."""

_MAX_QUERY_BYTES = 512
_PREFIX = PREFIX.encode()


class _NoEvent:
    """Nobody waits for a message of a request that is here as a whole."""

    def set(self) -> None:
        """Wake nobody."""


class Finish(Protocol):
    """The connection of a request."""

    loop: AbstractEventLoop

    def finish(self, request: "DirectRequest", outcome: Response | BaseException) -> None:
        """Answer."""


class DirectRequest:
    """One request; in uvicorn's protocol it stands where a cycle of request and response does.

    If its operation has halves, it also is the batch's caller, and stands where a task does.
    """

    message_event = _NoEvent()
    body = b""
    keep_alive = True
    disconnected = more_body = response_complete = response_started = False
    takes_body = False
    awaits_one = False
    """Whether its operation awaits one batched statement, and so needs no task."""
    batcher: Batcher | None = None
    """Of the statement that the first half of its operation asks."""
    task: "Task[None] | Steps"
    arguments: tuple[Any, ...]
    """Those of the statement, if the operation has halves."""
    connection: Finish
    direct: "DirectPath"
    id: str
    facts: dict[str, Any]
    _is_over = False

    def __init__(
        self, method: bytes, url: bytes, head: Head, operation: Operation, given: dict[str, Any]
    ) -> None:
        """Begin with what stands in the head, and the arguments that it makes."""
        self.method, self.url, self.head = method, url, head
        self.operation, self.given = operation, given
        self.started = time.perf_counter()

    def begun(self, outcome: Response | BaseException) -> Begun:
        """Return what the ordinary way needs to know to answer it."""
        facts = self.facts
        return Begun(self.id, self.started, facts["user_id"], facts["route"], outcome)

    # Of a batch

    def resolve(self, row: Record | None) -> None:
        """Go on where an endpoint would that waited."""
        assert self.operation.halves is not None  # noqa: S101
        try:
            outcome: Response | BaseException = self.operation.halves.answer(row)
        except Exception as error:  # noqa: BLE001 - it is answered by the app
            outcome = error
        self.reject(outcome)

    def reject(self, outcome: Response | BaseException) -> None:
        """End, unless it has ended."""
        if not self._is_over:
            self._is_over = True
            self._end(outcome)

    def cancel(self, msg: str | None = None) -> bool:
        """End soon, whatever the statement does."""
        if self._is_over:
            return False
        self._is_over = True
        self.connection.loop.call_soon(self._end, CancelledError(msg))
        return True

    def _end(self, outcome: Response | BaseException) -> None:
        try:
            self.connection.finish(self, outcome)
        except Exception as error:  # noqa: BLE001 - others of the batch wait for their rows
            message = {"message": "a request could not be answered", "exception": error}
            self.connection.loop.call_exception_handler(message)


class DirectPath:
    """Made once for an application; all its connections ask here."""

    def __init__(self, edge: Edge, operations: Operations, services: Services) -> None:
        """Answer `operations` with `services`, which has what the application's state has."""
        self.edge = edge
        self._operations = operations
        self._services = services
        self._heads = KnownHeads()
        self._defaults: Sequence[Header] = ()
        self._default_lines = b""

    def known(self, data: bytes) -> DirectRequest | None:
        """Return the request that a read is, if nothing needs a look of the parser."""
        found = self._heads.find(data)
        if found is None:
            return None
        (method, url, _, body), head = found
        request = self._prepare(method, url, head)
        if request is None:
            return None
        request.body = body
        return request if self.accepts_body(request) else None

    def learn(self, data: bytes, request: DirectRequest) -> None:
        """Know the head of this request, which was the whole of a read, when it comes again."""
        self._heads.learn(data, request.method, request.url, request.head, request.body)

    def prepare(self, method: bytes, url: bytes, headers: Sequence[Header]) -> DirectRequest | None:
        """Return the request that has this head, or None if it is not for here."""
        return self._prepare(method, url, headers) if url.startswith(_PREFIX) else None

    def _prepare(
        self, method: bytes, url: bytes, head: Head | Sequence[Header]
    ) -> DirectRequest | None:
        path, _, query = url.partition(b"?")
        if b"%" in path or len(query) > _MAX_QUERY_BYTES:
            return None
        text, verb = path.decode("ascii"), method.decode("ascii")
        operation, task_id = find(self._operations, verb, text)
        if operation is None:
            return None
        try:
            head = head if isinstance(head, Head) else Head(head)
            if head.length > MAX_BODY_BYTES:
                return None
            given = arguments(operation, self._services, task_id, query, head.by_name)
            wants_body = takes_body(operation, head.by_name)
        except NotHandled:
            return None
        request = DirectRequest(method, url, head, operation, given)
        request.takes_body = wants_body
        if operation.is_batched and len(given) == operation.plain_arguments:
            database, halves = self._services.database, operation.halves
            if halves is None:
                request.awaits_one = database.is_batching
            else:
                request.batcher = database.batcher(halves.statement)
        user_id, route = given[operation.user], operation.route
        request.facts = {"method": verb, "path": text, "route": route, "user_id": user_id}
        self.edge.look_for_proxies(head.by_name)
        return request

    def accepts_body(self, request: DirectRequest) -> bool:
        """Whether the body, which is here as a whole, is valid; then it is one of the arguments."""
        if not request.takes_body:
            return True
        try:
            request.given |= body_argument(request.operation, request.body)
        except NotHandled:
            return False
        return True

    def ask(self, batcher: Batcher, request: DirectRequest) -> None:
        """Do the first half of the operation."""
        operation, values = request.operation, request.given
        if operation.body is not None:
            values = values | vars(values[operation.body[0]])
        request.arguments = operation.pick(values)
        request.id = self.edge.new_id(request.head.named)
        batcher.add(request)

    def over(self, request: DirectRequest) -> None:
        """Tell that the statement is over."""
        if (halves := request.operation.halves) is not None:
            halves.over(self._services, request.facts["user_id"])

    async def respond(self, request: DirectRequest) -> Response:
        """Call the endpoint.

        Raises:
            Exception: what the ordinary way has an answer for.
        """
        request.id = self.edge.name(request.head.named)
        return await request.operation.endpoint(**request.given)

    def answer(
        self, request: DirectRequest, response: Response, defaults: Sequence[Header]
    ) -> bytes:
        """Return head and body.

        Args:
            request: what was asked.
            response: of the endpoint; it is not large.
            defaults: the server's own headers.
        """
        if defaults is not self._defaults:  # there are new ones each second
            self._defaults, self._default_lines = defaults, render(defaults)
        if isinstance(response, RawJSONResponse):
            lines, names = response.lines, response.names
        else:
            lines = render(response.raw_headers)
            names = tuple([name for name, _ in response.raw_headers])
        return b"".join(
            (
                STATUS_LINE[response.status_code],
                self._default_lines,
                lines,
                request_id_line(request.id),
                self.edge.header_lines(request.head.origin, names, request.facts["path"]),
                b"\r\n" if request.keep_alive else b"connection: close\r\n\r\n",
                b"" if request.method == b"HEAD" else response.body,
            )
        )

    def record(self, request: DirectRequest, response: Response) -> None:
        """Tell the access log and the metrics."""
        self.edge.record(request.facts, response.status_code, request.started, request.id)


def is_small(response: Response) -> bool:
    """Whether nobody needs to count or pace it."""
    return len(response.body) <= LARGE
