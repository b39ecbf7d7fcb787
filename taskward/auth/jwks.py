"""Public keys of another Better Auth server, so that its tokens are accepted here too.

Better Auth's `jwt` plugin signs with EdDSA by default and publishes its keys as a JSON Web Key Set
(RFC 7517). A key is fetched when a token names it for the first time, at most once in 30 seconds,
and only ever used for its own algorithm.
"""

import asyncio
import json
import time
from typing import Any

import httpx2
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from jwt.algorithms import OKPAlgorithm
from jwt.exceptions import PyJWTError

from taskward.auth.tls import tls_context

_TIMEOUT = 5.0
_MAX_BYTES = 262_144
_MAX_KEYS = 100
_KEY_FORM = {"kty": "OKP", "crv": "Ed25519"}
_EDDSA = OKPAlgorithm()
_FAILURES = (httpx2.HTTPError, PyJWTError, ValueError, TypeError, KeyError, AttributeError)

log = structlog.get_logger(__name__)


class RemoteKeys:
    """The key set at `url`, cached, asked for again at most once in `refresh_every` seconds."""

    def __init__(self, url: str, refresh_every: float = 30.0) -> None:
        self._url = url
        self._refresh_every = refresh_every
        self._keys: dict[str, Ed25519PublicKey] = {}
        self._ask_not_before = 0.0
        self._lock = asyncio.Lock()
        self._tls = tls_context()  # not while somebody waits for an answer

    def can_read(self, header: dict[str, Any]) -> bool:
        """Whether a token's header is of the only form we take: EdDSA and the key's name."""
        kid, typ = header.get("kid"), header.get("typ", "JWT")
        known_form = header.keys() <= {"alg", "kid", "typ"} and header.get("alg") == "EdDSA"
        return known_form and isinstance(kid, str) and bool(kid) and typ == "JWT"

    def knows(self, kid: str) -> bool:
        """Whether the key is here."""
        return kid in self._keys

    def verify(self, kid: str, signed: bytes, signature: bytes) -> bool:
        """Whether the key made the signature."""
        return _EDDSA.verify(signed, self._keys[kid], signature)

    async def refresh(self) -> None:
        """Fetch the keys, unless that was tried a moment ago; on failure the old ones stay."""
        async with self._lock:
            if time.monotonic() < self._ask_not_before:
                return
            self._ask_not_before = time.monotonic() + self._refresh_every
            try:
                self._keys = _read_keys(await self._fetch())
            except _FAILURES as error:
                log.warning("cannot fetch the other server's keys", error=type(error).__name__)

    async def _fetch(self) -> Any:
        async with (
            httpx2.AsyncClient(verify=self._tls, timeout=_TIMEOUT, trust_env=False) as client,
            client.stream("GET", self._url) as response,
        ):
            response.raise_for_status()
            body = b""
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > _MAX_BYTES:
                    raise ValueError("too large")
        return json.loads(body)


def _read_keys(document: Any) -> dict[str, Ed25519PublicKey]:
    """Pick the Ed25519 keys out of a key set; others are for others."""
    keys: dict[str, Ed25519PublicKey] = {}
    for jwk in document["keys"][:_MAX_KEYS]:
        if jwk.items() >= _KEY_FORM.items() and jwk.get("alg", "EdDSA") == "EdDSA":
            key = OKPAlgorithm.from_jwk({name: jwk[name] for name in ("kty", "crv", "x")})
            if isinstance(key, Ed25519PublicKey):
                keys[str(jwk["kid"])] = key
    return keys
