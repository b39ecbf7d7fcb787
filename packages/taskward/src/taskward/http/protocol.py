"""uvicorn's HTTP/1.1 with the limits that it lacks: on heads, on trailers, on pipelines, on time.

uvicorn alone keeps a head of any size in memory, reads a chunked body's trailers as if they were
headers, loses what follows an offer to upgrade, queues any number of pipelined requests, and waits
for ever for the rest of a request and for a client that does not read. A request that arrives in
one piece, as nearly all do, costs a few comparisons here and no timer.
"""

import os
from asyncio import BaseTransport, TimerHandle
from typing import NoReturn

import orjson
import structlog
from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from taskward.http import head as http_head
from taskward.http.direct_protocol import Cycle, DirectProtocol

MAX_HEAD_BYTES = 32_768
MAX_HEADERS = 100
MAX_MESSAGE_BYTES = 8_388_608
"""More than the app's limit, which it answers: chunks of a byte each take six on the wire."""
MAX_PIPELINED = 100
MIN_READ_BYTES = 16_384
"""What a client must read while `stalled_seconds` pass, if there is as much to read."""

_NO_HEAD: list[tuple[bytes, bytes]] = []
"""Stands for the headers between two messages."""

_LAST_LOOK = 0.05
"""Seconds in which what has arrived already, but was not looked at yet, is found."""

log = structlog.get_logger(__name__)


class InvalidRequestError(Exception):
    """Raised inside the parser, which then stops and reports it as an invalid request."""


class BoundedHttpProtocol(DirectProtocol):
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
    _hosts = 0
    """1 if there is one `Host` header and nothing that needs a closer look."""
    _offers_upgrade = False
    _unsent = 0
    _refusal: tuple[int, str] | None = None
    _deadline: TimerHandle | None = None
    _reader_deadline: TimerHandle | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        """Begin to wait for the first byte."""
        self.headers = _NO_HEAD
        super().connection_made(transport)
        self._deadline = self._later(self.idle_seconds, self._on_silence)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget all deadlines; uvicorn tells the last request, and not the one before others."""
        self._stop_waiting()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came; if it ends within a request, the rest must come in time."""
        self._silent_since = None
        direct = self._direct
        if direct is not None and not self._received and self._begin_known(direct, data):
            if self._deadline is not None:
                self._stop_waiting()
            return
        self._owes = True
        self._read = None if self._received else data
        self._received += len(data)
        try:
            self.parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as stopped:
            self._end_of_read()
            self._on_parser_stopped(stopped, data)
        self._read = None
        if self._arriving is not None:
            self._end_of_read()
        if self._owes or self.headers is not _NO_HEAD:
            self._wait_for_the_rest(len(data))
        else:
            self._received = self._earlier = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """Note what says something about the connection."""
        name = name.lower()
        if name in http_head.WATCHED:
            self._watch(name, value)
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Begin the request, if its head is within bounds; trailers stay out of its headers."""
        if self._received > MAX_HEAD_BYTES or len(self.headers) > MAX_HEADERS:
            self._check_head()
        if self.pipeline and len(self.pipeline) >= MAX_PIPELINED:
            self._raise(429, "Too many requests at once on one connection")
        version, upgrade = self.parser.get_http_version(), self.parser.should_upgrade()
        plain = self._hosts == 1 and version == "1.1" and not upgrade
        if not plain or self.url[:1] != b"/" or b"#" in self.url:
            plain = False
            self._look_closer(version)
        if upgrade:
            self._offers_upgrade = True
            return
        if self._deadline is not None:
            self._stop_waiting()
        self._in_body = True
        self._begin(version, is_plain=plain)
        self.headers = []

    def on_message_complete(self) -> None:
        """The request is here as a whole."""
        self._hosts = 0
        if self._offers_upgrade:
            return
        if self._arriving is not None:
            self._end_of_message()
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.more_body = False
            cycle.message_event.set()
        self._owes = self._in_body = False
        self._earlier = self._received
        self.headers = _NO_HEAD
        if self._deadline is not None:
            self._stop_waiting()

    def _on_last_response(self) -> None:
        """It must be read in time."""
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

    def _watch(self, name: bytes, value: bytes) -> None:
        if name == b"expect":
            self.expect_100_continue = value.lower() == b"100-continue"
        else:
            self._hosts += 1 if name == b"host" and http_head.is_host(value) else 2

    def _look_closer(self, version: str) -> None:
        method = self.parser.get_method()
        if fault := http_head.find_fault(version, method, self.headers):
            self._raise(400, fault)
        url = http_head.parse_target(method, self.url)
        if url is None:
            self._raise(400, "The request is for another server")
        self.url = url
        if version == "1.0":
            self.expect_100_continue = False

    def _on_parser_stopped(self, reason: Exception, data: bytes) -> None:
        """An offer to speak another protocol stops the parser: another one reads on without it.

        The same one would not where the connection is to end, as always in HTTP/1.0.
        """
        while isinstance(reason, HttpParserUpgrade):
            data = self._head_without_upgrade() + data[reason.args[0] :]
            self.parser = HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
            try:
                self.parser.feed_data(data)
            except (HttpParserError, HttpParserUpgrade) as stopped:
                reason = stopped
            else:
                return
        self.send_400_response("")

    def _head_without_upgrade(self) -> bytes:
        self._offers_upgrade = False
        method, version = self.parser.get_method(), self.parser.get_http_version()
        return http_head.without_upgrade(method, self.url, version, self.headers)

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

    # Connections that end

    def _on_silent(self) -> None:
        """Close an idle connection, if no request has arrived meanwhile.

        One that is read after its connection was closed is lost, and clients do not send a POST
        again. Where the process was busy it may have come already, but nobody has looked.
        """
        self.timeout_keep_alive_task = self._later(_LAST_LOOK, self._close_silent)

    def _close_silent(self) -> None:
        self.timeout_keep_alive_task = None
        if self._silent_since is not None:
            self._close_idle()

    def shutdown(self) -> None:
        """Answer what is under way or has arrived as a whole, and nothing else."""
        self._ends = True
        if self._is_idle():
            self._later(_LAST_LOOK, self._close_idle)
        else:
            super().shutdown()

    def _close_idle(self) -> None:
        """What is still unsent must be read in time."""
        if self._is_idle():
            self.transport.close()
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

    def _raise(self, status: int, detail: str) -> NoReturn:
        self._refusal = status, detail
        raise InvalidRequestError(detail)

    def _refuse(self, status: int, detail: str) -> None:
        """Answer if nothing else is being answered, and close; the app learns it as a disconnect.

        A request that is here as a whole keeps its answer, whatever comes behind it.
        """
        self._stop_waiting()
        self._ends = True
        cycle = self.cycle
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


def _has_answered(cycle: Cycle | None) -> bool:
    return cycle is not None and cycle.response_started


_HEAD_TOO_LARGE = (
    f"The request line and headers may have at most {MAX_HEAD_BYTES} bytes and {MAX_HEADERS} lines"
)
