"""Two kinds of properties that only this plugin has."""

from dataclasses import dataclass
from typing import Any, Literal

from authward.validation import UNDEFINED, Field, expected


@dataclass(frozen=True, slots=True)
class Anything(Field):
    """`z.any()`: whatever it is."""

    kind: Literal["object"] = "object"

    def problems(self, value: Any) -> list[str]:
        """Return what is wrong with a value: that there is none."""
        return [expected("nonoptional", value)] if value is UNDEFINED else []


@dataclass(frozen=True, slots=True)
class TrimmedText(Field):
    """`z.string().trim()`: what is said of a text is said of it without the space around it."""

    def problems(self, value: Any) -> list[str]:
        """Return what is wrong with a value."""
        return Field.problems(self, value.strip() if isinstance(value, str) else value)
