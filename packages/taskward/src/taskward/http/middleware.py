"""The one middleware, pure ASGI, that every request meets first.

It gives the request an id, bounds its body, adds CORS and security headers, writes the access log,
counts for the metrics, and turns what nothing else caught into a 500. It is one class and not six,
because each layer costs every request more than the work it does.
"""

import asyncio
import sys
import time
from collections.abc import Callable, Iterable
from typing import TypeAlias

import structlog
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from authward.security.origins import TrustedOrigins
from taskward.http.backpressure import LARGE, ResponseBacklog
from taskward.http.direct import DirectPath
from taskward.http.edge import (
    BEGUN,
    FOR_EVERYBODY,
    FORWARDED,
    Begun,
    Edge,
    Observe,
    request_id_header,
)
from taskward.http.errors import RETRY_AFTER, json_error
from taskward.mcp import PATH
from taskward.observability.logs import AccessLog

MAX_BODY_BYTES = 1_048_576
MAX_PARAMETERS = 1_000
_CLIENT_IS_GONE = 499  # in the log only, as nginx has it
_NOTED = frozenset(
    (b"origin", b"content-length", b"x-request-id", b"access-control-request-method", FORWARDED)
)
_OWN_PREFLIGHT = {PATH, f"{PATH}/"}
"""What says itself who may ask and with which headers."""
_PREFLIGHT = {b"origin", b"access-control-request-method"}

log = structlog.get_logger(__name__)


OnLifespan: TypeAlias = Callable[[Scope, Receive], None]
"""Is told, before the application starts, of what it lives in and what the server speaks by."""


class EdgeMiddleware:
    """What stands between the server and the application."""

    on_lifespan: OnLifespan | None = None
    direct: DirectPath | None = None
    """What the protocol may answer without coming here."""

    def __init__(
        self,
        app: ASGIApp,
        origins: TrustedOrigins,
        access_log: AccessLog,
        observe: Observe | None = None,
        *,
        https: bool = False,
    ) -> None:
        self.app = app
        self.edge = Edge(origins, access_log, observe, https=https)
        self.backlog = ResponseBacklog()
        self.preflight = Preflight(origins)
        self.access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan" and self.on_lifespan is not None:
                self.on_lifespan(scope, receive)
            await self.app(scope, receive, _with_readable_failure(send))
            return
        begun: Begun | None = scope.get(BEGUN)
        started = time.perf_counter() if begun is None else begun.started
        request = _Request(self, scope, receive, send)
        self.edge.look_for_proxies(request.noted)
        try:
            await self._answer(scope, request)
        finally:
            self.edge.record(scope, request.status, started, request.id)

    async def _answer(self, scope: Scope, request: "_Request") -> None:
        if (refusal := request.refusal()) is not None:
            await refusal(scope, request.receive, request.send)
            return
        try:
            await self.app(scope, request.receive, request.send)
        except ClientDisconnect:
            request.status = request.status or _CLIENT_IS_GONE
        except asyncio.CancelledError:  # the server ends, and this took too long
            if not request.status:
                response = json_error(503, _ENDING, path=scope["path"], headers=RETRY_AFTER)
                await response(scope, request.receive, request.send)
            raise
        except Exception:
            log.exception("internal error")
            if not request.status:
                response = json_error(500, "Internal server error", path=scope["path"])
                await response(scope, request.receive, request.send)


