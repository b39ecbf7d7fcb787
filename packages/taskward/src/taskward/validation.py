"""What is wrong with a value, in our own words and never with the value: it may be a secret."""

from collections.abc import Mapping
from typing import Any

_MESSAGES = {
    "json_invalid": "is not valid JSON",
    "missing": "is required",
    "string_too_long": "at most {max_length} characters",
    "string_too_short": "at least {min_length} characters",
    "string_type": "must be a string",
    "string_unicode": "must be valid Unicode",
    "bool_type": "must be true or false",
    "int_parsing": "must be an integer",
    "int_type": "must be an integer",
    "int_from_float": "must be an integer",
    "int_parsing_size": "must be an integer of at most 64 bits",
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
    "literal_error": "must be {expected}",
    "list_type": "must be a list",
    "too_long": "at most {max_length}",
    "too_short": "at least {min_length}",
    "model_type": "must be an object",
    "model_attributes_type": "must be a JSON object, sent as application/json",
}
"""By pydantic's name of what is wrong."""


def message_of(error: Mapping[str, Any]) -> str:
    """Return the words for one of pydantic's errors."""
    context = error.get("ctx", {})
    if context.get("min_length") == 1:
        return "must not be empty"
    template = _MESSAGES.get(error["type"])
    return template.format(**context) if template else error["msg"].removeprefix("Value error, ")
