"""uvicorn as this application wants it, also where somebody else starts it: `uvicorn main:app`.

The application is loaded when uvicorn's configuration is complete, but before it listens; so at the
beginning of the lifespan what is still as uvicorn has it by default becomes ours. What was asked
for on uvicorn's command line stays, with one exception: nothing stands between us and the socket's
own address, because `X-Forwarded-For` is read here, or not at all.
"""

import os
import sys
from inspect import getclosurevars, isfunction, signature
from types import FrameType
from typing import Any

import click
from click.core import ParameterSource
from starlette.types import Receive, Scope
from uvicorn import Config, Server
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from authward.security.client_ip import CLIENT_IS_PEER
from taskward.http.direct import DIRECT, DirectPath
from taskward.http.protocol import BoundedHttpProtocol
from taskward.settings import Settings, load_settings

DRAIN_TIMEOUT = 10
"""Seconds that requests under way get to finish when the server is told to end."""

_ADDRESS = ("host", "port")


def server_options(keep_alive: int) -> dict[str, Any]:
    """Return the arguments of `uvicorn.run` that do not depend on who starts it.

    Args:
        keep_alive: seconds for which a connection may be idle between requests.
    """
    return {
        "http": BoundedHttpProtocol,
        "ws": "none",
        "proxy_headers": False,
        "timeout_keep_alive": keep_alive,
        "timeout_graceful_shutdown": DRAIN_TIMEOUT,
    }


def settings_beside_uvicorn() -> Settings:
    """Read the settings, while uvicorn imports the application, and agree with it on the address.

    Its command line counts more than HOST and PORT, and they count more than its defaults. Only
    the socket of a worker is there already, whatever they say.

    Raises:
        SystemExit: a setting is wrong.
    """
    config, is_bound = _importing_config()
    if config is None or config.uds is not None or config.fd is not None:
        return load_settings()
    settled = [name for name in _ADDRESS if is_bound or _is_said(config, name)]
    os.environ.update({name.upper(): str(getattr(config, name)) for name in settled})
    settings = load_settings()
    config.host, config.port = settings.host, settings.port
    return settings


def _importing_config() -> tuple[Config | None, bool]:
    """Find which configuration this import is part of, if any, and whether its socket is there."""
    frame: FrameType | None = sys._getframe()  # noqa: SLF001 - uvicorn hands it to nobody
    config, is_bound = None, False
    while frame is not None:
        whose = frame.f_locals.get("self")
        config = whose if isinstance(whose, Config) else config
        is_bound |= isinstance(whose, Server) and bool(frame.f_locals.get("sockets"))
        frame = frame.f_back
    return config, is_bound


def _is_said(config: Config, name: str) -> bool:
    """Whether host or port were given to uvicorn, be it the one that is its default."""
    command = click.get_current_context(silent=True)
    source = command.get_parameter_source(name) if command is not None else None
    return source not in {None, ParameterSource.DEFAULT} or getattr(config, name) != _default(name)


def _default(name: str) -> Any:
    return signature(Config).parameters[name].default


def configure_server(
    scope: Scope, receive: Receive, *, keep_alive: int, direct: DirectPath | None = None
) -> None:
    """Change the configuration of the uvicorn whose lifespan begins, if it is one.

    Args:
        scope: of the lifespan.
        receive: of the lifespan; uvicorn's belongs to an object that has the configuration.
        keep_alive: seconds for which a connection may be idle between requests.
        direct: what the protocol may answer itself, where nothing stands around the application.
    """
    config = getattr(getattr(_innermost(receive), "__self__", None), "config", None)
    if not isinstance(config, Config):
        return
    if isinstance(config.loaded_app, ProxyHeadersMiddleware):
        config.loaded_app = config.loaded_app.app
    state = scope.setdefault("state", {})
    state[CLIENT_IS_PEER] = True
    if direct is not None and config.loaded_app is scope["app"]:
        state[DIRECT] = direct
    for name, value in server_options(keep_alive).items():
        if getattr(config, name) == _default(name):
            setattr(config, *_LOADED.get(name, (name, value)))


def _innermost(receive: Any) -> Any:
    """Layers such as FastAPI's telemetry put functions of their own around what the server gave."""
    while isfunction(receive) and "receive" in (around := getclosurevars(receive).nonlocals):
        receive = around["receive"]
    return receive


_LOADED = {
    "http": ("http_protocol_class", BoundedHttpProtocol),
    "ws": ("ws_protocol_class", None),
}
"""What uvicorn has made of these options by then."""
