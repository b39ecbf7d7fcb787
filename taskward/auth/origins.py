"""Trusted origins: which sites may call, and where a callback URL may lead.

Patterns are Better Auth's (`auth/trusted-origins`): an exact origin, or one with `*` and `?`
inside its host, with or without the scheme, or an app's own scheme (`myapp://`). URLs are parsed
by Ada, the parser inside Node.js, so that both servers read a hostile URL in the same way.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address
from typing import NamedTuple
from urllib.parse import unquote

from ada_url import URL

_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_ENCODED_SEPARATOR = re.compile(r"%2f|%5c", re.IGNORECASE)
_IPV4_PATTERN = re.compile(r"(?=.*\d)[\d*?.]+")
_HOST_PATTERN = re.compile(r"(?:https?://)?[a-z0-9._*?\[\]:-]+", re.IGNORECASE)
_NOWHERE = "https://relative.invalid"
_NO_SLASH, _SLASHES, _SLASHES_AT_END = r"[^/\\]", r"[/\\]+?", r"[/\\]*?"
_GLOB = {"*": f"{_NO_SLASH}*?", "?": _NO_SLASH}
_HOST_MAX_LENGTH = 253 + len(":65535")  # of a DNS name (RFC 1035), with a port
_CUSTOM_URL_MAX_LENGTH = 2048
_SCRIPTS = ("javascript:", "data:", "vbscript:")


class InvalidOriginError(ValueError):
    """A configured origin that would trust nobody, or everybody."""


class _CustomOrigin(NamedTuple):
    scheme: str
    authority: str
    path: str


def check_trusted_origin(pattern: str) -> str:
    """Return the pattern in the spelling that requests are compared with.

    Raises:
        InvalidOriginError: not an origin, or one that would trust every site.
    """
    if "*" in pattern or "?" in pattern:
        return _check_wildcard(pattern)
    url = _parse(pattern)
    if url is None or "://" not in pattern:
        msg = f"{pattern!r} is not an origin such as https://app.example.com"
        raise InvalidOriginError(msg)
    if url.protocol not in {"http:", "https:"}:
        return pattern
    if url.pathname not in {"", "/"} or url.search or url.hash or url.username:
        msg = f"{pattern!r} is more than an origin: leave out path, query and user"
        raise InvalidOriginError(msg)
    return str(url.origin)


def _check_wildcard(pattern: str) -> str:
    host = pattern.rpartition("://")[2]
    if re.sub(r"[*?.\[\]:]|:\d+$", "", re.sub(r":\d+$", "", host)) == "":
        msg = f"{pattern!r} would trust every site: name a domain, as in https://*.example.com"
        raise InvalidOriginError(msg)
    if "*" in pattern.partition("://")[0] and "://" in pattern:
        msg = f"{pattern!r} is not an origin: wildcards belong inside the host"
        raise InvalidOriginError(msg)
    if pattern.lower().startswith(("http://", "https://")) or "://" not in pattern:
        if not _HOST_PATTERN.fullmatch(pattern):
            msg = f"{pattern!r} is not an origin: wildcards belong inside the host"
            raise InvalidOriginError(msg)
        return pattern.lower()
    return pattern


class TrustedOrigins:
    """The origins that are trusted, as patterns."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self.patterns = tuple(dict.fromkeys(patterns))

    def trusts_origin(self, url: str) -> bool:
        """Whether the origin of an absolute URL is trusted; a path alone never is."""
        return any(_matches(url, pattern) for pattern in self.patterns)

    def trusts_redirect(self, url: str) -> bool:
        """Whether a browser may be sent to `url`: a safe path on this site, or a trusted origin."""
        if url.startswith("/"):
            return _is_safe_path(url)
        return self.trusts_origin(url)


def origin_of(url: str) -> str | None:
    """Return the origin of an absolute http(s) URL, else None."""
    parsed = _parse(url)
    return None if parsed is None or parsed.origin == "null" else str(parsed.origin)


def _parse(url: str) -> URL | None:
    try:
        return URL(url)
    except (ValueError, UnicodeError):
        return None


def _is_safe_path(value: str) -> bool:
    if value.startswith("//") or "\\" in value or _CONTROL_CHARACTERS.search(value):
        return False
    if _ENCODED_SEPARATOR.search(re.split(r"[?#]", value, maxsplit=1)[0]):
        return False
    url = _parse(_NOWHERE + value)
    return url is not None and url.origin == _NOWHERE


