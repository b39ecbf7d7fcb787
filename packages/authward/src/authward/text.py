"""Text as JavaScript counts it and as PostgreSQL can hold it."""

from typing import Any


def to_well_formed(text: str) -> str:
    """Replace lone surrogates by U+FFFD, as JavaScript's `toWellFormed`."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def utf16_length(text: str) -> int:
    """Return the length in UTF-16 units, as JavaScript counts: an emoji is two."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can hold the text: no NUL, no lone surrogates."""
    return "\0" not in text and text == to_well_formed(text)


def storable_text(value: Any) -> str | None:
    """Return a text that PostgreSQL can hold, None for an empty one and for other types."""
    return to_well_formed(value) if isinstance(value, str) and value and "\0" not in value else None
