"""A primary and a standby that confirms each commit, and what an operator does to them."""

import signal
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from taskward.database.addresses import Address
from taskward.database.url import DatabaseURL
from taskward.embedded_postgres.subprocesses import run
from tests.support.clusters import DATABASE, EMBEDDED, START_SECONDS, Cluster
from tests.support.servers import HOST

SETTINGS = {
    "max_connections": "60",
    "wal_log_hints": "on",  # pg_rewind wants it, or checksums
    "shared_buffers": "32MB",
    "fsync": "off",  # nobody takes the power away here
    "wal_keep_size": "64MB",
}
LOCAL_HOSTS = "local all all trust\nhost all all all trust\nhost replication all all trust\n"


class Node(Cluster):
    """One of the two: a primary, or a standby of another."""

    def __init__(self, binaries: Path = EMBEDDED) -> None:
        super().__init__(binaries, SETTINGS)

    @property
    def address(self) -> Address:
        return Address(HOST, self.port)

    def copy_of(self, primary: "Node") -> Self:
        """Make it a standby of that one, and start it."""
        self._program("pg_basebackup", "-D", str(self.data), *primary.target, "--checkpoint=fast")
        return self.follow(primary)

    def follow(self, primary: "Node") -> Self:
        """Start it as a standby."""
        (self.data / "standby.signal").touch()
        self.settings["primary_conninfo"] = (
            f"host={HOST} port={primary.port} user=postgres application_name=standby"
        )
        self.start()
        return self

    def rewind_to(self, primary: "Node") -> None:
        """Forget what only this one has, after it was ended in whatever way."""
        source = f"host={HOST} port={primary.port} user=postgres dbname=postgres"
        arguments = ("--target-pgdata", str(self.data), "--source-server", source, "--no-sync")
        self._program("pg_rewind", *arguments)

    def say(self, *statements: str) -> str:
        """Run SQL with psql; of what it prints, the first line."""
        command = [str(self.binaries / "psql"), "-XAtq", *self.target, "-d", DATABASE]
        for statement in statements:
            command += ["-c", statement]
        result = run(command)
        if result.returncode != 0:
            raise RuntimeError(result.stderr)
        return result.stdout.partition("\n")[0]

    def promote(self) -> None:
        """Make the standby the primary; it has taken its place when this returns."""
        self.say("SELECT pg_promote(true, 60)")

    def wait_for_standby(self) -> None:
        """Let each commit wait for the standby from now on."""
        self.change("synchronous_standby_names", "standby")

    def wait_for_nobody(self) -> None:
        """Let commits be over when they are over here."""
        self.change("synchronous_standby_names", "")

    def take_no_writes(self) -> None:
        """Refuse writes, on the connections that there are as well."""
        self.change("default_transaction_read_only", "on")

    def take_writes(self) -> None:
        """Allow them again."""
        self.change("default_transaction_read_only", "off")

    def change(self, setting: str, value: str) -> None:
        self.say(f"ALTER SYSTEM SET {setting} = '{value}'", "SELECT pg_reload_conf()")

    def freeze(self) -> None:
        """Stop every process of it where it stands: nothing is closed, nothing is answered."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on as if nothing had been."""
        self._signal(signal.SIGCONT)

    @property
    def target(self) -> tuple[str, ...]:
        return ("-h", HOST, "-p", str(self.port), "-U", "postgres")

    def _signal(self, number: signal.Signals) -> None:
        main = psutil.Process(self._running().pid)
        for process in (main, *main.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)


class Pair:
    """Two nodes of which one is the primary; `url` names both, in an order that never changes."""

    def __init__(self, binaries: Path = EMBEDDED) -> None:
        self._stack = ExitStack()
        self.binaries = binaries
        self.primary = self._node()
        self.standby = self._node()
        self.nodes = (self.primary, self.standby)

    def _node(self) -> Node:
        node = Node(self.binaries)
        self._stack.callback(node.close)
        return node

    def create(self) -> None:
        self.primary.create()
        (self.primary.data / "pg_hba.conf").write_text(LOCAL_HOSTS)
        with (self.primary.data / "postgresql.conf").open("a") as file:  # for pg_rewind's own start
            file.writelines(f"{key} = '{value}'\n" for key, value in SETTINGS.items())
        self.standby.copy_of(self.primary)
        self.be_synchronous()

    def url_text(self, *nodes: Node, more: str = "") -> str:
        """The URL of both, or of those given."""
        places = ",".join(str(node.address) for node in nodes or self.nodes)
        return f"postgresql://postgres@{places}/{DATABASE}?sslmode=disable{more}"

    @property
    def url(self) -> DatabaseURL:
        return DatabaseURL.parse(self.url_text())

    def promote(self) -> None:
        """Make the standby the primary; what becomes of the other is the caller's affair."""
        self.standby.promote()
        self.primary, self.standby = self.standby, self.primary
        self.primary.wait_for_nobody()

    def rejoin(self, *, rewind: bool) -> None:
        """Bring back the former primary, which has ended, as the standby of the new one."""
        if rewind:
            self.standby.rewind_to(self.primary)
        self.standby.follow(self.primary)
        self.be_synchronous()

    def be_synchronous(self) -> None:
        """Let commits wait for the standby, as soon as it follows."""
        self.primary.wait_for_standby()
        query = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
        wait_until(lambda: self.primary.say(query) == "1")

    def close(self) -> None:
        self._stack.close()

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


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError("it never came to that")
        time.sleep(0.05)