def _matches(url: str, pattern: str) -> bool:
    if url.startswith("/"):
        return False
    parsed = _parse(url)
    if parsed is not None and _is_hostile(parsed):
        return False
    wildcard = "*" in pattern or "?" in pattern
    if wildcard and "://" not in pattern:
        return parsed is not None and _matches_host(pattern, parsed.host)
    if parsed is not None and parsed.protocol not in {"http:", "https:"}:
        return _matches_custom_scheme(url, pattern, wildcard=wildcard)
    origin = None if parsed is None else parsed.origin
    if not wildcard:
        return origin == pattern
    return origin is not None and _matches_wildcard_origin(pattern, origin)


def _is_hostile(url: URL) -> bool:
    """The client navigates to where it is told; an endless host costs a pattern endless time."""
    return url.protocol in _SCRIPTS or len(url.host) > _HOST_MAX_LENGTH


def _matches_wildcard_origin(pattern: str, origin: str) -> bool:
    return bool(_glob(pattern).fullmatch(origin)) and _is_allowed_ipv4(
        pattern.partition("://")[2], origin.partition("://")[2]
    )


def _matches_host(pattern: str, host: str) -> bool:
    return bool(host and _glob(pattern).fullmatch(host)) and _is_allowed_ipv4(pattern, host)


def _is_allowed_ipv4(pattern: str, authority: str) -> bool:
    """A pattern of digits names addresses: `192.168.*.*` must not admit `192.168.evil.com`."""
    if not _IPV4_PATTERN.fullmatch(pattern.partition(":")[0]):
        return True
    try:
        IPv4Address(authority.partition(":")[0])
    except ValueError:
        return False
    return True


@lru_cache(maxsize=256)
def _glob(pattern: str) -> re.Pattern[str]:
    """Translate a glob as Better Auth does: `*` and `?` stay within a path segment, `**` does not,
    one slash stands for any run of slashes or backslashes.
    """
    first, *rest = pattern.split("/")
    segments = [first, *(segment for segment in rest if segment)]
    last = len(segments) - 1
    translated = (
        _translate(segment, i, _SLASHES_AT_END if i == last else _slashes_before(segments[i + 1]))
        for i, segment in enumerate(segments)
    )
    return re.compile("".join(translated), re.DOTALL)


def _slashes_before(segment: str) -> str:
    return "" if segment == "**" else _SLASHES


def _translate(segment: str, position: int, slashes: str) -> str:
    """`**` is written without nested repetition, which a hostile URL could make take for ever."""
    if segment != "**":
        return "".join(_GLOB.get(c, re.escape(c)) for c in segment) + slashes
    before = slashes if position else ""
    return before + (r".*" if slashes == _SLASHES_AT_END else r"(?:.*[/\\])?" if slashes else "")


def _matches_custom_scheme(url: str, pattern: str, *, wildcard: bool) -> bool:
    if len(url) > _CUSTOM_URL_MAX_LENGTH:
        return False
    actual, wanted = _split_custom(url), _split_custom(pattern, wildcard=wildcard)
    if actual is None or wanted is None or actual.scheme != wanted.scheme:
        return False
    if wildcard:
        return _matches_custom_wildcard(actual, wanted)
    if wanted.authority and actual.authority != wanted.authority:
        return False
    return not wanted.path or f"{actual.path}/".startswith(f"{wanted.path}/")


def _matches_custom_wildcard(actual: _CustomOrigin, wanted: _CustomOrigin) -> bool:
    if "@" in actual.authority:
        return False
    if wanted.authority and not _matches_host(wanted.authority, actual.authority):
        return False
    return not wanted.path or bool(_glob(wanted.path).fullmatch(actual.path or "/"))


def _split_custom(value: str, *, wildcard: bool = False) -> _CustomOrigin | None:
    scheme, colon, rest = value.partition(":")
    if _CONTROL_CHARACTERS.search(value) or not (scheme and colon):
        return None
    authority = ""
    if rest.startswith("//"):
        match = re.match(r"[^/#]*" if wildcard else r"[^/?#]*", rest[2:])
        authority = match[0] if match else ""
        rest = rest[2 + len(authority) :]
    path = re.split(r"#" if wildcard else r"[?#]", rest, maxsplit=1)[0]
    return _CustomOrigin(scheme.lower(), authority.lower(), _resolve_dots(unquote(path)))


def _resolve_dots(path: str) -> str:
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in {".", ""}:
            segments.append(segment)
    return "/" + "/".join(segments) if segments else ""
