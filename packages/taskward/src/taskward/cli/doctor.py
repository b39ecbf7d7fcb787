"""`taskward doctor`: what is wrong with this installation, and what to do about it."""

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import asyncpg
from rich.console import Console
from rich.table import Table
from rich.text import Text

from authward.schema.registry import AuthSchema
from taskward.app import postgres
from taskward.auth_plugins import added_schema
from taskward.cli.doctor_assistants import examine_assistants
from taskward.cli.findings import Finding, Severity
from taskward.database.addresses import Address
from taskward.database.connect import NoServerError, ServerConnection, connect
from taskward.database.database import supports_prepared_statements
from taskward.database.url import DatabaseURL
from taskward.migrations import HEAD, current_revision, table_check
from taskward.migrations.errors import MigrationError
from taskward.migrations.sharding import Sharding, find_sharding
from taskward.migrations.table_check import Problem
from taskward.observability.tracing import tracing_from
from taskward.settings import Settings, load_settings

MAX_CLOCK_DIFFERENCE = timedelta(seconds=1)
OLDEST_SERVER = 15
_FAR = 0.02  # seconds
_FEW_CONNECTIONS = 20
_LOCAL = {"localhost", "127.0.0.1", "::1"}


async def report() -> bool:
    """Print every finding; whether none of them is trouble.

    Raises:
        SystemExit: the settings are wrong; says which.
    """
    findings = [finding async for finding in examine(load_settings())]
    table = Table(box=None, show_header=False, padding=(0, 1))
    for _ in range(3):
        table.add_column(overflow="fold")
    for finding in findings:
        mark, style = finding.severity.value
        message = Text(finding.message)
        if finding.advice:
            message.append(f"\n→ {finding.advice}", style)
        table.add_row(Text(mark, style), finding.subject, message)
    Console().print(table)
    return all(finding.severity is not Severity.ERROR for finding in findings)


async def examine(settings: Settings) -> AsyncIterator[Finding]:
    """Yield the findings, those that need no database first."""
    for finding in (_secret(settings), _address(settings), _tracing()):
        yield finding
    if settings.mcp_enabled:
        yield await examine_assistants(settings.better_auth_url)
    async with postgres(settings) as url:
        try:
            connection = await connect(**url.connect_arguments(), statement_cache_size=0)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            yield _unreachable(url, error)
            return
        try:
            async for finding in _examine_database(settings, url, connection):
                yield finding
        finally:
            await connection.close()


async def _examine_database(
    settings: Settings, url: DatabaseURL, connection: ServerConnection
) -> AsyncIterator[Finding]:
    yield await _server(url, connection)
    if url.more_addresses:
        yield hosts_finding(dict(zip(url.addresses, await _roles(url), strict=True)))
    yield await _distance(connection)
    yield await _clock(connection)
    yield await _tls(url.at(connection.address or url.addresses[0]), connection)
    yield await _pooler(url)
    yield await _room(connection)
    yield sharding_finding(
        await find_sharding(connection), row_level_security=settings.row_level_security
    )
    yield await _tables(settings, url, connection)


def _secret(settings: Settings) -> Finding:
    if settings.better_auth_secrets or settings.better_auth_secret:
        return Finding("secret", Severity.OK, f"{len(settings.secrets())} configured")
    file = settings.data_dir / "secret"
    try:
        if not file.exists():
            return Finding("secret", Severity.WARNING, f"the first start makes one, in {file}")
        settings.secrets()
    except (OSError, ValueError) as error:
        return Finding("secret", Severity.ERROR, str(error), "restore the file from a backup")
    return Finding("secret", Severity.OK, f"kept in {file}")


def _address(settings: Settings) -> Finding:
    url = settings.better_auth_url
    is_local = urlsplit(url).hostname in _LOCAL
    if url.startswith("https://") or (is_local and settings.database_url is None):
        return Finding("address", Severity.OK, url)
    advice = "set BETTER_AUTH_URL to the https address that browsers use"
    return Finding("address", Severity.WARNING, f"{url}: cookies are sent without TLS", advice)


def _tracing() -> Finding:
    try:
        is_on = bool(tracing_from())
    except ValueError as error:
        return Finding("traces", Severity.ERROR, str(error), "correct the variable")
    return Finding("traces", Severity.OK, "on" if is_on else "off: no OTEL_… variable asks")


def _unreachable(url: DatabaseURL, error: Exception) -> Finding:
    advice = next((advice for kind, advice in _ADVICE if isinstance(error, kind)), "see its log")
    reason = str(error) or type(error).__name__
    return Finding("database", Severity.ERROR, f"{url}: {reason}", advice)


