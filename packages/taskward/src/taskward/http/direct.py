"""`DirectPath`: which requests the protocol may answer itself, and the bytes of their answers.

A request is answered directly if all of it is known when its last byte is here: an operation of
`operations.py`, a valid token, a plain body, no header that asks for something else. Nothing has
happened until then, so whatever is unusual goes the ordinary way through ASGI, to the same answer.

What one way to answer knows of a request the other must know too: headers, ids, logs and metrics
are those of `Edge`; endpoints, their arguments and their responses are those of FastAPI's routes.
"""

import time
from asyncio import AbstractEventLoop, CancelledError, Task
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Protocol

from asyncpg import Record
from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from taskward.database.batcher import Batcher
from taskward.http.edge import Begun, Edge, Facts, render, request_id_line
from taskward.http.known_heads import Head, KnownHeads, RequestLine, parse_line
from taskward.http.operations import (
    PREFIX,
    Halves,
    NotHandled,
    Operation,
    Operations,
    Services,
    arguments,
    body_argument,
    find,
    path_arguments,
    query_arguments,
    takes_body,
)
from taskward.http.raw_json import RawJSONResponse
from taskward.http.security_headers import Header

DIRECT = "taskward.direct"
"""The key of the lifespan's state under which the `DirectPath` is, if there may be one."""
MAX_BODY_BYTES = 65_536
"""Of a request; above that the ordinary way paces what is read."""

_MAX_TARGETS = 256
_VERSION = b" HTTP/1.1\r\n"
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


@dataclass(frozen=True, slots=True)
class Target:
    """What follows from method and target of a request, but for the task's id."""

    operation: Operation
    verb: str
    query: bytes
    event: slice
    """Where method and path are in the request's line, counted from both its ends."""
    path: slice
    """Where the path is in those."""
    halves: Halves | None
    pick: Callable[[dict[str, Any]], tuple[Any, ...]]
    """Returns the arguments of the statement of `halves`."""
    number: str | None
    """The argument that is the number in the path."""
    is_plain: bool
    """Whether the path has no argument but that."""


