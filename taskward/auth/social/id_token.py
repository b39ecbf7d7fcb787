"""ID tokens (OpenID Connect Core 3.1.3.7): whose they are, and that the provider signed them."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jwk, jws, jwt
from joserfc.errors import JoseError

from taskward.auth.social.errors import ProviderError
from taskward.auth.social.outbound import get_json
from taskward.auth.social.provider import Tokens, text

_LEEWAY = 30
_KEYS_LAST = 600.0
_REFRESH_AT_MOST_EVERY = 30.0
_ASK_AGAIN_AFTER = 5.0
_MAX_KEYS = 100
_KEY_TYPES = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), "RSA"),
    **dict.fromkeys(("ES256", "ES384", "ES512"), "EC"),
    **dict.fromkeys(("EdDSA", "Ed25519"), "OKP"),
}
"""Signatures by a private key only: whoever reads a public key must not be able to sign."""


class IdTokenVerifier:
    """Verifies the ID tokens of one provider for one client."""

    def __init__(
        self,
        *,
        jwks_url: str,
        issuers: Sequence[str],
        client_id: str,
        algorithms: Sequence[str],
        max_age: int | None = None,
    ) -> None:
        """Trust the keys at `jwks_url`; `max_age` (seconds) counts from when a token was issued."""
        self._keys = _KeySet(jwks_url)
        self._algorithms = [name for name in algorithms if name in _KEY_TYPES]
        self._client_id = client_id
        self._max_age = max_age
        self._options = {
            "iss": {"essential": True, "values": list(issuers)},
            "aud": {"essential": True, "value": client_id},
        }

    async def verify_own(self, tokens: Tokens, *, nonce: str | None) -> dict[str, Any]:
        """Return the claims of a token that the provider gave us for a code.

        It must be ours alone (`azp`) and belong to the access token beside it (`at_hash`).

        Raises:
            ProviderError: it is missing or not valid.
        """
        if tokens.id_token is None:
            raise ProviderError("no ID token")
        ours = {"client_id": self._client_id, "access_token": tokens.access_token}
        return await self.verify(tokens.id_token, nonce=nonce, **ours)

    async def verify(self, token: str, *, nonce: str | None, **expected: Any) -> dict[str, Any]:
        """Return the claims of a valid token.

        A client on a telephone gets tokens that name the telephone's own client id in `azp`, so
        that is left open here.

        Raises:
            ProviderError: it is not valid.
        """
        try:
            decoded = await self._decode(token)
            claims = CodeIDToken(
                decoded.claims, decoded.header, dict(self._options), {"nonce": nonce, **expected}
            )
            claims.validate(leeway=_LEEWAY)
        except (JoseError, ValueError, TypeError, RecursionError) as error:
            raise ProviderError(type(error).__name__) from None
        if text(claims.get("sub")) is None or self._is_too_old(claims["iat"]):
            raise ProviderError("no subject, or too old")
        return dict(claims)

    async def _decode(self, token: str) -> jwt.Token:
        registry = jws.JWSRegistry(algorithms=self._algorithms, strict_check_header=False)
        header = jws.extract_compact(token.encode()).headers()
        algorithm = header["alg"]
        if algorithm not in self._algorithms:
            raise ValueError("algorithm")
        key = await self._keys.find(header.get("kid"), algorithm)
        return jwt.decode(token, key, algorithms=[algorithm], registry=registry)

    def _is_too_old(self, issued_at: float) -> bool:
        return self._max_age is not None and issued_at + self._max_age + _LEEWAY < time.time()


class _KeySet:
    """A provider's public keys, kept for ten minutes; an unknown one is a reason to ask again."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._keys: list[dict[str, Any]] = []
        self._fetched_at = -_KEYS_LAST
        self._ask_not_before = 0.0
        self._lock = asyncio.Lock()

    async def find(self, kid: Any, algorithm: str) -> jwk.Key:
        """Return the key of this name that is made for this algorithm.

        Raises:
            ProviderError: the provider cannot be asked.
            ValueError: there is no such key, or more than one.
        """
        async with self._lock:
            if time.monotonic() - self._fetched_at >= _KEYS_LAST:
                await self._fetch()
            fitting = self._fitting(kid, algorithm)
            if not fitting and time.monotonic() - self._fetched_at >= _REFRESH_AT_MOST_EVERY:
                await self._fetch()
                fitting = self._fitting(kid, algorithm)
        if len(fitting) != 1:
            raise ValueError("no such key")
        return jwk.import_key({**fitting[0], "alg": algorithm})

    async def _fetch(self) -> None:
        """Those who waited for a failure fail with it, instead of each asking again."""
        if time.monotonic() < self._ask_not_before:
            raise ProviderError("no keys a moment ago")
        self._ask_not_before = time.monotonic() + _ASK_AGAIN_AFTER
        document = await get_json(self._url)
        keys = document.get("keys") if isinstance(document, dict) else None
        if not isinstance(keys, list):
            raise ProviderError("no keys")
        self._keys = [key for key in keys[:_MAX_KEYS] if isinstance(key, dict)]
        self._fetched_at, self._ask_not_before = time.monotonic(), 0.0

    def _fitting(self, kid: Any, algorithm: str) -> list[dict[str, Any]]:
        """Without a name in the token, the provider's only key of the kind is meant."""
        return [
            key
            for key in self._keys
            if (kid is None or key.get("kid") == kid)
            and key.get("kty") == _KEY_TYPES[algorithm]
            and key.get("alg", algorithm) == algorithm
            and key.get("use", "sig") == "sig"
        ]
