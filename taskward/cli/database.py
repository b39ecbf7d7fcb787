"""Commands that need the database and the secret: migrate, token, pseudonym."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from taskward.app import postgres
from taskward.auth import store
from taskward.auth.tokens import TokenSigner
from taskward.config import Settings, load_settings
from taskward.migrations import HEAD, MigrationError, current_revision
from taskward.migrations import migrate as run_migrations
from taskward.observability import pseudonyms

_USER_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")
_REFUSED = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, MigrationError)


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    """Connect as the server does.

    Raises:
        SystemExit: it cannot be done; says why, without the password.
    """
    async with postgres(settings) as url:
        try:
            connection = await asyncpg.connect(
                **url.direct().connect_arguments(), statement_cache_size=0
            )
        except _REFUSED as error:
            raise SystemExit(f"Cannot connect to {url}: {error}") from None
        try:
            yield connection
        finally:
            await connection.close()


async def migrate() -> str:
    """Bring the tables up to date and return what was done.

    Raises:
        SystemExit: it cannot be done.
    """
    async with postgres(load_settings()) as url:
        arguments = url.direct().connect_arguments()
        try:
            before = await current_revision(arguments)
            await run_migrations(arguments)
        except _REFUSED as error:
            raise SystemExit(f"Cannot migrate {url}: {error}") from None
    if before == HEAD:
        return f"The tables are up to date (revision {HEAD})."
    return f"The tables are now of revision {HEAD} (before: {before or 'none'})."


async def issue_token(user: str, lifetime: int) -> str:
    """Return a token for the user with this id or e-mail address, valid for `lifetime` seconds.

    Raises:
        SystemExit: there is no secret to sign with, or no such user.
    """
    settings = load_settings()
    signer = TokenSigner(_secret(settings), issuer=settings.better_auth_url, lifetime=lifetime)
    return signer.issue(await _user_id(settings, user))


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
    if configured is None and not (settings.data_dir / "secret").exists():
        message = (
            "There is no secret yet. Set BETTER_AUTH_SECRET to the server's, or start the server "
            f"once: it keeps one in {settings.data_dir / 'secret'}."
        )
        raise SystemExit(message)
    try:
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
        found = await store.FIND_USER_BY_EMAIL.fetchrow(connection, email=user.lower())
    if found is None:
        raise SystemExit(f"There is no user with the e-mail address {user}.")
    return str(found["id"])
