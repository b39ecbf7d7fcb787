"""Values on their way into the database and out of it.

The original hands most of them to node-postgres as they came, so a number may be sent as text and
the other way round. What it would answer with a database error is refused here, in a sentence.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from authward.schema.fields import DBField
from authward.text import to_well_formed

_BOOLEANS = {
    **dict.fromkeys(("true", "t", "yes", "y", "on", "1"), True),
    **dict.fromkeys(("false", "f", "no", "n", "off", "0"), False),
}
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_INT32, _INT64 = 2**31, 2**63


def to_database(field: DBField, value: Any) -> Any:
    """Return what asyncpg takes for a value that JSON or Python has.

    Raises:
        ValueError: the column cannot hold it; the message says what it can hold.
    """
    if value is None:
        if field.required:
            raise ValueError("a value is required")
        return None
    if field.is_text:
        return _to_text(value)
    if field.is_json:
        return _to_jsonb(field, value)
    return _SCALARS[str(field.type)](field, value)


def decode_value(field: DBField, value: Any) -> Any:
    """Return what Python has for a value that asyncpg returned, or was given."""
    return orjson.loads(value) if field.is_json and value is not None else value


class InvalidFieldError(ValueError):
    """A field was given what its column cannot hold; the message names it."""


def encode_fields(fields: Mapping[str, DBField], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of fields as asyncpg takes them; null becomes the default, if there is one.

    Raises:
        InvalidFieldError: a column cannot hold one of them.
    """
    return {name: _encode_value(name, fields[name], value) for name, value in values.items()}


def _encode_value(name: str, field: DBField, value: Any) -> Any:
    if value is None and field.required and field.default_value is not None:
        value = field.default()
    if field.transform is not None and value is not None:
        value = field.transform(value)
    try:
        return to_database(field, value)
    except ValueError as error:
        raise InvalidFieldError(f"[body.{name}] {error}") from None


def _to_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number_text(value)
    if not isinstance(value, str) or "\0" in value:
        raise ValueError("expected a string without NUL characters")
    return to_well_formed(value)


def _number_text(value: float) -> str:
    """As JavaScript writes it: whole numbers without a fraction."""
    return str(int(value)) if value == value // 1 and abs(value) < 1e21 else str(value)


def _to_number(field: DBField, value: Any) -> int:
    limit = _INT64 if field.bigint else _INT32
    try:
        number = None if isinstance(value, bool) else int(value)
    except (ValueError, TypeError, OverflowError):
        number = None
    is_whole = number is not None and (isinstance(value, str) or number == value)
    if number is None or not is_whole or not -limit <= number < limit:
        raise ValueError("expected a whole number")
    return number


def _to_boolean(_: DBField, value: Any) -> bool:
    text = str(value).lower() if isinstance(value, bool) else _to_text(value).strip().lower()
    if text not in _BOOLEANS:
        raise ValueError("expected a boolean")
    return _BOOLEANS[text]


def _to_date(_: DBField, value: Any) -> datetime:
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    try:
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError):
        raise ValueError("expected a date, such as 2026-01-08T10:30:00.123Z") from None


def _to_jsonb(field: DBField, value: Any) -> str:
    element = {"string[]": str, "number[]": int | float}.get(str(field.type))
    if element is not None and not _is_list_of(element, value):
        raise ValueError(f"expected an array of {str(field.type)[:-2]}s")
    try:
        # A text is taken for JSON that was written already, as node-postgres does.
        parsed = json.loads(value) if isinstance(value, str) else value
        text = json.dumps(as_in_javascript(parsed), ensure_ascii=False, allow_nan=False)
    except (ValueError, RecursionError):
        raise ValueError("expected JSON") from None
    if _NUL.search(text) or to_well_formed(text) != text:
        raise ValueError("expected JSON without NUL characters and lone surrogates")
    return text


def as_in_javascript(value: Any) -> Any:
    """The body's parser makes all numbers fractions; whole ones are written without."""
    if isinstance(value, dict):
        return {name: as_in_javascript(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [as_in_javascript(entry) for entry in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _is_list_of(element: Any, value: Any) -> bool:
    entries = value if isinstance(value, list) else [None]
    return all(isinstance(entry, element) and not isinstance(entry, bool) for entry in entries)


_SCALARS: dict[str, Callable[[DBField, Any], Any]] = {
    "number": _to_number,
    "boolean": _to_boolean,
    "date": _to_date,
}
