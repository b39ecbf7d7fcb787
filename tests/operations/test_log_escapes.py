"""What clients send cannot forge a line of the log, nor talk to the terminal that shows it."""

import json
import logging
import sys
from collections.abc import Iterator
from io import StringIO
from typing import Any, Literal

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Scope

from taskward.observability.log_escapes import escaped, json_escaped, to_json
from taskward.observability.logs import AccessLog, configure_logging
from tests.conftest import CreateDatabase
from tests.fuzz.target import MakeRunServer
from tests.fuzz.wire import Wire

STYLES = ("console", "json")
FORGING = [
    *("a\nb", "a\r\nb", "a\rb", "\x1b[2J\x1b[31mred", "\x1b]0;title\x07", "\x00", "\x7f", "\x08"),
    *(
        "\x9b31m",
        "\x85",
        "a\u2028b",
        "a\u2029b",
        "\u202e gnp.exe",
        "\u2066x\u2069",
        "\u200b",
        "\xad",
    ),
    *("\ufeff", "\ue000", "\U000e0001", "\xa0", "\u3000"),
]
ANYTHING = st.text(st.characters(codec="utf-8"))


@pytest.fixture(params=STYLES)
def style(request: pytest.FixtureRequest) -> Iterator[Literal["console", "json"]]:
    yield request.param
    structlog.reset_defaults()
    configure_logging("json")


def written_by(style: Literal["console", "json"], *, event: str, key: str, value: Any) -> list[str]:
    """The lines of one event of each kind: of ours, of a library, and of a request."""
    out, original = StringIO(), sys.stdout
    sys.stdout = out
    try:
        structlog.reset_defaults()
        configure_logging(style)
        structlog.get_logger("test").warning(event, **{key: value})
        logging.getLogger("uvicorn.error").warning("%s %r", event, value)
        scope: Scope = {"type": "http", "method": "GET", "path": f"/{event}"}
        if style == "console":
            AccessLog(style, lambda user: user)(scope, 404, 0.1, "id")
    finally:
        sys.stdout = original
    return out.getvalue().removesuffix("\n").split("\n")


@pytest.mark.parametrize("text", FORGING, ids=ascii)
def test_one_event_is_one_line_in_which_nothing_is_hidden(
    style: Literal["console", "json"], text: str
) -> None:
    for value in (text, [text], {text: text}, ValueError(text)):
        lines = written_by(style, event=text, key=f"key{text}", value=value)
        assert len(lines) == 2 + (style == "console")
        assert all(line.isprintable() for line in lines)
        if style == "json":
            read = [json.loads(line) for line in lines]
            assert read[0]["event"] == text
            assert f"key{text}" in read[0]


@given(ANYTHING)
def test_what_is_printed_as_itself_stays_and_nothing_else(text: str) -> None:
    assert escaped(text).isprintable()
    if text.isprintable():
        assert escaped(text) == text


@given(st.dictionaries(ANYTHING, ANYTHING | st.lists(ANYTHING)))
def test_a_line_of_json_says_the_same_escaped(event: dict[str, Any]) -> None:
    line = to_json(event)
    assert line.isprintable()
    assert json.loads(line) == event
    assert json_escaped(line + "\n") == line + "\n"


def test_half_a_character_is_no_reason_not_to_log() -> None:
    assert json.loads(to_json({"event": "\ud800"})) == {"event": "\ud800"}
    assert escaped("\ud800") == "\\ud800"


def test_a_traceback_cannot_be_taken_for_events(capsys: pytest.CaptureFixture[str]) -> None:
    structlog.reset_defaults()
    configure_logging("console")
    error = ValueError("x\n2026-01-01T00:00:00Z [info     ] forged\x1b[2J\x85forged\u2028forged")
    structlog.get_logger("test").error("internal error", exc_info=error)
    structlog.reset_defaults()
    configure_logging("json")
    first, *rest = capsys.readouterr().out.splitlines()
    assert "internal error" in first
    assert any("forged" in line for line in rest)
    assert all(line.startswith("    ") and line.isprintable() for line in rest if line)


HEAD = (
    "GET /%0a2026-01-01%20[info]%20forged%1b[2J%c2%9b31m%e2%80%ae%e2%80%a8 HTTP/1.1\r\nHost: x\r\n"
)
ODD = (
    b"User-Agent: \xc2\x85\x9b\xe2\x80\xae\r\nOrigin: http://\xe2\x80\xa8\r\nReferer: \xc2\x9b\r\n"
)


@pytest.mark.parametrize("style", STYLES)
async def test_a_server_writes_a_line_for_each_request_whatever_it_says(
    create_migrated_database: CreateDatabase, style: str
) -> None:
    with MakeRunServer(await create_migrated_database(), {"LOG_FORMAT": style}) as server:
        with Wire(server.port) as wire:
            before = len(server.log().splitlines())
            for _ in range(3):
                assert wire.send(HEAD.encode() + ODD + b"\r\n").answer().status == 404
            more = b"X-Request-ID: \xe2\x80\xae\r\nExpect: \x9b\r\n\r\n"
            assert wire.send(HEAD.encode() + ODD + more).answer().status == 404
            wire.send(b"GET /\x9b HTTP/1.1\r\n\r\n")
            assert wire.answer().status == 400
        server.stop()
        lines = server.log().splitlines()[before:]
        requests = [line for line in lines if "forged" in line]
        assert len(requests) == 4
        assert all(line.isprintable() for line in lines)
        assert all(line.isprintable() for line in server.log().split("\n"))
        assert not any(line.startswith("2026-01-01") for line in lines)
