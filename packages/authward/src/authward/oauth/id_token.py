"""ID tokens (OpenID Connect Core 3.1.3.7): whose they are, and that the provider signed them."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from authward.extras import needs
from authward.oauth.definition import IdTokenRules, Options
from authward.oauth.errors import ProviderError
from authward.oauth.http_client import get_json
from authward.oauth.provider import Tokens
from authward.text import storable_text

with needs("oauth"):
    from authlib.oidc.core import CodeIDToken
    from joserfc import jwk, jws, jwt
    from joserfc.errors import JoseError

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

    def __init__(  # noqa: PLR0913 - each is a rule of a provider
        self,
        *,
        jwks_url: str,
        issuers: Sequence[str],
        client_ids: Sequence[str],
        algorithms: Sequence[str],
        max_age: int | None = None,
        hashed_nonce: bool = False,
        is_allowed: Callable[[Mapping[str, Any]], bool] | None = None,
    ) -> None:
        """Trust the keys at `jwks_url`; `max_age` (seconds) counts from when a token was issued.

        Without `issuers` it is `is_allowed` that looks at the issuer. `hashed_nonce`: the token
        may have the nonce's SHA-256 in hexadecimal in the place of the nonce.
        """
        self._keys = _KeySet(jwks_url)
        self._algorithms = [name for name in algorithms if name in _KEY_TYPES]
        self._client_id = client_ids[0]
        self._max_age = max_age
        self._hashed_nonce = hashed_nonce
        self._is_allowed = is_allowed
        known = {"values": list(issuers)} if issuers else {}
        self._options: dict[str, dict[str, Any]] = {
            "iss": {"essential": True, **known},
            "aud": {"essential": True, "values": list(client_ids)},
        }

    async def verify_token_response(self, tokens: Tokens, *, nonce: str | None) -> dict[str, Any]:
        """Return the claims of a token that the provider gave us for a code.

        It must be ours alone (`azp`) and belong to the access token beside it (`at_hash`).

        Raises:
            ProviderError: it is missing or not valid.
        """
        if tokens.id_token is None:
            raise ProviderError("no ID token")
        ours = {"client_id": self._client_id, "access_token": tokens.access_token}
        return await self.verify(tokens.id_token, nonce=nonce, **ours)

    async def verify_sent(self, sent: Tokens, *, nonce: str | None) -> dict[str, Any]:
        """Return the claims of a token that a client got itself.

        Raises:
            ProviderError: it is missing or not valid.
        """
        return await self.verify(sent.id_token or "", nonce=nonce)

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
                decoded.claims,
                decoded.header,
                dict(self._options),
                {"nonce": self._expected_nonce(nonce, decoded.claims), **expected},
            )
            claims.validate(leeway=_LEEWAY)
        except (JoseError, ValueError, TypeError, RecursionError) as error:
            raise ProviderError(type(error).__name__) from None
        if storable_text(claims.get("sub")) is None or self._is_too_old(claims["iat"]):
            raise ProviderError("no subject, or too old")
        if self._is_allowed is not None and not self._is_allowed(claims):
            raise ProviderError("not allowed")
        return dict(claims)

    def _expected_nonce(self, nonce: str | None, claims: Mapping[str, Any]) -> str | None:
        """Some providers put a hash of the nonce into their tokens."""
        if not nonce or not self._hashed_nonce:
            return nonce
        hashed, given = hashlib.sha256(nonce.encode()).hexdigest(), str(claims.get("nonce"))
        return hashed if hmac.compare_digest(hashed.encode(), given.encode()) else nonce

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


def verifier_for(
    rules: IdTokenRules, options: Options, client_ids: Sequence[str], jwks_url: str
) -> IdTokenVerifier:
    """Return what verifies the ID tokens of a provider of the catalog."""
    allowed = rules.is_allowed
    return IdTokenVerifier(
        jwks_url=jwks_url,
        issuers=rules.issuers(options),
        client_ids=client_ids,
        algorithms=rules.algorithms,
        max_age=rules.max_age,
        hashed_nonce=rules.hashed_nonce,
        is_allowed=(lambda claims: allowed(claims, options)) if allowed else None,
    )


def unverified_claims(token: str) -> dict[str, Any] | None:
    """Return the claims of a token that came over TLS from the provider itself.

    That is as good as a signature (OpenID Connect Core 3.1.3.7); it never is for a client's token.
    """
    try:
        claims = json.loads(jws.extract_compact(token.encode()).payload)
    except (JoseError, ValueError, TypeError, LookupError, RecursionError):
        return None
    return claims if isinstance(claims, dict) else None


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
