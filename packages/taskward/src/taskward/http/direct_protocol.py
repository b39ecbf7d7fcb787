"""`DirectProtocol`: how requests begin, and the shortest way to their answers.

uvicorn makes for each request a scope, a cycle, an event and a task, and takes the answer as
messages, each through the layers of the application. That costs three times what the request does.
So a request that `DirectPath` knows completely gets a task that calls its endpoint, and head and
body go out in one write. All others begin as in uvicorn. Decided is when the last byte has come,
or, if a read ends before that, at once in favour of the ordinary way.

- At most one request of a connection is under way. What arrives meanwhile waits in uvicorn's
  pipeline, and takes the ordinary way.
- An outcome that is no small response (an error, a long list) is given to the application as
  `Begun`, and answered there: errors are worded and large bodies paced in one place only.
- A `DirectRequest` stands where uvicorn's cycle does, so closing, draining and the bounds of
  `BoundedHttpProtocol` need not know which of both it is.
- There is one keep-alive timer for each connection, which looks when it last was idle, and not a
  new one after each answer.
"""

import asyncio
from asyncio import BaseTransport, TimerHandle
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias
from urllib.parse import unquote

from starlette.responses import Response
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, service_unavailable
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from taskward.http.backpressure import LARGE
from taskward.http.cycle import JoinedCycle
from taskward.http.direct import DIRECT, DirectPath, DirectRequest
from taskward.http.edge import BEGUN, Begun

Cycle: TypeAlias = RequestResponseCycle | DirectRequest


