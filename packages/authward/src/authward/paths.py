"""Paths with parameters, such as `/reset-password/{token}`, as the original's router reads them."""

import re
from collections.abc import Mapping

from ada_url import URL

_ANYWHERE = "http://path.invalid"
_PARAMETER = re.compile(r"\{(\w+)\}")


def path_parameters(template: str, raw_path: bytes) -> dict[str, str] | None:
    """Return what stands for the `{name}`s of a template, still percent-encoded.

    Args:
        template: an endpoint's path.
        raw_path: the request's path as it was sent, which ends like the template.

    Returns:
        None where the original would find no endpoint: a slash inside a parameter, dots that a
        URL parser resolves, or percent-encoding in a path without parameters.
    """
    if "{" not in template:
        return None if b"%" in raw_path else {}
    try:
        path = URL(_ANYWHERE + raw_path.decode("latin-1")).pathname
    except ValueError:
        return None
    pattern = _PARAMETER.sub(r"(?P<\1>[^/]+)", template) + "$"
    match = re.search(pattern, path)
    return None if match is None else match.groupdict()


def parameter_names(template: str) -> list[str]:
    """Return the names of a template's parameters."""
    return _PARAMETER.findall(template)


def matches(template: str, path: str) -> bool:
    """Whether a template also serves a path, which may be a template itself."""
    parts = re.split(r"\{\w+\}", template)
    pattern = "[^/]+".join(map(re.escape, parts))
    return re.fullmatch(pattern, path) is not None


def filled(template: str, parameters: Mapping[str, str]) -> str:
    """Return the path that a template and its parameters make."""
    return _PARAMETER.sub(lambda match: parameters[match[1]], template)
