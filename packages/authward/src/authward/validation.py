"""Request bodies checked as Better Auth's validator (zod 4) does, with its messages to the letter.

Clients show these messages and tests compare them, so pydantic's own wording would not do.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, TypeAlias

from authward.codes import Code
from authward.errors import APIError
from authward.text import to_well_formed

UNDEFINED: Any = type("Undefined", (), {"__bool__": lambda _: False})()
_EMAIL = re.compile(
    r"(?:[A-Za-z0-9_'+\-]+\.)*[A-Za-z0-9_'+\-]*[A-Za-z0-9_+-]@"
    r"(?:[A-Za-z0-9][A-Za-z0-9\-]*\.)+[A-Za-z]{2,}"
)
EMAIL_MAX_LENGTH = 254
_MAX_PROBLEMS = 20
_MAX_MESSAGE = 4_096
WITHOUT_NUL = {"pattern": "^[^\\u0000]*$"}
"""The JSON schema of what PostgreSQL can hold."""
EMAIL = {"pattern": f"^{_EMAIL.pattern}$", "maxLength": EMAIL_MAX_LENGTH}
"""The JSON schema of an e-mail address; `format: email` would be stricter than zod is."""

Kind: TypeAlias = Literal["string", "boolean", "number", "email", "object", "array"]


@dataclass(frozen=True, slots=True)
class Field:
    """One property of a body."""

    kind: Kind
    required: bool = True
    nonempty: bool = False
    max_length: int | None = None
    description: str = ""
    json_schema_extra: Mapping[str, Any] | None = None
    """More of its JSON schema, for the OpenAPI document: what the handler checks, not zod."""

    def issues(self, value: Any) -> Iterator[tuple[str, str]]:
        """Yield problems, each with the path to it inside the value (`.name` or `.0`)."""
        for problem in self.problems(value):
            yield "", problem

    def problems(self, value: Any) -> list[str]:
        """Return zod's messages for a wrong value, none for a right one."""
        if value is UNDEFINED and not self.required:
            return []
        if self.kind == "boolean":
            return [] if isinstance(value, bool) else [expected("boolean", value)]
        if self.kind == "number":
            return [] if _type_name(value) == "number" else [expected("number", value)]
        if isinstance(value, str):
            problem = self._text_problem(value)
            return [problem] if problem else []
        empty_list = self.nonempty and value == []
        too_small = ["Too small: expected array to have >=1 items"] if empty_list else []
        return [expected("string", value), *too_small]

    def json_schema(self) -> dict[str, Any]:
        """Return the schema for the OpenAPI document."""
        kind: dict[str, Any] = {"type": "string", **EMAIL} if self.kind == "email" else {}
        limits = {"minLength": int(self.nonempty) or None, "maxLength": self.max_length}
        more = {**limits, "description": self.description}
        return {
            "type": self.kind,
            **kind,
            **{name: value for name, value in more.items() if value},
            **(self.json_schema_extra or {}),
        }

    def _text_problem(self, value: str) -> str | None:
        if self.kind == "email" and not is_email(value):
            return "Invalid email address"
        if self.nonempty and not value:
            return "Too small: expected string to have >=1 characters"
        if self.max_length is not None and len(value) > self.max_length:
            return f"Too big: expected string to have <={self.max_length} characters"
        return None


@dataclass(frozen=True, slots=True)
class Schema:
    """The properties of a body; others are dropped, unless `additional_properties` is true."""

    fields: dict[str, Field]
    optional: bool = False
    additional_properties: bool = False
    json_schema_extra: Mapping[str, Any] | None = None
    """More of its JSON schema, as for a field."""

    def validate(self, body: Any, where: str = "body") -> dict[str, Any]:
        """Return the known properties of a body, or of the query as `EndpointContext.query` has it.

        Raises:
            APIError: 400 VALIDATION_ERROR with every problem.
        """
        if body is UNDEFINED and self.optional:
            return {}
        problems = self._problems(body, where)
        if problems:
            raise APIError(Code.VALIDATION_ERROR, message=_shortened(problems))
        return {k: v for k, v in body.items() if self.additional_properties or k in self.fields}

    def _problems(self, body: Any, where: str) -> list[str]:
        """Return the first problems: of thousands the others would only fill the answer."""
        return list(islice(self.problems(body, where), _MAX_PROBLEMS))

    def problems(self, body: Any, where: str) -> Iterator[str]:
        """Yield zod's messages, with the paths of what they are about."""
        if not isinstance(body, dict):
            kinds = (["object"] if self.fields else []) + (
                ["record"] if self.additional_properties else []
            )
            yield from (f"[{where}] {expected(kind, body)}" for kind in kinds)
            return
        for name, field in self.fields.items():
            for path, problem in field.issues(body.get(name, UNDEFINED)):
                yield f"[{where}.{name}{path}] {problem}"

    def json_schema(self, *, texts: bool = False) -> dict[str, Any]:
        """Return the schema for the OpenAPI document; `texts`: a form, in which all is text."""
        return {
            "type": "object",
            "properties": {
                name: field.json_schema()
                for name, field in self.fields.items()
                if not texts or field.kind in {"string", "email"}
            },
            "required": [name for name, field in self.fields.items() if field.required],
            **(self.json_schema_extra or {}),
        }

    def query_parameters(self) -> list[dict[str, Any]]:
        """Return the schema as parameters of the query for the OpenAPI document."""
        schema = self.json_schema()
        return [
            {"name": name, "in": "query", "required": name in schema["required"], "schema": of}
            for name, of in schema["properties"].items()
        ]


def _shortened(problems: list[str]) -> str:
    return to_well_formed("; ".join(problems)[:_MAX_MESSAGE])


def is_email(value: str) -> bool:
    """Whether zod takes it for an e-mail address (and PostgreSQL's index can hold it)."""
    return len(value) <= EMAIL_MAX_LENGTH and _EMAIL.fullmatch(value) is not None


def is_truthy(value: Any) -> bool:
    """Whether JavaScript takes a JSON value for true: empty lists and objects are."""
    return isinstance(value, list | dict) or bool(value)


def expected(kind: str, value: Any) -> str:
    """Return zod's message for a value of another type."""
    return f"Invalid input: expected {kind}, received {_type_name(value)}"


def _type_name(value: Any) -> str:
    if value is UNDEFINED:
        return "undefined"
    if value is None:
        return "null"
    if isinstance(value, float) and math.isinf(value):
        return "Infinity"
    names = {bool: "boolean", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "number")
