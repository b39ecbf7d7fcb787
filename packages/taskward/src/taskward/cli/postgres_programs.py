"""PostgreSQL's own programs (pg_dump, pg_restore, psql) against any `DATABASE_URL`.

They speak to a Unix socket only: the wheel's have no TLS. To a server elsewhere the connection is
relayed by this process, which checks certificates exactly as the server's own connections do.
"""

import asyncio
import ssl
import struct
import subprocess
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg

from taskward.database.connect import connect
from taskward.database.tls import SSLMode
from taskward.database.url import DEFAULT_PORT, SOCKET_DIRECTORIES, DatabaseURL
from taskward.embedded_postgres import EmbeddedPostgresError
from taskward.embedded_postgres.binaries import binary
from taskward.embedded_postgres.subprocesses import clean_environment

_SSL_REQUEST = struct.pack("!ii", 8, 80_877_103)
_CHUNK = 65_536
_ATTEMPTS = 3


def program(name: str) -> str:
    """Return the path of a program.

    Raises:
        SystemExit: there is none for this machine.
    """
    try:
        return binary(name)
    except EmbeddedPostgresError as error:
        raise SystemExit(f"{name}: {error}") from None


def run(
    command: Sequence[str], stdout: int = subprocess.PIPE, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run a program to its end; what it says of errors is kept."""
    return subprocess.run(  # noqa: S603
        [program(command[0]), *command[1:]],
        check=False,
        env=environment or clean_environment(),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
    )


@asynccontextmanager
async def environment_for(url: DatabaseURL) -> AsyncIterator[dict[str, str]]:
    """Yield the variables by which the programs find the server; their arguments say nothing.

    While it is open the event loop must run: it may be relaying.
    """
    with tempfile.TemporaryDirectory(prefix="taskward-") as directory:
        if not url.host or url.host.startswith("/"):
            hosts = url.host or ",".join(SOCKET_DIRECTORIES)
            yield _variables(url, hosts, url.port, directory)
            return
        socket = str(Path(directory) / f".s.PGSQL.{DEFAULT_PORT}")
        async with await asyncio.start_unix_server(partial(_relay, url), socket):
            yield _variables(url, directory, DEFAULT_PORT, directory)


def _variables(url: DatabaseURL, host: str, port: int, directory: str) -> dict[str, str]:
    given = {
        "PGHOST": host,
        "PGPORT": str(port),
        "PGUSER": url.user,
        "PGDATABASE": url.database,
        "PGAPPNAME": url.application_name,
        "PGCLIENTENCODING": "UTF8",
        "PGGSSENCMODE": "disable",
        "PGPASSFILE": str(Path(directory) / "none"),  # not the user's own
    }
    given |= {"PGPASSWORD": url.password} if url.password else {}
    given |= {"PGOPTIONS": url.options} if url.options else {}
    return {**clean_environment(), **given}


async def _relay(
    url: DatabaseURL, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    with suppress(OSError, asyncio.IncompleteReadError):  # the program says that it was cut off
        try:
            async with asyncio.timeout(url.connect_timeout):
                its_reader, its_writer = await _connect(url)
            await asyncio.gather(_pass_on(reader, its_writer), _pass_on(its_reader, writer))
        finally:
            writer.close()


async def _connect(url: DatabaseURL) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(url.host, url.port)
    wanted: Any = url.connect_arguments()["ssl"]
    if wanted is False:
        return reader, writer
    writer.write(_SSL_REQUEST)
    if await reader.readexactly(1) == b"S":
        is_context = isinstance(wanted, ssl.SSLContext)
        context = wanted if is_context else SSLMode.REQUIRE.context(None)
        await writer.start_tls(context, server_hostname=url.host)
    elif isinstance(wanted, ssl.SSLContext):
        writer.close()
        raise ConnectionError("the server speaks no TLS")
    return reader, writer


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


async def refuse_transaction_pooler(url: DatabaseURL) -> None:
    """Refuse a pooler that gives each transaction another connection of its own.

    What the programs set once for all would be set for others there, or lost.

    Raises:
        SystemExit: it is one.
    """
    connections = [await _other(url)]
    try:
        pid = await _pid(connections[0])
        while len(connections) <= _ATTEMPTS and pid != connections[0].get_server_pid():
            connections.append(await _other(url))
            await connections[-1].execute("BEGIN")
            if pid == await _pid(connections[-1]) or pid != await _pid(connections[0]):
                raise SystemExit(
                    f"{url} is a pooler in transaction mode, and this needs a session: name the "
                    "server itself, or its pooler in session mode, in DATABASE_URL."
                )
    finally:
        for connection in connections:
            await connection.close()


async def _other(url: DatabaseURL) -> asyncpg.Connection:
    try:
        return await connect(**url.connect_arguments(), statement_cache_size=0)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        reason = str(error) or "no answer, and several connections are needed"
        raise SystemExit(f"Cannot connect to {url}: {reason}") from None


async def _pid(connection: asyncpg.Connection) -> int:
    return int(await connection.fetchval("SELECT pg_backend_pid()"))
