"""The app behind its HTTP protocol in this process, and clients that send bytes and keep bytes."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.server import ServerState

from taskward.http.direct import DIRECT
from taskward.http.middleware import EdgeMiddleware
from taskward.http.protocol import BoundedHttpProtocol
from tests.fuzz.wire import HOST, PATIENCE

_LENGTH = re.compile(rb"\r\ncontent-length: ([0-9]+)\r\n")
_BODILESS = re.compile(rb"HTTP/1\.1 (204|304) ")


@dataclass
class Served:
    """A server of this process; `protocols` are its connections, those that are over too."""

    port: int
    state: ServerState
    protocols: list[BoundedHttpProtocol] = field(default_factory=list)

    async def until_idle(self) -> None:
        """Wait until no connection and no request is left."""
        async with asyncio.timeout(PATIENCE):
            while self.state.connections or self.state.tasks:  # noqa: ASYNC110
                await asyncio.sleep(0)


@asynccontextmanager
async def served(
    app: FastAPI, *, direct: bool, instead: ASGIApp | None = None, **options: Any
) -> AsyncIterator[Served]:
    """Serve the app, with what the protocol may answer itself, or all of it by ASGI.

    Args:
        app: runs already.
        direct: whether the protocol may.
        instead: what is asked by ASGI in the place of `app`.
        options: of uvicorn's configuration.
    """
    edge = app.middleware_stack
    assert isinstance(edge, EdgeMiddleware)
    settings: dict[str, Any] = {
        "log_config": None,
        "access_log": False,
        "ws": "none",
        "lifespan": "off",
    }
    config = Config(instead or app, **settings, **options)
    config.load()
    state = ServerState()
    state.default_headers = [(b"date", b"Thu, 08 Jan 2026 10:30:00 GMT"), (b"server", b"uvicorn")]
    made = Served(0, state)

    def protocol() -> BoundedHttpProtocol:
        known = {DIRECT: edge.direct} if direct else {}
        made.protocols.append(BoundedHttpProtocol(config, state, known))
        return made.protocols[-1]

    server = await asyncio.get_running_loop().create_server(protocol, HOST, 0)
    async with server:
        made.port = server.sockets[0].getsockname()[1]
        yield made


async def exchange(server: Served, pieces: Iterable[bytes], methods: Iterable[str]) -> list[bytes]:
    """Send pieces, each looked at by itself, on one connection; the answers to these methods."""
    reader, writer = await asyncio.open_connection(HOST, server.port)
    try:
        for piece in pieces:
            writer.write(piece)
            for _ in range(4):  # the server reads what there is
                await asyncio.sleep(0)
        async with asyncio.timeout(PATIENCE):
            return [answer async for answer in _answers(reader, methods)]
    finally:
        writer.close()


async def _answers(reader: asyncio.StreamReader, methods: Iterable[str]) -> AsyncIterator[bytes]:
    for method in methods:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            yield error.partial
            return
        length = _LENGTH.search(head)
        has_body = length is not None and method != "HEAD" and not _BODILESS.match(head)
        yield head + (await reader.readexactly(int(length[1])) if length and has_body else b"")
