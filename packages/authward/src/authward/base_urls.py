"""Several base URLs: which origin a request was sent to, as far as it may say so itself."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from starlette.requests import HTTPConnection

from authward.errors import ConfigurationError
from authward.security.origins import (
    InvalidOriginError,
    check_trusted_origin,
    is_loopback_host,
    matches_host,
    origin_of,
)

_PROTOCOLS: Final = (None, "http", "https", "auto")
_LABEL: Final = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_HOST: Final = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]{{1,5}})?")
_HOST_MAX_LENGTH: Final = 259
_WILD: Final = {"*", "?"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamicBaseURL:
    """Better Auth's `baseURL` as an object: the base URL is that of each request.

    Args:
        allowed_hosts: which hosts it may have, with a port where it is not the usual one; `*` and
            `?` stand for anything, as in `trusted_origins`. Their origins are trusted.
        fallback: the origin where a request names another host, and without a request; by default
            such a request is refused, and the first host without wildcards stands in.
        protocol: `http`, `https`, or `auto`, the request's own; without it that as well, but only
            https is trusted, and http of this machine.
    """

    allowed_hosts: tuple[str, ...]
    fallback: str | None = None
    protocol: Literal["http", "https", "auto"] | None = None


def main_url(config: DynamicBaseURL) -> str:
    """Return the base URL where there is no request.

    Raises:
        ConfigurationError: a part of the option is wrong, or nothing can be told without a request.
    """
    _check(config)
    if config.fallback is not None:
        return config.fallback
    exact = (host for host in config.allowed_hosts if not _WILD & {*host})
    host = next(exact, None)
    if host is None:
        raise ConfigurationError(
            "dynamic_base_url needs a fallback, or a host without wildcards, for calls from Python"
        )
    return host if "://" in host else next(_origins(host, config.protocol))


def allowed_origins(config: DynamicBaseURL) -> Iterator[str]:
    """Yield the origins that are trusted, as patterns."""
    for host in config.allowed_hosts:
        yield from (host,) if "://" in host else _origins(host, config.protocol)
    if config.fallback is not None:
        yield config.fallback


def _origins(host: str, protocol: str | None) -> Iterator[str]:
    if protocol != "http":
        yield f"https://{host}"
    if protocol in {"http", "auto"} or is_loopback_host(host):
        yield f"http://{host}"


def requested_url(
    config: DynamicBaseURL, request: HTTPConnection, *, trust_proxies: bool
) -> str | None:
    """Return the origin that a request was sent to; None if it may not name one, or does not.

    `X-Forwarded-Host` and `X-Forwarded-Proto` are looked at only if proxies are trusted.
    """
    host = _host(request, trust_proxies=trust_proxies)
    if host is None or not any(_is_meant(host, each) for each in config.allowed_hosts):
        return config.fallback
    scheme = _scheme(config, request, trust_proxies=trust_proxies)
    return origin_of(f"{scheme}://{host}") or config.fallback


def _host(request: HTTPConnection, *, trust_proxies: bool) -> str | None:
    for name in ("x-forwarded-host", "host") if trust_proxies else ("host",):
        given = ", ".join(request.headers.getlist(name))
        if len(given) <= _HOST_MAX_LENGTH and _HOST.fullmatch(given):
            return given
    return None


def _scheme(config: DynamicBaseURL, request: HTTPConnection, *, trust_proxies: bool) -> str:
    if config.protocol in {"http", "https"}:
        return str(config.protocol)
    forwarded = ", ".join(request.headers.getlist("x-forwarded-proto"))
    if trust_proxies and forwarded in {"http", "https"}:
        return forwarded
    return "https" if request.url.scheme in {"https", "wss"} else "http"


def _is_meant(host: str, allowed: str) -> bool:
    pattern = allowed.rpartition("://")[2].lower()
    if _WILD & {*pattern}:
        return matches_host(pattern, host.lower())
    return host.lower() == pattern


def _check(config: Any) -> None:
    if not isinstance(config, DynamicBaseURL):
        raise ConfigurationError(f"dynamic_base_url is DynamicBaseURL(…), not {config!r}")
    hosts: Any = config.allowed_hosts
    if isinstance(hosts, str) or not hosts:
        raise ConfigurationError("dynamic_base_url.allowed_hosts is a tuple of at least one host")
    for host in hosts:
        _check_host(host)
    if config.protocol not in _PROTOCOLS:
        raise ConfigurationError("dynamic_base_url.protocol is http, https or auto")
    fallback: Any = config.fallback
    if fallback is not None and (not isinstance(fallback, str) or origin_of(fallback) != fallback):
        message = f"dynamic_base_url.fallback is an origin such as https://a.example: {fallback!r}"
        raise ConfigurationError(message)


def _check_host(host: Any) -> None:
    where = f"dynamic_base_url.allowed_hosts: {host!r}"
    if not isinstance(host, str):
        raise ConfigurationError(f"{where} is no host")
    url = host if "://" in host else f"https://{host}"
    if not url.startswith(("http://", "https://")) or url.count("/") > len("//"):
        raise ConfigurationError(f"{where} is no host such as app.example.com")
    try:
        check_trusted_origin(url)
    except InvalidOriginError as error:
        raise ConfigurationError(f"dynamic_base_url.allowed_hosts: {error}") from None
