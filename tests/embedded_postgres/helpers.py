"""What the tests ask of servers, processes and files."""

import asyncio
import os
import stat
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

import asyncpg
import psutil

from taskward.embedded_postgres import EmbeddedPostgres

FAST = {"fsync": "off"}
AS_ROOT = os.geteuid() == 0
NOBODY = 65534
Copy: TypeAlias = Callable[[Path], Path]
Program: TypeAlias = subprocess.Popen[str]
Spawn: TypeAlias = Callable[..., Program]


def query(server: EmbeddedPostgres, sql: str) -> object:
    async def fetch() -> object:
        connection = await asyncpg.connect(
            host=str(server.socket_dir), port=5432, user=server.user, database=server.database
        )
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()

    return asyncio.run(fetch())


def processes_of(directory: Path, argument: str | None = None) -> list[psutil.Process]:
    """Living processes that work in `directory` or were started for it, with that argument."""
    found = []
    for pid in psutil.pids():
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            command = process.cmdline()
            if not command or argument not in {None, *command}:
                continue
            named = any(word.startswith(str(directory)) for word in command)
            child = process.name() == "postgres" and process.cwd().startswith(str(directory))
            if (named or child) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def postmasters_of(directory: Path) -> list[psutil.Process]:
    return processes_of(directory, "-D")


def keepers_of(directory: Path) -> list[psutil.Process]:
    return processes_of(directory, "taskward.embedded_postgres")


def eventually(condition: Callable[[], bool], seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def kill(*processes: psutil.Process) -> None:
    """Kill one after another: each is gone before the next is killed."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
            process.wait(timeout=60)


def read_line(program: Program) -> str:
    assert program.stdout
    return program.stdout.readline().strip()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def log_of(data_dir: Path) -> str:
    return (data_dir / "postgres.log").read_text()
