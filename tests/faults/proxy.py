"""A line between the server and PostgreSQL that can be slow, silent, cut, or not there."""

import asyncio
import socket
import struct
from contextlib import suppress
from dataclasses import replace
from typing import Self

from taskward.database.tls import SSLMode
from taskward.database.url import DatabaseURL
from tests.support.servers import HOST

AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends a reset


class Connection:
    """One client's connection through the proxy."""

    def __init__(self, proxy: "Proxy", writer: asyncio.StreamWriter) -> None:
        self.proxy = proxy
        self.writers = [writer]
        self.silent = proxy.swallows_new
        self.resets_when_used = False
        self.tasks: set[asyncio.Task[None]] = set()

    async def carry(self, reader: asyncio.StreamReader) -> None:
        """Connect to the server and copy both ways until one side ends."""
        try:
            far_reader, far_writer = await self.proxy.connect()
        except OSError:
            self.reset()
            return
        self.writers.append(far_writer)
        self.tasks = {
            asyncio.create_task(self._copy(reader, far_writer)),
            asyncio.create_task(self._copy(far_reader, self.writers[0], is_reply=True)),
        }
        await asyncio.wait(self.tasks, return_when=asyncio.FIRST_COMPLETED)
        if self.proxy.hides_ends:
            await asyncio.wait(self.tasks)
        for writer in self.writers:
            writer.close()

    async def _copy(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        is_reply: bool = False,
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                if self.proxy.delay:
                    await asyncio.sleep(self.proxy.delay)
                if self.proxy.cuts_replies if is_reply else self.resets_when_used:
                    self.reset()
                elif not self.silent:
                    writer.write(data)
                    await writer.drain()
        self.proxy.hidden_ends += is_reply and self.proxy.hides_ends

    def reset(self) -> None:
        """Cut it: both sides get a reset."""
        for writer in self.writers:
            line = writer.get_extra_info("socket")
            with suppress(OSError):
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
            writer.transport.abort()


class Proxy:
    """Listens on a port of its own; `delay` and the other attributes may be changed at any time."""

    def __init__(self, to: DatabaseURL) -> None:
        self.to = to
        self.port = 0
        self.connections: set[Connection] = set()
        self.delay = 0.0
        """Seconds, each way."""
        self.cuts_replies = False
        self.swallows_new = False
        self.hides_ends = False
        """Whether a client is not told that the server has closed its connection."""
        self.hidden_ends = 0
        """How many were closed without a word, after everything else was passed on."""
        self._handlers: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> DatabaseURL:
        """How to connect through it."""
        return replace(self.to, host=HOST, port=self.port, sslmode=SSLMode.DISABLE)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self.to.host.startswith("/"):
            return await asyncio.open_unix_connection(f"{self.to.host}/.s.PGSQL.{self.to.port}")
        return await asyncio.open_connection(self.to.host, self.to.port)

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.refuse()
        self.reset()
        await asyncio.gather(*self._handlers)

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Accept no more connections; those that are there stay."""
        self._server.close()
        await asyncio.sleep(0)

    def reset(self) -> None:
        for connection in tuple(self.connections):
            connection.reset()

    def silence(self) -> None:
        """From now on the connections of this moment carry nothing, and say nothing of it."""
        for connection in self.connections:
            connection.silent = True

    def reset_when_used(self) -> None:
        """Cut the connections of this moment as soon as a client says something."""
        for connection in self.connections:
            connection.resets_when_used = True

    def heal(self) -> None:
        """Carry everything again; what was silent is cut."""
        self.delay, self.cuts_replies, self.swallows_new = 0.0, False, False
        for connection in tuple(self.connections):
            if connection.silent:
                connection.reset()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handler = asyncio.create_task(self._handle(reader, writer))
        self._handlers.add(handler)
        handler.add_done_callback(self._handlers.discard)

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(self, writer)
        self.connections.add(connection)
        try:
            await connection.carry(reader)
        finally:
            for task in connection.tasks:
                task.cancel()
            self.connections.discard(connection)