_ADVICE: tuple[tuple[type[Exception], str], ...] = (
    (socket.gaierror, "no such host: check the name, and this machine's DNS"),
    (
        ssl.SSLCertVerificationError,
        "the certificate is not trusted: name its authority's with sslrootcert=FILE",
    ),
    (ssl.SSLError, "the server does not speak TLS as asked: check sslmode"),
    (
        NoServerError,
        "wait, if a failover is under way; else start or promote one that may be written to",
    ),
    (TimeoutError, "no answer: check the address, the firewall, and that the server runs"),
    (asyncpg.InvalidAuthorizationSpecificationError, "check user and password in DATABASE_URL"),
    (asyncpg.InvalidCatalogNameError, "create the database, or correct its name in DATABASE_URL"),
    (
        asyncpg.TooManyConnectionsError,
        "use the pooler, run fewer workers, or raise the server's max_connections",
    ),
    (ConnectionError, "nothing listens there: start the server, check host and port"),
)


async def _server(url: DatabaseURL, connection: asyncpg.Connection) -> Finding:
    version = connection.get_server_version()
    message = f"{url}, PostgreSQL {version.major}.{version.minor}"
    if await connection.fetchval("SELECT pg_is_in_recovery()"):
        advice = "DATABASE_URL must name the primary"
        return Finding("database", Severity.ERROR, f"{message}, a read-only replica", advice)
    if version.major < OLDEST_SERVER:
        advice = f"Taskward is tested with {OLDEST_SERVER} to 18"
        return Finding("database", Severity.WARNING, message, advice)
    return Finding("database", Severity.OK, message)


async def _roles(url: DatabaseURL) -> list[bool | Exception]:
    """Return for each host whether it takes writes, or why it cannot be asked."""
    return await asyncio.gather(*(_takes_writes(url.at(address)) for address in url.addresses))


async def _takes_writes(url: DatabaseURL) -> bool | Exception:
    try:
        connection = await connect(**url.connect_arguments(), statement_cache_size=0)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        return error
    try:
        return bool(await connection.fetchval("SELECT NOT pg_is_in_recovery()"))
    finally:
        await connection.close()


def hosts_finding(roles: Mapping[Address, bool | Exception]) -> Finding:
    """Judge by what each of several hosts is: exactly one must be the primary."""
    message = "; ".join(f"{address}: {_role(role)}" for address, role in roles.items())
    primaries = sum(role is True for role in roles.values())
    if primaries != 1:
        advice = "two primaries go separate ways: stop one" if primaries else "promote one"
        return Finding("hosts", Severity.ERROR, message, advice)
    if any(isinstance(role, Exception) for role in roles.values()):
        advice = "nobody could take over there: start it, or take it out of DATABASE_URL"
        return Finding("hosts", Severity.WARNING, message, advice)
    return Finding("hosts", Severity.OK, message)


def _role(role: bool | Exception) -> str:
    if isinstance(role, Exception):
        return str(role) or "no answer"
    return "primary" if role else "standby"


async def _distance(connection: asyncpg.Connection) -> Finding:
    times = []
    for _ in range(5):
        started = time.perf_counter()
        await connection.fetchval("SELECT 1")
        times.append(time.perf_counter() - started)
    message = f"{min(times) * 1000:.1f} ms for a round trip"
    if min(times) < _FAR:
        return Finding("distance", Severity.OK, message)
    return Finding("distance", Severity.WARNING, message, "run the server in the database's region")


async def _clock(connection: asyncpg.Connection) -> Finding:
    """Tokens that one machine issues are refused by another whose clock is behind."""
    before = datetime.now(UTC)
    theirs = await connection.fetchval("SELECT clock_timestamp()")
    ours = before + (datetime.now(UTC) - before) / 2
    return clock_finding(ours - theirs)


def clock_finding(ahead: timedelta) -> Finding:
    """Judge by how much this machine's clock is ahead of the database's."""
    message = f"{ahead.total_seconds():+.3f} s from the database's"
    if abs(ahead) <= MAX_CLOCK_DIFFERENCE:
        return Finding("clock", Severity.OK, message)
    return Finding("clock", Severity.ERROR, message, "synchronise this machine's clock (NTP)")


async def _tls(url: DatabaseURL, connection: asyncpg.Connection) -> Finding:
    transport = connection._transport  # type: ignore[attr-defined]  # noqa: SLF001
    encrypted = transport.get_extra_info("ssl_object")
    return tls_finding(url, encrypted and encrypted.version())


