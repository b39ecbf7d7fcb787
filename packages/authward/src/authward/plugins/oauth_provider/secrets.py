"""Codes, tokens and client secrets: random, and kept as hashes only."""

import base64
import hashlib
import hmac

from authward.ids import generate_id


def random_secret() -> str:
    """Return 32 random letters and digits."""
    return generate_id()


def hashed(secret: str) -> str:
    """Return what the database keeps: unpadded base64url of SHA-256."""
    digest = hashlib.sha256(secret.encode("utf-8", "replace")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def is_secret(given: str, stored: str) -> bool:
    """Whether this is the secret whose hash is kept, in constant time."""
    return hmac.compare_digest(hashed(given).encode(), stored.encode("utf-8", "replace"))


def without_prefix(token: str, prefix: str) -> str | None:
    """Return a token without its prefix; None if it has another."""
    return token.removeprefix(prefix) if token.startswith(prefix) else None
