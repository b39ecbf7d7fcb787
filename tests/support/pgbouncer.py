"""Debian's PgBouncer, which loses prepared statements, in front of a cluster of the test's own."""

import os
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import replace
from typing import Self

from taskward.database.url import DatabaseURL
from tests.support.clusters import Cluster
from tests.support.servers import HOST, free_port

SETTINGS = """
[databases]
* = host={host} port={server} user=postgres

[pgbouncer]
listen_addr = {host}
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
max_client_conn = 500
default_pool_size = {size}
server_round_robin = 1
server_idle_timeout = 10
"""
START_SECONDS = 10.0


def program() -> str | None:
    """Where it is installed, or None."""
    return shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def version() -> str:
    """As `1.18.0`."""
    shown = subprocess.run([program() or "", "--version"], capture_output=True, check=True)
    return shown.stdout.decode().split()[1]


class PgBouncer:
    """By default in transaction mode; the server's connections take turns: no two of them share."""

    def __init__(self, cluster: Cluster, size: int = 3, mode: str = "transaction") -> None:
        self.cluster = cluster
        self.size = size
        self.mode = mode
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> DatabaseURL:
        return replace(self.cluster.url, port=self.port)

    def start(self) -> None:
        ports = {"port": self.port, "server": self.cluster.port}
        content = SETTINGS.format(host=HOST, size=self.size, mode=self.mode, **ports).encode()
        path = self.cluster.give_file("pgbouncer.ini", content)
        with (self.cluster.scratch / "pgbouncer.log").open("ab") as log:
            self._process = subprocess.Popen(
                [program() or "pgbouncer", str(path)],
                cwd=self.cluster.scratch,
                stdout=log,
                stderr=log,
                **self.cluster.account,
            )  # type: ignore[assignment]
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection((HOST, self.port), timeout=1):
                return
            time.sleep(0.02)
        raise RuntimeError((self.cluster.scratch / "pgbouncer.log").read_text())

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
