"""`taskward dump`: everything that is in the database, as one file of pg_dump's."""

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import asyncpg

from taskward.app import postgres
from taskward.cli.database import connected_to, one_server
from taskward.cli.postgres_programs import environment_for, refuse_transaction_pooler, run
from taskward.database.url import DatabaseURL
from taskward.settings import Settings, load_settings

STANDARD = "-"
"""Instead of a file: standard output, or input."""

_SETTINGS = """
SET LOCAL row_security = off; -- an error, not fewer rows
SET LOCAL idle_in_transaction_session_timeout = 0;
"""
_OTHER_SCHEMAS = """
SELECT nspname FROM pg_namespace
WHERE nspname <> current_schema AND nspname !~ '^pg_' AND nspname <> 'information_schema'
    AND EXISTS (
        SELECT FROM pg_class WHERE relnamespace = pg_namespace.oid AND relkind IN ('r', 'p'))
ORDER BY nspname
"""


class Contents(NamedTuple):
    """What a database holds, at one moment."""

    schema: str
    users: int
    tasks: int
    other_schemas: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.users:,} users and {self.tasks:,} tasks"


async def dump(file: str, *, force: bool) -> str:
    """Write the dump; returns what is in it and what is not.

    Raises:
        SystemExit: it cannot be done; then there is no file, or the one that was there.
    """
    settings = load_settings()
    async with postgres(settings) as url:
        server = await one_server(url)
        await refuse_transaction_pooler(server)
        contents = await _dump_from(server, file, force=force)
    return _report(settings, file, contents)


async def _dump_from(server: DatabaseURL, file: str, *, force: bool) -> Contents:
    async with (
        connected_to(server) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        contents = await survey(connection)
        snapshot = await connection.fetchval("SELECT pg_export_snapshot()")
        with _output(file, force=force) as (output, options):
            async with environment_for(server) as environment:
                command = [*_command(contents.schema, snapshot), *options]
                ended = await asyncio.to_thread(run, command, output, environment)
            _check(ended)
    return contents


async def survey(connection: asyncpg.Connection) -> Contents:
    """Count what is there, in a transaction.

    Raises:
        SystemExit: there are no tables, or this role does not see all rows.
    """
    try:
        await connection.execute(_SETTINGS)
        return Contents(
            await connection.fetchval("SELECT current_schema"),
            await connection.fetchval('SELECT count(*) FROM "user"'),
            await connection.fetchval("SELECT count(*) FROM tasks"),
            tuple(row["nspname"] for row in await connection.fetch(_OTHER_SCHEMAS)),
        )
    except asyncpg.UndefinedTableError:
        raise SystemExit("The database has no tables yet: run `taskward migrate`.") from None
    except asyncpg.InsufficientPrivilegeError as error:
        raise SystemExit(
            f"This role does not see all rows ({error}): use one that does (a superuser, or "
            "BYPASSRLS), or for that time ALTER TABLE tasks NO FORCE ROW LEVEL SECURITY."
        ) from None


def _command(schema: str, snapshot: str) -> list[str]:
    pattern = '"' + schema.replace('"', '""') + '"'
    options = ["--format=custom", "--no-owner", "--no-privileges", "--no-password"]
    return ["pg_dump", *options, f"--schema={pattern}", f"--snapshot={snapshot}"]


def _check(ended: subprocess.CompletedProcess[bytes]) -> None:
    if ended.returncode != 0:
        reason = ended.stderr.decode(errors="replace").strip() or f"ended by {ended.returncode}"
        raise SystemExit(f"Nothing was dumped: {reason}")


def _report(settings: Settings, file: str, contents: Contents) -> str:
    where = "standard output" if file == STANDARD else file
    configured = settings.better_auth_secret or settings.better_auth_secrets
    secret = "BETTER_AUTH_SECRET" if configured else str(settings.data_dir / "secret")
    said = f"{contents} are in {where}. The secret is not: keep {secret} too."
    if contents.other_schemas:
        said += f" Nor are tables in other schemas: {', '.join(contents.other_schemas)}."
    return said


@contextmanager
def _output(file: str, *, force: bool) -> Iterator[tuple[int, list[str]]]:
    """Yield pg_dump's standard output, and options; a file gets its name when it is whole."""
    if file == STANDARD:
        if sys.stdout is None or sys.stdout.isatty():
            raise SystemExit("A dump is no text for a terminal: name a file, or redirect it.")
        yield sys.stdout.fileno(), []
        return
    path = Path(file)
    _refuse_existing(path, force=force)
    try:
        descriptor, draft = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)
    except OSError as error:
        raise SystemExit(f"{file}: {error.strerror}") from None
    os.close(descriptor)
    try:
        yield subprocess.DEVNULL, [f"--file={draft}"]  # which it writes to the disk itself
        _publish(Path(draft), path, force=force)
    finally:
        Path(draft).unlink(missing_ok=True)


def _refuse_existing(path: Path, *, force: bool) -> None:
    if path.exists() and not path.is_file():
        raise SystemExit(f"{path} is no file to write to; {STANDARD} means standard output.")
    if os.path.lexists(path) and not force:
        raise SystemExit(f"{path} exists already: name another file, or use --force.")


def _publish(draft: Path, path: Path, *, force: bool) -> None:
    try:
        if force:
            draft.replace(path)
        else:
            _name_what_is_new(draft, path)
    except FileExistsError:
        raise SystemExit(f"{path} exists already: name another file, or use --force.") from None
    except OSError as error:
        raise SystemExit(f"{path}: {error.strerror}") from None


def _name_what_is_new(draft: Path, path: Path) -> None:
    try:
        path.hardlink_to(draft)  # unlike a rename, never takes another file's place
    except FileExistsError:
        raise
    except OSError:  # there are no hard links here
        _refuse_existing(path, force=False)
        draft.rename(path)
