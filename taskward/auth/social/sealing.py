"""Better Auth's encryption of small values: XChaCha20-Poly1305 under a key for one purpose each.

Both servers can open what either has sealed. `cryptography` has ChaCha20-Poly1305 with 12 bytes of
nonce; the step to 24 (HChaCha20, draft-irtf-cfrg-xchacha) is built from its ChaCha20.
"""

import hashlib
import os
import struct
from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_SALT = b"better-auth:oauth-encryption:v1"
_NONCE_BYTES = 24
_CONSTANTS = b"expand 32-byte k"
_ENVELOPE = "$ba$"


def seal(secret: str, purpose: str, value: str) -> str:
    """Encrypt a value; returns hexadecimal text."""
    nonce = os.urandom(_NONCE_BYTES)
    sealed = _cipher(_key(secret, purpose), nonce).encrypt(_short(nonce), value.encode(), None)
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
        try:
            opened = _cipher(_key(secret, purpose), nonce).decrypt(_short(nonce), rest, None)
        except InvalidTag:
            continue
        return opened.decode("utf-8", "replace")
    return None


def _key(secret: str, purpose: str) -> bytes:
    info = f"better-auth:{purpose}:v1".encode()
    derived = HKDF(SHA256(), 32, _SALT, info).derive(secret.encode())
    return hashlib.sha256(derived.hex().encode()).digest()


def _cipher(key: bytes, nonce: bytes) -> ChaCha20Poly1305:
    return ChaCha20Poly1305(_hchacha20(key, nonce[:16]))


def _short(nonce: bytes) -> bytes:
    return bytes(4) + nonce[16:]


def _hchacha20(key: bytes, nonce: bytes) -> bytes:
    """A ChaCha20 block is rounds plus input; without the addition its ends are the new key."""
    block = Cipher(ChaCha20(key, nonce), mode=None).encryptor().update(bytes(64))
    words, added = struct.unpack("<16I", block), struct.unpack("<8I", _CONSTANTS + nonce)
    ends = (*words[:4], *words[12:])
    return struct.pack("<8I", *((a - b) % 2**32 for a, b in zip(ends, added, strict=True)))
