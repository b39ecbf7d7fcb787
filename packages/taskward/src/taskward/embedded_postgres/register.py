"""The register of the processes that use the server, in `postgres.users` behind `postgres.lock`."""

import fcntl
import json
import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from taskward.embedded_postgres.private_file import open_private
from taskward.embedded_postgres.process_id import ProcessId, identify


@dataclass
class Register:
    """Who uses the server, who stops it and where its socket is."""

    users: list[ProcessId] = field(default_factory=list)  # one entry for each attach()
    supervisors: list[ProcessId] = field(default_factory=list)  # parents that outlive their users
    keeper: list[ProcessId] = field(default_factory=list)  # at most one
    socket_dir: str = ""  # recorded, since it depends on the starter's TMPDIR

    @property
    def in_use(self) -> bool:
        return bool(self.users or self.supervisors)

    def add_this_process(self) -> None:
        if me := identify(os.getpid()):
            self.users.append(me)
        parent = multiprocessing.parent_process()
        supervisor = identify(parent.pid) if parent and parent.pid and parent.is_alive() else None
        if supervisor and not any(known.is_same(supervisor) for known in self.supervisors):
            self.supervisors.append(supervisor)

    def remove_this_process(self) -> None:
        me = identify(os.getpid())
        own = [user for user in self.users if user.is_same(me)]
        if own:
            self.users.remove(own[0])
        if len(own) <= 1:  # a supervisor that says it is done is done
            self.supervisors = [known for known in self.supervisors if not known.is_same(me)]

    def save(self, data_dir: Path) -> None:
        draft = data_dir / "postgres.users.draft"
        draft.unlink(missing_ok=True)
        with os.fdopen(open_private(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "w") as file:
            json.dump(asdict(self), file)
        draft.replace(data_dir / "postgres.users")


@contextmanager
def locked_register(data_dir: Path, create: int = 0) -> Iterator[Register]:
    """Yield the register, with living processes only, while no other process may touch it.

    Raises `FileNotFoundError` where nothing was attached yet, unless `create` is `os.O_CREAT`.
    """
    descriptor = open_private(data_dir / "postgres.lock", os.O_RDWR | create)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield _load(data_dir)
    finally:
        # Closing alone would leave the lock to a child that another thread forked meanwhile.
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


def _load(data_dir: Path) -> Register:
    try:
        raw = json.loads((data_dir / "postgres.users").read_text())
        users, supervisors = _living(raw["users"]), _living(raw["supervisors"])
        return Register(users, supervisors, _living(raw["keeper"]), str(raw["socket_dir"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return Register()


def _living(entries: list[list[float]]) -> list[ProcessId]:
    processes = [ProcessId(int(pid), started) for pid, started in entries]
    return [process for process in processes if process.is_same(identify(process.pid))]
