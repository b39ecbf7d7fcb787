"""`Plugin`: adds endpoints, hooks, fields and tables to the server."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from starlette.routing import BaseRoute

from authward.context import AuthContext
from authward.endpoint import Endpoint
from authward.endpoint_context import EndpointContext
from authward.fastapi.types import Router
from authward.plugin_base import PluginBase

HookHandler: TypeAlias = Callable[[EndpointContext], Awaitable[Any]]
PathMatcher: TypeAlias = Callable[[str], bool]


def match_all(_: str) -> bool:
    """Match every endpoint."""
    return True


def match_paths(*wanted: str) -> PathMatcher:
    """Return a matcher for these paths."""
    return frozenset(wanted).__contains__


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """A handler that runs before or after endpoints.

    Args:
        matcher: whether it runs for the endpoint with this path, such as `/sign-up/email`; called
            once, when the server is created.
        handler: before an endpoint it may change the body, not yet validated, or raise APIError;
            after it, with success or with an APIError, it may add headers and cookies, and what
            it returns, if anything, takes the place of the endpoint's result.
    """

    handler: HookHandler
    matcher: PathMatcher = match_all


@dataclass(frozen=True, kw_only=True)
class Plugin(PluginBase):
    """An extension of the server, as the original's `BetterAuthPlugin`.

    Args:
        endpoints: its endpoints, which the OpenAPI document shows as well.
        before: hooks that run after a request's body was parsed and before it is validated.
        after: hooks that run before the response is written.
        routers: routers of FastAPI, served below the server's path, without the protocol's checks
            and error format.
        init: called once for each server, when its context exists; may keep things in
            `context.extensions`, or raise ConfigurationError.
        routes: returns routes at the root of the application, such as `/.well-known/…`.
    """

    endpoints: Sequence[Endpoint] = ()
    before: Sequence[Hook] = ()
    after: Sequence[Hook] = ()
    routers: Sequence[Router] = ()
    init: Callable[[AuthContext], None] | None = None
    routes: Callable[[AuthContext], Sequence[BaseRoute]] | None = None
