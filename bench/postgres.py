"""PostgreSQL of the bench's own: the embedded one, default settings, a directory of its own.

Nothing is made unsafe to be faster: commits reach the disk as they do with `make run`.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import asyncpg

from taskward.database.url import DatabaseURL
from taskward.embedded_postgres import EmbeddedPostgres, attach, detach
from taskward.migrations import migrate


@dataclass(frozen=True, slots=True)
class Database:
    """A database on the bench's server."""

    server: EmbeddedPostgres
    name: str

    @property
    def url(self) -> str:
        """For Taskward and for the original Better Auth."""
        host = quote(str(self.server.socket_dir), safe="")
        return f"postgresql://{self.server.user}@{host}:5432/{self.name}?sslmode=disable"

    @property
    def environment(self) -> dict[str, str]:
        """For peers: libpq's own variables, which every driver reads."""
        return {
            "PGHOST": str(self.server.socket_dir),
            "PGPORT": "5432",
            "PGUSER": self.server.user,
            "PGDATABASE": self.name,
        }

    @property
    def connect_arguments(self) -> dict[str, Any]:
        return {
            "host": str(self.server.socket_dir),
            "user": self.server.user,
            "database": self.name,
        }

    def run(self, work: Callable[[asyncpg.Connection], Coroutine[Any, Any, Any]]) -> Any:
        """Return what `work` returns, with a connection of its own."""
        return asyncio.run(self._run(work))

    async def _run(self, work: Callable[[asyncpg.Connection], Coroutine[Any, Any, Any]]) -> Any:
        connection = await asyncpg.connect(**self.connect_arguments)
        try:
            return await work(connection)
        finally:
            await connection.close()


class Postgres:
    """The server, for as long as the `with` block lasts."""

    def __enter__(self) -> Self:
        self.directory = Path(tempfile.mkdtemp(prefix="taskward-bench-"))
        try:
            self.server = attach(self.directory)
        except BaseException:
            shutil.rmtree(self.directory, ignore_errors=True)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            detach(self.directory)
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def log(self) -> Path:
        return self.directory / "postgres.log"

    def create(self, name: str, *, migrated: bool = True) -> Database:
        """Return a new database, with Taskward's tables unless something else makes them."""
        maintenance = Database(self.server, self.server.database)
        maintenance.run(lambda connection: connection.execute(f'CREATE DATABASE "{name}"'))
        database = Database(self.server, name)
        if migrated:
            asyncio.run(migrate(DatabaseURL.parse(database.url).connect_arguments()))
        return database
