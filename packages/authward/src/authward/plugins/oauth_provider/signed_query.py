"""The authorization request as pages carry it: in their query, signed by the server."""

import base64
import hashlib
import hmac
import time
from collections.abc import Iterable

from ada_url import URLSearchParams

from authward.plugins.oauth_provider.urls import form

ISSUED_AT = "ba_iat"
CLEARED_FOR = "ba_pl"
NAMES = "ba_param"
QUERY_MAX_LENGTH = 16_384


def sign_query(parameters: URLSearchParams, secret: str, lifetime: int, cleared_for: str) -> str:
    """Return the query with its times, the names of what is signed, and the signature."""
    issued_at = int(time.time() * 1000)
    parameters.set("exp", str(issued_at // 1000 + lifetime))
    parameters.set(ISSUED_AT, str(issued_at))
    for name in ("sig", CLEARED_FOR, NAMES):
        parameters.delete(name)
    if cleared_for:
        parameters.set(CLEARED_FOR, cleared_for)
    for name in sorted({*parameters.keys(), NAMES}, key=_utf16):
        parameters.append(NAMES, name)
    parameters.set("sig", _signature(parameters, secret))
    return str(parameters)


def verified_query(query: object, secrets: Iterable[str]) -> URLSearchParams | None:
    """Return the parameters of a query that `sign_query` made, and that is not over yet."""
    if not isinstance(query, str) or len(query) > QUERY_MAX_LENGTH:
        return None
    parameters = URLSearchParams(query)
    signatures = parameters.get_all("sig")
    parameters.delete("sig")
    given = signatures[0] if len(signatures) == 1 else ""
    right = [
        hmac.compare_digest(given.encode(), _signature(parameters, secret).encode())
        for secret in secrets
    ]
    return parameters if any(right) and _is_ahead(parameters.get("exp")) else None


def issued_at(parameters: URLSearchParams) -> float | None:
    """Return when the query was signed, in seconds since 1970."""
    try:
        milliseconds = float(parameters.get(ISSUED_AT) or "")
    except ValueError:
        return None
    return milliseconds / 1000 if 0 < milliseconds < float("inf") else None


def _is_ahead(text: str | None) -> bool:
    try:
        return float(text or "") >= time.time()
    except ValueError:
        return False


def _signature(parameters: URLSearchParams, secret: str) -> str:
    pairs = sorted(parameters.items(), key=lambda pair: (_utf16(pair[0]), _utf16(pair[1])))
    digest = hmac.digest(secret.encode(), str(form(pairs)).encode(), hashlib.sha256)
    return base64.b64encode(digest).decode()


def _utf16(text: str) -> bytes:
    return text.encode("utf-16-be", "surrogatepass")
