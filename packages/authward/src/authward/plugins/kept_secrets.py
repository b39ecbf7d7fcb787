"""How tokens and codes are kept in the table `verification`."""

import hmac
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from authward.context import AuthContext
from authward.errors import ConfigurationError
from authward.hashing import Convert, HashedBy, hashed
from authward.security.encryption import symmetric_decrypt, symmetric_encrypt


@dataclass(frozen=True, slots=True)
class EncryptedBy:
    """A cipher of the application's own."""

    encrypt: Convert
    decrypt: Convert


StoreToken: TypeAlias = Literal["plain", "hashed"] | HashedBy
"""As it is, as SHA-256 in base64url, or by a function."""
StoreOTP: TypeAlias = Literal["plain", "hashed", "encrypted"] | HashedBy | EncryptedBy
"""The same, or encrypted, so that it can be sent again."""


def check_store(plugin: str, name: str, store: Any, *, encrypted: bool = False) -> None:
    """Refuse a way to keep secrets that there is not.

    Raises:
        ConfigurationError: names plugin and option.
    """
    words: tuple[str, ...] = ("plain", "hashed")
    kinds: tuple[type, ...] = (HashedBy,)
    if encrypted:
        words, kinds = (*words, "encrypted"), (HashedBy, EncryptedBy)
    if not isinstance(store, kinds) and store not in words:
        choices = ", ".join([*map(repr, words), *(f"{kind.__name__}(…)" for kind in kinds)])
        raise ConfigurationError(f"{plugin}: {name} is one of {choices}")


def encrypt(auth: AuthContext, secret: str) -> str:
    """Encrypt as the original does; either server reads it."""
    return symmetric_encrypt(auth.options.secret, secret)


def decrypt(auth: AuthContext, value: str) -> str | None:
    """Decrypt what either server has encrypted; None if no secret fits."""
    return symmetric_decrypt((auth.options.secret, *auth.options.old_secrets), value)


async def kept(auth: AuthContext, store: StoreOTP, secret: str) -> str:
    """Return what the database keeps of a secret."""
    if isinstance(store, HashedBy):
        return await store.hash(secret)
    if isinstance(store, EncryptedBy):
        return await store.encrypt(secret)
    if store == "encrypted":
        return encrypt(auth, secret)
    return hashed(secret) if store == "hashed" else secret


async def revealed(auth: AuthContext, store: StoreOTP, value: str) -> str | None:
    """Return the secret that the database keeps; None if it keeps a hash, or nothing readable."""
    if isinstance(store, EncryptedBy):
        return await store.decrypt(value)
    if store == "encrypted":
        return decrypt(auth, value)
    return value if store == "plain" else None


async def matches(auth: AuthContext, store: StoreOTP, value: str, given: str) -> bool:
    """Whether this is the secret that is kept, in constant time."""
    if isinstance(store, HashedBy) or store == "hashed":
        return same(value, await kept(auth, store, given))
    secret = await revealed(auth, store, value)
    return secret is not None and same(secret, given)


def same(one: str, other: str) -> bool:
    """Compare two texts in constant time."""
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))
