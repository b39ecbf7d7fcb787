"""`/error`: where a browser ends up when a link or a social sign-in failed."""

import re

from ada_url import URLSearchParams
from starlette.responses import Response

from taskward.auth.endpoint import Endpoint
from taskward.auth.exchange import Exchange

_CODE = re.compile(r"['A-Za-z0-9_-]+")
_UNKNOWN = "UNKNOWN"


async def show_error(exchange: Exchange) -> Response:
    """Send the browser to the site's front page, with the error in the query.

    That is what the original does in production; the page it has for developers is not ours.
    """
    parameters = exchange.request.query_params
    code = first(parameters.getlist("error")) or _UNKNOWN
    shown = URLSearchParams("")
    shown.set("error", code if _CODE.fullmatch(code) else _UNKNOWN)
    if description := first(parameters.getlist("error_description")):
        shown.set("error_description", description)
    return Response(status_code=302, headers={"location": f"/?{shown}"})


def first(values: list[str]) -> str:
    """Return the first of a query parameter's values, as JavaScript does."""
    return values[0] if values else ""


ENDPOINTS = (Endpoint(path="/error", methods=("GET",), handler=show_error, errors=(429,)),)
