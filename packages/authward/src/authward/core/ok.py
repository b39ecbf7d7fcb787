"""`/ok`."""

from authward.endpoint import Endpoint
from authward.endpoint_context import EndpointContext
from authward.schema import responses as schemas


async def ok(_: EndpointContext) -> dict[str, bool]:
    """Tell that the server answers."""
    return {"ok": True}


ENDPOINTS = (
    Endpoint(path="/ok", methods=("GET",), handler=ok, response_model=schemas.Ok, errors=(429,)),
)
