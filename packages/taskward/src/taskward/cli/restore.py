"""`taskward restore`: a dump becomes the database's content, in one transaction."""

import asyncio
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import asyncpg

from taskward.app import postgres
from taskward.auth_plugins import added_schema
from taskward.cli.database import connected_to, one_server
from taskward.cli.dump import STANDARD, survey
from taskward.cli.postgres_programs import environment_for, program, refuse_transaction_pooler, run
from taskward.database.url import DatabaseURL
from taskward.embedded_postgres.subprocesses import clean_environment
from taskward.migrations import HEAD, LOCK, migrate
from taskward.migrations.errors import MigrationError
from taskward.settings import Settings, load_settings

_COPY = re.compile(rb"COPY (?P<table>.+) \([^()]*\) FROM stdin;\n")
_END_OF_COPY = b"\\.\n"
_NEW_IN_17 = b"SET transaction_timeout = 0;\n"
_COLUMN_OPTIONS = re.compile(
    rb"(?P<set>ALTER TABLE ONLY .+ ALTER COLUMN .+ SET) \((?P<options>[^()]+)\);\n"
)
_NOTE_OF_THE_SERVER = b"pg_attver="
_OPTIONS = ("--no-owner", "--no-privileges", "--no-tablespaces", "--file=-")
_PSQL = (
    *("psql", "--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1"),
    "--set=VERBOSITY=terse",  # details and contexts quote rows
)
_REVISION = "alembic_version"
_NO_CONTENT = (_REVISION, "rateLimit")  # what a server writes that nobody has used yet
_TABLES = (
    "SELECT relname, oid::regclass::text AS name FROM pg_class "
    "WHERE relnamespace = current_schema::regnamespace AND relkind IN ('r', 'p')"
)
_REFUSED = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, MigrationError)


@dataclass
class Plan:
    """What is to happen to the database: its tables `dropped`, if those `guarded` have no rows."""

    archive: str
    schema: str
    server: int
    dropped: list[str]
    guarded: list[str]
    rows: dict[bytes, int] = field(default_factory=dict)


async def restore(file: str, *, replace: bool) -> str:
    """Restore a dump and bring its tables up to date; returns what the database now holds.

    Raises:
        SystemExit: it cannot be done; then the database is as it was.
    """
    settings = load_settings()
    with _archive(file) as archive:
        schema = _check_revision(file, archive)
        async with postgres(settings) as url:
            server = await one_server(url)
            await refuse_transaction_pooler(server)
            plan = await plan_for(server, archive, schema, replace=replace)
            async with environment_for(server) as environment:
                await asyncio.to_thread(execute_plan, plan, environment)
            return await _bring_up_to_date(settings, server)


async def _bring_up_to_date(settings: Settings, url: DatabaseURL) -> str:
    try:
        await migrate(url.connect_arguments(), added_schema(settings))
        async with connected_to(url) as connection, connection.transaction():
            return f"{await survey(connection)} are restored to {url} (revision {HEAD})."
    except _REFUSED as error:
        message = f"{url} is restored, but its tables are not up to date: {error}"
        raise SystemExit(message) from None


@contextmanager
def _archive(file: str) -> Iterator[str]:
    """Yield the path of a file that can be read more than once."""
    try:
        if file != STANDARD:
            with Path(file).open("rb"):
                yield file
            return
        with tempfile.NamedTemporaryFile(prefix="taskward-") as spooled:  # mode 0600
            shutil.copyfileobj(sys.stdin.buffer, spooled)
            spooled.flush()
            yield spooled.name
    except OSError as error:
        raise SystemExit(f"{file}: {error.strerror or error}") from None


def _check_revision(file: str, archive: str) -> str:
    """Return the schema that the dump's tables are in, quoted."""
    command = ["pg_restore", "--data-only", f"--table={_REVISION}", *_OPTIONS, archive]
    ended = run(command)
    lines = ended.stdout.splitlines(keepends=True)
    found = [number for number, line in enumerate(lines) if _COPY.fullmatch(line)]
    row = lines[found[0] + 1] if found else _END_OF_COPY
    if ended.returncode != 0 or row == _END_OF_COPY:
        reason = ended.stderr.decode(errors="replace").strip() or f"it has no {_REVISION}"
        raise SystemExit(f"{file} is no dump of Taskward's: {reason}")
    copy, revision = lines[found[0]].decode(), row.decode().strip()
    if revision > HEAD:
        raise SystemExit(
            f"{file} is of revision {revision}, newer than this version's {HEAD}: "
            "restore it with the newer version of Taskward."
        )
    return copy.removeprefix("COPY ").partition(f".{_REVISION} ")[0]


