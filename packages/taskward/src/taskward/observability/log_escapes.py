"""What clients send, as it may stand in a log: on one line, and with no power over a terminal."""

import json
import re
from collections.abc import MutableMapping
from io import StringIO
from typing import Any, TextIO

import orjson
import structlog
from structlog.typing import ExcInfo

_KEPT = frozenset(("exc_info", "stack_info", "stack"))
_LINE_ENDS = re.compile(r"\r\n|[\n\r]")


def escaped(text: str) -> str:
    """Return the text with everything that is not printed as itself written in ASCII.

    That is control characters of both kinds, line ends and odd spaces of Unicode, marks that turn
    the direction of writing, and what has no width; not the letters and signs of any language.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _code(each) for each in text)


def escape_event(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Escape the keys and values of an event that is rendered for people."""
    return {
        escaped(key): value if key in _KEPT else _escaped_value(value)
        for key, value in event.items()
    }


def indented_traceback(out: TextIO, error: ExcInfo) -> None:
    """Write a traceback whose lines none can take for an event: all are indented."""
    whole = StringIO()
    structlog.dev.plain_traceback(whole, error)
    out.writelines(
        f"\n    {escaped(line)}" for line in _LINE_ENDS.split(whole.getvalue().strip("\n"))
    )


def to_json(event: object, **_: object) -> str:
    """Return one line of JSON that shows nothing which is not printed as itself."""
    try:
        line = orjson.dumps(event, default=repr).decode()
    except TypeError:  # half of a character, which UTF-8 cannot hold
        return json.dumps(event, default=repr)
    return json_escaped(line)


def json_escaped(line: str) -> str:
    """Return the same JSON, which orjson wrote as one line, with its strings escaped alike."""
    if line.isascii() and "\x7f" not in line:
        return line
    return "".join(each if each.isprintable() else _json_code(each) for each in line)


def _escaped_value(value: Any) -> Any:
    if isinstance(value, str):
        return escaped(value)
    shown = repr(value)
    return value if shown.isprintable() else escaped(shown)


def _code(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def _json_code(character: str) -> str:
    return character if character == "\n" else json.dumps(character)[1:-1]
