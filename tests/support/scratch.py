"""Directories for clusters: in memory where there is room; a disk is slow at their many files."""

import os
import shutil
import tempfile
from pathlib import Path

import psutil

MEMORY = Path("/dev/shm")
LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Where a container says how much memory it may have."""


def new_directory(prefix: str, *, needed: int, otherwise: str) -> Path:
    """Make a directory in memory if there are so many bytes left, or else in that place.

    Those of test processes that were killed are removed, lest the memory be full one day.
    """
    for left in MEMORY.glob(f"{prefix}[0-9]*-*"):
        if not psutil.pid_exists(int(left.name.removeprefix(prefix).partition("-")[0])):
            shutil.rmtree(left, ignore_errors=True)
    has_room = os.access(MEMORY, os.W_OK) and needed < min(
        shutil.disk_usage(MEMORY).free, _available_memory()
    )
    place, name = MEMORY if has_room else otherwise, f"{prefix}{os.getpid()}-"
    return Path(tempfile.mkdtemp(prefix=name, dir=place)).resolve()


def _available_memory() -> int:
    texts = [Path(path).read_text().strip() for path in LIMITS if Path(path).is_file()]
    return min([psutil.virtual_memory().available, *(int(t) for t in texts if t.isdigit())])


def remove_later(directory: Path) -> None:
    """Remove what hundreds of databases have left, tens of thousands of files: nobody waits."""
    if shutil.which("rm"):
        os.spawnvp(os.P_NOWAIT, "rm", ["rm", "-rf", str(directory)])
    else:
        shutil.rmtree(directory)
