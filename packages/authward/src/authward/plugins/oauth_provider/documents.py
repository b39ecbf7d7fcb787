"""Fetches a client's metadata document: only from the public internet, bounded in every way.

Whoever sends a browser here chooses the URL, so the request must not reach anything that the
public could not reach itself. The name is resolved once, every address is looked at, and the
connection goes to one of those very addresses, with TLS for the name: what DNS says a moment later
does not matter.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from email.utils import parsedate_to_datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address
from typing import Any, Self, TypeAlias

import orjson
from ada_url import URL

from authward.extras import needs
from authward.plugins.oauth_provider.client_id_options import Document, DocumentError
from authward.timestamps import now

with needs("jwks"):
    import httpx2

    from authward.security.tls import tls_context

SECONDS = 5.0
MAX_BYTES = 5_120
MAX_AGE, MIN_AGE, DEFAULT_AGE = 3_600, 60, 300  # seconds
_HTTPS = 443
_JSON = re.compile(r"application/(?:json|[\w.+-]+\+json)", re.IGNORECASE)
_AGE = re.compile(r"\bmax-age=\"?(\d{1,9})")
_PUBLIC_IPV6 = IPv6Network("2000::/3")
_SPECIAL_IPV4 = [
    IPv4Network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24"),
        *("192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24"),
        *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
    )
]
_SPECIAL_IPV6 = [
    IPv6Network(text)
    for text in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
]
"""RFC 6890 and the registries that it has made; of IPv6 all outside 2000::/3 is special, too."""
Resolve: TypeAlias = Callable[[str], Awaitable[Sequence[str]]]
"""Returns the addresses of a hostname."""


def is_special_use(address: str) -> bool:
    """Whether an address is of this machine, of a private network, or otherwise not public."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return True
    if isinstance(parsed, IPv4Address):
        return any(parsed in network for network in _SPECIAL_IPV4)
    return parsed not in _PUBLIC_IPV6 or any(parsed in network for network in _SPECIAL_IPV6)


async def system_addresses(host: str) -> Sequence[str]:
    """Return what the system's resolver says."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, _HTTPS, type=1)
    return [str(entry[4][0]) for entry in found]


class DocumentFetcher:
    """Fetches documents.

    Args:
        resolve: returns the addresses of a hostname.
        transport: sends requests, which name an address and not a host; by default over TLS.
    """

    def __init__(
        self,
        *,
        resolve: Resolve = system_addresses,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._resolve = resolve
        self._transport = transport

    @classmethod
    def ready(cls) -> Self:
        """Return one for which everything that takes long is loaded."""
        tls_context()
        return cls()

    async def fetch(self, url: URL) -> Document:
        """Fetch a document within five seconds.

        Raises:
            DocumentError: whatever goes wrong.
        """
        try:
            async with asyncio.timeout(SECONDS):
                return await self._fetch(url)
        except DocumentError:
            raise
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError, RecursionError) as error:
            raise DocumentError(type(error).__name__) from None

    async def _fetch(self, url: URL) -> Document:
        addresses = list(await self._resolve(str(url.hostname)))
        if not addresses or any(map(is_special_use, addresses)):
            raise DocumentError("its host is not on the public internet")
        transport = self._transport or httpx2.AsyncHTTPTransport(
            verify=tls_context(), trust_env=False
        )
        async with (
            httpx2.AsyncClient(
                transport=transport, timeout=SECONDS, follow_redirects=False, trust_env=False
            ) as client,
            client.stream(
                "GET",
                _pinned(url, addresses[0]),
                headers={
                    "host": str(url.host),
                    "accept": "application/json",
                    "accept-encoding": "identity",
                    "user-agent": "authward",
                },
                extensions={"sni_hostname": str(url.hostname)},
            ) as response,
        ):
            _check_head(response)
            return Document(_parsed(await _read(response)), _lifetime(response))


def _pinned(url: URL, address: str) -> str:
    """The URL with an address for its host: no second look at DNS can change where it leads."""
    host = f"[{address}]" if ":" in address else address
    return f"https://{host}{url.pathname}"


def _check_head(response: httpx2.Response) -> None:
    if response.status_code != 200:
        raise DocumentError(f"status {response.status_code}")
    kind = response.headers.get("content-type", "").split(";")[0].strip()
    if not _JSON.fullmatch(kind):
        raise DocumentError("it is no JSON")
    if response.headers.get("content-encoding", "identity") != "identity":
        raise DocumentError("it is compressed")


async def _read(response: httpx2.Response) -> bytes:
    body = b""
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MAX_BYTES:
            raise DocumentError(f"it has more than {MAX_BYTES} bytes")
    return body


def _parsed(body: bytes) -> dict[str, Any]:
    metadata = orjson.loads(body)
    if not isinstance(metadata, dict):
        raise DocumentError("it is no JSON object")
    return metadata


def _lifetime(response: httpx2.Response) -> int:
    """Return for how long it may be used: as its headers say, within our bounds."""
    control = response.headers.get("cache-control", "").lower()
    if "no-store" in control or "no-cache" in control:
        return MIN_AGE
    if match := _AGE.search(control):
        return min(max(int(match[1]), MIN_AGE), MAX_AGE)
    expires = response.headers.get("expires")
    if expires is None:
        return DEFAULT_AGE
    try:
        left = (parsedate_to_datetime(expires) - now()).total_seconds()
    except (TypeError, ValueError):
        return MIN_AGE
    return min(max(int(left), MIN_AGE), MAX_AGE)
