"""URLs as the original reads them: parsed by Ada, the parser inside Node.js."""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, ip_address

from ada_url import URL, URLSearchParams

SCRIPTS = ("javascript:", "data:", "vbscript:")
URL_MAX_LENGTH = 2048
NO_URL = "Invalid URL"
NO_URI = "resource must be an absolute URI"
_AUTHORITY = re.compile(r"(?i:http)://([^/?#]*)")
_REVERSE_DOMAIN = re.compile(
    r"[a-z](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+", re.IGNORECASE
)
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)", re.IGNORECASE)
_NOT_PRIVATE = {
    *("http:", "https:", "ws:", "wss:", "file:", "ftp:", "mailto:", "javascript:", "data:"),
    *("vbscript:", "blob:", "about:", "view-source:", "filesystem:", "chrome:", "intent:"),
}


def parse(url: str) -> URL | None:
    """Return the parsed URL, None if it is no absolute one."""
    try:
        return URL(url)
    except (ValueError, UnicodeError):
        return None


def with_query(url: str, pairs: Iterable[tuple[str, str]], *, fragment: bool = False) -> str:
    """Append parameters to an absolute URL or a path on this site; its query stays as written."""
    query = str(form(pairs))
    if fragment:
        return f"{url}#{query}"
    base, hash_sign, rest = url.partition("#")
    separator = "" if base.endswith(("?", "&")) else "&" if "?" in base else "?"
    return f"{base}{separator}{query}{hash_sign}{rest}"


def form(pairs: Iterable[tuple[str, str]]) -> URLSearchParams:
    """Return parameters, in this order."""
    parameters = URLSearchParams("")
    for name, value in pairs:
        parameters.append(name, value)
    return parameters


def is_loopback_ip(hostname: str) -> bool:
    """Whether a URL's hostname is an address of this machine."""
    try:
        address = ip_address(hostname.strip("[]"))
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return address.is_loopback or (isinstance(mapped, IPv4Address) and mapped.is_loopback)


def is_loopback(hostname: str) -> bool:
    """Whether it is `localhost`, a name below it, or an address of this machine."""
    name = hostname.lower().rstrip(".")
    return name == "localhost" or name.endswith(".localhost") or is_loopback_ip(hostname)


def unsafe_url(value: str) -> str | None:
    """Return what is wrong with a URL that is kept and handed to browsers, as the original says."""
    url = parse(value)
    if url is None or len(value) > URL_MAX_LENGTH:
        return NO_URL
    if url.protocol in SCRIPTS:
        return "URL cannot use javascript:, data:, or vbscript: scheme"
    if "#" in value:
        return "Redirect URI must not contain a fragment component"
    if url.protocol == "http:" and not is_loopback(url.hostname):
        return "Redirect URI must use HTTPS (HTTP allowed only for loopback hosts)"
    return None


def bad_resource(value: str) -> str | None:
    """Return what is wrong with a resource indicator (RFC 8707, section 2)."""
    url = parse(value)
    if url is None or len(value) > URL_MAX_LENGTH:
        return NO_URI
    if "#" in value:
        return "resource must not contain a fragment"
    if url.protocol in SCRIPTS:
        return "resource cannot use javascript:, data:, or vbscript: scheme"
    return None


def canonical_resource(value: str) -> str:
    """Return a resource in one spelling: case of scheme and host, one trailing slash."""
    url = parse(value)
    return value if url is None else str(url.href).removesuffix("/")


def is_private_scheme(url: URL) -> bool:
    """Whether it is an app's own: `com.example.app:/callback`, or `cursor://host/callback`."""
    if url.protocol in _NOT_PRIVATE:
        return False
    rest = str(url.href)[len(url.protocol) :]
    reverse_domain = _REVERSE_DOMAIN.fullmatch(url.protocol[:-1]) is not None
    if not url.host:
        return reverse_domain and rest.startswith("/") and not rest.startswith("//")
    return str(url.pathname).startswith("/")


def raw_http_hostname(url: str) -> str | None:
    """Return the hostname of an http URL as it was written, before a parser made it canonical."""
    match = _AUTHORITY.match(url)
    if match is None or not match[1]:
        return None
    host = match[1].rpartition("@")[2]
    if host.startswith("["):
        end = host.find("]")
        return None if end < 0 else host[: end + 1].lower()
    return host.partition(":")[0].lower()


def find_redirect_uri(registered: Iterable[str], requested: str) -> str | None:
    """Return the registered URI that a request's is: the same text, but any port on loopback.

    See RFC 9700, section 4.1.3, and RFC 8252, section 7.3.
    """
    url = parse(requested)
    if url is None or "#" in requested or url.username or url.password:
        return None
    bare = _without_loopback_port(requested)
    for candidate in registered:
        if candidate == requested:
            return candidate
        if bare is not None and _without_loopback_port(candidate) == bare:
            return candidate
    return None


def _without_loopback_port(uri: str) -> str | None:
    """Return the URI without its port; None if it is not plain http on this machine."""
    url = parse(uri)
    if url is None or url.protocol != "http:" or "://" not in uri:
        return None
    if url.hostname != "localhost" and not is_loopback_ip(url.hostname):
        return None
    start = uri.index("://") + 3
    match = re.compile(r"(\[[^\]/?#]*\]|[^:/?#\[]*)(?::(\d*))?(?=[/?#]|$)").match(uri, start)
    return None if match is None else uri[:start] + match[1] + uri[match.end() :]


def document_url(client_id: str) -> URL | None:
    """Return a client id that is the URL of a document; None for any other.

    It is https with a path and a public hostname, without port, user, query or fragment, and
    written as a browser would write it.
    """
    if not client_id.startswith("https://") or len(client_id) > URL_MAX_LENGTH:
        return None
    url = parse(client_id)
    if url is None or url.href != client_id or url.pathname in {"", "/"} or url.port:
        return None
    if url.username or url.password or {"?", "#"} & set(client_id):
        return None
    labels = str(url.hostname).split(".")
    is_name = len(labels) > 1 and all(_LABEL.fullmatch(label) for label in labels)
    return url if is_name and not labels[-1].isdecimal() else None
