"""Request bodies read as Better Auth's router (better-call) reads them."""

import json
from json import JSONDecodeError
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request

from taskward.auth.errors import APIError
from taskward.auth.validation import UNDEFINED

FORM = "application/x-www-form-urlencoded"
JSON_ONLY = ("application/json",)
FORM_OR_JSON = (FORM, "application/json")


class JSONRequest(Request):
    """A request for which every kind of broken JSON is the same error."""

    async def json(self) -> Any:
        """Return the parsed body.

        Raises:
            json.JSONDecodeError: also for invalid UTF-8, endless digits and endless nesting.
        """
        try:
            return await super().json()
        except (ValueError, RecursionError):
            raise JSONDecodeError("not JSON", "", 0) from None


async def read_body(request: Request, media_types: tuple[str, ...]) -> Any:
    """Return the parsed body, UNDEFINED where there is none.

    Raises:
        APIError: 415 for another media type, 400 for broken JSON.
    """
    content_type = request.headers.get("content-type", "")
    if request.method == "GET" or not content_type or _is_empty(request):
        return UNDEFINED
    media_type = content_type.split(";")[0].strip().lower()
    if media_type not in media_types:
        message = f'Content-Type "{content_type}" is not allowed. Allowed types: '
        raise APIError(415, "UNSUPPORTED_MEDIA_TYPE", message + ", ".join(media_types))
    text = (await request.body()).decode("utf-8-sig", "replace").removeprefix("\ufeff")
    if media_type == "application/json":
        return parse_json(text)
    return dict(parse_qsl(text, keep_blank_values=True, errors="replace"))


def parse_json(text: str) -> Any:
    """Parse JSON as strictly as JavaScript does.

    Raises:
        APIError: 400.
    """
    try:
        return json.loads(text, parse_constant=_refuse_constant, parse_int=_number)
    except (ValueError, RecursionError):
        raise APIError(400, "BAD_REQUEST", "Invalid JSON in request body") from None


def _is_empty(request: Request) -> bool:
    length = request.headers.get("content-length")
    return length == "0" or (length is None and "transfer-encoding" not in request.headers)


def _refuse_constant(name: str) -> Any:
    """NaN and infinities are Python's own idea of JSON."""
    raise ValueError(name)


def _number(digits: str) -> float:
    """JavaScript has no integers; Python refuses to parse those of thousands of digits."""
    return float(digits)
