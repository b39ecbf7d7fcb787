"""PostgreSQL servers of a test's own, on loopback TCP, of any version, that may be killed."""

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Self

import psutil

from taskward.database.tls import SSLMode
from taskward.database.url import DatabaseURL
from taskward.embedded_postgres.account import chown, server_account
from taskward.embedded_postgres.binaries import binaries_major, binary
from taskward.embedded_postgres.subprocesses import Account, clean_environment, run
from tests.support.servers import HOST, free_port

EMBEDDED = Path(binary("postgres")).parent
START_SECONDS = 60.0
DATABASE = "tasks"
UTF8 = ("--encoding=UTF8", "--no-locale", "--no-sync")
NOTHING: Mapping[str, str] = MappingProxyType({})


def installed() -> dict[int, Path]:
    """The programs of each PostgreSQL of the system's own, by major version (Debian's places)."""
    places = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    return {int(place.parts[-3]): place.parent for place in sorted(places)}


def executable_by(account: Account) -> Path:
    """The embedded programs, where that account can reach them."""
    binaries_major(account)
    return Path(binary("postgres", account)).parent


class Cluster:
    """A server with one database, `tasks`; loses no data however it ends."""

    def __init__(self, binaries: Path = EMBEDDED, settings: Mapping[str, str] = NOTHING) -> None:
        self.settings = dict(settings)
        self.scratch = Path(tempfile.mkdtemp(prefix="taskward-cluster-"))
        self.data = self.scratch / "data"
        self.account: Account = server_account(self.data)
        self.binaries = binaries if binaries != EMBEDDED else executable_by(self.account)
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        chown(self.scratch, self.account)

    @property
    def url(self) -> DatabaseURL:
        return DatabaseURL(HOST, self.port, "postgres", None, DATABASE, SSLMode.DISABLE)

    @property
    def log(self) -> str:
        return (self.scratch / "log").read_text(errors="replace")

    def create(self) -> None:
        """Make the cluster and its database, and start it."""
        self._program("initdb", "-D", str(self.data), "-U", "postgres", "--auth=trust", *UTF8)
        self.start()
        self._program("createdb", "-h", HOST, "-p", str(self.port), "-U", "postgres", DATABASE)

    def give_file(self, name: str, content: bytes) -> Path:
        """Write a file that only the server's user may read, beside the data."""
        path = self.scratch / name
        path.touch(mode=0o600)
        path.write_bytes(content)
        chown(path, self.account)
        return path

    def offer_tls(self, certificate: bytes, key: bytes) -> None:
        """Restart with a certificate; over TCP nothing else is spoken then."""
        self.stop()
        self.settings |= {
            "ssl": "on",
            "ssl_cert_file": str(self.give_file("server.crt", certificate)),
            "ssl_key_file": str(self.give_file("server.key", key)),
        }
        (self.data / "pg_hba.conf").write_text("local all all trust\nhostssl all all all trust")
        self.start()

    def start(self) -> None:
        """Start it where it was before, and wait until it answers."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            self.port = self.port or free_port()
            self._spawn()
            if self._answers_in_time():
                return
            # A killed server's memory may still be held, or another has the port.
            self.port = 0 if "could not bind" in self.log and self._is_first else self.port
        raise RuntimeError(f"PostgreSQL does not start\n{self.log}")

    @property
    def _is_first(self) -> bool:
        return "ready to accept connections" not in self.log

    def kill(self) -> None:
        """End the server and everything it started, as a power cut would."""
        process = self._running()
        with suppress(psutil.NoSuchProcess):
            children = psutil.Process(process.pid).children(recursive=True)
            process.kill()
            end(child.pid for child in children)
        process.wait()

    def stop(self) -> None:
        """Stop it in the usual way: connections are ended, what they were doing is undone."""
        process = self._running()
        process.send_signal(signal.SIGINT)
        process.wait(timeout=START_SECONDS)

    def backends(self) -> list[int]:
        """The processes that serve clients' connections."""
        with suppress(psutil.NoSuchProcess):
            children = psutil.Process(self._running().pid).children()
            return [child.pid for child in children if f" {DATABASE} {HOST}" in name(child)]
        return []

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.create()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the server was not started"
        return self._process

    def _program(self, program: str, *arguments: str) -> None:
        result = run([str(self.binaries / program), *arguments], self.account)
        if result.returncode != 0:
            raise RuntimeError(result.stderr)

    def _spawn(self) -> None:
        fixed = {"listen_addresses": HOST, "port": str(self.port)}
        fixed["unix_socket_directories"] = str(self.scratch)
        options = [f"--{key}={value}" for key, value in {**self.settings, **fixed}.items()]
        with (self.scratch / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self.binaries / "postgres"), "-D", str(self.data), *options],
                cwd=self.data,
                env=clean_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self.account,
            )  # type: ignore[assignment]

    def _answers_in_time(self) -> bool:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._running().poll() is None:
            if self.answers():
                return True
            with suppress(subprocess.TimeoutExpired):
                self._running().wait(timeout=0.02)
        return False

    def answers(self) -> bool:
        target = ("-h", HOST, "-p", str(self.port), "-U", "postgres", "-d", "postgres")
        return run([str(self.binaries / "pg_isready"), "-q", "-t", "3", *target]).returncode == 0


def end(pids: Iterable[int]) -> None:
    """Kill processes, of which some may be gone."""
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            psutil.Process(pid).kill()


def name(process: psutil.Process) -> str:
    """What a process of PostgreSQL's shows as its command line."""
    with suppress(psutil.NoSuchProcess, IndexError):
        return str(process.cmdline()[0])
    return ""