class DirectRequest:
    """One request; in uvicorn's protocol it stands where a cycle of request and response does.

    If its operation is cut in halves, it also is the batch's caller, and stands where a task does.
    """

    message_event = _NoEvent()
    more_body = False
    batcher: Batcher | None
    """Of the statement that the first half of its operation asks, if it is cut in halves."""
    task: "Task[None]"
    arguments: tuple[Any, ...]
    """Those of the statement."""
    connection: Finish
    direct: "DirectPath"
    id: str
    given: dict[str, Any]
    """What the endpoint is called with."""

    def __init__(self, target: Target, line: RequestLine, head: Head, facts: Facts) -> None:
        """Begin with what the head says."""
        self.target, self.head = target, head
        self.line: RequestLine | None = line
        self.facts = facts
        self.body = b""
        self.takes_body = self._is_over = False
        self.keep_alive = True
        self.disconnected = self.response_complete = self.response_started = False
        self.started = time.perf_counter()

    @property
    def method(self) -> bytes:
        """Return the method, as uvicorn has it."""
        return self.target.verb.encode()

    @property
    def url(self) -> bytes:
        """Return the target, as uvicorn has it."""
        line = b"" if self.line is None else self.line[0]
        return line[len(self.target.verb) + 1 : -len(_VERSION)]

    def begun(self, outcome: Response | BaseException) -> Begun:
        """Return what the ordinary way needs to know to answer it."""
        facts = self.facts
        return Begun(self.id, self.started, facts["user_id"], facts["route"], outcome)

    # Of a batch

    def resolve(self, row: Record | None) -> None:
        """Go on where an endpoint would that waited."""
        halves = self.target.halves
        if self._is_over or halves is None:
            return
        self._is_over = True
        try:
            outcome: Response | BaseException = halves.answer(row)
        except Exception as error:  # noqa: BLE001 - it is answered by the app
            outcome = error
        self._end(outcome)

    def reject(self, error: Exception) -> None:
        """End, unless it has ended."""
        if not self._is_over:
            self._is_over = True
            self._end(error)

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
        self.services = services
        self._heads = KnownHeads()
        self._targets: dict[tuple[bytes | None, ...], Target | None] = {}
        self._defaults: Sequence[Header] = ()
        self._default_lines = b""

    def known(self, data: bytes) -> DirectRequest | None:
        """Return the request that a read is, if nothing needs a look of the parser."""
        found = self._heads.find(data)
        if found is None:
            return None
        line, head, body = found
        request = self._prepare(line, head)
        if request is None or not (body or request.takes_body):
            return request
        request.body = body
        return request if self.accepts_body(request) else None

    def learn(self, data: bytes, request: DirectRequest) -> None:
        """Know the head of this request, which was the whole of a read, when it comes again."""
        if request.line is not None:
            self._heads.learn(data, request.line, request.head, request.body)

    def prepare(self, method: bytes, url: bytes, headers: Sequence[Header]) -> DirectRequest | None:
        """Return the request that has this head, or None if it is not for here."""
        line = parse_line(method, url) if url.startswith(_PREFIX) else None
        if line is None:
            return None
        try:
            head = Head(headers)
        except NotHandled:
            return None
        request = self._prepare(line, head)
        if request is not None:  # what is known was looked at before
            self.edge.look_for_proxies(head.by_name)
        return request

    def _prepare(self, line: RequestLine, head: Head) -> DirectRequest | None:
        before, number, after, query = line.groups()
        key = (before, after, query)  # without a number nothing follows it
        try:
            target = self._targets[key]
        except KeyError:
            target = self._learn_target(key, line)
        if target is None or head.length > MAX_BODY_BYTES:
            return None
        try:
            return self._request(target, line, head, number or b"")
        except NotHandled:
            return None

    def _request(
        self, target: Target, line: RequestLine, head: Head, number: bytes
    ) -> DirectRequest:
        operation, headers = target.operation, head.by_name
        user_id = operation.authenticate(self.services, headers)
        if user_id is NotImplemented:
            raise NotHandled
        event = line[0][target.event].decode("ascii")
        facts = {
            "method": target.verb,
            "path": event[target.path],
            "event": event,
            "route": operation.route,
            "user_id": user_id,
        }
        request = DirectRequest(target, line, head, facts)
        batcher = None
        if target.halves is not None and operation.header_names.isdisjoint(headers):
            batcher = self.services.database.batcher(target.halves.statement)
        request.batcher = batcher
        if batcher is None or not target.is_plain:
            request.given = self._arguments(request, number.decode())
        else:
            request.given = given = {operation.user: user_id}
            if target.number is not None:
                given[target.number] = int(number)
        if operation.body is not None:
            request.takes_body = takes_body(operation, headers)
        return request

    def _arguments(self, request: DirectRequest, task_id: str) -> dict[str, Any]:
        operation, user_id = request.target.operation, request.facts["user_id"]
        if request.batcher is not None:
            return path_arguments(operation, user_id, task_id)
        given = arguments(operation, self.services, user_id, task_id, request.head.by_name)
        return given | query_arguments(operation, request.target.query)

    def _learn_target(self, key: tuple[bytes | None, ...], line: RequestLine) -> Target | None:
        if len(self._targets) >= _MAX_TARGETS:
            self._targets.clear()
        try:
            target = self._targets[key] = self._target(line)
        except NotHandled:
            target = self._targets[key] = None
        return target

    def _target(self, line: RequestLine) -> Target | None:
        method, url = line[0][: -len(_VERSION)].split(b" ", 1)
        path, _, query = url.partition(b"?")
        verb = method.decode("ascii")
        operation, task_id = find(self._operations, verb, path.decode("ascii"))
        if operation is None or task_id.encode() != (line[2] or b""):
            return None
        halves = operation.halves(query_arguments(operation, query))
        event = slice(-len(_VERSION) - len(url) + len(path))
        place = slice(len(verb) + 1, None)
        number = operation.number if task_id else None
        is_plain = number is not None or not operation.path
        pick = _picker(halves)
        return Target(operation, verb, query, event, place, halves, pick, number, is_plain)

    def accepts_body(self, request: DirectRequest) -> bool:
        """Whether the body, which is here as a whole, is valid; then it is one of the arguments."""
        if not request.takes_body:
            return True
        try:
            request.given |= body_argument(request.target.operation, request.body)
        except NotHandled:
            return False
        return True

    def ask(self, connection: Finish, request: DirectRequest) -> bool:
        """Do the first half of the operation, if it is cut in two."""
        batcher, target, values = request.batcher, request.target, request.given
        if batcher is None or target.halves is None:
            return False
        begin = target.halves.begin
        if begin is not None and not begin(self.services, request.facts["user_id"]):
            self._add_arguments(request)
            return False
        if target.operation.body is not None:
            values = values | vars(values[target.operation.body[0]])
        request.connection, request.direct = connection, self
        request.arguments = target.pick(values)
        request.id = self.edge.new_id(request.head.named)
        batcher.add(request)
        return True

    def _add_arguments(self, request: DirectRequest) -> None:
        """Add those that only the whole endpoint needs."""
        operation = request.target.operation
        for name, provide in operation.dependencies:
            request.given[name] = provide(self.services, request.head.by_name)
        request.given |= query_arguments(operation, request.target.query)

    async def respond(self, request: DirectRequest) -> Response:
        """Call the endpoint.

        Raises:
            Exception: what the ordinary way has an answer for.
        """
        request.id = self.edge.name(request.head.named)
        return await request.target.operation.endpoint(**request.given)

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
                b"" if request.target.verb == "HEAD" else response.body,
            )
        )


def _picker(halves: Halves | None) -> Callable[[dict[str, Any]], tuple[Any, ...]]:
    """Return what picks the arguments of a statement out of those of its endpoint."""
    names = () if halves is None else halves.statement.names
    if len(names) == 1:
        [name] = names
        return lambda values: (values[name],)
    return itemgetter(*names) if names else lambda _: ()
