"""Batches that can be watched, and what asks them in one moment."""

import asyncio
import secrets
from collections.abc import Awaitable, Sequence
from typing import Any

import orjson
from asyncpg import Record
from hypothesis import HealthCheck, settings

from taskward.database.database import Database
from taskward.tasks import store as task_store
from taskward.tasks.schemas import TaskCreate

SEVERAL = settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
"""Examples, where each asks the same database: every one makes users of its own."""


class Watched:
    """Asks a database, and remembers what it was asked."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.asked: list[str] = []

    async def ask(self, sql: str, /, *arguments: Any) -> Sequence[Record]:
        self.asked.append(sql)
        return await self.database.fetch(sql, *arguments)


def new_user_id() -> str:
    return secrets.token_hex(8)


async def at_once(*asked: Awaitable[Any]) -> list[Any]:
    """All answers, soon: who is forgotten waits for ever."""
    async with asyncio.timeout(10):
        return await asyncio.gather(*asked)


async def tasks_of(database: Any, user_id: str, number: int) -> list[int]:
    created = [
        await at_once(task_store.create(database, user_id, TaskCreate(title=f"{user_id} {n}")))
        for n in range(number)
    ]
    return [task["id"] for (task,) in created]


def task_of(row: Record) -> dict[str, Any]:
    """The task that a row is."""
    return orjson.loads(task_store.found_json(row))  # type: ignore[no-any-return]


async def store_none_titled(database: Database, title: str) -> None:
    """Let a trigger drop new tasks of this title without a word."""
    await database.fetch(
        "CREATE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$BEGIN IF NEW.title = '{title}' THEN RETURN NULL; END IF; RETURN NEW; END$$"
    )
    await database.fetch(
        "CREATE TRIGGER skip BEFORE INSERT ON tasks FOR EACH ROW EXECUTE FUNCTION skip()"
    )


async def outcome(asked: Awaitable[Any]) -> Any:
    """What came back; of an error, its class."""
    try:
        return await asked
    except Exception as error:  # noqa: BLE001 - whatever it is
        return type(error)


async def together(*asked: Awaitable[Any]) -> list[Any]:
    return await at_once(*map(outcome, asked))
