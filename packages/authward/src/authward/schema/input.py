"""What a client may say of fields that are not the core's: the original's rules, to the letter."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from authward.codes import Code
from authward.errors import APIError
from authward.schema.fields import DBField
from authward.validation import is_truthy

MISSING = object()


def parse_input(
    fields: Mapping[str, DBField], data: Mapping[str, Any], action: Literal["create", "update"]
) -> dict[str, Any]:
    """Return the values that a body gives to fields, with defaults where a row is created.

    Raises:
        APIError: 400 for a field that is missing, may not be set, or has a value it may not have.
    """
    creates = action == "create"
    parsed = {
        name: _given(name, field, data[name], creates=creates)
        if name in data
        else _not_given(name, field, creates=creates)
        for name, field in fields.items()
    }
    return {name: value for name, value in parsed.items() if value is not MISSING}


def _given(name: str, field: DBField, value: Any, *, creates: bool) -> Any:
    if not field.input:
        if field.default_value is not None and creates:
            return field.default()
        if is_truthy(value):
            raise APIError(Code.FIELD_NOT_ALLOWED, message=f"{name} is not allowed to be set")
        return MISSING
    if field.validator is not None:
        return _validated(field.validator, value)
    return value if field.transform is None else field.transform(value)


def _validated(validator: Callable[[Any], Any], value: Any) -> Any:
    try:
        return validator(value)
    except ValueError as error:
        raise APIError(Code.VALIDATION_ERROR, message=str(error)) from None


def _not_given(name: str, field: DBField, *, creates: bool) -> Any:
    if not creates:
        return MISSING
    if field.default_value is not None:
        return field.default()
    if field.required:
        raise APIError(Code.MISSING_FIELD, message=f"{name} is required")
    return MISSING
