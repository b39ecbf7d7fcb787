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

_INHERITED = (
    *("PATH", "TZ", "TZDIR", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"),
    *("LD_PRELOAD", "NSS_WRAPPER_PASSWD", "NSS_WRAPPER_GROUP"),  # a name for a user id without one
)


def run(
    command: Sequence[str], account: Account = THIS_USER, *, cwd: Path = Path("/")
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, beyond the reach of the terminal."""
    options = {"capture_output": True, "text": True, "start_new_session": True, **account}
    return subprocess.run(command, check=False, cwd=cwd, env=clean_environment(), **options)  # noqa: S603


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
    """Return what a program needs of this process's environment, and none of its secrets."""
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {**inherited, "LC_ALL": "C"}


def wait_until(condition: Callable[[], bool], limit: float) -> bool:
    """Ask again and again, for at most `limit` seconds, and return the last answer."""
    deadline = time.monotonic() + limit
    while not (is_met := condition()) and time.monotonic() < deadline:
        time.sleep(POLL_INTERVAL)
    return is_met
