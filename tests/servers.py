"""The servers under test, each in a process of its own: Taskward, and the original Better Auth."""

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from tests.forking import CAN_FORK, Forked

ROOT = Path(__file__).resolve().parent.parent
JS = ROOT / "tests" / "js"
HOST = "127.0.0.1"
SECRET = "tests-only-Vq3mZ8rT1xWc6Yb9Lk2NpD5s"
ORIGIN = "http://localhost:3000"
START_SECONDS = 90.0
STOP_SECONDS = 20.0
LARGE_PAGES = "glibc.malloc.hugetlb=1"
"""Each password takes 32 MiB for a moment, and a tenth of that goes into getting small pages."""


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def clean_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Nothing of the developer's own environment but what every program needs."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**inherited, **settings}


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
        self._process: subprocess.Popen[bytes] | Forked | None = None

    def command(self) -> Sequence[str]:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return clean_environment({"BETTER_AUTH_URL": self.url, **self.settings})

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def process(self) -> subprocess.Popen[bytes] | Forked:
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
                self._process = Forked(command, self.cwd, environment, self._log_path)
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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
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
            more += ["--workers", str(self.workers)]
        if self.reload:
            more += ["--reload", "--reload-dir", str(ROOT / "taskward")]
        return [
            *(sys.executable, "-m", "uvicorn", "main:app", "--app-dir", str(ROOT)),
            *("--host", HOST, "--port", str(self.port), "--no-proxy-headers"),
            *("--timeout-graceful-shutdown", "5", *more),
        ]


class OriginalServer(Server):
    """The original Better Auth on Node.js, from the npm package."""

    ready_path = "/api/auth/ok"

    def __init__(self, env: Mapping[str, str], *, cwd: Path | None = None) -> None:
        super().__init__(env, cwd=cwd)
        self._node = node()

    def command(self) -> Sequence[str]:
        return [self._node, str(JS / "original-server.mjs")]

    def environment(self) -> dict[str, str]:
        more = {"PORT": str(self.port), "NODE_ENV": "production", "GLIBC_TUNABLES": LARGE_PAGES}
        return {**super().environment(), **more}


def auth_settings(database_url: str) -> dict[str, str]:
    """What both servers are told, under the names that both understand."""
    return {
        "DATABASE_URL": database_url,
        "BETTER_AUTH_SECRET": SECRET,
        "BETTER_AUTH_TRUSTED_ORIGINS": ORIGIN,
        "RATE_LIMIT_ENABLED": "false",
    }
