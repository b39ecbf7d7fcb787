"""Trusted origins: which sites may call, and where a callback URL may lead.

Patterns are Better Auth's (`auth/trusted-origins`): an exact origin, or one with `*` and `?`
inside its host, with or without the scheme, or an app's own scheme (`myapp://`). URLs are parsed
by Ada, the parser inside Node.js, so that both servers read a hostile URL in the same way.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import IPv4Address
from typing import NamedTuple
from urllib.parse import unquote

import structlog
from ada_url import URL

_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_ENCODED_SEPARATOR = re.compile(r"%2f|%5c", re.IGNORECASE)
_IPV4_PATTERN = re.compile(r"(?=.*\d)[\d*?.]+")
_HOST_PATTERN = re.compile(r"(?:https?://)?[a-z0-9._*?\[\]:-]+", re.IGNORECASE)
_NOWHERE = ("https://relative.invalid", "http://relative.invalid")
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_LOOPBACK_ORIGIN = re.compile(rf"http://(?:{'|'.join(map(re.escape, _LOOPBACK))})(:[0-9*?]+)?")
_NO_SLASH, _SLASHES, _SLASHES_AT_END = r"[^/\\]", r"[/\\]+?", r"[/\\]*?"
_HOST_MAX_LENGTH = 253 + len(":65535")  # of a DNS name (RFC 1035), with a port
_URL_MAX_LENGTH = 2048
_REFUSED_ORIGINS_LOGGED = 100
_LOGGED_LENGTH = 200
_WEB = ("http:", "https:")
_SCRIPTS = ("javascript:", "data:", "vbscript:")
_MAX_DEEP_WILDCARDS = 2

log = structlog.get_logger(__name__)


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
    if url.protocol not in _WEB:
        return pattern
    if url.pathname not in {"", "/"} or url.search or url.hash or url.username:
        msg = f"{pattern!r} is more than an origin: leave out path, query and user"
        raise InvalidOriginError(msg)
    return str(url.origin)


def _check_wildcard(pattern: str) -> str:
    host = pattern.rpartition("://")[2]
    if pattern.split("/").count("**") > _MAX_DEEP_WILDCARDS:
        msg = f"{pattern!r} has more `**` than {_MAX_DEEP_WILDCARDS}"
        raise InvalidOriginError(msg)
    if _is_own_scheme(pattern):
        return pattern
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


def _is_own_scheme(pattern: str) -> bool:
    """Whether it names an app's scheme, such as `exp://**`, which is the scheme of no site."""
    scheme, separator, _ = pattern.partition("://")
    is_name = re.fullmatch(r"[a-z][a-z0-9+.-]*", scheme, re.IGNORECASE) is not None
    return bool(separator) and is_name and f"{scheme.lower()}:" not in (*_WEB, *_SCRIPTS)


