"""Requests to a provider: only to it, never redirected, bounded in time and size.

Everything that goes wrong there, from a refused connection to nonsense in the answer, becomes a
`ProviderError`, because a browser is waiting and none of it is our fault.
"""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any

from ada_url import URLSearchParams

from authward.extras import needs
from authward.oauth.errors import ProviderError

with needs("oauth"):
    import httpx2

    from authward.security.tls import tls_context

MAX_BYTES = 262_144
_STEP_SECONDS = 5.0
_TOTAL_SECONDS = 10.0
_FAILURES = (
    httpx2.HTTPError,
    httpx2.InvalidURL,
    OSError,  # TimeoutError and ssl.SSLError are among them
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


def get_ready() -> None:
    """Load what takes long now, and not while a browser waits."""
    tls_context()


async def get_json(url: str, *, access_token: str | None = None) -> Any:
    """Fetch a JSON document.

    Raises:
        ProviderError: none came, or not as it should.
    """
    return read_json(await send("GET", url, access_token=access_token))


def basic_credentials(client_id: str, client_secret: str) -> dict[str, str]:
    """Return the header with client id and secret (RFC 6749, section 2.3.1)."""
    pair = f"{_form_encoded(client_id)}:{_form_encoded(client_secret)}"
    return {"authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def _form_encoded(text: str) -> str:
    """Encode a text as forms do by the URL standard, which is how the original does it."""
    form = URLSearchParams("")
    form.set("v", text)
    return str(form)[2:]


def read_json(response: httpx2.Response) -> Any:
    """Return the JSON of a response.

    Raises:
        ProviderError: it has none.
    """
    try:
        return response.json()
    except (ValueError, RecursionError) as error:
        raise ProviderError(type(error).__name__) from None


async def send(
    method: str, url: str, *, access_token: str | None = None, **request: Any
) -> httpx2.Response:
    """Send a request with httpx's arguments, and return the response if it is a success.

    Raises:
        ProviderError: none came, or not as it should.
    """
    headers = {"user-agent": "taskward", **request.pop("headers", {})}
    if access_token is not None:
        headers["authorization"] = f"Bearer {access_token}"
    client = httpx2.AsyncClient(
        transport=_BoundedTransport(verify=tls_context(), trust_env=False),
        timeout=_STEP_SECONDS,
        follow_redirects=False,
        trust_env=False,
        headers={"accept": "application/json", "accept-encoding": "identity"},
    )
    try:
        async with asyncio.timeout(_TOTAL_SECONDS), client:
            response = await client.request(method, url, headers=headers, **request)
            # A redirect is an error too: it could lead into our own network, with the secret.
            return response.raise_for_status()
    except _FAILURES as error:
        raise ProviderError(type(error).__name__) from None


class _BoundedTransport(httpx2.AsyncHTTPTransport):
    """Gives up on an answer that is too long, or packed so that its length cannot be told."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.aclose()
            raise ValueError("compressed without having been asked to")
        return httpx2.Response(
            response.status_code,
            headers=response.headers,
            stream=_BoundedStream(response.stream),
            extensions=response.extensions,
        )


class _BoundedStream(httpx2.AsyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        length = 0
        async for chunk in self._stream:
            length += len(chunk)
            if length > MAX_BYTES:
                raise ValueError("too long")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()
