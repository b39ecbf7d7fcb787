"""The server's process: uvicorn, set up the way this application wants it."""

import os
import signal
import sys
from pathlib import Path

import uvicorn

from taskward.http.uvicorn_config import server_options
from taskward.observability.logs import name_one_address
from taskward.settings import load_settings

if sys.platform != "win32":
    import resource

_MAX_OPEN_FILES = 65_536
_WORKER_SILENCE = 30
"""Seconds after which a worker counts as hung. On a busy machine one may wait longer for a core
than uvicorn's five, and would be killed with the requests that it has."""


def serve(
    host: str | None = None,
    port: int | None = None,
    *,
    workers: int | None = None,
    reload: bool = False,
    drain_timeout: int | None = None,
) -> None:
    """Serve until told to end.

    Args:
        host: where to listen, instead of HOST.
        port: instead of PORT.
        workers: processes that share the port, instead of WEB_CONCURRENCY.
        reload: start anew whenever the source changes.
        drain_timeout: seconds for requests under way when told to end; then they are cut off.

    Raises:
        SystemExit: a setting is wrong.
    """
    given = {"HOST": host, "PORT": port, "WEB_CONCURRENCY": workers}
    # The environment reaches the workers as well, and what else follows from a setting.
    os.environ.update({name: str(value) for name, value in given.items() if value is not None})
    settings = load_settings()
    options = server_options(settings.keep_alive)
    if drain_timeout is not None:
        options["timeout_graceful_shutdown"] = drain_timeout
    allow_many_connections()
    end_with_the_terminal()
    name_one_address()
    uvicorn.run(
        "taskward.asgi:app",
        host=settings.host,
        port=settings.port,
        workers=settings.web_concurrency,
        timeout_worker_healthcheck=_WORKER_SILENCE,
        reload=reload,
        reload_dirs=[str(Path(__file__).parent)] if reload else None,
        **options,
    )


def allow_many_connections() -> None:
    """Each connection is an open file, and many systems allow 1024 unless they are asked."""
    if sys.platform == "win32":
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _MAX_OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def end_with_the_terminal() -> None:
    """A terminal that is closed ends the server as SIGTERM does; `nohup` keeps it alive."""
    if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
