"""Pure ASGI middleware: request ids, the access log, CORS, the body limit, the last resort."""

import re
import sys
import time
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from taskward.auth.origins import TrustedOrigins
from taskward.errors import json_error

MAX_BODY_BYTES = 1_048_576
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")

access_log = structlog.get_logger("taskward.access")
log = structlog.get_logger(__name__)


class RequestIdMiddleware:
    """Gives every response an `X-Request-ID`, the caller's if it is a sane one, and logs it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = _request_id(scope)
        status = 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self.app(scope, receive, send_with_id)
            finally:
                milliseconds = round((time.perf_counter() - started) * 1000, 1)
                access_log.info(
                    f"{scope['method']} {scope['path']}", status=status, milliseconds=milliseconds
                )


class StartupMessageMiddleware:
    """Reports a failed start as the sentence it ended with, instead of as a traceback."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self.app(scope, receive, send)
            return

        async def send_sentence(message: Message) -> None:
            reason = sys.exc_info()[1]
            if message["type"] == "lifespan.startup.failed" and isinstance(reason, SystemExit):
                message["message"] = str(reason)
            await send(message)

        await self.app(scope, receive, send_sentence)


class JSONErrorCORSMiddleware(CORSMiddleware):
    """CORS for the trusted origins, wildcards included; a refused preflight is JSON too."""

    def __init__(self, app: ASGIApp, origins: TrustedOrigins) -> None:
        super().__init__(
            app,
            allow_methods=("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"),
            allow_headers=("*",),
            allow_credentials=True,
            expose_headers=(
                "Location",
                "Retry-After",
                "X-Request-ID",
                "X-Retry-After",
                "set-auth-jwt",
                "set-auth-token",
            ),
        )
        self.origins = origins

    def is_allowed_origin(self, origin: str) -> bool:
        """Whether a page of this origin may read our answers."""
        return self.origins.trusts_origin(origin)

    def preflight_response(self, request_headers: Headers) -> Response:
        """Answer whether the browser may send the real request."""
        response = super().preflight_response(request_headers)
        if response.status_code != 200:
            headers = {"Vary": response.headers["vary"]}
            return json_error(response.status_code, bytes(response.body).decode(), headers=headers)
        kept = {k: v for k, v in response.headers.items() if not k.startswith("content-")}
        return Response(status_code=204, headers=kept)

    async def send(self, message: Message, send: Send, request_headers: Headers) -> None:
        """Add the CORS headers for trusted origins only; others get none."""
        if self.is_allowed_origin(request_headers.get("origin", "")):
            await super().send(message, send, request_headers)
            return
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).add_vary_header("Origin")
        await send(message)


class BodyLimitMiddleware:
    """Refuses bodies over 1 MiB: announced ones before a byte is read, others at the limit."""

    def __init__(self, app: ASGIApp, max_bytes: int = MAX_BODY_BYTES) -> None:
        self.app = app
        self.max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "0")
        if not announced.isdecimal() or int(announced[:20]) > self.max_bytes:
            await self._refusal(scope["path"])(scope, receive, send)
            return
        received = 0

        async def receive_limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.max_bytes:
                raise HTTPException(413, self._detail)
            return message

        await self.app(scope, receive_limited, send)

    @property
    def _detail(self) -> str:
        return f"The request body may have at most {self.max_bytes} bytes"

    def _refusal(self, path: str) -> Response:
        return json_error(413, self._detail, path=path, headers={"Connection": "close"})


class CatchAllMiddleware:
    """Turns what nothing else caught into a logged 500 without any detail."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def send_noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, send_noting)
        except Exception:
            if scope["type"] != "http":
                raise
            log.exception("internal error")
            if not started:
                response = json_error(500, "Internal server error", path=scope["path"])
                await response(scope, receive, send)


def _request_id(scope: Scope) -> str:
    inbound = Headers(scope=scope).get("x-request-id", "")
    return inbound if _REQUEST_ID.fullmatch(inbound) else uuid4().hex
