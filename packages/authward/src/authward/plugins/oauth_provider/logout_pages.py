"""The plain pages of a sign-out that a client has begun."""

from html import escape

from starlette.responses import Response

from authward.endpoint_context import EndpointContext

_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "pragma": "no-cache",
    "x-content-type-options": "nosniff",
}


def is_navigation(ctx: EndpointContext) -> bool:
    """Whether a person sees the answer, and no script."""
    headers = ctx.request.headers
    if headers.get("sec-fetch-mode") == "cors":
        return False
    accept = headers.get("accept", "")
    wants_html = "text/html" in accept or "application/xhtml+xml" in accept
    return headers.get("sec-fetch-mode") == "navigate" or wants_html


def confirmation_page(ctx: EndpointContext, action: str) -> Response:
    """Ask whether to sign out."""
    button = '<button type="submit" name="action" value="confirm">Confirm logout</button>'
    form = (
        f'<form method="post" data-oidc-logout-confirmation action="{escape(action)}">'
        f"{button}</form>"
    )
    question = "<p>Do you want to log out of this account?</p>"
    return _page(ctx, "Confirm logout", f"<h1>Confirm logout</h1>{question}{form}")


def logged_out_page(ctx: EndpointContext, note: str | None) -> Response:
    """Say that it is done."""
    text = "Logged out." if note is None else f"Logged out. {escape(note)}"
    return _page(ctx, "Logged out", f'<p data-oidc-logout-state="logged-out">{text}</p>')


def error_page(ctx: EndpointContext, description: str, status: int) -> Response:
    """Say what is wrong."""
    text = f'<p data-oidc-logout-state="error">{escape(description)}</p>'
    return _page(ctx, "Logout error", f"<h1>Logout error</h1>{text}", status)


def _page(ctx: EndpointContext, title: str, body: str, status: int = 200) -> Response:
    head = f'<!doctype html><html><head><meta charset="utf-8"><title>{escape(title)}</title></head>'
    page = f"{head}<body><main>{body}</main></body></html>"
    response = Response(page, status, _HEADERS, "text/html")
    for cookie in ctx.set_cookies:
        response.headers.append("set-cookie", cookie)
    return response
