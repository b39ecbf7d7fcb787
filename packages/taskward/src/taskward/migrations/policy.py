"""The policy of row-level security on `tasks`; a setting, not a migration, puts it in force."""

from typing import Any

import asyncpg

from taskward.database.connect import connect
from taskward.migrations.errors import MigrationError

SETTING = "taskward.user_id"
"""Names the user for whom a transaction acts."""

_LOCK = 0x726C7321  # "rls!"
_MAY_BYPASS = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
_IN_FORCE = """
SELECT relrowsecurity AND relforcerowsecurity AND EXISTS (
    SELECT FROM pg_policy WHERE polrelid = pg_class.oid AND polname = 'tasks_of_user')
FROM pg_class WHERE oid = 'tasks'::regclass
"""
_PUT_IN_FORCE = f"""
DROP POLICY IF EXISTS tasks_of_user ON tasks;
CREATE POLICY tasks_of_user ON tasks USING (user_id = current_setting('{SETTING}', true));
ALTER TABLE tasks ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
"""


async def put_in_force(connect_arguments: dict[str, Any]) -> None:
    """Make the policy, unless it is there; the role has to own the table for that.

    Raises:
        MigrationError: the role is exempt from every policy, or there is no table.
        OSError, asyncpg.PostgresError: it cannot be done now, or not by this role.
    """
    connection = await connect(**connect_arguments, statement_cache_size=0)
    try:
        if await connection.fetchval(_MAY_BYPASS):
            raise MigrationError(
                "ROW_LEVEL_SECURITY: this role is exempt from it (superuser or BYPASSRLS); "
                "connect as another one, which owns the tables"
            )
        async with connection.transaction():
            await connection.execute(f"SELECT pg_advisory_xact_lock({_LOCK})")
            if not await connection.fetchval(_IN_FORCE):
                await connection.execute(_PUT_IN_FORCE)
    except asyncpg.UndefinedTableError:
        raise MigrationError('there is no table "tasks" (run `taskward migrate`)') from None
    finally:
        await connection.close()
