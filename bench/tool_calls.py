"""CPU of a tool call beside `POST /api/tasks`, in one process, without a network.

    .venv/bin/python -m bench.tool_calls

Both go through the whole application by ASGI, one after the other, on a database of their own.
"""

import asyncio
import json
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from taskward.app import create_app
from taskward.database.url import DatabaseURL
from taskward.embedded_postgres import attach, detach
from tests.conftest import settings_for, url_text

ROUNDS, CALLS = 5, 400
_SERVER = "http://localhost:8000"
MODERN, LEGACY = "2026-07-28", "2025-06-18"
_META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
}
HEADERS = {"mcp-protocol-version": MODERN, "mcp-method": "tools/call", "mcp-name": "add_task"}


def calling(era: str, title: str = "t") -> dict[str, object]:
    """Return a call of `add_task` in an era of the protocol."""
    params: dict[str, object] = {"name": "add_task", "arguments": {"title": title}}
    params |= {"_meta": _META} if era == MODERN else {}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


def asking(
    app: FastAPI, path: str, body: object, headers: dict[str, str], status: int
) -> Callable[[], Awaitable[None]]:
    """Return what sends a request and looks at the status."""
    content = json.dumps(body).encode()
    given = {"host": _SERVER.removeprefix("http://"), "content-type": "application/json", **headers}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(k.encode(), v.encode()) for k, v in given.items()],
        "server": ("localhost", 8000),
        "client": ("127.0.0.1", 50_000),
    }

    async def ask() -> None:
        seen: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": content, "more_body": False}

        async def send(message: Any) -> None:
            seen.append(message)

        await app(dict(scope), receive, send)
        assert seen[0]["status"] == status, seen

    return ask


async def measure(url: str) -> dict[str, float]:
    """Return the least CPU time of a call, in µs, of some rounds."""
    app = create_app(settings_for(url))
    app.middleware_stack.edge._access_log = lambda *_: None  # type: ignore[union-attr]  # noqa: SLF001
    async with app.router.lifespan_context(app):
        bearer = {"authorization": f"Bearer {app.state.better_auth.tokens.issue('user_1')}"}
        before = _memory()
        ways = {
            "POST /api/tasks": asking(app, "/api/tasks", {"title": "t"}, bearer, 201),
            f"add_task {MODERN}": asking(app, "/mcp", calling(MODERN), bearer | HEADERS, 200),
            f"add_task {MODERN}, OAuth": asking(
                app, "/mcp", calling(MODERN), await _oauth(app) | HEADERS, 200
            ),
            f"add_task {LEGACY}": asking(
                app, "/mcp", calling(LEGACY), bearer | {"mcp-protocol-version": LEGACY}, 200
            ),
        }
        found = dict.fromkeys(ways, float("inf"))
        started = time.perf_counter()
        await ways[f"add_task {MODERN}"]()
        first = time.perf_counter() - started
        for _ in range(ROUNDS):
            for name, ask in ways.items():
                began = time.process_time()
                for _ in range(CALLS):
                    await ask()
                found[name] = min(found[name], (time.process_time() - began) / CALLS * 1e6)
    return found | {"first call (ms)": first * 1000, "memory (MiB more)": _memory() - before}


async def _oauth(app: FastAPI) -> dict[str, str]:
    """Return the header of an assistant to which somebody gave access."""
    auth = app.state.better_auth
    claims = {
        "sub": "user_1",
        "aud": f"{_SERVER}/mcp",
        "client_id": "client_1",
        "scope": "tasks:read tasks:write",
        "iss": auth.options.url,
        "exp": int(time.time()) + 600,
    }
    keys = auth.context.key_set
    token = await keys.sign(claims, kind="at+jwt", key=await keys.signing_key())
    return {"authorization": f"Bearer {token}"}


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Measure on an embedded PostgreSQL and print a line for each way."""
    directory = Path(tempfile.mkdtemp(prefix="taskward-bench-"))
    server = attach(directory, server_settings={"fsync": "off"})
    url = DatabaseURL(str(server.socket_dir), 5432, server.user, None, server.database)
    try:
        for name, value in asyncio.run(measure(url_text(url))).items():
            sys.stdout.write(f"{name:28} {value:8.0f}\n")
    finally:
        detach(directory)
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
