"""Merges the core and the plugins, once, when the server is created; refuses conflicts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.routing import BaseRoute

from authward.codes import Code, ErrorCode
from authward.context import AuthContext
from authward.endpoint import Endpoint
from authward.fastapi.types import Router
from authward.options import HooksOptions
from authward.paths import matches
from authward.pipeline import Hooks, Pipeline
from authward.plugin import Hook, Plugin
from authward.plugin_base import PluginBase
from authward.plugin_checks import check_plugin
from authward.schema.registry import ConflictError


@dataclass(frozen=True, slots=True)
class MergedPlugins:
    """All endpoints with their hooks, routers, error codes and examples."""

    pipelines: Sequence[Pipeline]
    routers: Sequence[Router]
    error_codes: Mapping[str, ErrorCode]
    examples: Mapping[str, Any]
    before: Sequence[Hook]
    after: Sequence[Hook]
    root_routes: Sequence[Callable[[AuthContext], Sequence[BaseRoute]]]

    def hooks_around(self, path: str) -> Hooks:
        """Return the hooks that match this path."""
        return Hooks.around(path, self.before, self.after)


def check_plugins(plugins: Sequence[PluginBase]) -> list[Plugin]:
    """Return the plugins.

    Raises:
        ConflictError: two have one id.
        ConfigurationError: a part of one cannot work.
        TypeError: one is no `Plugin`.
    """
    found: dict[str, Plugin] = {}
    for plugin in plugins:
        if not isinstance(plugin, Plugin):
            raise TypeError(f"{plugin!r} is no Plugin")
        check_plugin(plugin)
        if plugin.id in found:
            raise ConflictError(f"two plugins have the id {plugin.id!r}")
        found[plugin.id] = plugin
    return [*found.values()]


def merge(
    core: Sequence[Endpoint], plugins: Sequence[Plugin], hooks: HooksOptions | None = None
) -> MergedPlugins:
    """Put everything together.

    Raises:
        ConflictError: two endpoints have one path and method or one name in `auth.api`, or a plugin
            has another message for one of the core's error codes.
    """
    own = hooks or HooksOptions()
    before = [Hook(handler=own.before)] if own.before is not None else []
    after = [Hook(handler=own.after)] if own.after is not None else []
    before += [hook for plugin in plugins for hook in plugin.before]
    after += [hook for plugin in plugins for hook in plugin.after]
    owners: dict[tuple[str, str], str] = {}
    endpoints = [_claimed(owners, "the core", endpoint) for endpoint in core]
    for plugin in plugins:
        owner = f"the plugin {plugin.id!r}"
        endpoints += [_claimed(owners, owner, endpoint) for endpoint in plugin.endpoints]
        for router in plugin.routers:
            _claim_routes(owners, owner, router)
    return MergedPlugins(
        pipelines=[Pipeline(each, Hooks.around(each.path, before, after)) for each in endpoints],
        routers=[router for plugin in plugins for router in plugin.routers],
        error_codes=_merged_codes(plugins),
        examples={name: value for p in plugins for name, value in p.examples.items()},
        before=before,
        after=after,
        root_routes=[plugin.routes for plugin in plugins if plugin.routes is not None],
    )


def _merged_codes(plugins: Sequence[Plugin]) -> Mapping[str, ErrorCode]:
    """Two plugins may use one code for two things, as the original's do; the first is listed."""
    sources: list[tuple[str, type[ErrorCode]]] = [
        ("the core", Code),
        *((f"the plugin {p.id!r}", p.error_codes) for p in plugins if p.error_codes),
    ]
    merged: dict[str, ErrorCode] = {}
    for owner, codes in sources:
        for code in codes:
            known = merged.setdefault(code.name, code)
            if isinstance(known, Code) and known.message != code.message:
                raise ConflictError(f"{owner} and the core have other messages for {code.name!r}")
    return merged


def _claimed(owners: dict[tuple[str, str], str], owner: str, endpoint: Endpoint) -> Endpoint:
    for method in endpoint.methods:
        _claim(owners, owner, method, endpoint.path)
    return endpoint


def _claim_routes(owners: dict[tuple[str, str], str], owner: str, router: Router) -> None:
    for route in router.routes:
        for method in getattr(route, "methods", None) or ():
            _claim(owners, owner, method, getattr(route, "path", ""))


def _claim(owners: dict[tuple[str, str], str], owner: str, method: str, path: str) -> None:
    for (known_method, known_path), other in owners.items():
        if method == known_method and matches(known_path, path):
            raise ConflictError(f"{owner} and {other} both serve {method} {path}")
    owners[method, path] = owner
