"""Nested properties of a body, checked as zod does, with its messages to the letter."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from authward.bodies import MAX_FIELDS
from authward.oauth.provider import RESERVED_PARAMETERS
from authward.validation import UNDEFINED, Field, Kind, Schema, expected


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectField(Field):
    """An object with properties of its own."""

    kind: Kind = "object"
    fields: dict[str, Field] = field(default_factory=dict)

    def issues(self, value: Any) -> Iterator[tuple[str, str]]:
        if value is UNDEFINED and not self.required:
            return
        if not isinstance(value, dict):
            yield "", expected("object", value)
            return
        for name, entry in self.fields.items():
            for path, problem in entry.issues(value.get(name, UNDEFINED)):
                yield f".{name}{path}", problem

    def json_schema(self) -> dict[str, Any]:
        return Field.json_schema(self) | Schema(self.fields).json_schema()


@dataclass(frozen=True, slots=True, kw_only=True)
class TextsField(Field):
    """An array of strings."""

    kind: Kind = "array"

    def issues(self, value: Any) -> Iterator[tuple[str, str]]:
        if value is UNDEFINED and not self.required:
            return
        if not isinstance(value, list):
            yield "", expected("array", value)
            return
        if len(value) > MAX_FIELDS:
            yield "", f"Too big: expected array to have <={MAX_FIELDS} items"
            return
        for position, entry in enumerate(value):
            if not isinstance(entry, str):
                yield f".{position}", expected("string", entry)

    def json_schema(self) -> dict[str, Any]:
        return Field.json_schema(self) | {"items": {"type": "string"}, "maxItems": MAX_FIELDS}


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordField(Field):
    """An object with any properties; `texts`: all of them strings, none of them reserved."""

    kind: Kind = "object"
    texts: bool = False

    def issues(self, value: Any) -> Iterator[tuple[str, str]]:
        if value is UNDEFINED and not self.required:
            return
        if not isinstance(value, dict):
            yield "", expected("record", value)
            return
        if self.texts and len(value) > MAX_FIELDS:
            yield "", f"Too big: expected record to have <={MAX_FIELDS} entries"
        elif self.texts:
            yield from _text_issues(value)

    def json_schema(self) -> dict[str, Any]:
        schema = Field.json_schema(self)
        if not self.texts:
            return schema
        names = {"not": {"enum": list(RESERVED_PARAMETERS)}}
        texts = {"additionalProperties": {"type": "string"}, "maxProperties": MAX_FIELDS}
        return schema | texts | {"propertyNames": names}


def _text_issues(record: dict[str, Any]) -> Iterator[tuple[str, str]]:
    wrong = {name: entry for name, entry in record.items() if not isinstance(entry, str)}
    for name, entry in wrong.items():
        yield f".{name}", expected("string", entry)
    if not wrong and not record.keys().isdisjoint(RESERVED_PARAMETERS):
        reserved = ", ".join(RESERVED_PARAMETERS)
        yield "", f"additionalParams cannot include reserved OAuth parameters: {reserved}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderField(Field):
    """The name of a provider: in zod a union, which says less when it does not fit."""

    kind: Kind = "string"

    def issues(self, value: Any) -> Iterator[tuple[str, str]]:
        if not isinstance(value, str):
            yield "", "Invalid input"
