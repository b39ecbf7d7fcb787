"""What a request's line and headers say about the connection, which the parser does not check.

Two programs that read one stream must agree where each request ends and whom it is for; where they
may not, as with a proxy in front, one client's bytes become another's request. So what can be read
in two ways is refused, and an offer of another protocol is not taken.
"""

import re
from functools import lru_cache

import httptools

Header = tuple[bytes, bytes]

_HOST = re.compile(
    rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+(?:%[A-Za-z0-9._~%-]+)?\])(?::[0-9]*)?"
)
_LONGEST_HOST = 300
_OFFERS = (b"upgrade", b"http2-settings")


WATCHED = frozenset((b"host", b"transfer-encoding", b"expect"))
"""Headers that decide whether a request needs a closer look."""


def is_host(value: bytes) -> bool:
    """Whether a `Host` header may have this value; it may be empty."""
    return len(value) <= _LONGEST_HOST and _matches(value)


@lru_cache(maxsize=256)
def _matches(value: bytes) -> bool:
    return _HOST.fullmatch(value) is not None


def find_fault(version: str, method: bytes, headers: list[Header]) -> str | None:
    """Return what is wrong with a request, if anything is."""
    hosts = [value for name, value in headers if name == b"host"]
    codings = [value.strip().lower() for name, value in headers if name == b"transfer-encoding"]
    if version not in {"1.1", "1.0"}:
        return "Only HTTP/1.1 and HTTP/1.0 are spoken here"
    if method == b"CONNECT":
        return "CONNECT is for proxies"
    if len(hosts) > 1 or (not hosts and version == "1.1"):
        return "There must be one Host header"
    if hosts and not is_host(hosts[0]):
        return "The Host header is no host"
    if codings and (codings != [b"chunked"] or version == "1.0"):
        return "Transfer-Encoding may only be chunked, in HTTP/1.1"
    return None


def parse_target(method: bytes, url: bytes) -> bytes | None:
    """Return the path and query of a target that may be absolute, or None if it is none of ours.

    Raises:
        httptools.HttpParserInvalidURLError: it is no URL.
    """
    if url[:1] == b"/" or (url == b"*" and method == b"OPTIONS"):
        return url.partition(b"#")[0]
    parts = httptools.parse_url(url)
    if (parts.schema or b"").lower() not in {b"http", b"https"} or parts.userinfo:
        return None
    path: bytes = parts.path or b"/"
    return path + b"?" + parts.query if parts.query else path


def without_upgrade(method: bytes, url: bytes, version: str, headers: list[Header]) -> bytes:
    """Write a head again as if nobody had offered to speak something else."""
    lines = [b"%b %b HTTP/%b\r\n" % (method, url, version.encode())]
    for name, value in headers:
        if name == b"connection":
            options = [option.strip() for option in value.split(b",")]
            kept = b", ".join(option for option in options if option.lower() not in _OFFERS)
            lines.append(b"connection: %b\r\n" % kept)
        elif name not in _OFFERS:
            lines.append(b"%b: %b\r\n" % (name, value))
    return b"".join([*lines, b"\r\n"])
