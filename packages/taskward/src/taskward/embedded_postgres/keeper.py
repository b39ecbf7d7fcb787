"""The keeper: a process that stops the server which nobody uses any more."""

import os
import sys
import time
from pathlib import Path

from taskward.embedded_postgres.cluster import cluster_of
from taskward.embedded_postgres.process_id import ProcessId, identify
from taskward.embedded_postgres.register import Register, locked_register
from taskward.embedded_postgres.server import stop_server
from taskward.embedded_postgres.subprocesses import clean_environment, spawn

_INTERVAL = 0.25  # seconds


def ensure_keeper(data_dir: Path, register: Register) -> None:
    """Start a keeper and register it, unless one lives."""
    if not register.keeper:
        root = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        command = [sys.executable, "-m", "taskward.embedded_postgres", str(data_dir)]
        keeper = spawn(command, data_dir, env={**clean_environment(), "PYTHONPATH": path})
        register.keeper = [found for found in [identify(keeper.pid)] if found]


def keep(data_dir: Path) -> None:
    """Wait until nobody uses the server, then stop it; be done when another keeper took over."""
    while not _is_done(data_dir, identify(os.getpid())):
        time.sleep(_INTERVAL)


def _is_done(data_dir: Path, me: ProcessId | None) -> bool:
    try:
        with locked_register(data_dir) as register:
            is_registered = any(keeper.is_same(me) for keeper in register.keeper)
            if register.in_use:
                return not is_registered
            stop_server(cluster_of(data_dir), register.socket_dir)
            if is_registered:  # an attach() that comes before our exit must not count on us
                register.keeper.clear()
                register.save(data_dir)
    except FileNotFoundError:  # somebody deleted the data directory under the server
        stop_server(cluster_of(data_dir))
    return True