class TrustedOrigins:
    """The origins that are trusted, as patterns."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self.patterns = tuple(dict.fromkeys(patterns))
        self._refused: set[str] = set()

    def is_trusted_origin(self, url: str) -> bool:
        """Whether the origin of an absolute URL is trusted; a path alone never is."""
        return any(_matches(url, pattern) for pattern in self.patterns)

    def is_trusted_redirect(self, url: str) -> bool:
        """Whether a browser may be sent to `url`: a safe path on this site, or a trusted origin."""
        if len(url) > _URL_MAX_LENGTH or redirect_origin(url) is None:
            return False
        return is_path(url) or (self.is_trusted_origin(url) and not _has_double_slash(url))

    def is_allowed_origin(self, origin: str) -> bool:
        """Tell `is_trusted_origin` of an `Origin` header; what is refused is logged, each once."""
        trusted = self.is_trusted_origin(origin)
        if not trusted and len(self._refused) < _REFUSED_ORIGINS_LOGGED:
            self._log_refused(origin[:_LOGGED_LENGTH])
        return trusted

    def _log_refused(self, url: str) -> None:
        """Only what could be trusted is worth a line, which says how."""
        origin = origin_of(url) or url
        if origin in self._refused or not _could_be_trusted(origin):
            return
        self._refused.add(origin)
        # Of what is not printable the escape is logged: a line must not be forged.
        log.warning(
            "a page of this origin was refused; BETTER_AUTH_TRUSTED_ORIGINS would admit it",
            origin=ascii(origin)[1:-1],
        )


def with_loopback_twins(origins: Iterable[str]) -> Iterator[str]:
    """Yield origins, and beside `http://localhost:3000` the same port of 127.0.0.1 and ::1.

    They are names of this machine for its browsers, and nobody else's.
    """
    for origin in origins:
        yield origin
        if match := _LOOPBACK_ORIGIN.fullmatch(origin):
            yield from (f"http://{host}{match[1] or ''}" for host in _LOOPBACK)


def is_loopback_host(host: str) -> bool:
    """Whether a host, maybe with a port, is this machine for everybody."""
    name = re.sub(r":\d+$", "", host).removeprefix("[").removesuffix("]").lower()
    return name in {"localhost", "::1"} or name.endswith(".localhost") or name.startswith("127.")


def is_path(url: str) -> bool:
    """Whether it is written as a path on this site."""
    return url.startswith("/")


def redirect_origin(url: str) -> str | None:
    """Return where a browser ends up that is sent to `url`; for a path on this site that is "".

    Returns:
        None where that is not certain, or where nobody should be sent: a path that a browser
        resolves to another site or to `//…`, which is another site when it stands alone; and what
        reads as one origin, but as another to a browser that takes it as relative.
    """
    if _CONTROL_CHARACTERS.search(url):
        return None
    resolved = [_parse(url, base) for base in _NOWHERE]
    if is_path(url):
        return "" if _is_safe_path(url, resolved) else None
    alone = _parse(url)
    if alone is None:
        return None
    same = all(other is not None and other.href == alone.href for other in resolved)
    return str(alone.origin) if same else None


def _has_double_slash(url: str) -> bool:
    """Whether its path, when it stands alone as some clients let it, is another site."""
    parsed = _parse(url)
    return parsed is not None and parsed.protocol in _WEB and parsed.pathname.startswith("//")


def _could_be_trusted(origin: str) -> bool:
    try:
        return bool(check_trusted_origin(origin))
    except InvalidOriginError:
        return False


def origin_of(url: str) -> str | None:
    """Return the origin of an absolute http(s) URL, else None."""
    parsed = _parse(url)
    return None if parsed is None or parsed.origin == "null" else str(parsed.origin)


def _parse(url: str, base: str | None = None) -> URL | None:
    try:
        return URL(url) if base is None else URL(url, base=base)
    except (ValueError, UnicodeError):
        return None


def _is_safe_path(value: str, resolved: Iterable[URL | None]) -> bool:
    if "\\" in value or _ENCODED_SEPARATOR.search(re.split(r"[?#]", value, maxsplit=1)[0]):
        return False
    return all(
        url is not None and url.origin in _NOWHERE and not url.pathname.startswith("//")
        for url in resolved
    )


def _matches(url: str, pattern: str) -> bool:
    if is_path(url):
        return False
    parsed = _parse(url)
    if parsed is not None and _is_hostile(parsed):
        return False
    wildcard = "*" in pattern or "?" in pattern
    if wildcard and "://" not in pattern:
        return parsed is not None and matches_host(pattern, parsed.host)
    if parsed is not None and parsed.protocol not in _WEB:
        return _matches_custom_scheme(url, pattern, wildcard=wildcard)
    origin = None if parsed is None else parsed.origin
    if not wildcard:
        return origin == pattern
    return origin is not None and _matches_wildcard_origin(pattern, origin)


def _is_hostile(url: URL) -> bool:
    """The client navigates to where it is told; an endless host costs a pattern endless time."""
    return url.protocol in _SCRIPTS or len(url.host) > _HOST_MAX_LENGTH


def _matches_wildcard_origin(pattern: str, origin: str) -> bool:
    return bool(glob(pattern).fullmatch(origin)) and _is_allowed_ipv4(
        pattern.partition("://")[2], origin.partition("://")[2]
    )


def matches_host(pattern: str, host: str) -> bool:
    """Whether a host, with its port, is one of a pattern with wildcards."""
    return bool(host and glob(pattern).fullmatch(host)) and _is_allowed_ipv4(pattern, host)


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
def glob(pattern: str) -> re.Pattern[str]:
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
    """Written without what a hostile URL could make take for ever: nested repetition for `**`,
    and going back to an earlier `*`, whose first fit is as good as any later one.
    """
    if segment != "**":
        return _translate_within(segment) + slashes
    before = slashes if position else ""
    return before + (r".*" if slashes == _SLASHES_AT_END else r"(?:.*[/\\])?" if slashes else "")


def _translate_within(segment: str) -> str:
    first, *rest = (
        "".join(_NO_SLASH if c == "?" else re.escape(c) for c in part)
        for part in re.split(r"\*+", segment)
    )
    atomic = "".join(f"(?>{_NO_SLASH}*?{part})" for part in rest[:-1])
    return first + atomic + "".join(f"{_NO_SLASH}*?{part}" for part in rest[-1:])


def _matches_custom_scheme(url: str, pattern: str, *, wildcard: bool) -> bool:
    if len(url) > _URL_MAX_LENGTH:
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
    if "@" in actual.authority or "\\" in actual.path:
        return False
    fits = glob(wanted.authority).fullmatch(actual.authority)
    if wanted.authority and not (fits and _is_allowed_ipv4(wanted.authority, actual.authority)):
        return False
    return not wanted.path or bool(glob(wanted.path).fullmatch(actual.path or "/"))


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
