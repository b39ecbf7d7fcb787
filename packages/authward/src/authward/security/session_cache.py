"""What the cookie cache says, in the original's three forms; each server reads the other's.

`compact` is base64url of JSON with a signature, `jwt` is HS256, `jwe` is `dir` with A256CBC-HS512
under a key that is derived from the secret.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
import time
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

import jwt
import orjson
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from authward.extras import needs

_INFO: Final = b"BetterAuth.js Generated Encryption Key"
_SALT: Final = b"better-auth-session"
_KEY_BYTES: Final = 64
_HEADER: Final = {"alg": "dir", "enc": "A256CBC-HS512"}
_READABLE: Final = ["dir", "A256CBC-HS512", "A256GCM"]
_LEEWAY: Final = 15
_TIMES: Final = ("iat", "exp", "jti")
_CHECKS: Final[Any] = {"require": ["exp"], "verify_iat": False, "verify_sub": False}
MAX_LENGTH: Final = 65_536
"""Of what is read: more than a header may have anyway."""

Payload = Mapping[str, Any]
"""`session`, `user`, `updatedAt` and `version`."""


class SessionCache:
    """Writes with the secret, reads with the old ones too."""

    def __init__(
        self,
        strategy: Literal["compact", "jwt", "jwe"],
        secret: str,
        old_secrets: Iterable[str] = (),
    ) -> None:
        """Choose the form.

        Raises:
            MissingExtraError: `jwe` needs the extra `oauth`.
        """
        self._strategy = strategy
        self._secrets = [key.encode() for key in (secret, *old_secrets)]
        if strategy == "jwe":
            self._jwe = _Encryption(self._secrets)

    def write(self, payload: Payload, *, seconds: int, compact_seconds: int) -> str:
        """Return the cookie's value.

        Args:
            payload: what it says.
            seconds: how long it is valid as a token.
            compact_seconds: the same, for the form `compact`.
        """
        if self._strategy == "compact":
            return self._write_compact(payload, int((time.time() + compact_seconds) * 1000))
        moment = int(time.time())
        claims = {**payload, "iat": moment, "exp": moment + seconds}
        if self._strategy == "jwe":
            return self._jwe.encrypt({**claims, "jti": secrets.token_hex(16)})
        return jwt.encode(claims, self._secrets[0], "HS256", headers={"typ": None})

    def read(self, value: str) -> tuple[Payload, int] | None:
        """Return what a cookie says and until when (milliseconds); None if it is not genuine."""
        if len(value) > MAX_LENGTH:
            return None
        if self._strategy == "compact":
            return self._read_compact(value)
        claims = self._jwe.decrypt(value) if self._strategy == "jwe" else self._read_jwt(value)
        if claims is None or not isinstance(claims.get("exp"), int):
            return None
        payload = {name: claim for name, claim in claims.items() if name not in _TIMES}
        return payload, claims["exp"] * 1000

    def _write_compact(self, payload: Payload, expires_at: int) -> str:
        signature = _signature(self._secrets[0], payload, expires_at)
        whole = {"session": payload, "expiresAt": expires_at, "signature": signature}
        return _base64url(orjson.dumps(whole))

    def _read_compact(self, value: str) -> tuple[Payload, int] | None:
        try:
            whole = orjson.loads(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)))
            payload, until, signature = whole["session"], whole["expiresAt"], whole["signature"]
            given = str(signature).encode()
            rights = [_signature(key, payload, until).encode() for key in self._secrets]
        except (ValueError, TypeError, KeyError, binascii.Error):
            return None
        verified = [hmac.compare_digest(given, right) for right in rights]
        return (payload, until) if any(verified) and isinstance(until, int) else None

    def _read_jwt(self, value: str) -> dict[str, Any] | None:
        for key in self._secrets:
            try:
                return jwt.decode(value, key, ["HS256"], options=_CHECKS)
            except (jwt.InvalidTokenError, ValueError):
                continue
        return None


class _Encryption:
    """The original's `symmetricEncodeJWT` and `symmetricDecodeJWT`."""

    def __init__(self, keys: Iterable[bytes]) -> None:
        with needs("oauth"):
            from joserfc import jwe  # noqa: PLC0415 - only where it is used
            from joserfc.errors import JoseError  # noqa: PLC0415
            from joserfc.jwk import OctKey  # noqa: PLC0415
        self._library, self._error = jwe, JoseError
        self._keys = [OctKey.import_key(_derived(key)) for key in keys]

    def encrypt(self, claims: Mapping[str, Any]) -> str:
        header = {**_HEADER, "kid": self._keys[0].thumbprint()}
        return self._library.encrypt_compact(
            header, orjson.dumps(claims), self._keys[0], algorithms=_READABLE
        )

    def decrypt(self, value: str) -> dict[str, Any] | None:
        for key in self._keys:
            try:
                found = self._library.decrypt_compact(value, key, algorithms=_READABLE)
                claims = orjson.loads(found.plaintext or b"")
            except (self._error, ValueError, TypeError):
                continue
            is_valid = isinstance(claims, dict) and isinstance(claims.get("exp"), int)
            return claims if is_valid and claims["exp"] + _LEEWAY > time.time() else None
        return None


def _derived(secret: bytes) -> bytes:
    return HKDF(SHA256(), _KEY_BYTES, _SALT, _INFO).derive(secret)


def _signature(key: bytes, payload: Payload, expires_at: int) -> str:
    signed = orjson.dumps({**payload, "expiresAt": expires_at})
    return _base64url(hmac.digest(key, signed, hashlib.sha256))


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
