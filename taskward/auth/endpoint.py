"""What an endpoint of the Better Auth server is, and the order in which a request is checked.

The order is the original's, because it decides which of several errors a client sees: rate limit,
body, origin, bearer token, validation, form CSRF, session, handler.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from starlette.responses import Response

from taskward.auth.bodies import FORM_OR_JSON, JSON_ONLY, read_body
from taskward.auth.errors import APIError
from taskward.auth.exchange import Exchange
from taskward.auth.origin_check import check_form_csrf, check_origin
from taskward.auth.passwords import HashingQueueFullError
from taskward.auth.validation import Schema

Handler: TypeAlias = Callable[[Exchange], Awaitable[Any]]
BUSY = APIError(
    503, "SERVICE_UNAVAILABLE", "Too many sign-ins at once. Try again.", {"retry-after": "2"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A path of the server; `handler` returns what becomes the JSON answer."""

    path: str
    handler: Handler
    methods: tuple[str, ...] = ("POST",)
    body: Schema | None = None
    query: Schema | None = None
    reads_body: bool = True
    signs_in: bool = False
    takes_forms: bool = False
    session: Literal["required", "fresh"] | None = None
    answer: Any = None
    redirects: bool = False
    errors: tuple[int, ...] = ()

    @property
    def media_types(self) -> tuple[str, ...]:
        """The kinds of body it takes: a plain HTML form may sign in and up."""
        return FORM_OR_JSON if self.signs_in or self.takes_forms else JSON_ONLY

    async def respond(self, exchange: Exchange) -> Response:
        """Check the request, run the handler, answer; errors become Better Auth's JSON."""
        try:
            await self._check(exchange)
            content = await self.handler(exchange)
        except APIError as error:
            return exchange.error(error)
        except HashingQueueFullError:
            return exchange.error(BUSY)
        return content if isinstance(content, Response) else exchange.response(200, content)

    async def _check(self, exchange: Exchange) -> None:
        await exchange.auth.rate_limiter.check(exchange.request, self.path)
        if self.reads_body:
            exchange.body = await read_body(exchange.request, self.media_types)
        check_origin(exchange)
        exchange.take_bearer_token()
        if self.body is not None:
            exchange.body = self.body.validate(exchange.body)
        if self.query is not None:
            exchange.query = self.query.validate(exchange.query, "query")
        if self.signs_in:
            check_form_csrf(exchange)
        if self.session is not None:
            await exchange.require_session(fresh=self.session == "fresh")
