"""Database migrations: Alembic, run at start under a lock that all replicas share."""

from pathlib import Path
from typing import Any

import asyncpg

from authward.migrate import migrate_on
from authward.schema.registry import AuthSchema
from taskward.database.connect import connect
from taskward.migrations.errors import MigrationError

_VERSIONS = Path(__file__).parent / "versions"
HEAD = max(path.name.partition("_")[0] for path in _VERSIONS.glob("[0-9]*.py"))
"""The newest revision, by the files' names; a test compares it with what Alembic says."""

LOCK = 0x7461736B  # "task"
"""The advisory lock under which the tables are changed."""


async def migrate(connect_arguments: dict[str, Any], added: AuthSchema | None = None) -> None:
    """Bring the database to the newest revision; the first of several callers does it.

    Args:
        connect_arguments: what `connect` takes, for the server itself and not a pooler.
        added: Better Auth's tables with what plugins add, which no revision knows, or as another
            tool makes them.

    Raises:
        MigrationError: the database is of a version that this one does not know, or has tables
            of others that cannot be used.
        OSError, asyncpg.PostgresError, sqlalchemy.exc.SQLAlchemyError: it cannot be done now.
    """
    foreign = added if added is not None and added.is_foreign else None
    revision = await current_revision(connect_arguments)
    _refuse_newer(revision)
    if foreign is not None and revision is None:  # a trigger is on the table of users
        await _add(connect_arguments, foreign, is_new=True)
    if revision != HEAD:
        await _upgrade(connect_arguments, foreign)
    if added is not None and (foreign is None or revision is not None):
        await _add(connect_arguments, added, is_new=False)


def _refuse_newer(revision: str | None) -> None:
    if revision is not None and revision > HEAD:
        msg = (
            f"its tables are of revision {revision}, newer than this version's {HEAD}: "
            "deploy the newer version of Taskward"
        )
        raise MigrationError(msg)


async def _add(connect_arguments: dict[str, Any], added: AuthSchema, *, is_new: bool) -> None:
    from taskward.migrations import table_check  # noqa: PLC0415 - only where something is added

    connection = await connect(**connect_arguments, statement_cache_size=0)
    try:
        found = await connection.fetchval(table_check.find_tables(added))
        table_check.refuse(table_check.problems_of_what_is_there(found, added, is_new=is_new))
        await migrate_on(connection, added)
    finally:
        await connection.close()


async def current_revision(connect_arguments: dict[str, Any]) -> str | None:
    """Return the database's revision, None for a new one. Far quicker than importing Alembic."""
    connection = await connect(**connect_arguments, statement_cache_size=0)
    try:
        async with connection.transaction():  # a pooler keeps the statement's parts together
            return await connection.fetchval("SELECT version_num FROM alembic_version")  # type: ignore[no-any-return]
    except asyncpg.UndefinedTableError:
        return None
    finally:
        await connection.close()


async def _upgrade(connect_arguments: dict[str, Any], foreign: AuthSchema | None) -> None:
    """The lock belongs to the transaction, so it holds behind a pooler too."""
    from sqlalchemy import text  # noqa: PLC0415
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415

    engine = create_engine(connect_arguments)
    try:
        async with engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            if await connection.scalar(text("SELECT to_regclass('alembic_version') IS NULL")):
                await _check_what_others_made(connection, foreign)
            await connection.run_sync(_run_alembic, foreign is not None)
    except DBAPIError as error:  # of many lines, with SQL in it
        cause = error.orig.__cause__ if error.orig else None
        raise (cause or error) from None
    finally:
        await engine.dispose()


async def _check_what_others_made(connection: Any, foreign: AuthSchema | None) -> None:
    from taskward.migrations import table_check  # noqa: PLC0415 - only for a new database

    found = (await connection.exec_driver_sql(table_check.find_tables(foreign))).scalar()
    table_check.refuse(table_check.problems_before_the_first_migration(found, foreign))


def create_engine(connect_arguments: dict[str, Any]) -> Any:
    """Return an SQLAlchemy engine that connects as the server does."""
    from uuid import uuid4  # noqa: PLC0415

    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415
    from sqlalchemy.pool import NullPool  # noqa: PLC0415

    async def new_connection(*_: Any, **__: Any) -> asyncpg.Connection:
        return await connect(**connect_arguments, statement_cache_size=0)

    return create_async_engine(
        "postgresql+asyncpg://",
        poolclass=NullPool,
        async_creator=new_connection,
        connect_args={"prepared_statement_name_func": lambda: f"taskward_{uuid4().hex}"},
    )


def alembic_config() -> Any:
    """Return the configuration of Alembic, which has no file of its own."""
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config


def _run_alembic(connection: Any, is_foreign: bool) -> None:
    from alembic import command  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = alembic_config()
    config.attributes |= {"connection": connection, "foreign": is_foreign}
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        msg = f"it was made by another version of Taskward ({error})"
        raise MigrationError(msg) from None
