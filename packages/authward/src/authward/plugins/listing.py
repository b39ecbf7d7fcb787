"""Pages of rows as the original's lists have them: limit, offset, sort and one filter, as text."""

import re
from collections.abc import Mapping
from typing import Any, get_args

from authward.codes import Code
from authward.errors import APIError
from authward.schema.fields import DBField
from authward.schema.values import to_database
from authward.storage.adapter import Page
from authward.storage.where import Operator, Where
from authward.validation import Field
from authward.validation_kinds import Choice, OneOrMoreTexts, OneTextOrNumber

MAX_LIMIT = 1_000
"""So many rows are a page at most: nobody's answer may hold the others up."""
TEXT_OPERATORS = ("contains", "starts_with", "ends_with")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_OTHER_BASE = re.compile(r"0(x[\da-f]+|o[0-7]+|b[01]+)", re.IGNORECASE)
_ID = DBField(type="string")
QUERY: Mapping[str, Field] = {
    "limit": OneTextOrNumber(required=False, description="How many, by default 100"),
    "offset": OneTextOrNumber(required=False, description="How many to skip"),
    "sortBy": Field("string", required=False, description="A field"),
    "sortDirection": Choice(required=False, choices=("asc", "desc")),
    "filterField": Field("string", required=False, description="A field"),
    "filterValue": OneOrMoreTexts(required=False, description="What it has"),
    "filterOperator": Choice(required=False, choices=get_args(Operator)),
}
"""The parameters of a list."""


class NoSuchRowsError(Exception):
    """No row can be meant by this."""


def page_of(fields: Mapping[str, DBField], query: Mapping[str, Any], *, default_limit: int) -> Page:
    """Return which rows a query asks for.

    Raises:
        NoSuchRowsError: those of a page or in an order that there is not.
        APIError: 400 for too many.
    """
    limit, offset = (js_number(query.get(name)) for name in ("limit", "offset"))
    if not _is_count(limit) or not _is_count(offset):
        raise NoSuchRowsError
    if limit > MAX_LIMIT:
        message = f"[query.limit] Too big: expected number to be <={MAX_LIMIT}"
        raise APIError(Code.VALIDATION_ERROR, message=message)
    sort_by = query.get("sortBy")
    if sort_by:
        _field(fields, sort_by)
    return Page(
        limit=int(limit) or default_limit,
        offset=int(offset),
        sort_by=sort_by or None,
        descending=query.get("sortDirection") == "desc",
    )


def conditions(
    fields: Mapping[str, DBField], name: str, operator: Operator, value: Any
) -> list[Where]:
    """Return what is asked of a field, as text or texts.

    Raises:
        NoSuchRowsError: no row can answer this.
    """
    field = _field(fields, name)
    if operator in TEXT_OPERATORS:
        if not field.is_text:
            raise NoSuchRowsError
        text = ",".join(value) if isinstance(value, list) else value
        return [Where(name, text, operator)]
    if operator in {"in", "not_in"}:
        if operator == "in" and not isinstance(value, list):
            raise NoSuchRowsError
        values = value if isinstance(value, list) else [value]
        return [Where(name, [_value(field, each) for each in values], operator)]
    if isinstance(value, list):
        raise NoSuchRowsError
    # Whoever has no value is not asked: SQL's `<>`, not "is distinct from".
    has_one = [Where(name, None, "ne")] if operator == "ne" else []
    return [Where(name, _value(field, value), operator), *has_one]


def _field(fields: Mapping[str, DBField], name: str) -> DBField:
    """Return a field that is shown: a hidden one could be guessed by asking for it."""
    field = _ID if name == "id" else fields.get(name)
    if field is None or not field.returned:
        raise NoSuchRowsError
    return field


def _value(field: DBField, value: str) -> Any:
    if field.type == "boolean":
        return value == "true"
    try:
        return to_database(field, value)
    except ValueError:
        raise NoSuchRowsError from None


def js_number(value: Any) -> float:
    """Return JavaScript's `Number(value)`, and zero for what is no number."""
    if value is None or isinstance(value, int | float):
        return value or 0
    text = str(value).strip()
    if _OTHER_BASE.fullmatch(text):
        return int(text, 0)
    if text.lstrip("+-") == "Infinity":
        return -1  # No query can have it, nor a number below zero.
    return float(text) if _NUMBER.fullmatch(text) else 0


def _is_count(value: float) -> bool:
    return 0 <= value < 2**63 and value == value // 1
