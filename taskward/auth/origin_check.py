"""Protection against requests from other sites, as in Better Auth's `origin-check` middleware."""

from typing import Any

from taskward.auth.errors import APIError
from taskward.auth.exchange import Exchange
from taskward.auth.validation import is_truthy

_REDIRECTS = (
    ("callbackURL", "callbackURL", "INVALID_CALLBACK_URL"),
    ("redirectTo", "redirectURL", "INVALID_REDIRECT_URL"),
    ("errorCallbackURL", "errorCallbackURL", "INVALID_ERROR_CALLBACK_URL"),
    ("newUserCallbackURL", "newUserCallbackURL", "INVALID_NEW_USER_CALLBACK_URL"),
)
_FETCH_METADATA = ("sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest")


def check_origin(exchange: Exchange) -> None:
    """Refuse a changing request that another site sent with our cookies, and foreign redirects.

    Raises:
        APIError: 403, or 400 where a redirect is not a string.
    """
    if exchange.request.method in {"GET", "HEAD", "OPTIONS"}:
        return
    if "cookie" in exchange.request.headers:
        require_trusted_origin(exchange)
    body = exchange.body if isinstance(exchange.body, dict) else {}
    for name, label, code in _REDIRECTS:
        url = body.get(name)
        if name == "callbackURL" and not is_truthy(url):
            url = _from_query(exchange, name)
        _check_redirect(exchange, url, label, code)


def check_form_csrf(exchange: Exchange) -> None:
    """Refuse sign-in and sign-up by another site's form, cookies or not.

    Raises:
        APIError: 403.
    """
    headers = exchange.request.headers
    if "cookie" in headers:
        return require_trusted_origin(exchange)
    if any(headers.get(name, "").strip() for name in _FETCH_METADATA):
        cross_site = headers.get("sec-fetch-site") == "cross-site"
        if cross_site and headers.get("sec-fetch-mode") == "navigate":
            raise APIError(403, "CROSS_SITE_NAVIGATION_LOGIN_BLOCKED")
        return require_trusted_origin(exchange)
    if headers.get("origin") or headers.get("referer"):
        require_trusted_origin(exchange)
    return None


def check_callback_in_query(exchange: Exchange) -> None:
    """Refuse a link that leads elsewhere in the end: what `check_origin` does not do for GET.

    Raises:
        APIError: 403.
    """
    url = exchange.query.get("callbackURL")
    if url and not exchange.auth.origins.trusts_redirect(url):
        raise APIError(403, "INVALID_CALLBACK_URL")


def require_trusted_origin(exchange: Exchange) -> None:
    """Refuse a request that does not come from a trusted origin.

    Raises:
        APIError: 403.
    """
    headers = exchange.request.headers
    origin = ", ".join(headers.getlist("origin"))
    claimed = origin or headers.get("referer") or ""
    if origin == "null" and headers.get("sec-fetch-site") == "same-origin":
        claimed = exchange.auth.options.base_url
    if claimed in {"", "null"}:
        raise APIError(403, "MISSING_OR_NULL_ORIGIN")
    if not exchange.auth.origins.trusts_origin(claimed):
        raise APIError(403, "INVALID_ORIGIN")


def _from_query(exchange: Exchange, name: str) -> str | list[str]:
    values = exchange.request.query_params.getlist(name)
    return values if len(values) > 1 else "".join(values)


def _check_redirect(exchange: Exchange, url: Any, label: str, code: str) -> None:
    if not is_truthy(url):
        return
    if not isinstance(url, str):
        raise APIError(400, message=f"Invalid {label}: expected a string")
    if not exchange.auth.origins.trusts_redirect(url):
        raise APIError(403, code)
