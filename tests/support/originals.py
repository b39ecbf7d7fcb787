"""The original Better Auth on Node.js: one process for all of its servers in a test process.

Loading its libraries takes more than a second of a processor, and compiling what is called often
as much again; a run of all tests would pay for both at every setting of every comparison.
"""

import atexit
import itertools
import json
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.process_environment import clean_environment

LARGE_PAGES = "glibc.malloc.hugetlb=1"
"""Each password takes 32 MiB for a moment, and a tenth of that goes into getting small pages."""
_STOP_SECONDS = 20.0


class Originals:
    """The process; it does one thing after the other, and ends with the test process."""

    def __init__(self, node: str, program: Path, tunables: str) -> None:
        self._lock = threading.Lock()
        self._ids = itertools.count()
        self._said = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            [node, str(program)],
            env=clean_environment({"NODE_ENV": "production", "GLIBC_TUNABLES": tunables}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            start_new_session=True,
            text=True,
        )
        atexit.register(self._end)

    @property
    def pid(self) -> int:
        return self._process.pid

    def start(self, environment: Mapping[str, str]) -> int:
        """Start a server, and return its number when it listens.

        Raises:
            OSError: it could not; the message says why.
        """
        number = next(self._ids)
        self._ask(start=number, env=dict(environment))
        return number

    def stop(self, number: int) -> None:
        """End a server."""
        self._ask(stop=number)

    def _ask(self, **request: Any) -> None:
        with self._lock:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(f"{json.dumps(request)}\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        if not answer:
            self._said.seek(0)
            raise OSError(f"the originals have ended:\n{self._said.read().decode()}")
        if "error" in (failed := json.loads(answer)):
            raise OSError(failed["error"])

    def _end(self) -> None:
        self._process.kill()
        self._process.communicate(timeout=_STOP_SECONDS)
        self._said.close()


@cache
def originals(node: str, program: Path, tunables: str) -> Originals:
    """Return the process, which is started at the first call, with these of the C library."""
    return Originals(node, program, tunables)


class Original:
    """One server, with what tests use of `subprocess.Popen`; why it failed is in the log."""

    stdin = None

    def __init__(self, shared: Originals, environment: Mapping[str, str], log: Path) -> None:
        self.returncode: int | None = None
        self._shared = shared
        self.pid = shared.pid
        try:
            self._number = shared.start(environment)
        except OSError as error:
            log.write_text(str(error))
            self.returncode = 1

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Return the exit status; it ends within `send_signal`, and never by itself."""
        if self.returncode is None:
            raise subprocess.TimeoutExpired("original", timeout)
        return self.returncode

    def send_signal(self, signum: int) -> None:
        del signum
        if self.returncode is None:
            self._shared.stop(self._number)
            self.returncode = 0
