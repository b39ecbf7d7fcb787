"""uvicorn's HTTP/1.1 with the limits that it lacks: on heads, on trailers, on pipelines, on time.

`python -m taskward` and `uvicorn main:app --http taskward.http_protocol:BoundedHttpProtocol` use
it. uvicorn alone keeps a head of any size in memory, reads a chunked body's trailers as if they
were headers, queues any number of pipelined requests, and waits for ever for the rest of a request
and for a client that does not read. A request that arrives in one piece, as nearly all do, costs
a few comparisons here and no timer.
"""

import os
from asyncio import BaseTransport, TimerHandle
from collections.abc import Callable

import orjson
import structlog
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

MAX_HEAD_BYTES = 32_768
MAX_HEADERS = 100
MAX_MESSAGE_BYTES = 8_388_608
"""More than the app's limit, which it answers: chunks of a byte each take six on the wire."""
MAX_PIPELINED = 100
MIN_READ_BYTES = 16_384
"""What a client must read while `stalled_seconds` pass, if there is as much to read."""

log = structlog.get_logger(__name__)


class RefusedError(Exception):
    """Raised inside the parser, which then stops and reports it as an invalid request."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """One connection. Times are seconds; a subclass may have others."""

    idle_seconds = 60.0
    """From the connection to its first byte; afterwards uvicorn's keep-alive time counts."""
    head_seconds = 10.0
    body_seconds = 30.0
    stalled_seconds = 30.0
    """In which a client that has more to read than its buffers hold must read some of it."""

    _received = 0
    _earlier = 0
    _owes = True
    _in_body = False
    _unsent = 0
    _refusal: tuple[int, str] | None = None
    _deadline: TimerHandle | None = None
    _reader_deadline: TimerHandle | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        """Begin to wait for the first byte."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self._deadline = self._later(self.idle_seconds, self._on_silence)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget all deadlines."""
        self._stop_waiting()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came; if it ends within a request, the rest must come in time."""
        self._owes = True
        self._received += len(data)
        super().data_received(data)
        if self._owes:
            self._wait_for_the_rest(len(data))
        else:
            self._received = self._earlier = 0

    def on_message_begin(self) -> None:
        """A head begins."""
        self._owes = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Begin the request, if its head is within bounds; trailers stay out of its headers."""
        if self._received > MAX_HEAD_BYTES or len(self.headers) > MAX_HEADERS:
            self._check_head()
        if self.pipeline and len(self.pipeline) >= MAX_PIPELINED:
            self._raise(429, "Too many requests at once on one connection")
        if self._deadline is not None:
            self._stop_waiting()
        self._in_body = True
        super().on_headers_complete()
        self.headers = []

    def on_message_complete(self) -> None:
        """The request is here as a whole."""
        self._owes = self._in_body = False
        self._earlier = self._received
        if self._deadline is not None:
            self._stop_waiting()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The answer is written; if the connection ends with it, it must be read in time."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._watch_reader()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - it is plain text
        """Refuse what the parser does not take."""
        status, detail = self._refusal or (400, "Invalid HTTP request")
        self._refuse(status, detail)

    # Bounds

    def _check_head(self) -> None:
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > MAX_HEAD_BYTES or len(self.headers) > MAX_HEADERS:
            self._raise(431, _HEAD_TOO_LARGE)

    def _wait_for_the_rest(self, length: int) -> None:
        size = self._received - self._earlier
        if self.transport.is_closing():
            return
        if self._in_body and (size > MAX_MESSAGE_BYTES or len(self.headers) > MAX_HEADERS):
            self._refuse(413, "The request is too large")
        elif not self._in_body and size > MAX_HEAD_BYTES:
            self._refuse(431, _HEAD_TOO_LARGE)
        elif self._deadline is None or self._received == length:
            self._stop_waiting()
            seconds = self.body_seconds if self._in_body else self.head_seconds
            self._deadline = self._later(seconds, self._on_silence)

    def _on_silence(self) -> None:
        if self.flow.read_paused:  # it is we who do not read
            self._deadline = self._later(self.body_seconds, self._on_silence)
        elif self._received:
            self._refuse(408, "The request did not arrive in time")
        else:
            self.transport.close()

    def _later(self, seconds: float, what: Callable[[], None]) -> TimerHandle:
        return self.loop.call_later(seconds, what)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    # Clients that do not read

    def pause_writing(self) -> None:
        """More is to be sent than the client has taken."""
        super().pause_writing()
        self._watch_reader()

    def resume_writing(self) -> None:
        """The client has taken nearly all of it, or is gone."""
        super().resume_writing()
        if self._reader_deadline is not None:
            self._reader_deadline.cancel()
            self._reader_deadline = None

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection; if something is still unsent, it must be read in time."""
        super().timeout_keep_alive_handler()
        self._watch_reader()

    def _watch_reader(self) -> None:
        if self._reader_deadline is None:
            self._unsent = self.transport.get_write_buffer_size()
            self._reader_deadline = self._later(self.stalled_seconds, self._on_stalled)

    def _on_stalled(self) -> None:
        self._reader_deadline = None
        if self.transport.get_write_buffer_size() > self._unsent - MIN_READ_BYTES:
            self.transport.abort()
        else:
            self._watch_reader()

    # Refusals

    def _raise(self, status: int, detail: str) -> None:
        self._refusal = status, detail
        raise RefusedError(detail)

    def _refuse(self, status: int, detail: str) -> None:
        """Answer if nothing else is being answered, and close; the app learns it as a disconnect.

        A request that is here as a whole keeps its answer, whatever comes behind it.
        """
        self._stop_waiting()
        cycle: RequestResponseCycle | None = self.cycle
        unanswered = cycle if cycle and not cycle.response_complete else None
        if unanswered and not self._in_body:
            unanswered.keep_alive = False
            self.flow.pause_reading()
            return
        if unanswered:
            unanswered.disconnected = True
            unanswered.message_event.set()
        if not (self.pipeline or (self._in_body and _has_answered(cycle))):
            self._answer(status, detail)
        self.transport.close()
        self._watch_reader()

    def _answer(self, status: int, detail: str) -> None:
        request_id, body = os.urandom(16).hex(), orjson.dumps({"detail": detail})
        log.warning("request refused", status=status, detail=detail, request_id=request_id)
        headers = [
            *self.server_state.default_headers,
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"x-request-id", request_id.encode()),
            (b"connection", b"close"),
        ]
        lines = [STATUS_LINE[status], *(b"%b: %b\r\n" % header for header in headers), b"\r\n"]
        self.transport.write(b"".join([*lines, body]))


def _has_answered(cycle: RequestResponseCycle | None) -> bool:
    return cycle is not None and cycle.response_started


_HEAD_TOO_LARGE = (
    f"The request line and headers may have at most {MAX_HEAD_BYTES} bytes and {MAX_HEADERS} lines"
)
