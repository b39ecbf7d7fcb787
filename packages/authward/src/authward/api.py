"""`auth.api`: the endpoints as functions, for calls from Python without HTTP.

There is no rate limit and no check of the origin, because no other site can have made the call.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias
from urllib.parse import urlencode

from pydantic.alias_generators import to_camel
from starlette.requests import Request
from starlette.responses import Response

from authward.context import AuthContext
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.paths import parameter_names
from authward.pipeline import Pipeline
from authward.schema.registry import ConflictError

Headers: TypeAlias = Mapping[str, str]
"""Who asks: `cookie` or `authorization`, such as the headers of the host's own request."""
Call: TypeAlias = Callable[..., Awaitable[Any]]


class API:
    """Every endpoint as a method, plugins' too: `/sign-up/email` is `sign_up_email`.

    Where a path has two endpoints, the method is the one that is not asked by GET.

    A method takes the body's properties as keyword arguments in snake case, or as they are called,
    and three more: `headers`, `query`, and `as_response`, which asks for the whole answer with its
    cookies. It returns what the endpoint returns.

    Raises:
        APIError: as the endpoint says.
    """

    def __init__(self, context: AuthContext, pipelines: Sequence[Pipeline]) -> None:
        self._context = context
        self._pipelines: dict[str, Pipeline] = {}
        for pipeline in sorted(pipelines, key=lambda each: "GET" not in each.endpoint.methods):
            endpoint = pipeline.endpoint
            other = self._pipelines.setdefault(endpoint.api_name, pipeline).endpoint
            if other.path != endpoint.path:
                message = f"{other.path} and {endpoint.path} would both be api.{endpoint.api_name}"
                raise ConflictError(f"{message}: give one Endpoint a name")
            self._pipelines[endpoint.api_name] = pipeline

    def __getattr__(self, name: str) -> Call:
        if name.startswith("__") or name not in self._pipelines:
            raise AttributeError(f"there is no endpoint for {name!r}")

        async def call(
            *,
            headers: Headers | None = None,
            query: Mapping[str, str] | None = None,
            as_response: bool = False,
            **body: Any,
        ) -> Any:
            return await self._call(name, headers or {}, query or {}, body, as_response=as_response)

        return call

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._pipelines]

    async def sign_up_email(
        self, *, name: str, email: str, password: str, headers: Headers | None = None, **more: Any
    ) -> Any:
        """Create a user; `more` are `image`, `callback_url`, `remember_me` and other fields."""
        body = {"name": name, "email": email, "password": password, **more}
        return await self.__getattr__("sign_up_email")(headers=headers, **body)

    async def sign_in_email(
        self, *, email: str, password: str, headers: Headers | None = None, **more: Any
    ) -> Any:
        """Begin a session; `more` are `callback_url` and `remember_me`."""
        body = {"email": email, "password": password, **more}
        return await self.__getattr__("sign_in_email")(headers=headers, **body)

    async def get_session(self, *, headers: Headers, **more: Any) -> Any:
        """Return the session and the user whose headers they are, or None."""
        return await self.__getattr__("get_session")(headers=headers, **more)

    async def sign_out(self, *, headers: Headers, **more: Any) -> Any:
        """End the session whose headers they are."""
        return await self.__getattr__("sign_out")(headers=headers, **more)

    async def _call(
        self,
        name: str,
        headers: Headers,
        query: Mapping[str, str],
        body: dict[str, Any],
        *,
        as_response: bool,
    ) -> Any:
        pipeline = self._pipelines[name]
        ctx = EndpointContext(self._context, _request(pipeline, headers, query))
        ctx.from_server = not headers
        for parameter in parameter_names(pipeline.endpoint.path):
            ctx.path_params[parameter] = body.pop(parameter)
        if body and pipeline.endpoint.methods[0] == "GET":
            raise TypeError(f"{name} takes no {', '.join(body)}")
        if pipeline.endpoint.body is not None:
            ctx.body = {self._property(pipeline, key): value for key, value in body.items()}
        if as_response:
            return await _respond(pipeline, ctx)
        try:
            return await pipeline.call(ctx)
        finally:
            await ctx.run_background_tasks()

    def _property(self, pipeline: Pipeline, name: str) -> str:
        """Return the property of the body that is meant: `callback_url` is `callbackURL`."""
        known = {*(pipeline.endpoint.body.fields if pipeline.endpoint.body else ())}
        for model in ("user", "session"):
            known |= {*self._context.schema.added[model]}
        camel = to_camel(name)
        spellings = (name, camel, camel.replace("Url", "URL"))
        return next((spelling for spelling in spellings if spelling in known), name)


async def _respond(pipeline: Pipeline, ctx: EndpointContext) -> Response:
    try:
        content = await pipeline.call(ctx)
    except APIError as error:
        content = error
    await ctx.run_background_tasks()
    if isinstance(content, APIError):
        return ctx.error(content)
    return content if isinstance(content, Response) else ctx.response(ctx.status, content)


def _request(pipeline: Pipeline, headers: Headers, query: Mapping[str, str]) -> Request:
    pairs = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    return Request(
        {
            "type": "http",
            "method": pipeline.endpoint.methods[0],
            "path": pipeline.endpoint.path,
            "raw_path": pipeline.endpoint.path.encode(),
            "query_string": urlencode(query).encode(),
            "headers": pairs,
            "client": None,
        }
    )
