"""`/ok`."""

from taskward.auth import schemas
from taskward.auth.endpoint import Endpoint
from taskward.auth.exchange import Exchange


async def ok(_: Exchange) -> dict[str, bool]:
    """Tell that the server answers."""
    return {"ok": True}


ENDPOINTS = (Endpoint(path="/ok", methods=("GET",), handler=ok, answer=schemas.Ok, errors=(429,)),)
