"""Two PostgreSQL servers under Patroni, which asks etcd who is the leader, and HAProxy before them.

All of it on loopback and free ports, as processes of a user who is not root.
"""

import json
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from taskward.database.addresses import Address
from taskward.database.url import DatabaseURL
from taskward.embedded_postgres.account import chown, server_account
from taskward.embedded_postgres.subprocesses import clean_environment, run
from tests.support.clusters import end, executable_by
from tests.support.servers import HOST, free_port

PATRONI = Path(__file__).parent / ".venv" / "bin" / "patroni"
TTL = 20
"""Seconds after which a leader that says nothing is none: the least that Patroni takes."""
START_SECONDS = 120.0
DATABASE = "tasks"
PROGRAMS = {"etcd": "etcd-server", "haproxy": "haproxy"}
"""What is needed of the system, and Debian's packages."""


def missing() -> str:
    """What is not installed and has to be, or nothing."""
    names = [package for name, package in PROGRAMS.items() if _path(name) is None]
    if names:
        return f"apt-get install {' '.join(names)}"
    return "" if PATRONI.exists() else "make ha (it installs Patroni into tests/ha/.venv)"


def _path(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


def haproxy_path() -> str:
    """Where HAProxy is; of an ordinary user's PATH it is often no part."""
    return _path("haproxy") or "haproxy"


class Process:
    """One program in a session of its own; its log is in the folder."""

    def __init__(self, group: "PatroniCluster", label: str, command: Sequence[str]) -> None:
        self.group, self.label, self.command = group, label, command
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.group.scratch / f"{self.label}.log").open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                cwd=self.group.scratch,
                env={**clean_environment(), "ETCD_ENABLE_V2": "false"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self.group.account,
            )  # type: ignore[assignment]

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it and to all that it has started."""
        for process in self._all():
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def kill(self) -> None:
        """End it and all that it has started at once."""
        end(process.pid for process in self._all())
        if self._process is not None:
            self._process.wait()

    def _all(self) -> list[psutil.Process]:
        with suppress(psutil.NoSuchProcess):
            main = psutil.Process(self._process.pid) if self._process else None
            if main is not None:
                return [main, *main.children(recursive=True)]
        return []


class Member(Process):
    """A Patroni with its PostgreSQL."""

    def __init__(self, group: "PatroniCluster", label: str) -> None:
        self.port, self.rest = free_port(), free_port()
        self.data = group.scratch / label
        self.config = group.scratch / f"{label}.json"  # which is YAML too
        self.config.write_text(json.dumps(_configuration(group, self, label)))
        super().__init__(group, label, [str(PATRONI), str(self.config)])

    @property
    def address(self) -> Address:
        return Address(HOST, self.port)

    def says(self, path: str) -> bool:
        """Whether Patroni confirms it: /primary, /synchronous, /replica."""
        return _ask(f"http://{HOST}:{self.rest}{path}") == 200

    def kill(self) -> None:
        """Patroni first, so that it does not see what happens; PostgreSQL is of its own session."""
        super().kill()
        self.kill_postgres()

    def kill_postgres(self) -> None:
        """End PostgreSQL at once; Patroni will see it."""
        if (server := self._postmaster()) is not None:
            end(process.pid for process in [server, *_children(server)])

    def signal(self, number: signal.Signals) -> None:
        server = self._postmaster()
        super().signal(number)
        for process in [server, *_children(server)] if server is not None else []:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def _postmaster(self) -> psutil.Process | None:
        with suppress(OSError, IndexError, ValueError, psutil.NoSuchProcess):
            return psutil.Process(int((self.data / "postmaster.pid").read_text().split()[0]))
        return None


def _children(process: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return process.children(recursive=True)
    return []


class PatroniCluster:
    """Two members, etcd and HAProxy; `url_text` names both members, `proxy_url` HAProxy."""

    def __init__(self) -> None:
        self.scratch = Path(tempfile.mkdtemp(prefix="taskward-ha-"))
        self.account = server_account(self.scratch / "none")
        chown(self.scratch, self.account)
        self.scratch.chmod(0o755)
        self.binaries = executable_by(self.account)
        self.etcd_port = free_port()
        self.proxy_port = free_port()
        self.etcd = Process(self, "etcd", _etcd(self))
        self.members = [Member(self, name) for name in ("first", "second")]
        config = self.scratch / "haproxy.cfg"
        config.write_text(_haproxy(self))
        self.haproxy = Process(self, "haproxy", [haproxy_path(), "-f", str(config)])

    @property
    def url_text(self) -> str:
        places = ",".join(str(member.address) for member in self.members)
        return f"postgresql://postgres@{places}/{DATABASE}?sslmode=disable"

    @property
    def proxy_url(self) -> str:
        return f"postgresql://postgres@{HOST}:{self.proxy_port}/{DATABASE}?sslmode=disable"

    @property
    def url(self) -> DatabaseURL:
        return DatabaseURL.parse(self.url_text)

    @property
    def leader(self) -> Member:
        return next(member for member in self.members if member.says("/primary"))

    @property
    def other(self) -> Member:
        return next(member for member in self.members if not member.says("/primary"))

    def create(self) -> None:
        self.etcd.start()
        self.members[0].start()
        self.wait(lambda: self.members[0].says("/primary"))
        self.members[1].start()
        self.haproxy.start()
        createdb = [str(self.binaries / "createdb"), "-h", HOST, "-p", str(self.members[0].port)]
        result = run([*createdb, "-U", "postgres", DATABASE])
        if result.returncode != 0:
            raise RuntimeError(result.stderr)
        self.be_whole()

    def be_whole(self) -> None:
        """Wait until there is a leader, and the other one confirms its commits."""
        self.wait(lambda: sorted(self._roles()) == ["primary", "synchronous"])

    def _roles(self) -> list[str]:
        paths = ("primary", "synchronous")
        return [path for m in self.members for path in paths if m.says(f"/{path}")]

    def switch_over(self) -> None:
        """Ask Patroni to make the other one the leader; it is when this returns."""
        leader, other = self.leader, self.other
        body = {"leader": leader.label, "candidate": other.label}
        _ask(f"http://{HOST}:{leader.rest}/switchover", body)
        self.wait(lambda: other.says("/primary"))

    def wait(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not holds():
            if time.monotonic() > deadline:
                raise TimeoutError(f"it never came to that\n{self.logs()[-6000:]}")
            time.sleep(0.1)

    def logs(self) -> str:
        logs = sorted(self.scratch.glob("*.log"))
        return "\n".join(f"{log.name}\n{log.read_text(errors='replace')[-3000:]}" for log in logs)

    def close(self) -> None:
        for process in (self.haproxy, *self.members, self.etcd):
            process.kill()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.create()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _ask(url: str, body: Mapping[str, str] | None = None) -> int:
    data = json.dumps(body).encode() if body else None
    with suppress(OSError):
        try:
            with urllib.request.urlopen(url, data, timeout=60 if body else 1) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
    return 0


def _etcd(group: PatroniCluster) -> list[str]:
    client, peer = f"http://{HOST}:{group.etcd_port}", f"http://{HOST}:{free_port()}"
    options = {
        "name": "only",
        "data-dir": str(group.scratch / "etcd"),
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"only={peer}",
    }
    return [_path("etcd") or "", *(f"--{name}={value}" for name, value in options.items())]


def _configuration(group: PatroniCluster, member: Member, label: str) -> dict[str, Any]:
    hba = ["local all all trust", "host all all all trust", "host replication all all trust"]
    dcs = {
        "ttl": TTL,
        "loop_wait": 3,
        "retry_timeout": 5,
        "synchronous_mode": True,
        "postgresql": {
            "use_pg_rewind": True,
            "pg_hba": hba,
            "parameters": {"max_connections": 100, "wal_keep_size": "64MB", "fsync": "off"},
        },
    }
    postgresql = {
        "listen": f"{HOST}:{member.port}",
        "connect_address": f"{HOST}:{member.port}",
        "data_dir": str(member.data),
        "bin_dir": str(group.binaries),
        "pgpass": str(group.scratch / f"{label}.pgpass"),
        "pg_hba": hba,
        "authentication": {
            "superuser": {"username": "postgres"},
            "replication": {"username": "postgres"},
        },
        "parameters": {"unix_socket_directories": str(group.scratch)},
    }
    return {
        "scope": "tasks",
        "name": label,
        "restapi": {"listen": f"{HOST}:{member.rest}", "connect_address": f"{HOST}:{member.rest}"},
        "etcd3": {"host": f"{HOST}:{group.etcd_port}"},
        "bootstrap": {
            "dcs": dcs,
            "initdb": [{"encoding": "UTF8"}, "no-locale", "data-checksums", {"auth": "trust"}],
        },
        "postgresql": postgresql,
        "watchdog": {"mode": "off"},
    }


def _haproxy(group: PatroniCluster) -> str:
    servers = "\n".join(
        f"    server {m.label} {m.address} check port {m.rest}" for m in group.members
    )
    return f"""
defaults
    mode tcp
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    timeout check 2s
listen postgres
    bind {HOST}:{group.proxy_port}
    option httpchk GET /primary
    http-check expect status 200
    default-server inter 500ms fall 2 rise 1 on-marked-down shutdown-sessions
{servers}
"""
