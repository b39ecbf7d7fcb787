"""The routes of the server in a FastAPI app."""

from collections.abc import Mapping
from typing import Any, cast

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from authward.bodies import limit_body, too_large_message
from authward.codes import Code
from authward.context import AuthContext
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.fastapi.openapi import TAGS, Documentation
from authward.merge import MergedPlugins
from authward.paths import path_parameters
from authward.pipeline import Pipeline


def add_routes(app: FastAPI, context: AuthContext, merged: MergedPlugins) -> None:
    """Add a route for each endpoint and method, the routers, and a 404 for all other paths."""
    base_path = context.options.base_path
    documentation = Documentation(context.schema, merged.examples)
    for make_routes in merged.root_routes:
        app.router.routes.extend(make_routes(context))
    for pipeline in merged.pipelines:
        if pipeline.endpoint.server_only:
            continue
        for method in pipeline.endpoint.methods:
            operation = documentation.operation(pipeline.endpoint, method)
            _add_route(app, context, pipeline, operation)
            added = cast("APIRoute", app.routes[-1])
            added.response_fields |= documentation.fields(pipeline.endpoint)
    documentation.install(app)
    for router in merged.routers:
        app.include_router(router, prefix=base_path, tags=TAGS)
    app.router.routes.append(
        Route(
            f"{base_path}/{{path:path}}", NotFound(disabled_paths(context)), include_in_schema=False
        )
    )


def _add_route(
    app: FastAPI, context: AuthContext, pipeline: Pipeline, operation: Mapping[str, Any]
) -> None:
    endpoint = pipeline.endpoint
    disabled = disabled_paths(context)
    limit = endpoint.max_body

    def too_much() -> APIError:
        return APIError(Code.PAYLOAD_TOO_LARGE, message=too_large_message(limit))

    async def respond(request: Request) -> Response:
        if request.scope["path"] in disabled:
            return DISABLED
        parameters = path_parameters(endpoint.path, request.scope["raw_path"])
        if parameters is None:
            return NOT_FOUND
        receive = limit_body(limit, request, too_much)
        ctx = EndpointContext(context, Request(request.scope, receive))
        ctx.path_params = parameters
        return await pipeline.respond(ctx)

    # In the app and not in a router to include: that makes every route twice.
    path = context.options.base_path + endpoint.path.replace("}", ":path}")
    app.add_api_route(path, respond, tags=TAGS, **operation)


class NotFound:
    """An empty 404 for other paths, methods and spellings of a path."""

    def __init__(self, disabled: frozenset[str] = frozenset()) -> None:
        self._disabled = disabled

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_disabled = scope["path"].rstrip("/") in self._disabled
        await (DISABLED if is_disabled else NOT_FOUND)(scope, receive, send)


def disabled_paths(context: AuthContext) -> frozenset[str]:
    """Return the paths of `disabled_paths` as requests have them."""
    options = context.options
    return frozenset(f"{options.base_path}{path}" for path in options.disabled_paths)


NOT_FOUND = Response(status_code=404)
DISABLED = Response("Not Found", 404, media_type="text/plain;charset=UTF-8")
