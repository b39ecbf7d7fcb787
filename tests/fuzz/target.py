"""The servers that hostile input is sent to, each in a process of its own."""

import sys
from collections.abc import Mapping, Sequence

from taskward.http.protocol import BoundedHttpProtocol
from tests.support.servers import ROOT, TaskwardServer, auth_settings

TURNS = "/-/turns"
"""Where `MeasuredServer` tells."""


class ImpatientProtocol(BoundedHttpProtocol):
    """The same limits, but a test need not wait for half a minute."""

    idle_seconds = 1.0
    head_seconds = 0.5
    body_seconds = 0.5
    stalled_seconds = 0.5


class MakeRunServer(TaskwardServer):
    """The server as `make run` starts it."""

    def __init__(self, database_url: str, settings: Mapping[str, str] | None = None) -> None:
        a_day = {"JWT_EXPIRES_IN": "86400"}
        super().__init__({**auth_settings(database_url), **a_day, **(settings or {})})

    def command(self) -> Sequence[str]:
        return [sys.executable, "-m", "taskward"]

    def environment(self) -> dict[str, str]:
        listen = {"HOST": "127.0.0.1", "PORT": str(self.port), "PYTHONPATH": str(ROOT)}
        return {**super().environment(), **listen}


class ImpatientServer(MakeRunServer):
    """The same with shorter times."""

    def command(self) -> Sequence[str]:
        protocol = f"{__name__}:{ImpatientProtocol.__name__}"
        return [
            *(sys.executable, "-m", "uvicorn", "main:app", "--http", protocol, "--ws", "none"),
            *("--host", "127.0.0.1", "--port", str(self.port), "--no-proxy-headers"),
            *("--timeout-keep-alive", "1"),
        ]


class MeasuredServer(MakeRunServer):
    """The same, and it tells how long its event loop was busy at a time: `tests/fuzz/turns.py`.

    The loop is the standard library's, whose turns can be measured.
    """

    app = "tests.fuzz.measured:app"

    def command(self) -> Sequence[str]:
        protocol = "taskward.http.protocol:BoundedHttpProtocol"
        return [
            *(sys.executable, "-m", "uvicorn", self.app, "--http", protocol),
            *("--host", "127.0.0.1", "--port", str(self.port), "--no-proxy-headers"),
            *("--loop", "asyncio", "--ws", "none"),
        ]


class MeasuredPluginServer(MeasuredServer):
    """The same of a server with every plugin, and without tasks."""

    app = "tests.fuzz.measured_plugins:app"
    ready_path = "/api/auth/ok"

    def command(self) -> Sequence[str]:
        return [*super().command(), "--app-dir", str(ROOT)]
