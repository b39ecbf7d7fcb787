"""Row-level security: PostgreSQL itself shows tasks to statements in their user's name only.

A second line behind the `user_id` in every statement, off by default because it costs two more
round trips and a transaction for each request. Without a user's name there are no tasks.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import asyncpg
from sqlalchemy import Text, bindparam, func, literal_column, select

from authward.storage.statements import Executor, Statement
from taskward.database.database import Database
from taskward.migrations.policy import SETTING, put_in_force
from taskward.tasks import store as task_store
from taskward.tasks import tool_statements

_SET_USER = Statement(
    select(
        func.set_config(
            literal_column(f"'{SETTING}'"),
            bindparam("user_id", type_=Text),
            literal_column("true"),
        )
    )
)


class RowSecurityDatabase(Database):
    """A pool whose statements on tasks run in the name of their user."""

    async def open(self, connect_arguments: dict[str, Any]) -> None:
        """Put the policy in force, then connect.

        Raises:
            MigrationError: the role is exempt from every policy.
            OSError, asyncpg.PostgresError: the database cannot be reached or refuses.
        """
        await put_in_force(connect_arguments)
        await super().open(connect_arguments)

    async def set_user(self, connection: Executor, user_id: str) -> None:
        """Run what follows in the transaction in the name of a user."""
        await _SET_USER.fetch(connection, user_id=user_id)

    async def _execute(self, query: str, args: tuple[Any, ...]) -> Sequence[asyncpg.Record]:
        place = _USER_ID_POSITION.get(query)
        if place is None:
            return await super()._execute(query, args)
        async with self.acquire() as connection, connection.transaction():
            await self.set_user(connection, args[place])
            return await connection.fetch(query, *args)


async def remove_all(connection: Executor, user_id: str) -> None:
    """Delete all tasks of a user, inside a transaction."""
    await _SET_USER.fetch(connection, user_id=user_id)
    await task_store.remove_all(connection, user_id)


def _statements() -> Iterator[Statement]:
    for value in (*vars(task_store).values(), *vars(tool_statements).values()):
        for one in value.values() if isinstance(value, dict) else (value,):
            if isinstance(one, Statement) and "user_id" not in one.arrays:
                yield one


_USER_ID_POSITION = {s.sql: s.names.index("user_id") for s in _statements()}
