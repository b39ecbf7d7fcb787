"""Programs of Python that start at once: forked from a process that has loaded their libraries.

Importing them takes about a second of a processor, which a run of all tests would pay fifty times
over. What a program loads of its own (`main`, its settings) it still loads itself.
"""

import multiprocessing
import os
import runpy
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

LIBRARIES = [
    *("taskward.app", "taskward.http_protocol", "uvicorn.main", "uvicorn.lifespan.on"),
    *("alembic.command", "sqlalchemy.ext.asyncio", "sqlalchemy.dialects.postgresql.asyncpg"),
]
CAN_FORK = sys.platform == "linux"
"""On macOS and Windows it is not safe, or not possible."""


class Forked:
    """What tests use of `subprocess.Popen`, for `python -m module …` in a session of its own."""

    stdin = None

    def __init__(
        self, command: Sequence[str], cwd: Path | None, environment: Mapping[str, str], log: Path
    ) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(LIBRARIES)
        program, option, *arguments = command
        assert (program, option) == (sys.executable, "-m"), command
        self._process = context.Process(target=_run, args=(arguments, cwd, dict(environment), log))
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


def _run(arguments: list[str], cwd: Path | None, environment: dict[str, str], log: Path) -> None:
    os.setsid()
    os.chdir(cwd or ".")
    os.environ.clear()
    os.environ.update(environment)
    os.dup2(sys.stdin.fileno(), 0)
    sys.stdin = os.fdopen(0)  # uvicorn's workers look for it there
    output = os.open(log, os.O_WRONLY | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(output, stream)
    sys.argv = arguments
    runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
