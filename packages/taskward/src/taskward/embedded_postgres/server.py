"""The server's processes: found by what they are and where they work, started, stopped."""

import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from taskward.embedded_postgres.binaries import binary
from taskward.embedded_postgres.cluster import path_for
from taskward.embedded_postgres.errors import EmbeddedPostgresError
from taskward.embedded_postgres.process_id import is_zombie
from taskward.embedded_postgres.socket_dir import SOCKET_NAME
from taskward.embedded_postgres.subprocesses import (
    POLL_INTERVAL,
    Account,
    clean_environment,
    run,
    spawn,
    wait_until,
)

_CLUSTER = "taskward.cluster"  # a setting that only says whose server it is
_START_LIMIT = 60.0  # seconds; recovery after a crash may need many
_ANSWER_LIMIT = 10.0  # seconds for a server in use: it may be recovering, or losing its children
_STOP_STEPS = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))  # seconds


def is_serving(cluster: Path, socket_dir: str) -> bool:
    """Tell whether a server runs and answers, once it has either recovered or gone."""

    def is_settled() -> bool:
        return not _processes(cluster) or _answers(Path(socket_dir))

    return wait_until(is_settled, _ANSWER_LIMIT) and bool(_processes(cluster))


def start_server(
    cluster: Path, socket_dir: Path, settings: Mapping[str, str], account: Account
) -> None:
    """Start the server where none runs; return when it answers."""
    command = _command(cluster, socket_dir, settings, account)
    deadline = time.monotonic() + _ANSWER_LIMIT
    while (report := _try_to_start(cluster, socket_dir, command, account)) is not None:
        # Children of a killed server still hold its memory, where _works_in cannot see them.
        if "shared memory block" not in report or time.monotonic() > deadline:
            stop_server(cluster)
            log = cluster.parent / "postgres.log"
            raise EmbeddedPostgresError(f"PostgreSQL does not start. Its log, {log}:\n{report}")
        time.sleep(POLL_INTERVAL)


def stop_server(cluster: Path, socket_dir: str = "") -> None:
    """Stop whatever serves the cluster and remove the directory of its socket."""
    for number, limit in _STOP_STEPS:  # PostgreSQL's fast, then immediate shutdown, then force
        _signal_postmaster(cluster, number)
        if wait_until(lambda: not _processes(cluster), limit):
            break
    else:
        raise EmbeddedPostgresError(f"The PostgreSQL that uses {cluster} cannot be stopped.")
    if socket_dir and Path(socket_dir) != cluster:
        with suppress(OSError):
            Path(socket_dir).rmdir()


def _answers(socket_dir: Path) -> bool:
    target = ["-h", str(socket_dir), "-p", "5432", "-U", "postgres", "-d", "postgres"]
    return run([binary("pg_isready"), "-q", "-t", "3", *target]).returncode == 0


def _try_to_start(
    cluster: Path, socket_dir: Path, command: Sequence[str], account: Account
) -> str | None:
    """Return the end of the log where the server does not start."""
    # No server is left here, but PostgreSQL would believe the pid of a zombie, or a reused one.
    (cluster / "postmaster.pid").unlink(missing_ok=True)
    (socket_dir / f"{SOCKET_NAME}.lock").unlink(missing_ok=True)
    log = cluster.parent / "postgres.log"
    log_size = log.stat().st_size if log.exists() else 0
    server = spawn(command, cluster.parent, env=clean_environment(), cwd=cluster, **account)
    wait_until(lambda: server.poll() is not None or _answers(socket_dir), _START_LIMIT)
    if server.poll() is None and _answers(socket_dir):
        return None
    return "\n".join(log.read_bytes()[log_size:].decode(errors="replace").splitlines()[-15:])


def _command(
    cluster: Path, socket_dir: Path, settings: Mapping[str, str], account: Account
) -> list[str]:
    place = path_for(account, cluster)
    socket_place = place if socket_dir == cluster else str(socket_dir)
    quoted_socket_dir = '"' + socket_place.replace('"', '""') + '"'
    fixed = {
        _CLUSTER: str(cluster),
        "listen_addresses": "",
        "port": "5432",
        "unix_socket_directories": quoted_socket_dir,
        "unix_socket_permissions": "0700",
    }
    options = [f"--{name}={value}" for name, value in {**settings, **fixed}.items()]
    return [binary("postgres", account), "-D", place, *options]


def _signal_postmaster(cluster: Path, number: signal.Signals) -> None:
    processes = {process.pid: process for process in _processes(cluster)}
    for process in processes.values():
        with suppress(psutil.NoSuchProcess):
            if process.ppid() not in processes:
                process.send_signal(number)


def _processes(cluster: Path) -> list[psutil.Process]:
    found = []
    for pid in psutil.pids():
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            if process.name() == "postgres" and _works_in(cluster, process):
                found.append(process)
    return found


def _works_in(cluster: Path, process: psutil.Process) -> bool:
    try:
        return not is_zombie(process) and Path(process.cwd()) == cluster
    except psutil.AccessDenied:  # root of a container, without CAP_SYS_PTRACE
        return f"--{_CLUSTER}={cluster}" in process.cmdline()
