"""The properties of the bodies and queries, with zod's messages."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from authward.validation import UNDEFINED, Field
from authward.validation_kinds import AnyAsText, Choice, Record

_PREFIX = re.compile(r"[a-zA-Z0-9_-]+")
_PREFIX_PROBLEM = (
    "Invalid prefix format, must be alphanumeric and contain only underscores and hyphens."
)
_SAFE: Final = 2**53 - 1


@dataclass(frozen=True, slots=True)
class Number(Field):
    """`z.number()`, maybe with a minimum, maybe `.nullable()`."""

    kind: Literal["number"] = "number"
    required: bool = False
    at_least: int | None = None
    nullable: bool = False

    def problems(self, value: Any) -> list[str]:
        """Return what is wrong with a value."""
        if value is None and self.nullable:
            return []
        found = Field.problems(self, value)
        is_small = not found and value is not UNDEFINED and self.at_least is not None
        if is_small and value < self.at_least:
            return [f"Too small: expected number to be >={self.at_least}"]
        return found


@dataclass(frozen=True, slots=True)
class Prefix(Field):
    """What a key begins with."""

    kind: Literal["string"] = "string"
    required: bool = False

    def problems(self, value: Any) -> list[str]:
        """Return what is wrong with a value."""
        if isinstance(value, str):
            return [] if _PREFIX.fullmatch(value) else [_PREFIX_PROBLEM]
        return Field.problems(self, value)


@dataclass(frozen=True, slots=True)
class Anything(Field):
    """`z.any()`."""

    kind: Literal["object"] = "object"
    required: bool = False

    def problems(self, value: Any) -> list[str]:
        """Return nothing."""
        del value
        return []

    def json_schema(self) -> dict[str, Any]:
        """Return the schema for the OpenAPI document."""
        return {
            "anyOf": [{"type": "object"}, {"type": "array", "items": {}}, {"type": "null"}],
            "description": self.description,
        }


@dataclass(frozen=True, slots=True)
class Permissions(Record):
    """Lists of actions by resource, maybe `.nullable()`."""

    required: bool = False
    of_texts: bool = True
    nullable: bool = False

    def issues(self, value: Any) -> Any:
        """Yield problems, each with the path to it inside the value."""
        return iter(()) if value is None and self.nullable else Record.issues(self, value)


@dataclass(frozen=True, slots=True)
class WholeNumber(Field):
    """`z.coerce.number().int().nonnegative()`, of a query."""

    kind: Literal["string"] = "string"
    required: bool = False

    def problems(self, value: Any) -> list[str]:
        """Return what is wrong with a value."""
        if value is UNDEFINED:
            return []
        number = to_number(value)
        if math.isnan(number) or math.isinf(number):
            received = "NaN" if math.isnan(number) else "Infinity"
            return [f"Invalid input: expected number, received {received}"]
        if number != number // 1:
            return ["Invalid input: expected int, received number"]
        if number > _SAFE:
            return [f"Too big: expected int to be <={_SAFE}"]
        return ["Too small: expected number to be >=0"] if number < 0 else []

    def json_schema(self) -> dict[str, Any]:
        """Return the schema for the OpenAPI document."""
        return {"type": "integer", "minimum": 0, "description": self.description}


def to_number(value: Any) -> float:
    """Return what JavaScript's `Number` makes of a query's parameter."""
    text = value.strip() if isinstance(value, str) else "NaN"
    if not text:
        return 0.0
    if "_" in text or not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text):
        return math.inf if text in {"Infinity", "+Infinity"} else math.nan
    return float(text)


CONFIG_ID = Field("string", required=False, description="The kind of keys")
KEY_ID = Field("string", description="The key's id, not the key")
NAME = Field("string", required=False, description="What its owner calls it")
METADATA = Anything("object", required=False, description="Whatever is kept with it")
_MILLISECONDS = "In milliseconds; only from Python"
_COUNT = "Only from Python"

CREATE: Final[Mapping[str, Field]] = {
    "configId": CONFIG_ID,
    "name": NAME,
    "expiresIn": Number(at_least=1, nullable=True, description="Seconds until it is over"),
    "prefix": Prefix(description="What the key begins with"),
    "remaining": Number(at_least=0, nullable=True, description=f"Uses. {_COUNT}"),
    "metadata": METADATA,
    "refillAmount": Number(at_least=1, description=f"Uses after a refill. {_COUNT}"),
    "refillInterval": Number(description=_MILLISECONDS),
    "rateLimitTimeWindow": Number(description=_MILLISECONDS),
    "rateLimitMax": Number(description=f"Uses in a window. {_COUNT}"),
    "rateLimitEnabled": Field("boolean", required=False, description=_COUNT),
    "permissions": Permissions(description=f"Actions by resource. {_COUNT}"),
    "userId": AnyAsText(required=False, description=f"Whose it is. {_COUNT}"),
    "organizationId": AnyAsText(required=False, description="Whose it is, of such keys"),
}
UPDATE: Final[Mapping[str, Field]] = {
    "configId": CONFIG_ID,
    "keyId": KEY_ID,
    "userId": AnyAsText(required=False, description=f"Whose it is. {_COUNT}"),
    "name": NAME,
    "enabled": Field("boolean", required=False, description="Whether it may be used"),
    "remaining": Number(at_least=1, description=f"Uses. {_COUNT}"),
    "refillAmount": Number(description=f"Uses after a refill. {_COUNT}"),
    "refillInterval": Number(description=_MILLISECONDS),
    "metadata": METADATA,
    "expiresIn": Number(at_least=1, nullable=True, description="Seconds from now; null: never"),
    "rateLimitEnabled": Field("boolean", required=False, description=_COUNT),
    "rateLimitTimeWindow": Number(description=_MILLISECONDS),
    "rateLimitMax": Number(description=f"Uses in a window. {_COUNT}"),
    "permissions": Permissions(nullable=True, description=f"Actions by resource. {_COUNT}"),
}
DELETE: Final[Mapping[str, Field]] = {"configId": CONFIG_ID, "keyId": KEY_ID}
GET: Final[Mapping[str, Field]] = {"configId": CONFIG_ID, "id": KEY_ID}
LIST: Final[Mapping[str, Field]] = {
    "configId": CONFIG_ID,
    "organizationId": Field("string", required=False, description="Whose keys, of such"),
    "limit": WholeNumber(description="How many, of the first hundred"),
    "offset": WholeNumber(description="How many to leave out"),
    "sortBy": Field("string", required=False, description="A property of keys"),
    "sortDirection": Choice(required=False, choices=("asc", "desc"), description="The order"),
}
VERIFY: Final[Mapping[str, Field]] = {
    "configId": CONFIG_ID,
    "key": Field("string", description="The key"),
    "permissions": Permissions(description="What it must allow"),
}
