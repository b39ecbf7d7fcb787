"""Better Auth's tables as PostgreSQL's catalog has them, to compare two databases."""

from typing import Any

import asyncpg

from taskward.database.url import DatabaseURL

CATALOG = (
    """
    SELECT table_name, ordinal_position, column_name, data_type, is_nullable, column_default
    FROM information_schema.columns WHERE table_schema = 'public'
    """,
    """
    SELECT conrelid::regclass::text, conname, contype::text, pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
    """,
    "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
)


async def catalog(url: str) -> list[list[tuple[Any, ...]]]:
    """Return all columns, constraints and indexes, to the name."""
    connection = await asyncpg.connect(**DatabaseURL.parse(url).connect_arguments())
    try:
        return [sorted(map(tuple, await connection.fetch(query)), key=repr) for query in CATALOG]
    finally:
        await connection.close()
