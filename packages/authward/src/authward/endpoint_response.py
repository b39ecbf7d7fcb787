"""`EndpointResponse`: the half of an `EndpointContext` that is the response under way."""

import re
from collections.abc import Awaitable, Callable, Iterator
from itertools import islice
from typing import Any, NoReturn
from urllib.parse import quote

import orjson
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response

from authward.callbacks import run_background_tasks
from authward.codes import Code
from authward.context import AuthContext
from authward.errors import APIError
from authward.security.cookies import parse_cookies
from authward.security.origins import redirect_origin
from authward.validation import UNDEFINED

LOCATION_MAX_LENGTH = 8_192
_MAX_CHUNKS = 100
_NOT_IN_HEADER = re.compile(r"[^\x20-\x7e\xa0-\xff]")


class EndpointResponse:
    """Headers, cookies and background tasks; `cookies` are those that the request brought.

    `to_cache` is the token of a session that the cookie cache is to have at the end, and whether it
    is remembered.
    """

    def __init__(self, auth: AuthContext, request: Request) -> None:
        self.auth = auth
        self.request = request
        self.cookies = parse_cookies("; ".join(request.headers.getlist("cookie")))
        self.headers: dict[str, str] = {}
        self.set_cookies: list[str] = []
        self.to_cache: tuple[str, bool] | None = None
        self._background_tasks: list[Callable[[], Awaitable[None]]] = []

    def is_asked(self, name: str) -> bool:
        """Whether a parameter of the request's query says anything."""
        has_any = self.request.scope["query_string"]
        return bool(has_any) and any(self.request.query_params.getlist(name))

    def set_location(self, url: str) -> None:
        """Set `Location`; characters that a header cannot hold are percent-encoded.

        Raises:
            APIError: 403 if browsers would resolve it to another origin, 400 if it is too long for
                browsers and servers.
        """
        location = _NOT_IN_HEADER.sub(lambda match: quote(match[0], errors="replace"), url)
        if len(location) > LOCATION_MAX_LENGTH:
            raise APIError(Code.VALIDATION_ERROR, message="Too big for a URL")
        promised = redirect_origin(url)
        if promised is None or redirect_origin(location) != promised:
            raise APIError(Code.INVALID_CALLBACK_URL)
        self.headers["location"] = location

    def redirect(self, url: str) -> NoReturn:
        """Redirect to `url`.

        Raises:
            APIError: 302, always.
        """
        self.set_location(url)
        raise APIError(302)

    def run_in_background(self, task: Callable[[], Awaitable[None]]) -> None:
        """Run a task after the response was sent; its failure is only logged."""
        self._background_tasks.append(task)

    def expose(self, name: str, value: str) -> None:
        """Set a response header and expose it to scripts of other origins."""
        self.headers[name] = value
        exposed = self.headers.get("access-control-expose-headers")
        self.headers["access-control-expose-headers"] = f"{exposed}, {name}" if exposed else name

    async def run_background_tasks(self) -> None:
        """Run the background tasks now, for a call from Python, which has no response."""
        await run_background_tasks(self._background_tasks)
        self._background_tasks.clear()

    def error(self, error: APIError) -> Response:
        """Return the response for an error, with the cookies that were set before it."""
        self.headers |= error.headers
        return self.response(error.status, UNDEFINED if error.body is None else error.body)

    def response(self, status: int, content: Any) -> Response:
        """Return the response; None as content is JSON's null, UNDEFINED is an empty body."""
        body = b"" if content is UNDEFINED else orjson.dumps(content)
        task = (
            BackgroundTask(run_background_tasks, self._background_tasks)
            if self._background_tasks
            else None
        )
        response = Response(body, status, self.headers, "application/json", task)
        for cookie in self.set_cookies:
            response.headers.append("set-cookie", cookie)
        return response

    def set_signed_cookie(self, name: str, value: str, max_age: int | None) -> None:
        """Set a signed cookie for `max_age` seconds, or for the browser session."""
        signed = self.auth.signer.sign(value)
        self.set_cookies.append(self.auth.cookies.set_cookie(name, signed, max_age))

    def expire_cookie(self, name: str) -> None:
        """Expire a cookie, and drop a value that was set earlier in this request."""
        kept = (c for c in self.set_cookies if not c.startswith((f"{name}=", f"{name}.")))
        self.set_cookies = [*kept, self.auth.cookies.set_cookie(name, "", 0)]

    def chunks_of(self, name: str) -> Iterator[str]:
        """Yield the names of the request's cookies that are parts of this one, or it itself."""
        for cookie in self.cookies:
            if cookie == name or (
                cookie.startswith(f"{name}.") and cookie[len(name) + 1 :].isdigit()
            ):
                yield cookie

    def clear_chunks(self, name: str) -> None:
        """Expire all parts of a cookie that this browser has sent."""
        for chunk in islice(self.chunks_of(name), _MAX_CHUNKS):
            self.set_cookies.append(self.auth.cookies.set_cookie(chunk, "", 0, like=name))