def tls_finding(url: DatabaseURL, version: str | None) -> Finding:
    """Judge by the version of TLS that the connection has, if any."""
    if url.host.startswith("/") or not url.host:
        return Finding("TLS", Severity.OK, "not needed: a Unix socket")
    if version is None:
        severity = Severity.OK if url.host in _LOCAL else Severity.ERROR
        advice = "" if url.host in _LOCAL else "add sslmode=verify-full to DATABASE_URL"
        return Finding("TLS", severity, f"none, to {url.host}", advice)
    message = f"{version}, sslmode={url.sslmode}"
    if url.sslmode.verifies:
        return Finding("TLS", Severity.OK, message)
    advice = "nobody checks whose certificate it is: add sslmode=verify-full"
    return Finding("TLS", Severity.WARNING, message, advice)


async def _pooler(url: DatabaseURL) -> Finding:
    keeps = await supports_prepared_statements(url.connect_arguments())
    message = "keeps prepared statements" if keeps else "a transaction pooler without them: works"
    return Finding("pooling", Severity.OK, message)


async def _room(connection: asyncpg.Connection) -> Finding:
    most = int(await connection.fetchval("SELECT current_setting('max_connections')"))
    message = f"{most} allowed, a worker uses up to 10"
    if most >= _FEW_CONNECTIONS:
        return Finding("connections", Severity.OK, message)
    return Finding(
        "connections", Severity.WARNING, message, "raise max_connections, or use a pooler"
    )


def sharding_finding(sharding: Sharding, *, row_level_security: bool) -> Finding:
    """Judge what Citus, if it is there, has of our tables."""
    if sharding.version is None:
        return Finding("sharding", Severity.OK, "none: plain PostgreSQL")
    where = f"Citus {sharding.version}"
    if not sharding.is_coordinator:
        advice = "name the coordinator in DATABASE_URL: a worker numbers tasks on its own"
        return Finding("sharding", Severity.ERROR, f"{where}, a worker of it", advice)
    if row_level_security and sharding.tables:
        advice = "unset ROW_LEVEL_SECURITY: on shards it would find no tasks at all"
        return Finding("sharding", Severity.ERROR, f"{where}, with row-level security", advice)
    if not sharding.is_done:
        message = f"{where}, and tasks are on the coordinator alone"
        return Finding("sharding", Severity.WARNING, message, "run `taskward distribute`")
    message = f"{where}: {sharding.shards} shards on {sharding.workers} workers"
    return Finding("sharding", Severity.OK, message)


async def _tables(settings: Settings, url: DatabaseURL, connection: asyncpg.Connection) -> Finding:
    try:
        revision = await current_revision(url.direct().connect_arguments())
    except (OSError, asyncpg.PostgresError) as error:
        advice = "the database must be reachable past its pooler, and readable"
        return Finding("tables", Severity.ERROR, str(error), advice)
    found = tables_finding(revision, migrates_at_start=settings.migrate_on_start)
    if message := table_check.sentence(await _problems(settings, connection, revision)):
        return Finding("tables", Severity.ERROR, message, found.advice)
    added = added_schema(settings)
    if found.severity is Severity.OK and added is not None:
        return await _plugins(settings, connection, added) or found
    return found


async def _plugins(
    settings: Settings, connection: asyncpg.Connection, added: AuthSchema
) -> Finding | None:
    names = ", ".join(settings.better_auth_plugins)
    try:
        lacks = await table_check.lacks_what_plugins_add(connection, added)
        if not lacks:
            await table_check.check(connection, added)
            return None
    except MigrationError as error:
        return Finding("tables", Severity.ERROR, str(error))
    message = f"what plugins need is missing: {names}"
    if settings.migrate_on_start:
        return Finding("tables", Severity.WARNING, message, "the next start adds it")
    return Finding("tables", Severity.ERROR, message, "run `taskward migrate`")


async def _problems(
    settings: Settings, connection: asyncpg.Connection, revision: str | None
) -> list[Problem]:
    """Tables of an older version are what they are: the next migration changes them."""
    if revision is not None and revision < HEAD:
        return []
    added = added_schema(settings)
    document = await connection.fetchval(table_check.find_tables(added))
    return table_check.problems_of_what_is_there(document, added, is_new=revision is None)


def tables_finding(revision: str | None, *, migrates_at_start: bool) -> Finding:
    """Judge the revision that the database's tables have."""
    if revision == HEAD:
        return Finding("tables", Severity.OK, f"revision {HEAD}")
    if revision is not None and revision > HEAD:
        message = f"revision {revision}, newer than this version's {HEAD}"
        return Finding("tables", Severity.ERROR, message, "deploy the newer version of Taskward")
    message = f"revision {revision}, not {HEAD}" if revision else "there are none yet"
    if migrates_at_start:
        return Finding("tables", Severity.WARNING, message, "the next start brings them up to date")
    return Finding("tables", Severity.ERROR, message, "run `taskward migrate`")
