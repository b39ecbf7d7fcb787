"""Programs that are run: for their output, or to outlive this process."""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

from taskward.embedded_postgres.private_file import open_private

Account: TypeAlias = Mapping[str, Any]  # who runs a program, as arguments of `subprocess`
THIS_USER: Account = MappingProxyType({})
POLL_INTERVAL = 0.03  # seconds


def run(command: Sequence[str], account: Account = THIS_USER) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, beyond the reach of the terminal."""
    options = {"capture_output": True, "text": True, "start_new_session": True, **account}
    return subprocess.run(command, check=False, cwd="/", env=clean_environment(), **options)  # noqa: S603


def spawn(
    command: Sequence[str], data_dir: Path, env: Mapping[str, str], **options: Any
) -> subprocess.Popen[bytes]:
    """Start what outlives this process, beyond the reach of its terminal; output to the log."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    with os.fdopen(open_private(data_dir / "postgres.log", flags), "ab") as log:
        options = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log, "cwd": "/", **options}
        process = subprocess.Popen(command, env=env, start_new_session=True, **options)  # noqa: S603
    # Reaped at once, should it end before this process does.
    threading.Thread(target=process.wait, daemon=True).start()
    return process


def clean_environment() -> dict[str, str]:
    """Return this process's environment without PostgreSQL's variables and the user's language."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**inherited, "LC_ALL": "C"}


def wait_until(condition: Callable[[], bool], limit: float) -> bool:
    """Ask again and again, for at most `limit` seconds, and return the last answer."""
    deadline = time.monotonic() + limit
    while not (is_met := condition()) and time.monotonic() < deadline:
        time.sleep(POLL_INTERVAL)
    return is_met