class DirectProtocol(HttpToolsProtocol):
    """One connection."""

    cycle: Cycle | None  # type: ignore[assignment]
    _direct: DirectPath | None = None
    _arriving: DirectRequest | None = None
    """A request whose head is here, and of which nothing has begun."""
    _running: Cycle | None = None
    """The request that is answered while others wait behind it."""
    _read: bytes | None = None
    """What is being parsed, if it began where a request begins."""
    _ends = False
    _silent_since: float | None = None
    """When the last answer was complete, if nothing has come since."""

    def connection_made(self, transport: BaseTransport) -> None:
        """Find out whether anything may be answered directly."""
        super().connection_made(transport)  # type: ignore[arg-type]
        logs = self.access_log and not self.access_logger.disabled
        plain = not (logs or self.root_path or self.limit_concurrency is not None)
        self._direct = self.app_state.get(DIRECT) if plain else None

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the request under way, and forget the timer."""
        if self._running is not None:
            self._running.disconnected = True
            self._running.message_event.set()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    # The parser

    def on_message_begin(self) -> None:
        """Begin with nothing; a scope is made where one is needed."""
        self.url = b""
        self.expect_100_continue = False
        self.headers = []

    def on_body(self, body: bytes) -> None:
        """Keep a part of the body."""
        if self._arriving is not None:
            self._arriving.body += body
        else:
            super().on_body(body)

    def _begin(self, version: str, *, is_plain: bool) -> None:
        """Begin a request whose head is here, or wait for its last byte."""
        keep_alive = self._stays_open(version)
        may_begin = not self.flow.write_paused and self._is_idle()
        if is_plain and self._direct is not None and may_begin:
            method = self.parser.get_method()
            self._arriving = self._direct.prepare(method, self.url, self.headers)
            if self._arriving is not None:
                self._arriving.keep_alive = keep_alive
                return
        scope = self._scope(self.parser.get_method(), self.url, version, self.headers)
        self._start(self._make_cycle(scope, keep_alive=keep_alive))

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _stays_open(self, version: str) -> bool:
        """Who expects 100 and is told something else may send the body or may not."""
        if self._ends or self.expect_100_continue or version != "1.1":
            return False
        return self.parser.should_keep_alive()

    def _end_of_read(self) -> None:
        """What has not come as a whole takes the ordinary way."""
        if (request := self._arriving) is not None:
            self._arriving = None
            self._start(self._cycle_for(request))

    def _end_of_message(self) -> None:
        """Answer directly, if the body is as plain as the head was."""
        request, self._arriving = self._arriving, None
        if request is None or self._direct is None:
            return
        if not self._direct.accepts_body(request):
            self._start(self._cycle_for(request))
            return
        if request.keep_alive and self._read is not None:
            self._direct.learn(self._read, request)
        self._run(self._direct, request)

    def _begin_known(self, direct: DirectPath, data: bytes) -> bool:
        """Begin the request that a read is, if its head is known; nothing else is under way."""
        cycle = self.cycle
        if self._ends or self.flow.write_paused or not (cycle is None or cycle.response_complete):
            return False
        request = direct.known(data)
        if request is None:
            return False
        self.expect_100_continue = False
        self._run(direct, request)
        return True

    # The direct way

    def _run(self, direct: DirectPath, request: DirectRequest) -> None:
        self.cycle = request
        if direct.ask(self, request):
            self.tasks.add(request)  # type: ignore[arg-type]
        else:
            request.task = self.loop.create_task(self._respond(direct, request))
            request.task.add_done_callback(partial(self._on_responded, direct, request))
            self.tasks.add(request.task)

    def finish(self, request: DirectRequest, outcome: Response | BaseException) -> None:
        """Answer a request whose statement is over."""
        self.tasks.discard(request)
        halves = request.target.halves
        if halves is not None and halves.over is not None:
            halves.over(request.direct.services, request.facts["user_id"], outcome)
        if isinstance(outcome, Response) and len(outcome.body) <= LARGE:
            self._write(request.direct, request, outcome)
        else:
            self._start_asgi_task(self._take_over(request, outcome), self.app)

    async def _respond(self, direct: DirectPath, request: DirectRequest) -> None:
        try:
            outcome: Response | BaseException = await direct.respond(request)
        except BaseException as error:  # noqa: BLE001 - it is answered, or raised, by the app
            outcome = error
        if isinstance(outcome, Response) and len(outcome.body) <= LARGE:
            self._write(direct, request, outcome)
        else:  # before anybody else has a turn: what is large is counted at once
            await self._take_over(request, outcome).run_asgi(self.app)

    def _on_responded(
        self, direct: DirectPath, request: DirectRequest, task: asyncio.Task[None]
    ) -> None:
        """Forget the task. One cancelled before its first step never ran, and answered nobody."""
        self.tasks.discard(task)
        if task.cancelled():
            request.id = direct.edge.new_id(request.head.named)
            cut_off = asyncio.CancelledError()
            self._start_asgi_task(self._take_over(request, cut_off), self.app)

    def _write(self, direct: DirectPath, request: DirectRequest, response: Response) -> None:
        if not request.disconnected:
            defaults = self.server_state.default_headers
            self.transport.write(direct.answer(request, response, defaults))
            request.response_started = request.response_complete = True
            # Its connection may be idle for long.
            request.line, request.body = None, b""
            if not request.keep_alive:
                self.transport.close()
            self.on_response_complete()
        direct.edge.record(request.facts, response.status_code, request.started, request.id)

    def _take_over(
        self, request: DirectRequest, outcome: Response | BaseException
    ) -> RequestResponseCycle:
        """Let a cycle, in which the application answers, stand in place of the request."""
        cycle = self._cycle_for(request, request.begun(outcome))
        cycle.more_body = False
        if self.cycle is request:
            self.cycle = cycle
        else:
            self._running = cycle
        return cycle

    def _cycle_for(
        self, request: DirectRequest, begun: Begun | None = None
    ) -> RequestResponseCycle:
        scope = self._scope(request.method, request.url, "1.1", [*request.head.by_name.items()])
        if begun is not None:
            scope[BEGUN] = begun
        cycle = self._make_cycle(scope, keep_alive=request.keep_alive)
        cycle.disconnected = request.disconnected
        cycle.body += request.body
        cycle.message_event.set()
        return cycle

    # The ordinary way

    def _scope(self, method: bytes, url: bytes, version: str, headers: Any) -> dict[str, Any]:
        """As uvicorn makes it, but what is known of the target already is not asked for again."""
        root_path = self.root_path
        raw_path, _, query = url.partition(b"?")
        path = raw_path.decode("ascii")
        return {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": version,
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "root_path": root_path,
            "headers": headers,
            "state": self.app_state.copy(),
            "method": method.decode("ascii"),
            "path": root_path + (unquote(path) if "%" in path else path),
            "raw_path": root_path.encode("ascii") + raw_path if root_path else raw_path,
            "query_string": query,
        }

    def _make_cycle(self, scope: dict[str, Any], *, keep_alive: bool) -> JoinedCycle:
        return JoinedCycle(
            scope=scope,  # type: ignore[arg-type]
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=keep_alive,
            on_response=self.on_response_complete,
        )

    def _start(self, cycle: RequestResponseCycle) -> None:
        """Start the application, or let the request wait behind others."""
        earlier, self.cycle = self.cycle, cycle
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        if earlier is None or earlier.response_complete:
            self._start_asgi_task(cycle, self._application())
        else:
            self.flow.pause_reading()
            self._running = self._running if self.pipeline else earlier
            self.pipeline.appendleft((cycle, self._application()))

    def _application(self) -> ASGI3Application:
        limit = self.limit_concurrency
        if limit is not None and max(len(self.connections), len(self.tasks)) >= limit:
            return service_unavailable
        return self.app  # type: ignore[no-any-return]

    # Between requests

    def on_response_complete(self) -> None:
        """The answer is written: begin the next request, or wait for one."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            self._on_last_response()
            return
        if self.flow.read_paused:
            self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._running = cycle
            self._start_asgi_task(cycle, app)
        else:
            self._silent_since = self.loop.time()
            if self.timeout_keep_alive_task is None:
                self._look_after(self.timeout_keep_alive)

    def _on_last_response(self) -> None:
        """The answer with which the connection ends is written."""

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection if it was silent for so long; if not, look again when it may be."""
        self.timeout_keep_alive_task = None
        if self._silent_since is not None:
            seconds = self._silent_since + self.timeout_keep_alive - self.loop.time()
            if seconds > 0:
                self._look_after(seconds)
            else:
                self._on_silent()

    def _look_after(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self._later(seconds, self.timeout_keep_alive_handler)

    def _on_silent(self) -> None:
        self.transport.close()

    def _later(self, seconds: float, what: Callable[[], None]) -> TimerHandle:
        return self.loop.call_later(seconds, what)
