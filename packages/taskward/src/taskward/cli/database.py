"""Commands that need the database and the secret: migrate, token, pseudonym."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from authward.security.jwt import TokenSigner
from authward.storage.users import FIND_USER_ID
from taskward.app import postgres
from taskward.auth_plugins import added_schema, tables_on
from taskward.database.connect import ServerConnection, connect
from taskward.database.url import DatabaseURL
from taskward.mcp import PATH
from taskward.migrations import HEAD, current_revision
from taskward.migrations import migrate as run_migrations
from taskward.migrations.errors import MigrationError
from taskward.observability.logs import pseudonyms
from taskward.settings import Settings, load_settings

_USER_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")
_REFUSED = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, MigrationError)


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    """Connect as the server does.

    Raises:
        SystemExit: it cannot be done; says why, without the password.
    """
    async with postgres(settings) as url, connected_to(url.direct()) as connection:
        yield connection


@asynccontextmanager
async def connected_to(url: DatabaseURL) -> AsyncIterator[ServerConnection]:
    """Connect to this server, or to the one of several that is wanted.

    Raises:
        SystemExit: it cannot be done; says why, without the password.
    """
    try:
        connection = await connect(**url.connect_arguments(), statement_cache_size=0)
    except _REFUSED as error:
        raise SystemExit(f"Cannot connect to {url}: {error}") from None
    try:
        yield connection
    finally:
        await connection.close()


async def one_server(url: DatabaseURL) -> DatabaseURL:
    """Return the URL of the server itself; of several, the one that is wanted now.

    So all steps of a command, and PostgreSQL's own programs, speak to the same.

    Raises:
        SystemExit: none can be used; says why, without the password.
    """
    direct = url.direct()
    if len(direct.addresses) == 1:
        return direct
    async with connected_to(direct) as connection:
        assert connection.address is not None  # noqa: S101
        return direct.at(connection.address)


async def migrate() -> str:
    """Bring the tables up to date and return what was done.

    Raises:
        SystemExit: it cannot be done.
    """
    settings = load_settings()
    async with postgres(settings) as url:
        arguments = url.direct().connect_arguments()
        try:
            before = await current_revision(arguments)
            await run_migrations(arguments, added_schema(settings))
        except _REFUSED as error:
            raise SystemExit(f"Cannot migrate {url}: {error}") from None
    if before == HEAD:
        return f"The tables are up to date (revision {HEAD})."
    return f"The tables are now of revision {HEAD} (before: {before or 'none'})."


async def issue_token(user: str, lifetime: int, *, for_tools: bool = False) -> str:
    """Return a token for the user with this id or e-mail address, valid for `lifetime` seconds.

    Args:
        user: an id, or an address with `@`.
        lifetime: in seconds.
        for_tools: for `/mcp`, and nothing else.

    Raises:
        SystemExit: there is no secret to sign with, or no such user.
    """
    settings = load_settings()
    signer = TokenSigner(_secret(settings), issuer=settings.better_auth_url, lifetime=lifetime)
    audience = settings.better_auth_url + PATH if for_tools else None
    return signer.issue(await _user_id(settings, user), audience)


async def log_pseudonym(user: str) -> str:
    """Return what stands in the logs for the user with this id or e-mail address.

    Raises:
        SystemExit: there is no secret, or no such user.
    """
    settings = load_settings()
    return pseudonyms(_secret(settings))(await _user_id(settings, user))


def _secret(settings: Settings) -> str:
    """Unlike the server, never make one: nobody else would know it."""
    configured = settings.better_auth_secret or settings.better_auth_secrets
    try:
        if configured is None and not (settings.data_dir / "secret").exists():
            message = (
                "There is no secret yet. Set BETTER_AUTH_SECRET to the server's, or start the "
                f"server once: it keeps one in {settings.data_dir / 'secret'}."
            )
            raise SystemExit(message)
        return settings.secrets()[0]
    except (OSError, ValueError) as error:
        raise SystemExit(f"The secret cannot be used: {error}") from None


async def _user_id(settings: Settings, user: str) -> str:
    """An id need not be in the database: it may be a user of a Better Auth server elsewhere."""
    if "@" not in user:
        if not _USER_ID.fullmatch(user):
            raise SystemExit("A user's id has 1 to 255 letters, digits, hyphens and underscores.")
        return user
    async with connected(settings) as connection:
        database, _ = tables_on(settings, connection)
        found = await FIND_USER_ID.fetchrow(database, email=user.lower())
    if found is None:
        raise SystemExit(f"There is no user with the e-mail address {user}.")
    return str(found["id"])
