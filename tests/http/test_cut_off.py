"""Requests that the end of a server cuts off before anything of them has begun."""

import asyncio

import pytest
from fastapi import FastAPI

from tests.fuzz.wire import HOST, PATIENCE
from tests.http.test_direct import KNOWN, Client
from tests.support.wires import Served, served


async def cut_off_at_once(server: Served, request: bytes) -> bytes:
    """Cancel a request in the turn of the loop in which it arrives; the answer to it."""
    reader, writer = await asyncio.open_connection(HOST, server.port)
    try:
        async with asyncio.timeout(PATIENCE):
            while not server.state.connections:  # noqa: ASYNC110
                await asyncio.sleep(0)
            [protocol] = server.state.connections
            protocol.data_received(request)
            [task] = server.state.tasks
            task.cancel("the end")
            return await reader.read()
    finally:
        writer.close()


@pytest.mark.parametrize(("method", "path", "body"), KNOWN)
async def test_who_is_cut_off_before_anything_began_is_told_so_and_forgotten(
    app: FastAPI, method: str, path: str, body: bytes
) -> None:
    async with served(app, direct=True) as server:
        client = Client(app, server)
        await client.begin()
        request = client.head(method, path, body, "Connection: close")
        answer = await cut_off_at_once(server, request)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nretry-after: 2\r\n" in answer
        assert (b"restarted" in answer) == (method != "HEAD")
        await server.until_idle()
