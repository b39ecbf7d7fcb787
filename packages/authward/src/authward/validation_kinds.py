"""More kinds of properties, with zod's messages: texts of anything, unions, records, choices."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal

from authward.validation import UNDEFINED, Field, expected

_MAX_PROBLEMS = 20
_INVALID = "Invalid input"


def js_text(value: Any) -> str:
    """Return what JavaScript's `String(value)` makes of a JSON value."""
    if value is UNDEFINED:
        return "undefined"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return str(int(value)) if value == value // 1 and abs(value) < 1e21 else str(value)
    if isinstance(value, list):
        return ",".join("" if each is None else js_text(each) for each in islice(value, 1_000))
    return value if isinstance(value, str) else "[object Object]"


@dataclass(frozen=True, slots=True)
class AnyAsText(Field):
    """`z.coerce.string()`: anything counts as a text, which `js_text` returns."""

    kind: Literal["string"] = "string"
    empty: str = ""
    """What is said of an empty text, if it may not be."""

    def problems(self, value: Any) -> list[str]:
        """Return what is wrong with a value."""
        if value is UNDEFINED:
            return [expected("nonoptional", value)] if self.required else []
        return [self.empty] if self.empty and not js_text(value) else []


@dataclass(frozen=True, slots=True)
class OneOrMoreTexts(Field):
    """`z.string().or(z.array(z.string()))`."""

    kind: Literal["string"] = "string"

    def problems(self, value: Any) -> list[str]:
        """Return what is wrong with a value."""
        if value is UNDEFINED and not self.required:
            return []
        is_list = isinstance(value, list) and all(isinstance(each, str) for each in value)
        return [] if isinstance(value, str) or is_list else [_INVALID]

    def json_schema(self) -> dict[str, Any]:
        """Return the schema for the OpenAPI document."""
        text = {"type": "string"}
        return {
            "anyOf": [text, {"type": "array", "items": text}],
            "description": self.description,
        }


@dataclass(frozen=True, slots=True)
class OneTextOrNumber(Field):
    """`z.string().or(z.number())`, of a query, in which all is text."""

    kind: Literal["string"] = "string"

    def problems(self, value: Any) -> list[str]:
        """Return what is wrong with a value."""
        if value is UNDEFINED and not self.required:
            return []
        is_one = isinstance(value, str | int | float) and not isinstance(value, bool)
        return [] if is_one else [_INVALID]


@dataclass(frozen=True, slots=True)
class TextOrNull(Field):
    """`z.string().nullable()`, and with `required=False` `z.string().nullish()`."""

    kind: Literal["string"] = "string"

    def problems(self, value: Any) -> list[str]:
        """Return what is wrong with a value."""
        return [] if value is None else Field.problems(self, value)

    def json_schema(self) -> dict[str, Any]:
        """Return the schema for the OpenAPI document."""
        return {
            "anyOf": [{"type": "string"}, {"type": "null"}],
            "description": self.description,
        }


@dataclass(frozen=True, slots=True)
class Nested(Field):
    """An object with properties of its own; others are for the handler to drop."""

    kind: Literal["object"] = "object"
    fields: Mapping[str, Field] = field(default_factory=dict)

    def issues(self, value: Any) -> Iterator[tuple[str, str]]:
        """Yield problems, each with the path to it inside the value."""
        if value is UNDEFINED and not self.required:
            return
        if not isinstance(value, dict):
            yield "", expected("object", value)
            return
        for name, each in self.fields.items():
            for path, problem in each.issues(value.get(name, UNDEFINED)):
                yield f".{name}{path}", problem

    def json_schema(self) -> dict[str, Any]:
        """Return the schema for the OpenAPI document."""
        return {
            "type": "object",
            "properties": {name: each.json_schema() for name, each in self.fields.items()},
            "required": [name for name, each in self.fields.items() if each.required],
            "description": self.description,
        }


@dataclass(frozen=True, slots=True)
class Choice(Field):
    """`z.enum([…])`."""

    kind: Literal["string"] = "string"
    choices: tuple[str, ...] = ()

    def problems(self, value: Any) -> list[str]:
        """Return what is wrong with a value."""
        if (value is UNDEFINED and not self.required) or value in self.choices:
            return []
        names = "|".join(f'"{choice}"' for choice in self.choices)
        return [f"Invalid option: expected one of {names}"]

    def json_schema(self) -> dict[str, Any]:
        """Return the schema for the OpenAPI document."""
        return {"type": "string", "enum": [*self.choices], "description": self.description}


@dataclass(frozen=True, slots=True)
class Record(Field):
    """`z.record(…)`: an object with any names; `of_texts`: of which all have lists of texts."""

    kind: Literal["object"] = "object"
    of_texts: bool = False

    def issues(self, value: Any) -> Iterator[tuple[str, str]]:
        """Yield problems, each with the path to it inside the value."""
        if value is UNDEFINED and not self.required:
            return
        if not isinstance(value, Mapping):
            yield "", expected("record", value)
        elif self.of_texts:
            yield from islice(_list_issues(value), _MAX_PROBLEMS)

    def json_schema(self) -> dict[str, Any]:
        """Return the schema for the OpenAPI document."""
        texts = {"type": "array", "items": {"type": "string"}}
        return {
            "type": "object",
            "additionalProperties": texts if self.of_texts else True,
            "description": self.description,
        }


def _list_issues(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, entry in record.items():
        if not isinstance(entry, Sequence) or isinstance(entry, str):
            yield f".{name}", expected("array", entry)
            continue
        for index, each in enumerate(entry):
            if not isinstance(each, str):
                yield f".{name}.{index}", expected("string", each)
