"""`python -m taskward`: what `make run` starts. HOST and PORT say where to listen."""

import os
import sys

import uvicorn

from taskward.http_protocol import BoundedHttpProtocol

if sys.platform != "win32":
    import resource

_MAX_OPEN_FILES = 65_536


def main() -> None:
    """Serve until interrupted; requests under way get ten seconds to finish."""
    host, port = os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "8000"))
    os.environ.setdefault("BETTER_AUTH_URL", f"http://localhost:{port}")
    allow_many_connections()
    uvicorn.run(
        "main:app",
        host=host,
        port=port,
        http=BoundedHttpProtocol,
        ws="none",
        proxy_headers=False,
        timeout_graceful_shutdown=10,
    )


def allow_many_connections() -> None:
    """Each connection is an open file, and many systems allow 1024 unless they are asked."""
    if sys.platform == "win32":
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _MAX_OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


if __name__ == "__main__":
    main()