async def plan_for(url: DatabaseURL, archive: str, schema: str, *, replace: bool) -> Plan:
    """Look at the database before anything is done to it.

    Raises:
        SystemExit: it has another schema, or rows that nobody said may go.
    """
    async with connected_to(url) as connection:
        its_schema = await connection.fetchval("SELECT quote_ident(current_schema)")
        if its_schema != schema:
            raise SystemExit(
                f"The dump's tables are in the schema {schema}, and this role's would be in "
                f"{its_schema or 'none'}: create it, and ALTER ROLE … SET search_path = {schema}."
            )
        schema = await connection.fetchval("SELECT current_schema")
        contents = run(["pg_restore", "--list", archive]).stdout.decode()
        tables = {
            row["relname"]: row["name"]
            for row in await connection.fetch(_TABLES)
            if f" TABLE {schema} {row['relname']} " in contents
        }
        guarded = [] if replace else [name for t, name in tables.items() if t not in _NO_CONTENT]
        await _refuse_rows(connection, url, guarded)
        version = connection.get_server_version().major
    return Plan(archive, schema, version, list(tables.values()), guarded)


async def _refuse_rows(
    connection: asyncpg.Connection, url: DatabaseURL, tables: Iterable[str]
) -> None:
    for table in tables:
        try:
            async with connection.transaction():
                await connection.execute("SET LOCAL row_security = off")  # an error, not none
                holds = await connection.fetchval(f"SELECT EXISTS (SELECT FROM {table})")  # noqa: S608
        except asyncpg.InsufficientPrivilegeError:
            holds = True
        if holds:
            raise SystemExit(
                f"{url} is in use: its table {table} has rows. Restore to an empty database, or, "
                "with --replace, lose what is there."
            )


def execute_plan(plan: Plan, environment: dict[str, str]) -> None:
    """Let psql execute it; without the COMMIT at the end nothing has happened.

    Raises:
        SystemExit: says why nothing has.
    """
    with tempfile.TemporaryFile() as said:
        psql = subprocess.Popen(  # noqa: S603
            [program(_PSQL[0]), *_PSQL[1:]],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=said,
        )
        assert psql.stdin is not None  # noqa: S101
        problem = _write(plan, psql.stdin)
        with suppress(BrokenPipeError):
            psql.stdin.close()
        if psql.wait() != 0 or problem:
            said.seek(0)
            reason = problem or said.read().decode(errors="replace").strip()
            raise SystemExit(f"Nothing was restored, nothing is changed: {reason}")


def _write(plan: Plan, psql: IO[bytes]) -> str | None:
    """Return why the dump could not be read to its end; what psql says is its own affair."""
    try:
        psql.writelines(_before(plan))
        for section in ("pre-data", "data", "post-data"):
            if (problem := _write_section(plan, section, psql)) is not None:
                return problem
            if section == "data":
                psql.writelines(_same_number(table, count) for table, count in plan.rows.items())
        psql.write(b"COMMIT;\n")
    except BrokenPipeError:  # it has ended and says why
        return None
    return None


def _before(plan: Plan) -> Iterator[bytes]:
    yield f"BEGIN;\nSELECT pg_advisory_xact_lock({LOCK});\n".encode()
    if plan.dropped:
        tables = ", ".join(plan.dropped)
        yield f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE;\n".encode()
        yield from (_same_number(table.encode(), 0) for table in plan.guarded)
        yield f"DROP TABLE {tables};\n".encode()  # together, and nothing that depends on them
        yield b"DROP FUNCTION IF EXISTS taskward_user_deleted();\n"  # the dump has its own


def _same_number(table: bytes, count: int) -> bytes:
    """Return the statement that fails unless the table has so many rows."""
    tag = f"$check_{secrets.token_hex(8)}$".encode()
    check = b"IF (SELECT count(*) FROM %b) <> %d THEN RAISE EXCEPTION" % (table, count)
    message = b"'a table has another number of rows than it should: %d'" % count
    return b"DO %b BEGIN %b %b; END IF; END %b;\n" % (tag, check, message, tag)


def _write_section(plan: Plan, section: str, psql: IO[bytes]) -> str | None:
    options = [f"--section={section}", f"--schema={plan.schema}", *_OPTIONS, plan.archive]
    with tempfile.TemporaryFile() as said:
        command = [program("pg_restore"), *options]
        with subprocess.Popen(  # noqa: S603
            command, env=clean_environment(), stdout=subprocess.PIPE, stderr=said
        ) as reader:
            assert reader.stdout is not None  # noqa: S101
            psql.writelines(_counted(reader.stdout, plan))
        said.seek(0)
        return said.read().decode(errors="replace").strip() if reader.returncode != 0 else None


def _counted(script: Iterable[bytes], plan: Plan) -> Iterator[bytes]:
    """Pass the script on, counting the rows of each table in it."""
    table = None
    for line in script:
        if table is None:
            if (copy := _COPY.fullmatch(line)) is not None:
                table = copy["table"]
                plan.rows[table] = 0
            if line == _NEW_IN_17 and plan.server < 17:
                continue
        elif line == _END_OF_COPY:
            table = None
        else:
            plan.rows[table] += 1
        yield _without_notes(line) if table is None else line


def _without_notes(line: bytes) -> bytes:
    """Leave out what servers since November 2026 (15.20) note at each column for themselves.

    An older pg_dump takes it for an option that somebody has set, which servers refuse.
    """
    found = _COLUMN_OPTIONS.fullmatch(line)
    if found is None:
        return line
    given = found["options"].split(b", ")
    kept = [option for option in given if not option.startswith(_NOTE_OF_THE_SERVER)]
    return b"%b (%b);\n" % (found["set"], b", ".join(kept)) if kept else b""
