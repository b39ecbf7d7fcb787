"""An assistant's requests, word for word, in either era of the protocol."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import httpx2
from fastapi import FastAPI
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from tests.conftest import BASE_URL, User

MODERN, LEGACY = "2026-07-28", "2025-06-18"
ERAS = (MODERN, LEGACY)
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
}


def envelope(method: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A request's parameters in the newer era."""
    return {
        "jsonrpc": "2.0",
        "id": 1,
        "method": method,
        "params": {**(params or {}), "_meta": META},
    }


@dataclass
class Assistant:
    """Who sends them, on behalf of a user."""

    client: httpx.AsyncClient
    headers: Mapping[str, str]
    era: str = MODERN

    async def ask(self, method: str, **params: Any) -> httpx.Response:
        """Send a request as a client of the era does."""
        if self.era != MODERN:
            body: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
            return await self.send(body, {"MCP-Protocol-Version": self.era})
        headers = {"MCP-Protocol-Version": MODERN, "Mcp-Method": method}
        if method == "tools/call":
            headers["Mcp-Name"] = params["name"]
        return await self.send(envelope(method, params), headers)

    async def send(self, body: Any, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """Send anything."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        every = {"Content-Type": "application/json", **self.headers, **(headers or {})}
        return await self.client.post("/mcp", content=content, headers=every)

    async def result(self, method: str, **params: Any) -> dict[str, Any]:
        """The result of a request that succeeds."""
        answer = await self.ask(method, **params)
        assert answer.status_code == 200, answer.text
        result: dict[str, Any] = answer.json()["result"]
        return result

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """What a tool hands back; its text is the same."""
        result = await self.result("tools/call", name=tool, arguments=arguments)
        assert not result["isError"], result
        [content] = result["content"]
        structured: dict[str, Any] = result["structuredContent"]
        assert (content["type"], json.loads(content["text"])) == ("text", structured)
        return structured

    async def refused(self, tool: str, **arguments: Any) -> str:
        """What a tool says that could not do it."""
        result = await self.result("tools/call", name=tool, arguments=arguments)
        assert result["isError"], result
        assert "structuredContent" not in result
        [content] = result["content"]
        text: str = content["text"]
        return text


@asynccontextmanager
async def official_client(app: FastAPI, user: User, mode: str) -> AsyncIterator[Client]:
    """The SDK's own client, with a user's token, on the application in this process."""
    transport = httpx2.ASGITransport(app)
    async with (
        httpx2.AsyncClient(transport=transport, base_url=BASE_URL, headers=user.headers) as http,
        Client(streamable_http_client(f"{BASE_URL}/mcp", http_client=http), mode=mode) as client,
    ):
        yield client
