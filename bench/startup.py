"""Start: how long the import takes, and how long until the first answer."""

import http.client
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from typing import Any

from bench.postgres import Database, Postgres
from tests.support.process_environment import clean_environment
from tests.support.servers import HOST, ROOT, auth_settings, free_port

REPEATS = 5
_IMPORT = (
    "import time; begun = time.perf_counter(); import main; print(time.perf_counter() - begun)"
)
_POLL_SECONDS = 0.005
_LIMIT_SECONDS = 60.0


def measure_startup() -> dict[str, Any]:
    """Medians, in seconds, with a database that runs and is up to date."""
    with ExitStack() as stack:
        database = stack.enter_context(Postgres()).create("tasks")
        cwd = stack.enter_context(tempfile.TemporaryDirectory(prefix="taskward-bench-"))
        imports = [import_seconds(database, cwd) for _ in range(REPEATS)]
        answers = [first_answer_seconds(database, cwd) for _ in range(REPEATS)]
    return {
        "import_seconds": statistics.median(imports),
        "first_answer_seconds": statistics.median(answers),
        "rounds": {"import_seconds": imports, "first_answer_seconds": answers},
    }


def import_seconds(database: Database, cwd: str) -> float:
    """How long `import main` takes in a new interpreter."""
    command = [sys.executable, "-c", _IMPORT]
    environment = _environment(database) | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    return float(done.stdout.split()[-1])


def first_answer_seconds(database: Database, cwd: str) -> float:
    """From the start of the process to the first answer, which needs no database."""
    port = free_port()
    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "main:app", "--app-dir", str(ROOT), "--port", str(port)],
        cwd=cwd,
        env=_environment(database),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while not _answers(port):
            _check(process, begun)
        return time.perf_counter() - begun
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _check(process: "subprocess.Popen[bytes]", begun: float) -> None:
    """Wait a moment for the next try."""
    if process.poll() is not None or time.perf_counter() - begun > _LIMIT_SECONDS:
        raise RuntimeError("Taskward did not start")
    time.sleep(_POLL_SECONDS)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/api/auth/ok")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _environment(database: Database) -> dict[str, str]:
    return clean_environment(auth_settings(database.url))
