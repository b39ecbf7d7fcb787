"""Redirects from a callback to an error page."""

from typing import NoReturn

from ada_url import URLSearchParams

from authward.endpoint_context import EndpointContext
from authward.oauth.query import append_query

_SHOWN_LENGTH = 256


def error_page(ctx: EndpointContext) -> str:
    """Return the URL of the default error page."""
    options = ctx.auth.options
    return options.on_api_error.error_url or f"{options.base_url}{options.base_path}/error"


def redirect_to_error(
    ctx: EndpointContext, url: str | None, code: str, description: str | None = None
) -> NoReturn:
    """Redirect to the client's error page, or to the default one, with the code in the query.

    Raises:
        APIError: 302, always.
    """
    parameters = URLSearchParams("")
    parameters.set("error", code[:_SHOWN_LENGTH])
    if description:
        parameters.set("error_description", description[:_SHOWN_LENGTH])
    try:
        target = append_query(url or error_page(ctx), parameters)
    except ValueError:
        target = append_query(error_page(ctx), parameters)
    ctx.redirect(target)
