"""Row-level security: PostgreSQL itself shows tasks to statements in their user's name only.

A second line behind the `user_id` in every statement, off by default because it costs two more
round trips and a transaction for each request. Without a user's name there are no tasks.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import asyncpg
from sqlalchemy import Text, bindparam, func, literal_column, select

from taskward import task_store
from taskward.database import Database
from taskward.migrations.policy import SETTING, put_in_force
from taskward.statements import Executor, Statement

_ACT_FOR = Statement(
    select(
        func.set_config(
            literal_column(f"'{SETTING}'"),
            bindparam("user_id", type_=Text),
            literal_column("true"),
        )
    )
)


class GuardedDatabase(Database):
    """A pool whose statements on tasks run in the name of their user."""

    async def open(self, connect_arguments: dict[str, Any]) -> None:
        """Put the policy in force, then connect.

        Raises:
            MigrationError: the role is exempt from every policy.
            OSError, asyncpg.PostgresError: the database cannot be reached or refuses.
        """
        await put_in_force(connect_arguments)
        await super().open(connect_arguments)

    async def act_for(self, connection: Executor, user_id: str) -> None:
        """Run what follows in the transaction in the name of a user."""
        await _ACT_FOR.fetch(connection, user_id=user_id)

    async def _ask(self, query: str, args: tuple[Any, ...]) -> Sequence[asyncpg.Record]:
        place = _PLACE_OF_USER.get(query)
        if place is None:
            return await super()._ask(query, args)
        async with self.acquire() as connection, connection.transaction():
            await self.act_for(connection, args[place])
            return await connection.fetch(query, *args)


async def remove_all(connection: Executor, user_id: str) -> None:
    """Delete all tasks of a user, inside a transaction."""
    await _ACT_FOR.fetch(connection, user_id=user_id)
    await task_store.remove_all(connection, user_id)


def _statements() -> Iterator[Statement]:
    for value in vars(task_store).values():
        for one in value.values() if isinstance(value, dict) else (value,):
            if isinstance(one, Statement):
                yield one


_PLACE_OF_USER = {s.sql: s.names.index("user_id") for s in _statements()}
