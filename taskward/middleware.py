"""The one middleware, pure ASGI, that every request meets first.

It gives the request an id, bounds its body, adds CORS and security headers, writes the access log,
counts for the metrics, and turns what nothing else caught into a 500. It is one class and not six,
because each layer costs every request more than the work it does.
"""

import os
import re
import sys
import time
from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

import structlog
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from taskward.auth.origins import TrustedOrigins
from taskward.errors import json_error
from taskward.observability import AccessLog
from taskward.security_headers import SecurityHeaders

MAX_BODY_BYTES = 1_048_576
_ORIGIN_MAX_LENGTH = 512
_CLIENT_IS_GONE = 499  # in the log only, as nginx has it
EXPOSED_HEADERS = (
    "ETag",
    "Location",
    "Retry-After",
    "X-Request-ID",
    "X-Retry-After",
    "set-auth-jwt",
    "set-auth-token",
)
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_VARY = (b"vary", b"Origin")
_NOTED = frozenset(
    (b"origin", b"content-length", b"x-request-id", b"access-control-request-method")
)
_PREFLIGHT = {b"origin", b"access-control-request-method"}

log = structlog.get_logger(__name__)


Observe: TypeAlias = Callable[[Scope, int, float], None]
"""Is told of each request: its scope, its status, its seconds."""


class EdgeMiddleware:
    """What stands between the server and the application."""

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
        self.observe = observe
        self.security = SecurityHeaders(https=https)
        self.preflight = Preflight(origins)
        self.trusts_origin = lru_cache(maxsize=256)(origins.trusts_origin)
        self.access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, _with_readable_failure(send))
            return
        started = time.perf_counter()
        request = _Request(self, scope, receive, send)
        structlog.contextvars.bind_contextvars(request_id=request.id)
        try:
            await self._answer(scope, request)
        finally:
            seconds = time.perf_counter() - started
            self.access_log(scope, request.status, seconds, request.id)
            if self.observe is not None:
                self.observe(scope, request.status, seconds)

    async def _answer(self, scope: Scope, request: "_Request") -> None:
        if (refusal := request.refusal()) is not None:
            await refusal(scope, request.receive, request.send)
            return
        try:
            await self.app(scope, request.receive, request.send)
        except ClientDisconnect:
            request.status = request.status or _CLIENT_IS_GONE
        except Exception:
            log.exception("internal error")
            if not request.status:
                response = json_error(500, "Internal server error", path=scope["path"])
                await response(scope, request.receive, request.send)


class _Request:
    """One request: the headers that matter here, the size of its body, the answer's status."""

    __slots__ = ("_body", "_edge", "_extra", "_receive", "_scope", "_send", "id", "noted", "status")

    def __init__(self, edge: EdgeMiddleware, scope: Scope, receive: Receive, send: Send) -> None:
        self._edge, self._scope, self._receive, self._send = edge, scope, receive, send
        self._body = 0
        self.noted = {name: value for name, value in scope["headers"] if name in _NOTED}
        self.status = 0
        self.id = _request_id(self.noted.get(b"x-request-id"))
        self._extra = [(b"x-request-id", self.id.encode()), *self._cors_headers()]

    def refusal(self) -> Response | None:
        """Return the answer to a request that the application never sees."""
        noted = self.noted
        if self._scope["method"] == "OPTIONS" and noted.keys() >= _PREFLIGHT:
            return self._edge.preflight.preflight_response(Headers(scope=self._scope))
        length = noted.get(b"content-length", b"0")
        if length.isdigit() and int(length[:20]) <= MAX_BODY_BYTES:
            return None
        path = self._scope["path"]
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
            self.status = message["status"]
            headers = message["headers"]
            more = self._edge.security.missing_in(headers, self._scope["path"])
            message["headers"] = [*headers, *self._extra, *more]
        await self._send(message)

    def _cors_headers(self) -> list[tuple[bytes, bytes]]:
        """Only trusted origins may read our answers; others get no CORS headers at all."""
        origin = self.noted.get(b"origin")
        if origin is None or len(origin) > _ORIGIN_MAX_LENGTH:
            return [_VARY]
        if not self._edge.trusts_origin(origin.decode("latin-1")):
            return [_VARY]
        return [_VARY, (b"access-control-allow-origin", origin), *_CORS]


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
        return self.origins.trusts_origin(origin)

    def preflight_response(self, request_headers: Headers) -> Response:
        """Return 204 with what is allowed, or 400."""
        response = super().preflight_response(request_headers)
        if response.status_code != 200:
            return json_error(response.status_code, bytes(response.body).decode())
        allowed = {k: v for k, v in response.headers.items() if k.startswith("access-control-")}
        del allowed["access-control-allow-origin"], allowed["access-control-allow-credentials"]
        return Response(status_code=204, headers=allowed)


_TOO_LARGE = f"The request body may have at most {MAX_BODY_BYTES} bytes"
_CORS = (
    (b"access-control-allow-credentials", b"true"),
    (b"access-control-expose-headers", ", ".join(EXPOSED_HEADERS).encode()),
)


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """Preflights never reach an application."""


def _request_id(inbound: bytes | None) -> str:
    if inbound is not None and _REQUEST_ID.fullmatch(inbound):
        return inbound.decode()
    return os.urandom(16).hex()


def _with_readable_failure(send: Send) -> Send:
    """A failed start is reported as the sentence it ended with, instead of as a traceback."""

    async def send_sentence(message: Message) -> None:
        reason = sys.exc_info()[1]
        if message["type"] == "lifespan.startup.failed" and isinstance(reason, SystemExit):
            message["message"] = str(reason)
        await send(message)

    return send_sentence
