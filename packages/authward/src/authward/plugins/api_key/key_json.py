"""Keys as a secondary storage has them: the original's JSON, with which either server works."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import orjson

from authward.plugins.api_key.keys import parsed
from authward.schema.fields import DBField
from authward.storage.adapter import Row
from authward.timestamps import from_json, to_json

_TIMES: Final = ("createdAt", "updatedAt", "expiresAt", "lastRefillAt", "lastRequest")
_SAFE: Final = 2**53
"""Below it JavaScript has every whole number."""


def to_text(row: Row) -> str:
    """Return a key as it is stored: its metadata is an object, its permissions are a text."""
    times = {name: row[name] and to_json(row[name]) for name in _TIMES}
    given = {**row, **times, "metadata": parsed(row["metadata"])}
    return orjson.dumps({str(name): value for name, value in given.items()}).decode()


def with_whole_numbers(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values in which 2.0 is 2, as a table's columns make it, and JavaScript."""
    whole = {n: int(v) for n, v in values.items() if isinstance(v, float) and v.is_integer()}
    return {**values, **whole}


def to_row(text: str | None, fields: Mapping[str, DBField]) -> Row | None:
    """Return a stored key with all fields of its table; None for anything else."""
    try:
        given: Any = orjson.loads(text or "")
        times = {name: _moment(given.get(name)) for name in _TIMES}
        row = {**dict.fromkeys(fields), **given, **times}
        row |= {"metadata": _metadata(given.get("metadata")), "id": str(given["id"])}
    except (ValueError, TypeError, LookupError, AttributeError):
        return None
    return row if all(_holds(field, row[name]) for name, field in fields.items()) else None


def _holds(field: DBField, value: Any) -> bool:
    if value is None:
        return not field.required or field.default_value is not None
    if field.type == "number":
        return isinstance(value, int | float) and abs(value) < _SAFE
    return field.type != "string" or isinstance(value, str)


def _moment(text: str | None) -> datetime | None:
    return from_json(text) if text else None


def _metadata(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value).decode()
