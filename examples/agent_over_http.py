"""An agent elsewhere: the official client, over HTTP, with a token of the user's.

    TOKEN=$(.venv/bin/taskward token --mcp ada@example.com) \
        .venv/bin/python examples/agent_over_http.py http://localhost:8000/mcp

An assistant with a person before it gets its token by OAuth instead (docs/assistants.md).
"""

import asyncio
import os
import sys

import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client


async def main(url: str, token: str) -> None:
    """Add a task and tick it off; a model would choose among `client.list_tools()`."""
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=30) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        print(", ".join(tool.name for tool in (await client.list_tools()).tools))
        added = await client.call_tool("add_task", {"title": "Buy milk"})
        print(added.structured_content)
        task_id = (added.structured_content or {})["task_id"]
        done = await client.call_tool("complete_task", {"task_id": task_id})
        print(done.structured_content)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], os.environ["TOKEN"]))
