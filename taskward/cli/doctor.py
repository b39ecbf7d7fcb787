"""`taskward doctor`: what is wrong with this installation, and what to do about it."""

import socket
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from urllib.parse import urlsplit

import asyncpg
from rich.console import Console
from rich.table import Table
from rich.text import Text

from taskward.app import postgres
from taskward.config import Settings, load_settings
from taskward.database import keeps_prepared_statements
from taskward.database_url import DatabaseURL
from taskward.migrations import HEAD, current_revision
from taskward.telemetry import tracing_from

MAX_CLOCK_DIFFERENCE = timedelta(seconds=1)
OLDEST_SERVER = 15
_FAR = 0.02  # seconds
_FEW_CONNECTIONS = 20
_LOCAL = {"localhost", "127.0.0.1", "::1"}


class Verdict(Enum):
    """How a finding looks."""

    GOOD = ("✓", "green")
    NOTICE = ("!", "yellow")
    TROUBLE = ("✗", "bold red")


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is, and what to do if it is not well."""

    subject: str
    verdict: Verdict
    says: str
    advice: str = ""


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
        mark, style = finding.verdict.value
        says = Text(finding.says)
        if finding.advice:
            says.append(f"\n→ {finding.advice}", style)
        table.add_row(Text(mark, style), finding.subject, says)
    Console().print(table)
    return all(finding.verdict is not Verdict.TROUBLE for finding in findings)


async def examine(settings: Settings) -> AsyncIterator[Finding]:
    """Yield the findings, those that need no database first."""
    for finding in (_secret(settings), _address(settings), _tracing()):
        yield finding
    async with postgres(settings) as url:
        try:
            connection = await asyncpg.connect(**url.connect_arguments(), statement_cache_size=0)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            yield _unreachable(url, error)
            return
        try:
            async for finding in _examine_database(settings, url, connection):
                yield finding
        finally:
            await connection.close()


async def _examine_database(
    settings: Settings, url: DatabaseURL, connection: asyncpg.Connection
) -> AsyncIterator[Finding]:
    yield await _server(url, connection)
    yield await _distance(connection)
    yield await _clock(connection)
    yield await _tls(url, connection)
    yield await _pooler(url)
    yield await _room(connection)
    yield await _tables(settings, url)


def _secret(settings: Settings) -> Finding:
    if settings.better_auth_secrets or settings.better_auth_secret:
        return Finding("secret", Verdict.GOOD, f"{len(settings.secrets())} configured")
    file = settings.data_dir / "secret"
    if not file.exists():
        return Finding("secret", Verdict.NOTICE, f"the first start makes one, in {file}")
    try:
        settings.secrets()
    except (OSError, ValueError) as error:
        return Finding("secret", Verdict.TROUBLE, str(error), "restore the file from a backup")
    return Finding("secret", Verdict.GOOD, f"kept in {file}")


def _address(settings: Settings) -> Finding:
    url = settings.better_auth_url
    is_local = urlsplit(url).hostname in _LOCAL
    if url.startswith("https://") or (is_local and settings.database_url is None):
        return Finding("address", Verdict.GOOD, url)
    advice = "set BETTER_AUTH_URL to the https address that browsers use"
    return Finding("address", Verdict.NOTICE, f"{url}: cookies are sent without TLS", advice)


def _tracing() -> Finding:
    try:
        is_on = bool(tracing_from())
    except ValueError as error:
        return Finding("traces", Verdict.TROUBLE, str(error), "correct the variable")
    return Finding("traces", Verdict.GOOD, "on" if is_on else "off: no OTEL_… variable asks")


def _unreachable(url: DatabaseURL, error: Exception) -> Finding:
    advice = next((advice for kind, advice in _ADVICE if isinstance(error, kind)), "see its log")
    reason = str(error) or type(error).__name__
    return Finding("database", Verdict.TROUBLE, f"{url}: {reason}", advice)


_ADVICE: tuple[tuple[type[Exception], str], ...] = (
    (socket.gaierror, "no such host: check the name, and this machine's DNS"),
    (
        ssl.SSLCertVerificationError,
        "the certificate is not trusted: name its authority's with sslrootcert=FILE",
    ),
    (ssl.SSLError, "the server does not speak TLS as asked: check sslmode"),
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
    says = f"{url}, PostgreSQL {version.major}.{version.minor}"
    if await connection.fetchval("SELECT pg_is_in_recovery()"):
        advice = "DATABASE_URL must name the primary"
        return Finding("database", Verdict.TROUBLE, f"{says}, a read-only replica", advice)
    if version.major < OLDEST_SERVER:
        advice = f"Taskward is tested with {OLDEST_SERVER} to 18"
        return Finding("database", Verdict.NOTICE, says, advice)
    return Finding("database", Verdict.GOOD, says)


async def _distance(connection: asyncpg.Connection) -> Finding:
    times = []
    for _ in range(5):
        started = time.perf_counter()
        await connection.fetchval("SELECT 1")
        times.append(time.perf_counter() - started)
    says = f"{min(times) * 1000:.1f} ms for a round trip"
    if min(times) < _FAR:
        return Finding("distance", Verdict.GOOD, says)
    return Finding("distance", Verdict.NOTICE, says, "run the server in the database's region")


async def _clock(connection: asyncpg.Connection) -> Finding:
    """Tokens that one machine issues are refused by another whose clock is behind."""
    before = datetime.now(UTC)
    theirs = await connection.fetchval("SELECT clock_timestamp()")
    ours = before + (datetime.now(UTC) - before) / 2
    return clock_finding(ours - theirs)


def clock_finding(ahead: timedelta) -> Finding:
    """Judge by how much this machine's clock is ahead of the database's."""
    says = f"{ahead.total_seconds():+.3f} s from the database's"
    if abs(ahead) <= MAX_CLOCK_DIFFERENCE:
        return Finding("clock", Verdict.GOOD, says)
    return Finding("clock", Verdict.TROUBLE, says, "synchronise this machine's clock (NTP)")


async def _tls(url: DatabaseURL, connection: asyncpg.Connection) -> Finding:
    transport = connection._transport  # type: ignore[attr-defined]  # noqa: SLF001
    encrypted = transport.get_extra_info("ssl_object")
    return tls_finding(url, encrypted and encrypted.version())


def tls_finding(url: DatabaseURL, version: str | None) -> Finding:
    """Judge by the version of TLS that the connection has, if any."""
    if url.host.startswith("/") or not url.host:
        return Finding("TLS", Verdict.GOOD, "not needed: a Unix socket")
    if version is None:
        verdict = Verdict.GOOD if url.host in _LOCAL else Verdict.TROUBLE
        advice = "" if url.host in _LOCAL else "add sslmode=verify-full to DATABASE_URL"
        return Finding("TLS", verdict, f"none, to {url.host}", advice)
    says = f"{version}, sslmode={url.sslmode}"
    if url.sslmode.verifies:
        return Finding("TLS", Verdict.GOOD, says)
    advice = "nobody checks whose certificate it is: add sslmode=verify-full"
    return Finding("TLS", Verdict.NOTICE, says, advice)


async def _pooler(url: DatabaseURL) -> Finding:
    keeps = await keeps_prepared_statements(url.connect_arguments())
    says = "keeps prepared statements" if keeps else "a transaction pooler without them: works"
    return Finding("pooling", Verdict.GOOD, says)


async def _room(connection: asyncpg.Connection) -> Finding:
    most = int(await connection.fetchval("SELECT current_setting('max_connections')"))
    says = f"{most} allowed, a worker uses up to 10"
    if most >= _FEW_CONNECTIONS:
        return Finding("connections", Verdict.GOOD, says)
    return Finding("connections", Verdict.NOTICE, says, "raise max_connections, or use a pooler")


async def _tables(settings: Settings, url: DatabaseURL) -> Finding:
    try:
        revision = await current_revision(url.direct().connect_arguments())
    except (OSError, asyncpg.PostgresError) as error:
        advice = "the database must be reachable past its pooler, and readable"
        return Finding("tables", Verdict.TROUBLE, str(error), advice)
    return tables_finding(revision, migrates_at_start=settings.migrate_on_start)


def tables_finding(revision: str | None, *, migrates_at_start: bool) -> Finding:
    """Judge the revision that the database's tables have."""
    if revision == HEAD:
        return Finding("tables", Verdict.GOOD, f"revision {HEAD}")
    if revision is not None and revision > HEAD:
        says = f"revision {revision}, newer than this version's {HEAD}"
        return Finding("tables", Verdict.TROUBLE, says, "deploy the newer version of Taskward")
    says = f"revision {revision}, not {HEAD}" if revision else "there are none yet"
    if migrates_at_start:
        return Finding("tables", Verdict.NOTICE, says, "the next start brings them up to date")
    return Finding("tables", Verdict.TROUBLE, says, "run `taskward migrate`")
