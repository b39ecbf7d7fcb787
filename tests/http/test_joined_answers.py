"""Answers whose head and body are one piece: byte for byte what uvicorn would write in two."""

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from taskward.http.cycle import _MAX_BODY, JoinedCycle
from tests.fuzz.sizes import size

LOG = logging.getLogger(__name__)
NAMES = st.sampled_from(
    [
        *(b"content-type", b"Set-Cookie", b"set-cookie", b"x_odd", b"x odd", b"", b"x\r\n", b"x:"),
        *(b"connection", b"transfer-encoding", b"Content-Length", b"content-length", b"\xe9"),
    ]
)
VALUES = st.sampled_from(
    [b"", b"a", b"close", b"chunked", b"3", b"0", b"a\tb", b"a\r\nb: c", b"\0", b"\x7f", b"\xff"]
)
BODIES = st.sampled_from([b"", b"abc", b"x" * _MAX_BODY, b"x" * (_MAX_BODY + 1)])
Message = dict[str, Any]


class Wire(asyncio.Transport):
    """Where it goes, piece by piece."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.pieces.append(bytes(data))

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed


@dataclass
class Answering:
    """A request that is being answered."""

    kind: type[RequestResponseCycle]
    method: str = "GET"
    keep_alive: bool = True
    wire: Wire = field(default_factory=Wire)
    completed: int = 0

    def __post_init__(self) -> None:
        self.flow = FlowControl(self.wire)
        scope: Any = {"type": "http", "method": self.method, "http_version": "1.1"}
        self.cycle = self.kind(
            scope=scope,
            transport=self.wire,
            flow=self.flow,
            logger=LOG,
            access_logger=LOG,
            access_log=False,
            default_headers=[(b"server", b"uvicorn"), (b"date", b"today")],
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=self.keep_alive,
            on_response=self.complete,
        )

    def complete(self) -> None:
        self.completed += 1

    async def outcome(self, messages: list[Any]) -> tuple[Any, ...]:
        """What is on the wire in the end, and what else can be seen of it."""
        error = None
        try:
            for message in messages:
                await self.cycle.send(message)
        except (RuntimeError, ValueError) as raised:
            error = repr(raised)
        cycle = self.cycle
        states = (cycle.response_started, cycle.response_complete, cycle.keep_alive)
        seen = (self.wire.is_closed, self.completed, cycle.message_event.is_set())
        return b"".join(self.wire.pieces), error, states, seen


def start(*headers: tuple[bytes, bytes], status: int = 200) -> Message:
    return {"type": "http.response.start", "status": status, "headers": [*headers]}


def body(content: bytes, *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": content, "more_body": more}


def length(content: bytes) -> tuple[bytes, bytes]:
    return (b"content-length", b"%d" % len(content))


@st.composite
def answers(draw: st.DrawFn) -> list[Message]:
    """Heads and bodies of any kind; what a head says of the length may be wrong."""
    content, headers = draw(BODIES), draw(st.lists(st.tuples(NAMES, VALUES), max_size=3))
    if (error := draw(st.sampled_from([None, -1, 0, 0, 0, 1]))) is not None:
        headers.append((b"content-length", b"%d" % (len(content) + error)))
    parts = [content, *draw(st.lists(BODIES, max_size=2))]
    status = draw(st.sampled_from([200, 204, 304, 404, 500]))
    messages = [body(part, more=place < len(parts)) for place, part in enumerate(parts, 1)]
    return [start(*headers, status=status), *messages]


@settings(max_examples=size(300, 5_000))
@given(
    method=st.sampled_from(["GET", "HEAD", "POST"]), keep_alive=st.booleans(), messages=answers()
)
@example(method="GET", keep_alive=True, messages=[start(length(b"abc")), body(b"abc")])
@example(method="GET", keep_alive=False, messages=[start(length(b"abc")), body(b"abc")])
async def test_whatever_is_answered_is_on_the_wire_as_uvicorn_would_write_it(
    method: str, keep_alive: bool, messages: list[Message]
) -> None:
    ours = Answering(JoinedCycle, method, keep_alive)
    theirs = Answering(RequestResponseCycle, method, keep_alive)
    assert await ours.outcome(messages) == await theirs.outcome(messages)


async def test_a_small_answer_is_one_piece_and_its_head_alone_is_not_sent() -> None:
    answering = Answering(JoinedCycle)
    await answering.cycle.send(start(length(b"abc")))  # type: ignore[arg-type]
    assert answering.wire.pieces == []
    await answering.cycle.send(body(b"abc"))  # type: ignore[arg-type]
    assert len(answering.wire.pieces) == 1
    assert answering.wire.pieces[0].endswith(b"content-length: 3\r\n\r\nabc")


async def test_the_head_of_an_answer_of_no_length_is_sent_before_its_first_part() -> None:
    answering = Answering(JoinedCycle)
    await answering.cycle.send(start())  # type: ignore[arg-type]
    assert answering.wire.pieces[0].startswith(b"HTTP/1.1 200 OK\r\n")


async def test_a_client_that_does_not_read_is_waited_for() -> None:
    answering = Answering(JoinedCycle)
    await answering.cycle.send(start(length(b"abc")))  # type: ignore[arg-type]
    answering.flow.pause_writing()
    sending = asyncio.create_task(answering.cycle.send(body(b"abc")))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    assert (answering.wire.pieces, sending.done()) == ([], False)
    answering.flow.resume_writing()
    await sending
    assert b"".join(answering.wire.pieces).endswith(b"\r\n\r\nabc")


@pytest.mark.parametrize("when", [0, 1])
async def test_nobody_is_written_to_who_is_gone(when: int) -> None:
    answering = Answering(JoinedCycle)
    for place, message in enumerate([start(length(b"abc")), body(b"abc")]):
        answering.cycle.disconnected = place >= when
        await answering.cycle.send(message)  # type: ignore[arg-type]
    assert answering.wire.pieces == []
