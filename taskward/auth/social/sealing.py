"""Better Auth's encryption of small values: XChaCha20-Poly1305 under a key for one purpose each.

Both servers can open what either has sealed.
"""

import hashlib
import os
from collections.abc import Iterable

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from nacl import bindings as libsodium
from nacl.exceptions import CryptoError

_SALT = b"better-auth:oauth-encryption:v1"
_NONCE_BYTES = 24
_ENVELOPE = "$ba$"


def seal(secret: str, purpose: str, value: str) -> str:
    """Encrypt a value; returns hexadecimal text."""
    nonce = os.urandom(_NONCE_BYTES)
    key = _key(secret, purpose)
    sealed = libsodium.crypto_aead_xchacha20poly1305_ietf_encrypt(value.encode(), None, nonce, key)
    return (nonce + sealed).hex()


def unseal(secrets: Iterable[str], purpose: str, sealed: str) -> str | None:
    """Decrypt with whichever secret fits; None if none does.

    A server with numbered secrets writes `$ba$<number>$` before the rest.
    """
    text = sealed.rpartition("$")[2] if sealed.startswith(_ENVELOPE) else sealed
    try:
        data = bytes.fromhex(text)
    except ValueError:
        return None
    nonce, rest = data[:_NONCE_BYTES], data[_NONCE_BYTES:]
    for secret in secrets if len(nonce) == _NONCE_BYTES else ():
        key = _key(secret, purpose)
        try:
            opened = libsodium.crypto_aead_xchacha20poly1305_ietf_decrypt(rest, None, nonce, key)
        except (CryptoError, ValueError):
            continue
        return opened.decode("utf-8", "replace")
    return None


def _key(secret: str, purpose: str) -> bytes:
    info = f"better-auth:{purpose}:v1".encode()
    derived = HKDF(SHA256(), 32, _SALT, info).derive(secret.encode())
    return hashlib.sha256(derived.hex().encode()).digest()
