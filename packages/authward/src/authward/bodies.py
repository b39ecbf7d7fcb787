"""Request bodies read as Better Auth's router (better-call) reads them."""

import json
import re
from collections.abc import Callable
from json import JSONDecodeError
from typing import Any
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message, Receive

from authward.codes import Code
from authward.errors import APIError
from authward.validation import UNDEFINED

FORM = "application/x-www-form-urlencoded"
JSON_ONLY = ("application/json",)
FORM_OR_JSON = (FORM, "application/json")
ENCODED = "Content-Encoding is not supported: send the body as it is"
NOT_UTF_8 = "JSON is UTF-8: send the body in that charset"
_CHARSET = re.compile(r""";\s*charset\s*=\s*["']?([^\s;"']+)""", re.IGNORECASE)
IDENTITY_ENCODING = {"accept-encoding": "identity"}
MAX_BODY_BYTES = 65_536
MAX_BODY_BYTES_WITH_IMAGE = 1_048_576
MAX_FIELDS = 100
_MAX_STRUCTURE_BYTES = 16_384
_MAX_STRINGS = 1_000
_MAX_ESCAPES = 32_768
_JSON_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+\\?"?', re.DOTALL)
"""Also one that does not end: looking for its end again and again would take long."""
_SHOWN_LENGTH = 100
_INVALID = "Invalid JSON in request body"
_TOO_MANY_PARTS = "The request body has too many parts"


class JSONRequest(Request):
    """A request for which every kind of broken JSON is the same error; intricate JSON is 413."""

    async def body(self) -> bytes:
        """Return the body.

        Raises:
            HTTPException: 415, before anything is read, if it is compressed.
        """
        if has_content_encoding(self.headers):
            raise HTTPException(415, ENCODED, IDENTITY_ENCODING)
        return await super().body()

    async def json(self) -> Any:
        """Return the parsed body.

        Raises:
            json.JSONDecodeError: also for invalid UTF-8, endless digits and endless nesting.
            HTTPException: 413; 415, if it cannot be read and says itself that it is not UTF-8.
        """
        broken = JSONDecodeError("not JSON", "", 0)
        _check_complexity(await self.body(), broken, HTTPException(413, _TOO_MANY_PARTS))
        try:
            return await super().json()
        except (ValueError, RecursionError):
            if _names_another_charset(self.headers.get("content-type", "")):
                raise HTTPException(415, NOT_UTF_8) from None
            raise broken from None


async def read_body(request: Request, media_types: tuple[str, ...]) -> Any:
    """Return the parsed body, UNDEFINED where there is none.

    Raises:
        APIError: 415 for another media type or a compressed body, 400 for broken JSON, 413 for
            too much of it.
    """
    content_type = request.headers.get("content-type", "")
    if request.method == "GET" or not content_type or _is_empty(request):
        return UNDEFINED
    media_type = content_type.split(";")[0].strip().lower()
    if media_type not in media_types:
        message = f'Content-Type "{content_type[:_SHOWN_LENGTH]}" is not allowed. Allowed types: '
        raise APIError(Code.UNSUPPORTED_MEDIA_TYPE, message=message + ", ".join(media_types))
    if has_content_encoding(request.headers):
        raise APIError(Code.UNSUPPORTED_MEDIA_TYPE, message=ENCODED, headers=IDENTITY_ENCODING)
    raw = await request.body()
    text = raw.decode("utf-8-sig", "replace").removeprefix("\ufeff")
    if media_type != "application/json":
        return _parse_form(text)
    intricate = APIError(Code.PAYLOAD_TOO_LARGE, message=_TOO_MANY_PARTS)
    _check_complexity(raw, APIError(Code.BAD_REQUEST, message=_INVALID), intricate)
    return parse_json(text)


def too_large_message(limit: int) -> str:
    """Return the sentence that says so."""
    return f"The request body may have at most {limit} bytes"


def limit_body(limit: int, request: Request, refusal: Callable[[], Exception]) -> Receive:
    """Return what receives the request's body, or raises `refusal()` for more than `limit` bytes.

    Where the length is announced, nothing is read before that.
    """
    received = 0

    async def receive() -> Message:
        nonlocal received
        announced = request.headers.get("content-length", "")
        if announced.isdecimal() and int(announced[:20]) > limit:
            raise refusal()
        message = await request.receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise refusal()
        return message

    return receive


def is_json(content_type: str) -> bool:
    """Whether it names JSON, as FastAPI sees it."""
    kind, _, name = content_type.split(";", maxsplit=1)[0].strip().lower().partition("/")
    return kind == "application" and (name == "json" or name.endswith("+json"))


def is_too_complex(raw: bytes) -> bool:
    """Whether JSON has so many parts that reading them takes long; a long text is quickly read."""
    if len(raw) <= _MAX_STRUCTURE_BYTES:
        return False
    rest, texts = _JSON_STRING.subn(b"", raw, _MAX_STRINGS)
    return texts == _MAX_STRINGS or len(rest.translate(None, b" \t\r\n")) > _MAX_STRUCTURE_BYTES


def _check_complexity(raw: bytes, broken: Exception, intricate: Exception) -> None:
    """Raise `broken` where one can see without parsing that it would not parse."""
    if is_too_complex(raw):
        balanced = raw.count(b"[") == raw.count(b"]") and raw.count(b"{") == raw.count(b"}")
        raise intricate if balanced else broken


def _parse_form(text: str) -> dict[str, str]:
    """As in the original the last of equal names counts."""
    if text.count("&") >= MAX_FIELDS or text.count("%") > _MAX_ESCAPES:
        raise APIError(Code.PAYLOAD_TOO_LARGE, message=_TOO_MANY_PARTS)
    return dict(parse_qsl(text, keep_blank_values=True, errors="replace"))


def parse_json(text: str) -> Any:
    """Parse JSON as strictly as JavaScript does.

    Raises:
        APIError: 400.
    """
    try:
        return json.loads(text, parse_constant=_refuse_constant, parse_int=_number)
    except (ValueError, RecursionError):
        raise APIError(Code.BAD_REQUEST, message=_INVALID) from None


def has_content_encoding(headers: Headers) -> bool:
    """Whether a body is sent compressed, or in any other coding but its own."""
    codings = ",".join(headers.getlist("content-encoding")).lower().split(",")
    return any(coding.strip() not in {"", "identity"} for coding in codings)


def _names_another_charset(content_type: str) -> bool:
    charset = _CHARSET.search(content_type)
    return charset is not None and charset[1].lower() not in {"utf-8", "utf8", "us-ascii"}


def _is_empty(request: Request) -> bool:
    length = request.headers.get("content-length")
    return length == "0" or (length is None and "transfer-encoding" not in request.headers)


def _refuse_constant(name: str) -> Any:
    """NaN and infinities are Python's own idea of JSON."""
    raise ValueError(name)


def _number(digits: str) -> float:
    """JavaScript has no integers; Python refuses to parse those of thousands of digits."""
    return float(digits)
