"""How verification values are found: by an identifier as it is, or by its hash."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from authward.errors import ConfigurationError
from authward.hashing import HashedBy, hashed

IdentifierStore: TypeAlias = Literal["plain", "hashed"] | HashedBy
"""As it is, as SHA-256 in base64url, or by a function."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreIdentifier:
    """Different ways for different values.

    Args:
        default: for all that `overrides` says nothing about.
        overrides: by what an identifier begins with, such as `reset-password:`; the first counts.
    """

    default: IdentifierStore = "plain"
    overrides: Mapping[str, IdentifierStore] = field(default_factory=dict)

    def of(self, identifier: str) -> IdentifierStore:
        """Return the way for an identifier."""
        found = (way for start, way in self.overrides.items() if identifier.startswith(start))
        return next(found, self.default)


def ways_of(option: IdentifierStore | StoreIdentifier) -> StoreIdentifier:
    """Return the option at its longest.

    Raises:
        ConfigurationError: there is no such way.
    """
    ways = option if isinstance(option, StoreIdentifier) else StoreIdentifier(default=option)
    every: list[Any] = [ways.default, *ways.overrides.values()]
    if all(isinstance(way, HashedBy) or way in {"plain", "hashed"} for way in every):
        return ways
    message = (
        "verification.store_identifier is 'plain', 'hashed', HashedBy(…) or StoreIdentifier(…)"
    )
    raise ConfigurationError(message)


async def stored_by(way: IdentifierStore, identifier: str) -> str:
    """Return the identifier as the store has it."""
    if isinstance(way, HashedBy):
        return await way.hash(identifier)
    return hashed(identifier) if way == "hashed" else identifier
