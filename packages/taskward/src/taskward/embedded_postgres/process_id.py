"""Who a process is: a pid alone may be reused."""

from contextlib import suppress
from typing import NamedTuple

import psutil


class ProcessId(NamedTuple):
    """A process that lives or has lived."""

    pid: int
    started: float  # seconds after boot: unlike the wall clock, nobody sets it

    def is_same(self, other: "ProcessId | None") -> bool:
        return other is not None and self.pid == other.pid and abs(self.started - other.started) < 1


def identify(pid: int) -> ProcessId | None:
    """Return who has this pid now; None where nobody does, or only a zombie."""
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        if not is_zombie(process):
            return ProcessId(pid, process.create_time() - psutil.boot_time())
    return None


def is_zombie(process: psutil.Process) -> bool:
    """Tell whether nothing is left of the process but its exit code."""
    return process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
