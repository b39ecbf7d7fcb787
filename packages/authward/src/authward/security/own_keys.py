"""The server's own public keys, for tokens that a key of the table `jwks` has signed."""

from typing import Any

from authward.security.jwks import RemoteJWKS
from authward.security.key_set import KeySet


class OwnKeys(RemoteJWKS):
    """As another server's, but read from the table."""

    def __init__(self, keys: KeySet, refresh_every: float = 1.0) -> None:
        super().__init__("", refresh_every=refresh_every)
        self._own = keys

    async def _fetch(self) -> Any:
        return {"keys": await self._own.published()}
