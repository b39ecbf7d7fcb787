"""HTTP/1.1 over a bare socket: what is sent is sent as it is, and an answer is taken apart."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Self

import orjson

HOST = "127.0.0.1"
PATIENCE = 20.0
_BODILESS = (204, 304)


@dataclass(frozen=True)
class Answer:
    """Header names are in lower case; of several equal ones the last is kept."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def closes(self) -> bool:
        return self.headers.get("connection", "").lower() == "close"


def parse_head(head: bytes) -> tuple[int, dict[str, str]]:
    """The status and headers. ValueError: not HTTP/1.1."""
    status_line, *lines = head.removesuffix(b"\r\n\r\n").decode("latin-1").split("\r\n")
    version, status, _ = status_line.split(" ", 2)
    if version != "HTTP/1.1" or not all(":" in line for line in lines):
        raise ValueError(status_line)
    pairs = (line.partition(":") for line in lines)
    return int(status), {name.lower(): value.strip() for name, _, value in pairs}


class Wire:
    """A connection of a client that waits for its answers."""

    def __init__(self, port: int, *, receive_buffer: int | None = None) -> None:
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE)
        self.socket.connect((HOST, port))
        self.file: BinaryIO = self.socket.makefile("rb")

    def send(self, data: bytes) -> Self:
        self.socket.sendall(data)
        return self

    def send_until_refused(self, piece: bytes, limit_body: int) -> int:
        """Send a piece again and again; how many bytes the other side has let us send."""
        sent = 0
        try:
            while sent < limit_body:
                sent += self.socket.send(piece)
        except (ConnectionError, TimeoutError):
            pass
        return sent

    def answer(self) -> Answer:
        """Read an answer. ConnectionError: there is none."""
        head = bytearray()
        while not head.endswith(b"\r\n\r\n"):
            line = self.file.readline()
            if not line:
                raise ConnectionResetError(bytes(head))
            head += line
        status, headers = parse_head(bytes(head))
        length = 0 if status in _BODILESS else int(headers.get("content-length", "0"))
        return Answer(status, headers, self.file.read(length))

    def answers(self) -> Iterator[Answer]:
        """Read answers until the server ends the connection."""
        with contextlib.suppress(ConnectionError):
            while True:
                yield self.answer()

    def is_closed(self) -> bool:
        """Whether the server ends the connection; waits for it."""
        try:
            return self.file.read(1) == b""
        except ConnectionResetError:
            return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()
        self.socket.close()


async def ask(port: int, request: bytes) -> Answer:
    """Send one request on a connection of its own, which the server is asked to close."""
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        writer.write(request)
        status, headers = parse_head(await reader.readuntil(b"\r\n\r\n"))
        return Answer(status, headers, await reader.read())
    finally:
        writer.close()


async def send_raw(port: int, raw: bytes) -> list[Answer]:
    """Send a message on a connection of its own; the answers that came until the first pause."""
    reader, writer = await asyncio.open_connection(HOST, port, limit=8 * 1_048_576)
    answers: list[Answer] = []
    try:
        writer.write(raw)
        while not answers or (reader._buffer and not answers[-1].closes):  # type: ignore[attr-defined]
            status, headers = parse_head(await reader.readuntil(b"\r\n\r\n"))
            bodiless = status in {204, 304} or status < 200 or raw.startswith(b"HEAD ")
            length = 0 if bodiless else int(headers.get("content-length", "0"))
            body = await reader.readexactly(length)
            if status >= 200:
                answers.append(Answer(status, headers, body))
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.transport.abort()
    return answers
