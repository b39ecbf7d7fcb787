"""Bodies and queries checked as the original does, with errors in the words of OAuth."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from authward.bodies import MAX_FIELDS
from authward.plugins.oauth_provider.errors import OAuthError
from authward.plugins.oauth_provider.urls import NO_URI, NO_URL, bad_resource, unsafe_url
from authward.text import to_well_formed
from authward.validation import UNDEFINED, Field, Kind, Schema, expected

_TYPE = re.compile(r"Invalid input: expected (\w+), received (\w+)")
_VALUES = re.compile(r'Invalid (?:option: expected one of|input: expected) (".*)')
_INDEX = re.compile(r"\.(\d+)(?=\.|\[|$)")
_SHOWN = 512
_SPACE = " \t\n\r\v\f\ufeff\u00a0"


@dataclass(frozen=True, slots=True, kw_only=True)
class URLField(Field):
    """A URL that is kept and handed to browsers."""

    kind: Kind = "string"

    def problems(self, value: Any) -> list[str]:
        found = Field.problems(self, value)
        wrong = None if found or value is UNDEFINED else unsafe_url(value)
        if wrong == NO_URL:
            return [NO_URL, "URL must be parseable"]
        return [wrong] if wrong else found


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceField(Field):
    """A resource indicator (RFC 8707)."""

    kind: Kind = "string"

    def problems(self, value: Any) -> list[str]:
        found = Field.problems(self, value)
        wrong = None if found or value is UNDEFINED else bad_resource(value)
        return [wrong] if wrong else found


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceField(Field):
    """A text that is one of some."""

    kind: Kind = "string"
    choices: Sequence[str] = ()

    def problems(self, value: Any) -> list[str]:
        if (value is UNDEFINED and not self.required) or value in self.choices:
            return []
        names = "|".join(f'"{choice}"' for choice in self.choices)
        one = len(self.choices) == 1
        return [f"Invalid {'input: expected' if one else 'option: expected one of'} {names}"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NeverField(Field):
    """What may not be given at all."""

    kind: Kind = "string"

    def problems(self, value: Any) -> list[str]:
        return [] if value is UNDEFINED else [expected("never", value)]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyField(Field):
    """Anything, checked where it is used."""

    kind: Kind = "object"
    required: bool = False

    def problems(self, value: Any) -> list[str]:
        del value
        return []


@dataclass(frozen=True, slots=True, kw_only=True)
class ListField(Field):
    """An array whose entries are all of one field; `min_items`: how many there are at least."""

    kind: Kind = "array"
    of: Field = field(default_factory=lambda: Field("string"))
    min_items: int = 0

    def issues(self, value: Any) -> Iterator[tuple[str, str]]:
        if value is UNDEFINED and not self.required:
            return
        if not isinstance(value, list):
            yield "", expected("array", value)
        elif len(value) < self.min_items:
            yield "", f"Too small: expected array to have >={self.min_items} items"
        elif len(value) > MAX_FIELDS:
            yield "", f"Too big: expected array to have <={MAX_FIELDS} items"
        else:
            for position, entry in enumerate(value):
                for path, problem in self.of.issues(entry):
                    yield f".{position}{path}", problem

    def json_schema(self) -> dict[str, Any]:
        more = {"minItems": self.min_items} if self.min_items else {}
        schema = Field.json_schema(self) | {"items": self.of.json_schema(), "maxItems": MAX_FIELDS}
        return schema | more


@dataclass(frozen=True, slots=True, kw_only=True)
class TextOrListField(Field):
    """One value or an array of them."""

    kind: Kind = "string"
    of: Field = field(default_factory=lambda: Field("string"))

    def issues(self, value: Any) -> Iterator[tuple[str, str]]:
        if value is UNDEFINED and not self.required:
            return
        if isinstance(value, str):
            for path, problem in self.of.issues(value):
                yield path, "Invalid input" if problem == NO_URI else problem
        elif isinstance(value, list):
            yield from ListField(required=True, of=self.of, min_items=1).issues(value)
        else:
            yield "", "Invalid input"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrimmedField(Field):
    """A text that is not only white space."""

    kind: Kind = "string"

    def problems(self, value: Any) -> list[str]:
        found = Field.problems(self, value)
        if found or value is UNDEFINED or value.strip(_SPACE):
            return found
        return ["Too small: expected string to have >=1 characters"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedField(Field):
    """A text with a check of its own, which returns what is wrong."""

    kind: Kind = "string"
    check: Callable[[str], str | None] = lambda _: None

    def problems(self, value: Any) -> list[str]:
        found = Field.problems(self, value)
        wrong = None if found or value is UNDEFINED else self.check(value)
        return [wrong] if wrong else found


@dataclass(frozen=True, slots=True)
class OAuthSchema(Schema):
    """A body whose first problem is the error, by the rules of RFC 6749.

    `error_codes` are by property: one for every problem, or one for a value that is not known.
    """

    error_codes: Mapping[str, str | tuple[str]] = field(default_factory=dict)
    default_error: str = "invalid_request"

    def validate(self, body: Any, where: str = "body") -> dict[str, Any]:
        """Return the known properties.

        Raises:
            OAuthError: 400.
        """
        del where
        if body is UNDEFINED and self.optional:
            return {}
        problem = first_problem(self, body)
        if problem is not None:
            raise OAuthError(*problem)
        return {k: v for k, v in body.items() if self.additional_properties or k in self.fields}


def first_problem(schema: OAuthSchema, body: Any) -> tuple[str, str] | None:
    """Return the error and the description of the first problem."""
    if not isinstance(body, dict):
        return schema.default_error, expected("object", body)
    for name, each in schema.fields.items():
        for path, message in each.issues(body.get(name, UNDEFINED)):
            where = name + _INDEX.sub(r"[\1]", path)
            return _code(schema, name, message), _shortened(_described(where, message))
    return None


def _code(schema: OAuthSchema, name: str, message: str) -> str:
    code = schema.error_codes.get(name, schema.default_error)
    if isinstance(code, str):
        return code
    return code[0] if _VALUES.fullmatch(message) else schema.default_error


def _described(where: str, message: str) -> str:
    if match := _TYPE.fullmatch(message):
        if match[2] == "undefined":
            return f"{where} is required"
        if match[2] == "array":
            return f"{where} must not appear more than once"
        return f"{where} must be a {match[1]}"
    if match := _VALUES.fullmatch(message):
        values = match[1].replace('"', "").replace("|", ", ")
        return f"{where} must be one of: {values}"
    return f"{where}: {message}"


def _shortened(text: str) -> str:
    return to_well_formed(text[:_SHOWN])
