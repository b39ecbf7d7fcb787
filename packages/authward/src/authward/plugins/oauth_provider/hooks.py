"""What happens around every endpoint: a signed query is read, and goes on after a sign-in."""

from typing import Any

from ada_url import URLSearchParams

from authward.endpoint_context import EndpointContext
from authward.plugins.oauth_provider.authorization_query import as_parameters, without_prompt
from authward.plugins.oauth_provider.authorize import authorize
from authward.plugins.oauth_provider.errors import OAuthError
from authward.plugins.oauth_provider.provider import oauth_request, provider_of
from authward.plugins.oauth_provider.signed_query import CLEARED_FOR, ISSUED_AT, issued_at
from authward.plugins.oauth_provider.signed_query import verified_query as verified
from authward.security.cookies import decode_uri_component
from authward.validation import is_truthy

_OWN = "/oauth2/"
OAUTH_QUERY = "oauth_query"


async def read_oauth_query(ctx: EndpointContext) -> None:
    """Take the authorization request that the page's query carries.

    Raises:
        OAuthError: 400, we did not sign it, or too long ago.
    """
    body = ctx.body
    if not isinstance(body, dict) or not is_truthy(body.get(OAUTH_QUERY)):
        return
    query = verified(body[OAUTH_QUERY], provider_of(ctx).secrets)
    if query is None:
        raise OAuthError("invalid_signature")
    request = oauth_request(ctx)
    request.issued_at = issued_at(query)
    request.cleared_for = query.get(CLEARED_FOR)
    for name in ("exp", ISSUED_AT, CLEARED_FOR):
        query.delete(name)
    request.query = str(query)


async def go_on_after_sign_in(ctx: EndpointContext) -> dict[str, Any] | None:
    """Go on with the authorization request if this answer begins a session."""
    request = oauth_request(ctx)
    token = _new_session_token(ctx)
    if token is None or not request.query or ctx.path.startswith(_OWN):
        return None
    session = await ctx.auth.sessions.find(ctx.auth.pool, token)
    if session is None:
        return None
    ctx.use_session(session)
    request.as_json = not _is_navigation(ctx)
    query = without_prompt(URLSearchParams(request.query), "login")
    began = session.session.created_at.timestamp()
    if request.issued_at is not None and began >= request.issued_at:
        query.delete("max_age")
    return await authorize(ctx, as_parameters(query))


def _new_session_token(ctx: EndpointContext) -> str | None:
    start = f"{ctx.auth.cookies.session_token}="
    cookies = [c for c in ctx.set_cookies if c.startswith(start) and "; Max-Age=0;" not in c]
    if not cookies:
        return None
    signed = decode_uri_component(cookies[-1].removeprefix(start).partition(";")[0])
    return ctx.auth.signer.verify(signed)


def _is_navigation(ctx: EndpointContext) -> bool:
    headers = ctx.request.headers
    mode, accept = headers.get("sec-fetch-mode", "").lower(), headers.get("accept", "").lower()
    html = "text/html" in accept or "application/xhtml+xml" in accept
    return mode == "navigate" or (not mode and html)
