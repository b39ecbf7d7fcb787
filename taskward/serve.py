"""The server's process: uvicorn, set up the way this application wants it."""

import os
from pathlib import Path

import uvicorn
from dotenv import dotenv_values

_URL = "BETTER_AUTH_URL"
DRAIN_TIMEOUT = 10
"""Seconds that requests under way get to finish when the server is told to end."""


def serve(
    host: str | None = None,
    port: int | None = None,
    *,
    workers: int = 1,
    reload: bool = False,
    drain_timeout: int = DRAIN_TIMEOUT,
) -> None:
    """Serve until told to end.

    Args:
        host: where to listen, by default HOST or this machine only.
        port: by default PORT or 8000.
        workers: processes that share the port.
        reload: start anew whenever the source changes.
        drain_timeout: seconds for requests under way when told to end; then they are cut off.
    """
    host = host or os.environ.get("HOST") or "127.0.0.1"
    port = port or int(os.environ.get("PORT") or 8000)
    if not (os.environ.get(_URL) or dotenv_values(".env").get(_URL)):
        os.environ[_URL] = f"http://localhost:{port}"
    uvicorn.run(
        "taskward.asgi:app",
        host=host,
        port=port,
        workers=workers,
        reload=reload,
        reload_dirs=[str(Path(__file__).parent)] if reload else None,
        proxy_headers=False,
        timeout_graceful_shutdown=drain_timeout,
    )
