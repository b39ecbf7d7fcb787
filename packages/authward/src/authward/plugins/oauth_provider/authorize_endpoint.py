"""`/oauth2/authorize` over HTTP: its parameters from the query, or from a form."""

from typing import Any

from authward.endpoint_context import EndpointContext
from authward.plugins.oauth_provider.authorize import authorize
from authward.validation import UNDEFINED


async def authorize_endpoint(ctx: EndpointContext) -> dict[str, Any]:
    """Begin an authorization: the browser is sent to a page, or back to the client."""
    if ctx.request.method == "POST":
        given = {} if ctx.body is UNDEFINED else ctx.body
    else:
        given = ctx.query
    return await authorize(ctx, given, begins=True)
