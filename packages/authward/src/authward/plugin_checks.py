"""Refuses plugins that could not work, when the server is created."""

import re
from functools import partial
from inspect import iscoroutinefunction, isroutine
from typing import Any

from authward.endpoint import Endpoint
from authward.errors import ConfigurationError
from authward.plugin import Hook, Plugin
from authward.security.rate_limit import RateLimitRule

_PATH = re.compile(r"(/([\w.~-]+|\{[A-Za-z_]\w*\}))+", re.ASCII)


def check_plugin(plugin: Plugin) -> None:
    """Refuse what a plugin cannot consist of.

    Raises:
        ConfigurationError: it names the plugin and the part.
    """
    given: Any = plugin.id
    if not isinstance(given, str) or not given:
        raise ConfigurationError(f"a plugin needs a text as its id, not {plugin.id!r}")
    owner = f"the plugin {plugin.id!r}"
    _check_kind(owner, "endpoints", plugin.endpoints, Endpoint)
    _check_kind(owner, "rate_limit", plugin.rate_limit, RateLimitRule)
    for side, hooks in (("before", plugin.before), ("after", plugin.after)):
        _check_kind(owner, side, hooks, Hook)
        for hook in hooks:
            _check_callable(f"{owner}: the matcher of a hook in {side}", hook.matcher)
            _check_async(f"{owner}: the handler of a hook in {side}", hook.handler)
    for endpoint in plugin.endpoints:
        _check_endpoint(owner, endpoint)
    for rule in plugin.rate_limit:
        _check_rule(owner, rule)


def _check_kind(owner: str, part: str, given: Any, kind: type) -> None:
    for each in given:
        if not isinstance(each, kind):
            raise ConfigurationError(f"{owner}: {each!r} in {part} is no {kind.__name__}")


def _check_callable(what: str, given: Any) -> None:
    if not callable(given):
        raise ConfigurationError(f"{what} is no function: {given!r}")


def _check_async(what: str, given: Any) -> None:
    """Refuse a plain function; of another object, call it what it may, only a call could tell."""
    _check_callable(what, given)
    function = given.func if isinstance(given, partial) else given
    if isroutine(function) and not iscoroutinefunction(function):
        raise ConfigurationError(f"{what} is no async function: {given!r}")


def _check_endpoint(owner: str, endpoint: Endpoint) -> None:
    path: str = endpoint.path
    methods: Any = endpoint.methods
    _check_async(f"{owner}: the handler of {path}", endpoint.handler)
    if not _PATH.fullmatch(path):
        message = f"{owner}: a path is like /greet or /greet/{{name}}, not {path!r}"
        raise ConfigurationError(message)
    if isinstance(methods, str) or not methods or any(m != m.upper() for m in methods):
        message = f"{owner}: the methods of {path} are a tuple of texts such as 'POST': {methods!r}"
        raise ConfigurationError(message)


def _check_rule(owner: str, rule: RateLimitRule) -> None:
    paths: tuple[Any, ...] = (rule.paths, rule.prefixes)
    if any(isinstance(given, str) for given in paths):
        raise ConfigurationError(f"{owner}: the paths of a rate rule are a tuple of texts: {rule}")
    if rule.window < 1 or rule.max_requests < 1:
        message = f"{owner}: window and max_requests of a rate rule are 1 or more: {rule}"
        raise ConfigurationError(message)
