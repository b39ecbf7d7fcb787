"""Better Auth's encrypted JSON Web Tokens (RFC 7516): what a cookie hides from its own browser.

`dir` with A256CBC-HS512 under a key for one purpose each; either server reads the other's.
"""

import time
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from authward.extras import needs

with needs("oauth"):
    from joserfc import jwe, jwk, jwt
    from joserfc.errors import JoseError

_INFO = b"BetterAuth.js Generated Encryption Key"
_KEY_BYTES = 64
_LEEWAY = 15
_REGISTRY = jwe.JWERegistry(algorithms=["dir", "A256CBC-HS512"])


def encode_encrypted(secret: str, purpose: str, claims: Mapping[str, Any], lifetime: int) -> str:
    """Return a token that ends in `lifetime` seconds."""
    key, moment = _key(secret, purpose), int(time.time())
    header = {"alg": "dir", "enc": "A256CBC-HS512", "kid": key.thumbprint()}
    times = {"iat": moment, "exp": moment + lifetime, "jti": str(uuid4())}
    return jwt.encode(header, {**claims, **times}, key, registry=_REGISTRY)


def decode_encrypted(secrets: Iterable[str], purpose: str, token: str) -> dict[str, Any] | None:
    """Return the claims of a token under whichever secret; None if none fits or it is over."""
    for secret in secrets:
        try:
            claims = jwt.decode(token, _key(secret, purpose), registry=_REGISTRY).claims
        except (JoseError, ValueError, TypeError, RecursionError):
            continue
        expires_at = claims.get("exp")
        if not isinstance(expires_at, int | float) or expires_at + _LEEWAY <= time.time():
            return None
        return claims
    return None


def _key(secret: str, purpose: str) -> jwk.OctKey:
    derived = HKDF(SHA256(), _KEY_BYTES, purpose.encode(), _INFO).derive(secret.encode())
    return jwk.OctKey.import_key(derived)
