"""`Edge`: what every answer has and what is noted of it, said once for all ways to answer.

`EdgeMiddleware` answers by ASGI messages, `DirectProtocol` by bytes on the socket. Which id a
request has, which headers are added to an answer, what the access log and the metrics are told:
both ask here, so a new header is one line in `security_headers.py` or here.
"""

import os
import re
import time
from collections.abc import Callable, Container, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import structlog

from authward.security.origins import TrustedOrigins
from taskward.http.security_headers import Header, SecurityHeaders
from taskward.observability.logs import AccessLog, request_id_in_logs

Facts: TypeAlias = Any
"""A scope, or the part of it that is told: `method`, `path`, and if known `route`, `user_id`.

`event` is method and path again, if JSON need not escape them and there is no secret in them.
"""
Observe: TypeAlias = Callable[[Facts, int, float], None]
"""Is told of each request: what it was, its status, its seconds."""

BEGUN = "taskward.begun"
"""The key of a scope under which `Begun` is, if the request was begun without one."""
EXPOSED_HEADERS = (
    "ETag",
    "Location",
    "Retry-After",
    "WWW-Authenticate",
    "X-Request-ID",
    "X-Retry-After",
    "set-auth-jwt",
    "set-auth-token",
)
FORWARDED = b"x-forwarded-for"
FOR_EVERYBODY = "/.well-known/"
"""In the paths of documents that pages of any origin may read, and that say so themselves."""
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_REQUEST_ID_BYTES = 16
_REQUEST_IDS_MADE = 256
_ORIGIN_MAX_LENGTH = 512
_LINES_KEPT = 256
_VARY = (b"vary", b"Origin")
_CORS = (
    (b"access-control-allow-credentials", b"true"),
    (b"access-control-expose-headers", ", ".join(EXPOSED_HEADERS).encode()),
)
_UNCOUNTED_PROXY = (
    "X-Forwarded-For arrives and is ignored: if a proxy of yours sends it, set TRUSTED_PROXY_HOPS, "
    "or all of its clients count as one"
)

log = structlog.get_logger(__name__)


class Begun(NamedTuple):
    """A request that was begun in the protocol, and that the application only has to answer."""

    request_id: str
    started: float
    """By `time.perf_counter`."""
    user_id: str
    route: object
    outcome: Any
    """A response, or the exception that came instead."""


class Edge:
    """The values and functions that all ways share; `access_log` and `observe` are told of each."""

    warns_of_proxies = False
    """Whether `X-Forwarded-For` is ignored, of which nothing was said yet."""

    def __init__(
        self,
        origins: TrustedOrigins,
        access_log: AccessLog,
        observe: Observe | None = None,
        *,
        https: bool = False,
    ) -> None:
        """Tell browsers of `origins` that they may read, and with `https` never to come without."""
        self._security = SecurityHeaders(https=https)
        self._is_trusted_origin = lru_cache(maxsize=256)(origins.is_allowed_origin)
        self._lines: dict[tuple[bytes | None, tuple[bytes, ...]], bytes] = {}
        self._new_ids = _random_ids()
        self._access_log: Callable[[Facts, int, float, str], None] = access_log.__call__
        self._observe = observe

    def name(self, inbound: bytes | None) -> str:
        """Return the request's id, from here on in all logs: the sane inbound one, or a new one."""
        request_id = self.new_id(inbound)
        request_id_in_logs.set(request_id)
        return request_id

    def new_id(self, inbound: bytes | None) -> str:
        """Return the same for a request in whose name nothing is logged but its line."""
        if inbound is not None and _REQUEST_ID.fullmatch(inbound):
            return inbound.decode()
        return next(self._new_ids)

    def look_for_proxies(self, header_names: Container[bytes]) -> None:
        """Warn once: behind a proxy that is not counted, all clients look like one."""
        if self.warns_of_proxies and FORWARDED in header_names:
            self.warns_of_proxies = False
            log.warning(_UNCOUNTED_PROXY)

    def headers(self, origin: bytes | None, own: Sequence[Header], path: str) -> tuple[Header, ...]:
        """Return what is added to an answer with the headers `own`, but for the request's id."""
        cors = () if FOR_EVERYBODY in path else self._cors(origin)
        return (*cors, *self._security.missing_in(own, path))

    def header_lines(self, origin: bytes | None, names: tuple[bytes, ...], path: str) -> bytes:
        """Return the same as it stands in a head; put together once for all answers alike.

        Args:
            origin: that of the request.
            names: of the headers that the answer has.
            path: under `/api`.
        """
        lines = self._lines.get((origin, names))
        if lines is None:
            own = [(name, b"") for name in names]
            lines = render(self.headers(origin, own, path))
            if len(self._lines) >= _LINES_KEPT:
                self._lines.clear()
            self._lines[origin, names] = lines
        return lines

    def record(self, facts: Facts, status: int, started: float, request_id: str) -> None:
        """Tell the access log and the metrics that a request is over; 0 is one without an answer.

        Args:
            facts: what it was.
            status: of the answer.
            started: when, by `time.perf_counter`.
            request_id: as in the answer.
        """
        seconds = time.perf_counter() - started
        self._access_log(facts, status, seconds, request_id)
        if self._observe is not None:
            self._observe(facts, status, seconds)

    def _cors(self, origin: bytes | None) -> tuple[Header, ...]:
        """Only trusted origins may read our answers; others get no CORS headers at all."""
        if origin is None or len(origin) > _ORIGIN_MAX_LENGTH:
            return (_VARY,)
        if not self._is_trusted_origin(origin.decode("latin-1")):
            return (_VARY,)
        return (_VARY, (b"access-control-allow-origin", origin), *_CORS)


def request_id_header(request_id: str) -> Header:
    """Return the header by which the client learns the id."""
    return (b"x-request-id", request_id.encode())


def request_id_line(request_id: str) -> bytes:
    """Return the same as it stands in a head."""
    return b"x-request-id: %b\r\n" % request_id.encode()


def render(headers: Sequence[Header]) -> bytes:
    """Return headers as they stand in a head."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])


def _random_ids() -> Iterator[str]:
    """Ids that nobody can guess, from few calls of the system."""
    while True:
        digits = os.urandom(_REQUEST_ID_BYTES * _REQUEST_IDS_MADE).hex()
        size = 2 * _REQUEST_ID_BYTES
        yield from [digits[place : place + size] for place in range(0, len(digits), size)]
