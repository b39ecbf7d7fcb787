"""Answers that send the browser somewhere, or tell the page's script where."""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from authward.endpoint_context import EndpointContext
from authward.endpoint_response import LOCATION_MAX_LENGTH
from authward.errors import APIError
from authward.plugins.oauth_provider.errors import OAuthError
from authward.plugins.oauth_provider.provider import oauth_request, provider_of
from authward.plugins.oauth_provider.urls import with_query

_NOT_IN_HEADER = re.compile(r"[^\x21-\x7e]")
_SHOWN = 512


def send_to(ctx: EndpointContext, url: str) -> dict[str, Any]:
    """Redirect; where a script asks, return the URL as JSON.

    Raises:
        APIError: 302 to the URL; 400, it is longer than browsers and servers take.
    """
    if len(url) > LOCATION_MAX_LENGTH:
        raise OAuthError("invalid_request", "Too big for a URL")
    headers = ctx.request.headers
    is_script = headers.get("sec-fetch-mode") == "cors"
    if is_script or oauth_request(ctx).as_json or "application/json" in headers.get("accept", ""):
        return {"redirect": True, "url": url}
    location = _NOT_IN_HEADER.sub(lambda match: quote(match[0], errors="replace"), url)
    raise APIError(302, headers={"location": location})


def error_url(
    url: str, error: str, description: str, more: Iterable[tuple[str, str | None]] = ()
) -> str:
    """Return a URL with an error in its query."""
    return with_query(url, _pairs(error, description, more))


def client_error_url(
    ctx: EndpointContext, query: dict[str, Any], error: str, description: str
) -> str:
    """Return where an error goes to the client: its redirect URI, with `state` and `iss`."""
    more = [("state", _text(query.get("state"))), ("iss", provider_of(ctx).issuer)]
    pairs = _pairs(error, description, more)
    return with_query(query["redirect_uri"], pairs, fragment=_wants_fragment(query))


def page_error_url(ctx: EndpointContext, error: str, description: str) -> str:
    """Return the error page of this server: for errors that no client may be told."""
    return error_url(f"{ctx.auth.options.url}/error", error, description)


def _pairs(
    error: str, description: str, more: Iterable[tuple[str, str | None]]
) -> list[tuple[str, str]]:
    known = [(name, value) for name, value in more if value]
    return [("error", error), ("error_description", description[:_SHOWN]), *known]


def _wants_fragment(query: dict[str, Any]) -> bool:
    """Only for requests that do not validate: OpenID Connect Core, section 5."""
    mode, kind = query.get("response_mode"), query.get("response_type")
    if mode in {"fragment", "query"}:
        return bool(mode == "fragment")
    return isinstance(kind, str) and re.search(r"\b(token|id_token)\b", kind) is not None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
