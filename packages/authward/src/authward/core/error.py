"""`/error`: where a browser ends up when a link or a social sign-in failed."""

import re

from ada_url import URLSearchParams
from starlette.responses import Response

from authward.endpoint import Endpoint
from authward.endpoint_context import EndpointContext

_CODE = re.compile(r"['A-Za-z0-9_-]{1,512}")
_UNKNOWN = "UNKNOWN"
_DESCRIPTION_MAX_LENGTH = 512


async def show_error(ctx: EndpointContext) -> Response:
    """Send the browser to the site's front page, with the error in the query.

    That is what the original does in production; the page it has for developers is not ours.
    """
    parameters = ctx.request.query_params
    code = first(parameters.getlist("error")) or _UNKNOWN
    shown = URLSearchParams("")
    shown.set("error", code if _CODE.fullmatch(code) else _UNKNOWN)
    if description := first(parameters.getlist("error_description")):
        shown.set("error_description", description[:_DESCRIPTION_MAX_LENGTH])
    return Response(status_code=302, headers={"location": f"/?{shown}"})


def first(values: list[str]) -> str:
    """Return the first of a query parameter's values, as JavaScript does."""
    return values[0] if values else ""


ENDPOINTS = (Endpoint(path="/error", methods=("GET",), handler=show_error, errors=(429,)),)
