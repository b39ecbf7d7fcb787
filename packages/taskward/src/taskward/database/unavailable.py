"""Errors that mean "not now": what PostgreSQL or the line to it says, and what may be done then."""

import asyncpg

LOST = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
)
"""What is raised where a connection is lost, or cannot be made."""

_NOT_SENT = "cannot switch to state"  # asyncpg's words: the server has said goodbye already


class DatabaseUnavailableError(ConnectionError):
    """The database cannot be asked now; what was asked may or may not have happened."""


class PoolExhaustedError(DatabaseUnavailableError):
    """Every connection is busy, or none can be made."""


class DatabaseSlowError(DatabaseUnavailableError):
    """A statement took too long."""


class NotSentError(DatabaseUnavailableError):
    """The connection was found dead before anything was sent."""


class RolledBackError(DatabaseUnavailableError):
    """PostgreSQL undid it for the sake of others; the connection is well."""


class CollidedError(RolledBackError):
    """A deadlock, or transactions that could not go one after the other: may be asked again."""


class ReadOnlyError(DatabaseUnavailableError):
    """The server takes no writes: it is a standby, or was made one. Nothing happened."""


class ForgottenStatementError(DatabaseUnavailableError):
    """A prepared statement is not there, or another's is: a pooler is in between.

    Nothing happened. Whoever asks again prepares nothing.
    """


_ERRORS: dict[str, type[DatabaseUnavailableError]] = {
    "08": DatabaseUnavailableError,  # connection
    "25006": ReadOnlyError,
    "25P03": DatabaseUnavailableError,  # idle for too long in a transaction
    "25P04": DatabaseUnavailableError,  # a transaction that took too long
    "26000": ForgottenStatementError,
    "40": RolledBackError,
    "40001": CollidedError,
    "40P01": CollidedError,
    "42P05": ForgottenStatementError,
    "53": DatabaseUnavailableError,  # resources
    "55P03": RolledBackError,  # a lock is not to be had
    "57": DatabaseUnavailableError,  # others, and the server's own shutdown
    "58000": DatabaseUnavailableError,  # the system under it
    "58030": DatabaseUnavailableError,  # its disk
    "XX000": DatabaseUnavailableError,  # poolers and proxies say it where their server is away
}
"""By SQLSTATE, or by its class: the first two characters."""


def unavailable(error: BaseException) -> DatabaseUnavailableError | None:
    """Translate what means "not now"; None for anything else."""
    if isinstance(error, TimeoutError):
        return DatabaseSlowError()
    if isinstance(error, asyncpg.InternalClientError) and str(error).startswith(_NOT_SENT):
        return NotSentError()
    if isinstance(error, LOST):
        return DatabaseUnavailableError()
    state = (error.sqlstate if isinstance(error, asyncpg.PostgresError) else None) or ""
    kind = _ERRORS.get(state) or _ERRORS.get(state[:2])
    return kind(str(error)) if kind else None
