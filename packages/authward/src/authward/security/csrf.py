"""Protection against requests from other sites, as in Better Auth's `origin-check` middleware."""

from typing import Any

from authward.bodies import is_json
from authward.codes import Code, ErrorCode
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.validation import is_truthy

_REDIRECTS = (
    ("callbackURL", "callbackURL", Code.INVALID_CALLBACK_URL),
    ("redirectTo", "redirectURL", Code.INVALID_REDIRECT_URL),
    ("errorCallbackURL", "errorCallbackURL", Code.INVALID_ERROR_CALLBACK_URL),
    ("newUserCallbackURL", "newUserCallbackURL", Code.INVALID_NEW_USER_CALLBACK_URL),
)
_OF_BROWSERS = ("origin", "referer", "sec-fetch-site")
_FETCH_METADATA = ("sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest")


def check_origin(ctx: EndpointContext) -> None:
    """Refuse a changing request that another site sent with our cookies, and foreign redirects.

    Raises:
        APIError: 403, or 400 where a redirect is not a string.
    """
    if ctx.request.method in {"GET", "HEAD", "OPTIONS"}:
        return
    if "cookie" in ctx.request.headers:
        require_trusted_origin(ctx)
    body = ctx.body if isinstance(ctx.body, dict) else {}
    for name, label, code in _REDIRECTS:
        url = body.get(name)
        if name == "callbackURL" and not is_truthy(url):
            url = _from_query(ctx, name)
        _check_redirect(ctx, url, label, code)


def check_form_csrf(ctx: EndpointContext) -> None:
    """Refuse sign-in and sign-up by another site's form, cookies or not.

    Raises:
        APIError: 403.
    """
    headers = ctx.request.headers
    if "cookie" in headers:
        return require_trusted_origin(ctx)
    if any(headers.get(name, "").strip() for name in _FETCH_METADATA):
        cross_site = headers.get("sec-fetch-site") == "cross-site"
        if cross_site and headers.get("sec-fetch-mode") == "navigate":
            raise APIError(Code.CROSS_SITE_NAVIGATION_LOGIN_BLOCKED)
        return require_trusted_origin(ctx)
    if headers.get("origin") or headers.get("referer"):
        require_trusted_origin(ctx)
    return None


def check_json_csrf(ctx: EndpointContext) -> None:
    """Do the same, but let programs in: they send JSON, and nothing that only browsers send.

    A page of another site cannot look like that. The kinds of body that it may send without asking
    first are those of forms, or none, and it cannot leave out its origin.

    Raises:
        APIError: 403.
    """
    headers = ctx.request.headers
    if not is_json(headers.get("content-type", "")) or any(n in headers for n in _OF_BROWSERS):
        check_form_csrf(ctx)


def check_callback_in_query(ctx: EndpointContext) -> None:
    """Refuse a link that leads elsewhere in the end: what `check_origin` does not do for GET.

    Raises:
        APIError: 403.
    """
    url = ctx.query.get("callbackURL")
    if url and not ctx.auth.origins.is_trusted_redirect(url):
        raise APIError(Code.INVALID_CALLBACK_URL)


def require_trusted_origin(ctx: EndpointContext) -> None:
    """Refuse a request that does not come from a trusted origin.

    Raises:
        APIError: 403.
    """
    headers = ctx.request.headers
    origin = ", ".join(headers.getlist("origin"))
    claimed = origin or headers.get("referer") or ""
    if origin == "null" and headers.get("sec-fetch-site") == "same-origin":
        claimed = ctx.auth.options.base_url
    if claimed in {"", "null"}:
        raise APIError(Code.MISSING_OR_NULL_ORIGIN)
    if not ctx.auth.origins.is_allowed_origin(claimed):
        raise APIError(Code.INVALID_ORIGIN)


def _from_query(ctx: EndpointContext, name: str) -> str | list[str]:
    values = ctx.request.query_params.getlist(name)
    return values if len(values) > 1 else "".join(values)


def _check_redirect(ctx: EndpointContext, url: Any, label: str, code: ErrorCode) -> None:
    if not is_truthy(url):
        return
    if not isinstance(url, str):
        raise APIError(400, message=f"Invalid {label}: expected a string")
    if not ctx.auth.origins.is_trusted_redirect(url):
        raise APIError(code)
