"""Programs of Python that start at once: forked from a process that has loaded their libraries.

Importing them takes about a second of a processor, which a run of all tests would pay fifty times
over. What a program loads of its own (`main`, its settings) it still loads itself.
"""

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LIBRARIES = [
    *("taskward.app", "taskward.http.protocol", "uvicorn.main", "uvicorn.lifespan.on"),
    *(
        "taskward.cli",
        "typer.rich_utils",
        "alembic.command",
        "sqlalchemy.ext.asyncio",
        "sqlalchemy.dialects.postgresql.asyncpg",
    ),
]
CAN_FORK = sys.platform == "linux"
"""On macOS and Windows it is not safe, or not possible."""


@dataclass(frozen=True)
class Streams:
    """The files that a program writes to and, where it reads anything, reads from."""

    output: Path
    errors: Path
    given: Path | None = None


class Forked:
    """What tests use of `subprocess.Popen`, for `python -m module …` in a session of its own."""

    stdin = None

    def __init__(
        self,
        command: Sequence[str],
        cwd: Path | None,
        environment: Mapping[str, str],
        streams: Streams,
    ) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(LIBRARIES)
        program, option, *arguments = command
        assert (program, option) == (sys.executable, "-m"), command
        self._process = context.Process(
            target=_run, args=(arguments, cwd, dict(environment), streams)
        )
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None, "start() sets it"
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit status, minus the signal's number where that ended it; None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout)
        return self._process.exitcode

    def send_signal(self, signum: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, signum)


def run_module(
    command: Sequence[str], cwd: Path, environment: Mapping[str, str], given: bytes = b""
) -> subprocess.CompletedProcess[str]:
    """Run `python -m module …` to its end, with this as its standard input, within a minute."""
    if not CAN_FORK:
        return subprocess.run(
            list(command),
            cwd=cwd,
            env=environment,
            input=given.decode(errors="surrogateescape"),
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=60,
            check=False,
        )
    with tempfile.TemporaryDirectory(prefix="taskward-run-") as name:
        streams = Streams(*(Path(name, part) for part in ("output", "errors", "given")))
        Path(name, "given").write_bytes(given)
        process = Forked(command, cwd, environment, streams)
        try:
            status = process.wait(60)
        finally:
            process.send_signal(signal.SIGKILL)
        output, errors = (path.read_text() for path in (streams.output, streams.errors))
        return subprocess.CompletedProcess(list(command), status, output, errors)


def _run(
    arguments: list[str], cwd: Path | None, environment: dict[str, str], streams: Streams
) -> None:
    os.setsid()
    # A program that somebody starts, not one of a server's workers, which wait for a database.
    multiprocessing.process._parent_process = None  # type: ignore[attr-defined]
    os.chdir(cwd or ".")
    os.environ.clear()
    os.environ.update(environment)
    given = os.open(streams.given, os.O_RDONLY) if streams.given else sys.stdin.fileno()
    os.dup2(given, 0)
    sys.stdin = os.fdopen(0)  # uvicorn's workers look for it there
    for number, path in ((1, streams.output), (2, streams.errors)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), number)
    sys.argv = arguments
    runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
