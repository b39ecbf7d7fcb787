"""The server's process: uvicorn, set up the way this application wants it."""

import os
import sys
from pathlib import Path

import uvicorn
from dotenv import dotenv_values

from taskward.http_protocol import BoundedHttpProtocol

if sys.platform != "win32":
    import resource

_URL = "BETTER_AUTH_URL"
_MAX_OPEN_FILES = 65_536
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
    allow_many_connections()
    uvicorn.run(
        "taskward.asgi:app",
        host=host,
        port=port,
        workers=workers,
        reload=reload,
        reload_dirs=[str(Path(__file__).parent)] if reload else None,
        http=BoundedHttpProtocol,
        ws="none",
        proxy_headers=False,
        timeout_graceful_shutdown=drain_timeout,
    )


def allow_many_connections() -> None:
    """Each connection is an open file, and many systems allow 1024 unless they are asked."""
    if sys.platform == "win32":
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _MAX_OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
