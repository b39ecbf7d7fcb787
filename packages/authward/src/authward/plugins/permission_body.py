"""The body of `has-permission`, which several plugins have."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from authward.validation import Schema
from authward.validation_kinds import Record

PERMISSIONS = Record(of_texts=True, description="Actions by resource")
_NAMES = ("permission", "permissions")
_RECORD = Record(required=False, of_texts=True, description="Actions by resource")
_INVALID = "Invalid input"


class Permission(BaseModel):
    """Whether it is allowed."""

    error: str | None
    success: bool


@dataclass(frozen=True, slots=True)
class PermissionBody(Schema):
    """Exactly one of `permission`, which is no longer used, and `permissions`."""

    def problems(self, body: Any, where: str) -> Iterator[str]:
        """Yield zod's messages."""
        others = {name: field for name, field in self.fields.items() if name not in _NAMES}
        yield from Schema(others).problems(body, where)
        right = _right(body if isinstance(body, dict) else {})
        if len(right) != 1:
            yield f"[{where}] {_INVALID}{': more than one option matched' if right else ''}"

    def validate(self, body: Any, where: str = "body") -> dict[str, Any]:
        """Return the properties; see `Schema.validate`. Of two, the one that is right."""
        found = Schema.validate(self, body, where)
        right = _right(body)
        return {name: v for name, v in found.items() if name not in _NAMES or name in right}


def _right(body: Mapping[str, Any]) -> list[str]:
    return [name for name in _NAMES if name in body and not [*_RECORD.issues(body[name])]]