class _Request:
    """One request: the headers that matter here, the size of its body, the answer's status."""

    __slots__ = (
        *("_body", "_edge", "_large", "_receive", "_scope", "_send"),
        *("id", "noted", "status"),
    )

    def __init__(self, edge: EdgeMiddleware, scope: Scope, receive: Receive, send: Send) -> None:
        self._edge, self._scope, self._receive, self._send = edge, scope, receive, send
        self._body = 0
        self._large: Message | None = None
        self.noted = {name: value for name, value in scope["headers"] if name in _NOTED}
        self.status = 0
        begun: Begun | None = scope.get(BEGUN)
        named = self.noted.get(b"x-request-id") if begun is None else begun.request_id.encode()
        self.id = edge.edge.name(named)

    def refusal(self) -> Response | None:
        """Return the answer to a request that the application never sees."""
        noted = self.noted
        is_preflight = self._scope["method"] == "OPTIONS" and noted.keys() >= _PREFLIGHT
        path = self._scope["path"]
        if is_preflight and path not in _OWN_PREFLIGHT and FOR_EVERYBODY not in path:
            return self._edge.preflight.preflight_response(Headers(scope=self._scope))
        if self._scope["query_string"].count(b"&") >= MAX_PARAMETERS:
            return json_error(414, "The query has too many parameters", path=path)
        length = noted.get(b"content-length", b"0")
        if length.isdigit() and int(length[:20]) <= MAX_BODY_BYTES:
            return None
        return json_error(413, _TOO_LARGE, path=path, headers={"Connection": "close"})

    async def receive(self) -> Message:
        """Receive a part of the body; an unannounced one is bounded as it comes."""
        message = await self._receive()
        self._body += len(message.get("body", b""))
        if self._body > MAX_BODY_BYTES:
            raise HTTPException(413, _TOO_LARGE)
        return message

    async def send(self, message: Message) -> None:
        """Send a part of the answer, with the headers that every answer has."""
        if message["type"] == "http.response.start":
            headers = message["headers"]
            origin, path = self.noted.get(b"origin"), self._scope["path"]
            more = self._edge.edge.headers(origin, headers, path)
            message["headers"] = [*headers, request_id_header(self.id), *more]
            self._large = message if _announces_much(headers) else None
            if self._large is not None:
                return
            self.status = message["status"]
        elif self._large is not None:
            await self._send_much(self._large, message)
            return
        await self._send(message)

    async def _send_much(self, start: Message, message: Message) -> None:
        """Send the beginning, which waited until now, and the first or only part of the body."""
        self._large, self.status = None, start["status"]
        body, backlog = message.get("body", b""), self._edge.backlog
        if len(body) <= LARGE or message.get("more_body"):
            await self._send(start)
            await self._send(message)
            return
        user_id = self._scope.get("user_id")
        try:
            backlog.check_capacity(user_id, len(body))
        except HTTPException as error:
            path, headers = self._scope["path"], dict(error.headers or {})
            refusal = json_error(error.status_code, error.detail, path=path, headers=headers)
            await refusal(self._scope, self._receive, self.send)
            return
        await self._send(start)
        await backlog.send(body, user_id, self._receive, self._send)


class Preflight(CORSMiddleware):
    """Answers the browser's question whether it may send the real request, in JSON if not."""

    def __init__(self, origins: TrustedOrigins) -> None:
        super().__init__(
            _nothing,
            allow_methods=("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"),
            allow_headers=("*",),
            allow_credentials=True,
        )
        self.origins = origins

    def is_allowed_origin(self, origin: str) -> bool:
        """Whether a page of this origin may read our answers."""
        return self.origins.is_allowed_origin(origin)

    def preflight_response(self, request_headers: Headers) -> Response:
        """Return 204 with what is allowed, or 400."""
        response = super().preflight_response(request_headers)
        if response.status_code != 200:
            return json_error(response.status_code, bytes(response.body).decode())
        allowed = {k: v for k, v in response.headers.items() if k.startswith("access-control-")}
        del allowed["access-control-allow-origin"], allowed["access-control-allow-credentials"]
        return Response(status_code=204, headers=allowed)


_ENDING = "The server is being restarted, try again"
_TOO_LARGE = f"The request body may have at most {MAX_BODY_BYTES} bytes"


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """Preflights never reach an application."""


def _announces_much(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    for name, value in headers:
        if name == b"content-length":
            return len(value) > 4 and int(value) > LARGE
    return False


def _with_readable_failure(send: Send) -> Send:
    """A failed start is reported as the sentence it ended with, instead of as a traceback."""

    async def send_sentence(message: Message) -> None:
        reason = sys.exc_info()[1]
        if message["type"] == "lifespan.startup.failed" and isinstance(reason, SystemExit):
            message["message"] = str(reason)
        await send(message)

    return send_sentence
