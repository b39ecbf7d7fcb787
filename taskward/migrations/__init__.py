"""Database migrations: Alembic, run at start under a lock that all replicas share."""

from pathlib import Path
from typing import Any

import asyncpg

HEAD = "0002"
"""The newest revision; a test compares it with the files in `versions/`."""

_LOCK = 0x7461736B  # "task"


class MigrationError(RuntimeError):
    """The database cannot be brought to the newest revision."""


async def migrate(connect_arguments: dict[str, Any]) -> None:
    """Bring the database to the newest revision; the first of several callers does it.

    Args:
        connect_arguments: what `asyncpg.connect` takes, for the server itself and not a pooler.

    Raises:
        MigrationError: the database is of a version that this one does not know.
        OSError, asyncpg.PostgresError, sqlalchemy.exc.SQLAlchemyError: it cannot be done now.
    """
    if await current_revision(connect_arguments) != HEAD:
        await _upgrade(connect_arguments)


async def current_revision(connect_arguments: dict[str, Any]) -> str | None:
    """Return the database's revision, None for a new one. Far quicker than importing Alembic."""
    connection = await asyncpg.connect(**connect_arguments, statement_cache_size=0)
    try:
        return await connection.fetchval("SELECT version_num FROM alembic_version")  # type: ignore[no-any-return]
    except asyncpg.UndefinedTableError:
        return None
    finally:
        await connection.close()


async def _upgrade(connect_arguments: dict[str, Any]) -> None:
    """The lock belongs to the transaction, so it holds behind a pooler too."""
    from sqlalchemy import text  # noqa: PLC0415

    engine = create_engine(connect_arguments)
    try:
        async with engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            await connection.run_sync(_run_alembic)
    finally:
        await engine.dispose()


def create_engine(connect_arguments: dict[str, Any]) -> Any:
    """Return an SQLAlchemy engine that connects as the server does."""
    from uuid import uuid4  # noqa: PLC0415

    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415
    from sqlalchemy.pool import NullPool  # noqa: PLC0415

    async def connect(*_: Any, **__: Any) -> asyncpg.Connection:
        return await asyncpg.connect(**connect_arguments, statement_cache_size=0)

    return create_async_engine(
        "postgresql+asyncpg://",
        poolclass=NullPool,
        async_creator=connect,
        connect_args={"prepared_statement_name_func": lambda: f"taskward_{uuid4().hex}"},
    )


def alembic_config() -> Any:
    """Return the configuration of Alembic, which has no file of its own."""
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config


def _run_alembic(connection: Any) -> None:
    from alembic import command  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = alembic_config()
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        msg = f"it was made by another version of Taskward ({error})"
        raise MigrationError(msg) from None
