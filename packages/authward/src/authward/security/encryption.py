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


def encrypt(secret: str, purpose: str, value: str) -> str:
    """Encrypt a value under a key for one purpose; returns hexadecimal text."""
    return _seal(_key(secret, purpose), value)


def decrypt(secrets: Iterable[str], purpose: str, encrypted: str) -> str | None:
    """Decrypt with whichever secret fits; None if none does."""
    return _open((_key(secret, purpose) for secret in secrets), encrypted)


def symmetric_encrypt(secret: str, value: str) -> str:
    """Encrypt a value under the secret itself, as the original's `symmetricEncrypt`."""
    return _seal(hashlib.sha256(secret.encode()).digest(), value)


def symmetric_decrypt(secrets: Iterable[str], encrypted: str) -> str | None:
    """Decrypt what either server's `symmetric_encrypt` made; None if no secret fits."""
    return _open((hashlib.sha256(secret.encode()).digest() for secret in secrets), encrypted)


def _seal(key: bytes, value: str) -> str:
    nonce = os.urandom(_NONCE_BYTES)
    encrypted = libsodium.crypto_aead_xchacha20poly1305_ietf_encrypt(
        value.encode(), None, nonce, key
    )
    return (nonce + encrypted).hex()


def _open(keys: Iterable[bytes], encrypted: str) -> str | None:
    """A server with numbered secrets writes `$ba$<number>$` before the rest."""
    text = encrypted.rpartition("$")[2] if encrypted.startswith(_ENVELOPE) else encrypted
    try:
        data = bytes.fromhex(text)
    except ValueError:
        return None
    nonce, rest = data[:_NONCE_BYTES], data[_NONCE_BYTES:]
    for key in keys if len(nonce) == _NONCE_BYTES else ():
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
