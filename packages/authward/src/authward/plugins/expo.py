"""`expo`: apps made with Expo sign in, as with the server plugin of the original's package expo."""

from dataclasses import dataclass
from typing import NoReturn

from ada_url import URL, URLSearchParams

from authward.context import AuthContext, IncomingRequest
from authward.endpoint import Endpoint
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.plugin import Hook, Plugin
from authward.security.origins import origin_of
from authward.validation import Field, Schema

_STATE_SECONDS = 300
_OAUTH_STATE_SECONDS = 600
_LEADS_BACK = ("/callback", "/magic-link/verify", "/verify-email")
_QUERY = {
    "authorizationURL": Field("string", description="Where the provider's page is"),
    "oauthState": Field("string", required=False, description="The app's state cookie"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpoOptions:
    """The original's options.

    Args:
        disable_origin_override: an app's header `expo-origin` does not count as its origin.
    """

    disable_origin_override: bool = False


def expo(options: ExpoOptions | None = None) -> Plugin:
    """Let apps in whose scheme is a trusted origin, such as `myapp://`, or `exp://**` for Expo Go.

    An app has no cookies of its own browser: it is sent back with them in the query.
    """

    def init(context: AuthContext) -> None:
        if not (options or ExpoOptions()).disable_origin_override:
            context.on_request.append(_take_expo_origin)

    return Plugin(
        id="expo",
        init=init,
        endpoints=[
            Endpoint(
                path="/expo-authorization-proxy",
                methods=("GET",),
                handler=_authorization_proxy,
                query=Schema(_QUERY),
                redirects=True,
                errors=(400, 429),
            )
        ],
        after=[Hook(matcher=lambda path: path.startswith(_LEADS_BACK), handler=_hand_over_cookies)],
    )


def _take_expo_origin(ctx: IncomingRequest) -> None:
    """A browser cannot set this header for another site's page without asking (CORS) first."""
    claimed = ctx.request.headers.get("expo-origin")
    if claimed and not ctx.request.headers.get("origin"):
        ctx.set_request_header("origin", claimed)


async def _authorization_proxy(ctx: EndpointContext) -> NoReturn:
    """Give the app's browser the state cookie, and send it on to the provider."""
    target: str = ctx.query["authorizationURL"]
    url = _authorization_url(ctx, target)
    cookies = ctx.auth.cookies
    if ctx.query.get("oauthState"):
        ctx.set_cookies.append(
            cookies.set_cookie(
                cookies.of("oauth_state"), ctx.query["oauthState"], _OAUTH_STATE_SECONDS
            )
        )
        ctx.redirect(target)
    given = URLSearchParams(url.search).items()
    state = next((value for name, value in given if name == "state"), "")
    if not state:
        raise APIError(400, message="Unexpected error")
    ctx.set_signed_cookie(cookies.state, state, _STATE_SECONDS)
    ctx.redirect(target)


def _authorization_url(ctx: EndpointContext, target: str) -> URL:
    """Parse where the app wants to go: to another site, over TLS.

    Raises:
        APIError: 400, it is none.
    """
    try:
        url = None if "#" in target else URL(target)
    except (ValueError, UnicodeError):
        url = None
    own = origin_of(ctx.auth.options.base_url)
    if url is None or url.protocol != "https:" or url.origin == own:
        raise APIError(400, message="Invalid authorizationURL")
    return url


async def _hand_over_cookies(ctx: EndpointContext) -> None:
    """Put the cookies into a redirect to an app: a trusted origin that is no web page."""
    location = ctx.headers.get("location", "")
    if not location or "/oauth-proxy-callback" in location or not ctx.set_cookies:
        return
    try:
        url = URL(location)
    except (ValueError, UnicodeError):
        return
    if url.protocol in {"http:", "https:"} or not ctx.auth.origins.is_trusted_origin(location):
        return
    parameters = URLSearchParams(url.search)
    parameters.set("cookie", ", ".join(ctx.set_cookies))
    url.search = str(parameters)
    ctx.set_location(str(url.href))
