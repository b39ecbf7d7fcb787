"""The servers under test, each in a process of its own: Taskward, and the original Better Auth."""

import contextlib
import http.client
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self, TypeAlias

import pytest

from tests.support.forking import CAN_FORK, Forked, Streams
from tests.support.originals import LARGE_PAGES, Original, originals
from tests.support.process_environment import clean_environment

ROOT = Path(__file__).resolve().parents[2]
JS = ROOT / "tests" / "js"
HOST = "127.0.0.1"
SECRET = "tests-only-Vq3mZ8rT1xWc6Yb9Lk2NpD5s"
ORIGIN = "http://localhost:3000"
START_SECONDS = 90.0
STOP_SECONDS = 20.0
PORTS = range(15_000, 32_000)
"""Below those of clients: tests have thousands at once, and each may take a port just probed."""


def free_port() -> int:
    """A port that nobody has at this moment, nor is given for a connection in the next."""
    while True:
        port = secrets.choice(PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            return port


def node() -> str:
    """The path of Node.js, or a skip that says loudly what did not run."""
    found = shutil.which("node")
    if found is None:
        pytest.skip(
            "NODE.JS IS NOT INSTALLED: nothing was checked against the original Better Auth"
        )
    if not (JS / "node_modules" / "better-auth").is_dir():
        pytest.skip(f"BETTER AUTH IS NOT INSTALLED: run `npm ci --prefix {JS}` (`make test` does)")
    return found


Process: TypeAlias = subprocess.Popen[bytes] | Forked | Original


class ServerFailedError(RuntimeError):
    """A server ended, or never answered; the message carries its log."""


class Server:
    """A server in a process group of its own, on a free port, in an empty directory."""

    ready_path = "/"
    attempts = 5
    forked = False
    """Whether it is a program of Python that may be forked with its libraries loaded."""

    def __init__(self, env: Mapping[str, str], *, cwd: Path | None = None) -> None:
        self.settings = dict(env)
        self.cwd = cwd
        self._scratch: Path | None = None
        self.port = 0
        self._process: Process | None = None

    def command(self) -> Sequence[str]:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return clean_environment({"BETTER_AUTH_URL": self.url, **self.settings})

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def process(self) -> Process:
        assert self._process is not None, "the server was not started"
        return self._process

    def log(self) -> str:
        """Everything the server has written so far, to both of its outputs."""
        path = self._log_path
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def _log_path(self) -> Path:
        assert self._scratch is not None, "the server was not started"
        return self._scratch / "log"

    def start(self) -> Self:
        """Start it and wait until it answers; a port that was snatched away is replaced."""
        if self._scratch is None:
            self._scratch = Path(tempfile.mkdtemp(prefix="taskward-server-"))
        if self.cwd is None:
            self.cwd = self._scratch / "empty"
            self.cwd.mkdir()
        for _ in range(self.attempts):
            self.port = free_port()
            self._spawn()
            if self._answers_in_time():
                return self
        raise ServerFailedError(f"{type(self).__name__}: no free port\n{self.log()}")

    def _spawn(self) -> None:
        command, environment = self.command(), self.environment()
        with self._log_path.open("wb") as log:
            if self.forked and CAN_FORK:
                streams = Streams(output=self._log_path, errors=self._log_path)
                self._process = Forked(command, self.cwd, environment, streams)
                return
            self._process = subprocess.Popen(
                command,
                cwd=self.cwd,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _answers_in_time(self) -> bool:
        """Poll until it answers; False if the port was taken; an error for anything worse."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._has_ended(within=0.05):
                if "address already in use" in self.log().lower():
                    return False
                raise ServerFailedError(f"{type(self).__name__} ended at start\n{self.log()}")
            if self._answers():
                return True
        self.kill()
        raise ServerFailedError(f"{type(self).__name__} gave no answer in time\n{self.log()}")

    def _has_ended(self, within: float) -> bool:
        try:
            self.process.wait(timeout=within)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=5)
        try:
            connection.request("GET", self.ready_path)
            return connection.getresponse().status < 500
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def stop(self, signum: int = signal.SIGTERM) -> int:
        """Ask it to end and wait; the exit status. ServerFailedError if it does not obey."""
        if self.process.poll() is None:
            self.process.send_signal(signum)
        if not self._has_ended(within=STOP_SECONDS):
            self.kill()
            raise ServerFailedError(f"{type(self).__name__} ignored signal {signum}\n{self.log()}")
        self._close_stdin()
        return self.process.wait(timeout=STOP_SECONDS)

    def kill(self) -> None:
        """End it and all of its children at once, as a power cut would."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=STOP_SECONDS)
        self._close_stdin()

    def close(self) -> None:
        """End what still runs and remove its directory."""
        self.kill()
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)

    def _close_stdin(self) -> None:
        if self.process.stdin is not None:
            self.process.stdin.close()

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_: object) -> None:
        try:
            if self.process.poll() is None:
                self.stop()
        finally:
            self.close()


class TaskwardServer(Server):
    """This repository's server, as uvicorn runs it. `env` is everything it knows of its world."""

    ready_path = "/health/live"
    forked = True

    def __init__(
        self,
        env: Mapping[str, str],
        *,
        workers: int = 1,
        reload: bool = False,
        cwd: Path | None = None,
    ) -> None:
        super().__init__(env, cwd=cwd)
        self.workers = workers
        self.reload = reload

    def command(self) -> Sequence[str]:
        more: list[str] = []
        if self.workers > 1:
            more += ["--workers", str(self.workers), "--timeout-worker-healthcheck", "30"]
        if self.reload:
            more += ["--reload", "--reload-dir", str(ROOT / "packages")]
        return [
            *(sys.executable, "-m", "uvicorn", "main:app", "--app-dir", str(ROOT)),
            *("--host", HOST, "--port", str(self.port), "--no-proxy-headers"),
            *("--timeout-graceful-shutdown", "5", *more),
        ]


class PlainServer(TaskwardServer):
    """The server as uvicorn alone starts it, with nothing said on its command line."""

    def command(self) -> Sequence[str]:
        main = (sys.executable, "-m", "uvicorn", "main:app", "--app-dir", str(ROOT))
        return [*main, "--host", HOST, "--port", str(self.port)]


class OriginalServer(Server):
    """The original Better Auth from the npm package, beside others in one process of Node.js."""

    ready_path = "/api/auth/ok"
    tunables = LARGE_PAGES

    def __init__(self, env: Mapping[str, str], *, cwd: Path | None = None) -> None:
        super().__init__(env, cwd=cwd)
        self._node = node()

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "PORT": str(self.port)}

    def _spawn(self) -> None:
        shared = originals(self._node, JS / "originals.mjs", self.tunables)
        self._process = Original(shared, self.environment(), self._log_path)

    def kill(self) -> None:
        """End it; the process in which it is serves others as well."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)


def auth_settings(database_url: str) -> dict[str, str]:
    """What both servers are told, under the names that both understand."""
    return {
        "DATABASE_URL": database_url,
        "BETTER_AUTH_SECRET": SECRET,
        "BETTER_AUTH_TRUSTED_ORIGINS": ORIGIN,
        "RATE_LIMIT_ENABLED": "false",
    }
