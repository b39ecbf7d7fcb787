"""Keys that are over are deleted now and then."""

import time

from authward.context import AuthContext
from authward.endpoint_context import EndpointContext
from authward.plugins.api_key.tables import MODEL
from authward.storage.where import Where
from authward.timestamps import now

_EVERY = 10.0


class ExpiredKeys:
    """Deletes them after a request, but not after each."""

    def __init__(self) -> None:
        self._checked_at: float | None = None

    def remove_after(self, ctx: EndpointContext) -> None:
        """Delete them after the response, unless that was done a moment ago."""
        moment = time.monotonic()
        if self._checked_at is not None and moment - self._checked_at < _EVERY:
            return
        self._checked_at = moment

        async def remove() -> None:
            await remove_expired(ctx.auth)

        ctx.run_in_background(remove)


async def remove_expired(auth: AuthContext) -> None:
    """Delete all keys that are over."""
    await auth.adapter.delete(auth.pool, MODEL, [Where("expiresAt", now(), "lt")])
