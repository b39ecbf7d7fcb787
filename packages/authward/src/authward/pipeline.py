"""The order in which a request is checked and answered.

The order is the original's, because it decides which of several errors a client sees: rate limit,
guards, body, origin, hooks before, validation, form CSRF, session, handler, hooks after.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from authward import cookie_cache
from authward.bodies import read_body
from authward.callbacks import FailedRequest
from authward.codes import Code
from authward.endpoint import Endpoint
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.paths import filled
from authward.plugin import Hook, HookHandler
from authward.secondary_storage import StorageUnavailableError
from authward.security.csrf import check_form_csrf, check_origin
from authward.security.passwords import HashingQueueFullError

BUSY = APIError(Code.SERVICE_UNAVAILABLE, headers={"retry-after": "2"})


@dataclass(frozen=True, slots=True)
class Hooks:
    """The handlers around one endpoint."""

    before: tuple[HookHandler, ...] = ()
    after: tuple[HookHandler, ...] = ()

    @classmethod
    def around(cls, path: str, before: Sequence[Hook], after: Sequence[Hook]) -> "Hooks":
        """Return the hooks that match the endpoint."""
        return cls(
            tuple(hook.handler for hook in before if hook.matcher(path)),
            tuple(hook.handler for hook in after if hook.matcher(path)),
        )

    async def run_before(self, ctx: EndpointContext) -> None:
        """Run the hooks in their order; an exception ends it."""
        for handler in self.before:
            await handler(ctx)

    async def run_after(self, ctx: EndpointContext, content: Any = None) -> Any:
        """Run the hooks in their order, and return the content that they leave.

        An exception ends it.
        """
        for handler in self.after:
            ctx.returned = content
            replaced = await handler(ctx)
            content = content if replaced is None else replaced
        return content


@dataclass(frozen=True, slots=True)
class Pipeline:
    """An endpoint with its hooks."""

    endpoint: Endpoint
    hooks: Hooks

    async def respond(self, ctx: EndpointContext) -> Response:
        """Check an HTTP request, run the handler, and return the response; errors become JSON."""
        ctx.path = self.endpoint.path
        for handler in ctx.auth.on_request:
            handler(ctx)
        try:
            await self._check_request(ctx)
            await self.hooks.run_before(ctx)
        except APIError as error:
            return _failed(ctx, error)
        content = await self._outcome(ctx, by_http=True)
        if isinstance(content, APIError):
            return _failed(ctx, content)
        return content if isinstance(content, Response) else ctx.response(ctx.status, content)

    async def call(self, ctx: EndpointContext) -> Any:
        """Run the handler for a call from Python, without the checks against other sites.

        Raises:
            APIError: as the endpoint says.
        """
        ctx.path = self.endpoint.path
        ctx.resolve_base_url()
        await self.hooks.run_before(ctx)
        content = await self._outcome(ctx, by_http=False)
        if isinstance(content, APIError):
            raise content
        return content

    async def _outcome(self, ctx: EndpointContext, *, by_http: bool) -> Any:
        """Return the handler's result, or the error that it or a hook after it raised."""
        try:
            content = await self._handle(ctx, by_http=by_http)
        except APIError as error:
            content = error
        except HashingQueueFullError:
            content = BUSY
        try:
            await _write_pending(ctx)
            content = await self.hooks.run_after(ctx, content)
        except APIError as error:
            content = error
        try:
            await _write_pending(ctx)
        except StorageUnavailableError as error:
            content = error
        return content

    async def _check_request(self, ctx: EndpointContext) -> None:
        ctx.resolve_base_url()
        await admit(ctx, self.endpoint.path)
        if self.endpoint.parse_body:
            ctx.body = await read_body(ctx.request, self.endpoint.media_types)
        check_origin(ctx)

    async def _handle(self, ctx: EndpointContext, *, by_http: bool) -> Any:
        endpoint = self.endpoint
        if endpoint.body is not None:
            ctx.body = endpoint.body.validate(ctx.body)
        if endpoint.query is not None:
            ctx.query = endpoint.query.validate(ctx.query, "query")
        if endpoint.form_csrf and by_http:
            check_form_csrf(ctx)
        if endpoint.session is not None:
            await ctx.require_session(fresh=endpoint.session == "fresh")
        return await endpoint.handler(ctx)


async def _write_pending(ctx: EndpointContext) -> None:
    if ctx.has_changed_users:
        await ctx.refresh_users()
    if ctx.to_cache is not None:
        await cookie_cache.write_pending(ctx)


async def admit(ctx: EndpointContext, path: str) -> None:
    """Apply the rate limit of an endpoint, and ask the plugins' guards.

    Raises:
        APIError: as they say; 429 for too many requests.
    """
    await ctx.auth.rate_limiter.check(ctx.request, path)
    for guard in ctx.auth.guards:
        await guard(ctx, filled(path, ctx.path_params))


def _failed(ctx: EndpointContext, error: APIError) -> Response:
    """Return the answer for an error, and tell the application of it afterwards."""
    tell = ctx.auth.options.on_api_error.on_error
    if tell is not None and error.status != HTTPStatus.FOUND:
        ctx.run_in_background(partial(tell, FailedRequest(error, ctx.path)))
    return ctx.error(error)
