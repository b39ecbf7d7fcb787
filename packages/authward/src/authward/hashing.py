"""How texts are hashed before they are kept: as the original does, or by a function."""

import base64
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

Convert: TypeAlias = Callable[[str], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class HashedBy:
    """A hash function of the application's own."""

    hash: Convert


def hashed(text: str) -> str:
    """Return the SHA-256 of a text, as base64url without padding."""
    digest = hashlib.sha256(text.encode("utf-8", "replace")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
