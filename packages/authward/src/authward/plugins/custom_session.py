"""`custom_session`: `/get-session` answers what the application makes; the original's plugin."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from authward.context import AuthContext
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.plugin import Hook, Plugin, match_paths


@dataclass(frozen=True, slots=True)
class SessionEvent:
    """`session` and `user` are what the endpoint would answer, as JSON; `ctx` is the request."""

    session: dict[str, Any]
    user: dict[str, Any]
    ctx: EndpointContext


Customize: TypeAlias = Callable[[SessionEvent], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomSessionOptions:
    """The original's option.

    Args:
        should_mutate_list_device_sessions_endpoint: whether `/multi-session/list-device-sessions`
            answers the same of each session.
    """

    should_mutate_list_device_sessions_endpoint: bool = False


def custom_session(customize: Customize, options: CustomSessionOptions | None = None) -> Plugin:
    """Let `customize` make the answer of `/get-session`, where there is a session."""

    async def custom(ctx: EndpointContext, content: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            return await customize(SessionEvent(content["session"], content["user"], ctx))
        except APIError:
            _set_nothing(ctx)
            raise

    async def customize_list(ctx: EndpointContext) -> Any:
        listed = ctx.returned
        return [await custom(ctx, each) for each in listed] if isinstance(listed, list) else None

    def init(context: AuthContext) -> None:
        context.custom_session = custom

    devices = Hook(
        handler=customize_list, matcher=match_paths("/multi-session/list-device-sessions")
    )
    chosen = options or CustomSessionOptions()
    return Plugin(
        id="custom-session",
        init=init,
        after=[devices] if chosen.should_mutate_list_device_sessions_endpoint else [],
    )


def _set_nothing(ctx: EndpointContext) -> None:
    """Whoever is refused gets no cookie of the session that was looked at."""
    ctx.set_cookies, ctx.started_token, ctx.to_cache = [], None, None
    ctx.headers.pop("pragma", None)
