"""Passwords that were hashed elsewhere, or shall be hashed in another way."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

HashFunction: TypeAlias = Callable[[str], str]
"""Returns the hash of a password, with salt and parameters in it."""
VerifyFunction: TypeAlias = Callable[[str, str], bool]
"""Whether a stored hash (first) is of a password (second); what it raises means that it is not."""
_OURS = re.compile(r"[0-9a-f]{32}:[0-9a-fA-F]{128}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordOptions:
    """Better Auth's `emailAndPassword.password`; the functions run in threads, so they may block.

    With `verify` alone, passwords that came from elsewhere get a hash of our own (scrypt) when
    their users next sign in.

    Args:
        hash: makes the hashes of new passwords; by default scrypt, as the original.
        verify: is asked of all hashes, or without `hash` of those that are not our own.
        needs_rehash: whether a hash that was just verified shall be replaced; by default one that
            `hash` would not have made is, where `hash` is ours.
    """

    hash: HashFunction | None = None
    verify: VerifyFunction | None = None
    needs_rehash: Callable[[str], bool] | None = None

    def is_own(self, stored: str) -> bool:
        """Whether the hash is verified as the original does it by default."""
        return self.verify is None or (self.hash is None and is_scrypt(stored))

    def is_outdated(self, stored: str) -> bool:
        """Whether the password is hashed again once it is known to be right."""
        if self.needs_rehash is not None:
            return self.needs_rehash(stored)
        return self.verify is not None and self.hash is None and not is_scrypt(stored)


def is_scrypt(stored: str) -> bool:
    """Whether a hash has the original's default form."""
    return _OURS.fullmatch(stored) is not None
