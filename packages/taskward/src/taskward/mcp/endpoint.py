"""`POST /mcp`: what a request must be before the protocol's own server sees it."""

from typing import Protocol
from urllib.parse import urlsplit

import orjson
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from authward.bodies import ENCODED, IDENTITY_ENCODING, has_content_encoding, is_json
from authward.security.origins import TrustedOrigins, with_loopback_twins
from taskward.http.errors import json_error
from taskward.mcp.auth import (
    Access,
    BadTokenError,
    Challenges,
    NoTokenError,
    TokenVerifier,
    bearer_token,
)
from taskward.mcp.message import RefusedMessageError, RPCMessage, read_message
from taskward.mcp.tools import TOOLS

ACCESS = "mcp_access"
"""Where a request's scope has what its token allows."""
LOGGED = "logged"
"""Where it has what the access log says of it as well."""
_JSON = "application/json"
_CHALLENGE = "WWW-Authenticate"
_ALLOW = {"Allow": "POST"}
_PREFLIGHT = {
    **_ALLOW,
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": (
        "authorization, content-type, accept, mcp-protocol-version, mcp-method, mcp-name"
    ),
    "Access-Control-Max-Age": "600",
}
_DEFAULT_PORTS = {"http": 80, "https": 443}
_REPLACED = frozenset((b"accept", b"content-type", b"content-length", b"transfer-encoding"))
_TAKES = ((b"accept", b"application/json, text/event-stream"), (b"content-type", _JSON.encode()))


class _AnsweredError(Exception):
    """The request is answered here, most often with why it is not handed on."""

    def __init__(self, response: Response) -> None:
        self.response = response


class Protocols(Protocol):
    """The protocol's own server."""

    def begin(self) -> object:
        """Load it, which takes a second the first time, while others are served."""

    async def app(self) -> ASGIApp:
        """Return it, when it is there."""


class MCPEndpoint:
    """The ASGI application at `/mcp`."""

    def __init__(
        self, base_url: str, origins: TrustedOrigins, tokens: TokenVerifier, server: Protocols
    ) -> None:
        """Serve at `base_url` and nowhere else.

        Args:
            base_url: the server's public origin.
            origins: whose pages may ask.
            tokens: knows who asks.
            server: speaks the protocol.
        """
        self._hosts = frozenset(_hosts(base_url))
        self._origins = origins
        self._tokens = tokens
        self._server = server
        self._challenges = Challenges(base_url)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        headers = Headers(scope=scope)
        try:
            self._check_where_from(headers)
            _check_method(scope["method"])
            self._server.begin()  # who has no token yet comes back with one
            access = scope[ACCESS] = await self._authenticate(headers)
            scope["user_id"] = access.user_id
            scope[LOGGED] = {}
            _check_content_type(headers)
            message = read_message(await _read(receive))
            self._check_scope(access, message)
        except _AnsweredError as error:
            await error.response(scope, receive, send)
        except RefusedMessageError as error:
            await _rpc_error(error)(scope, receive, send)
        else:
            app = await self._server.app()
            await app(_rewritten(scope, message.body), _replay(message.body, receive), send)

    def _check_where_from(self, headers: Headers) -> None:
        """A stranger's page, by a name of its own that leads here, could else ask in our stead."""
        if headers.get("host", "").lower() not in self._hosts:
            raise _refused(421, "This server has another name")
        origin = headers.get("origin")
        if origin is not None and not self._origins.is_allowed_origin(origin):
            raise _refused(403, "Origin not allowed")

    async def _authenticate(self, headers: Headers) -> Access:
        try:
            return await self._tokens.verify(bearer_token(headers.getlist("authorization")))
        except NoTokenError:
            raise _unauthorized("Not authenticated", self._challenges.without_token) from None
        except BadTokenError as error:
            raise _unauthorized(str(error), self._challenges.bad_token(str(error))) from None

    def _check_scope(self, access: Access, message: RPCMessage) -> None:
        tool = TOOLS.get(message.tool or "")
        if tool is not None and tool.scope not in access.scopes:
            challenge = self._challenges.missing_scopes(access)
            raise _refused(403, "Insufficient scope", {_CHALLENGE: challenge})


def _refused(status: int, detail: str, headers: dict[str, str] | None = None) -> _AnsweredError:
    return _AnsweredError(json_error(status, detail, headers=headers))


def _unauthorized(detail: str, challenge: str) -> _AnsweredError:
    return _refused(401, detail, {_CHALLENGE: challenge})


def _hosts(base_url: str) -> list[str]:
    """Return the values of `Host` by which a server with this origin, or its twins, is asked."""
    found = []
    for origin in with_loopback_twins([base_url]):
        parts = urlsplit(origin)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else str(parts.hostname)
        port = parts.port or _DEFAULT_PORTS[parts.scheme]
        found.append(f"{host}:{port}")
        if port == _DEFAULT_PORTS[parts.scheme]:
            found.append(host)
    return found


def _check_method(method: str) -> None:
    if method == "OPTIONS":
        raise _AnsweredError(Response(status_code=204, headers=_PREFLIGHT))
    if method != "POST":
        raise _refused(405, "Method Not Allowed", _ALLOW)


def _check_content_type(headers: Headers) -> None:
    if has_content_encoding(headers):
        raise _refused(415, ENCODED, IDENTITY_ENCODING)
    if not is_json(headers.get("content-type", "")):
        raise _refused(415, "The body must be sent as application/json", {"Accept": _JSON})


async def _read(receive: Receive) -> bytes:
    """Read the body, which the edge bounds."""
    parts = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _rpc_error(error: RefusedMessageError) -> Response:
    body = {"code": error.code, "message": error.message}
    content = orjson.dumps({"jsonrpc": "2.0", "id": None, "error": body})
    return Response(content, error.status, media_type=_JSON)


def _rewritten(scope: Scope, body: bytes) -> Scope:
    """Say of the request what is so now; every answer is JSON, whatever else is accepted.

    White space around a value is no part of it (RFC 9110, 5.5).
    """
    kept = [(k, v.strip(b" \t")) for k, v in scope["headers"] if k not in _REPLACED]
    length = (b"content-length", str(len(body)).encode())
    return {**scope, "headers": [*kept, *_TAKES, length]}


def _replay(body: bytes, receive: Receive) -> Receive:
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay
