"""`Idempotency-Key`: a client that is in doubt sends the same again, and gets the same answer.

A key belongs to one user, for 24 hours. The task and its key are stored in one transaction, the key
first: whoever comes with the same waits for its row, so there are both or neither, and never two.
An advisory lock would do on one server; of several nodes each has its own.
"""

import hashlib
import random
from contextlib import suppress
from datetime import datetime
from typing import Any

import orjson
from asyncpg import LockNotAvailableError, PostgresError, Record
from fastapi.exceptions import RequestValidationError
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Text,
    any_,
    bindparam,
    delete,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from authward.storage.statements import Executor, Statement
from taskward.database.database import Database, DatabaseUnavailableError
from taskward.tasks import store as task_store
from taskward.tasks.errors import RequestInFlightError
from taskward.tasks.schemas import IdempotencyKey, TaskCreate
from taskward.tasks.store import TaskJSON

HOURS_KEPT = 24
_PRUNED_AT_ONCE = 200
_PRUNE_EVERY = 50  # keys: less than what one pruning removes, or they would become more and more
_LOCK_TIMEOUT = "500ms"

_TABLE = IdempotencyKey.__table__  # type: ignore[attr-defined]
_OWNED = col(IdempotencyKey.user_id) == bindparam("user_id")
_ONE = _OWNED & (col(IdempotencyKey.key) == bindparam("key"))
_KEPT_SINCE: ColumnElement[datetime] = literal_column(f"now() - interval '{HOURS_KEPT} hours'")
_IS_KEPT = col(IdempotencyKey.created_at) > _KEPT_SINCE
_NOTHING_YET: ColumnElement[str] = literal_column("''")

# The first part is for the workers of Citus, which wait for each other's rows too, and is nothing
# but a name to any other PostgreSQL.
LIMIT_WAIT = f"""
SET LOCAL citus.propagate_set_commands = 'local'; SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'
"""
CLAIM_KEY = Statement(
    insert(IdempotencyKey)
    .values(
        user_id=bindparam("user_id"),
        key=bindparam("key"),
        fingerprint=bindparam("fingerprint"),
        task=_NOTHING_YET,
    )
    .on_conflict_do_nothing(index_elements=["user_id", "key"])
    .returning(_TABLE.c.key)
)
FIND_KEY = Statement(select(_TABLE.c.fingerprint, _TABLE.c.task).where(_ONE & _IS_KEPT))
FORGET_KEY = Statement(delete(IdempotencyKey).where(_ONE & ~_IS_KEPT))
KEEP_TASK = Statement(update(IdempotencyKey).where(_ONE).values(task=bindparam("task")))
FIND_EXPIRED = Statement(
    select(_TABLE.c.user_id, _TABLE.c.key)
    .where(~_IS_KEPT)
    .order_by(_TABLE.c.created_at)
    .limit(literal_column(str(_PRUNED_AT_ONCE)))
)
PRUNE_KEYS = Statement(
    delete(IdempotencyKey).where(
        _TABLE.c.user_id == any_(bindparam("user_ids", type_=ARRAY(Text))),
        _TABLE.c.key == any_(bindparam("keys", type_=ARRAY(Text))),
        ~_IS_KEPT,
    )
)
DELETE_KEYS_OF_USER = Statement(delete(IdempotencyKey).where(_OWNED))


async def create_once(database: Database, user_id: str, key: str, task: TaskCreate) -> TaskJSON:
    """Create a task, or return the one that the same user created with the same key.

    Raises:
        RequestInFlightError: a request with this key is under way, for longer than one waits.
        RequestValidationError: the key came with another task before.
    """
    fingerprint = fingerprint_of(task)
    async with database.acquire() as connection, connection.transaction():
        kept = await _claim(connection, user_id=user_id, key=key, fingerprint=fingerprint)
        if kept is None:
            await database.set_user(connection, user_id)
            created = await _create(connection, user_id, key, task)
    if kept is None:
        await _prune_sometimes(database)
        return created
    if kept["fingerprint"] != fingerprint:
        raise RequestValidationError([_OTHER_BODY])
    return orjson.loads(kept["task"])  # type: ignore[no-any-return]


def fingerprint_of(task: TaskCreate) -> str:
    """Return what two tasks have in common if they are asked for in the same words, or in none."""
    said = task.model_dump(mode="json", exclude_defaults=True)
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()


async def remove_all(database: Executor, user_id: str) -> None:
    """Delete all keys of a user."""
    await DELETE_KEYS_OF_USER.fetch(database, user_id=user_id)


async def prune(database: Executor) -> None:
    """Remove the oldest of the keys whose time is over, whoever they belong to."""
    expired = await FIND_EXPIRED.fetch(database)
    if expired:
        user_ids, keys = ({row[column] for row in expired} for column in ("user_id", "key"))
        await PRUNE_KEYS.fetch(database, user_ids=[*user_ids], keys=[*keys])


async def _claim(connection: Any, **row: str) -> Record | None:
    """Insert the key, or return what it came with before; wait for whoever inserts it now."""
    await connection.execute(LIMIT_WAIT)
    for _ in range(2):  # the second time without the expired one
        try:
            if await CLAIM_KEY.fetchrow(connection, **row):
                return None
        except LockNotAvailableError as error:
            raise RequestInFlightError from error
        one = {"user_id": row["user_id"], "key": row["key"]}
        if kept := await FIND_KEY.fetchrow(connection, **one):
            return kept
        await FORGET_KEY.fetch(connection, **one)
    raise RequestInFlightError


async def _create(connection: Executor, user_id: str, key: str, task: TaskCreate) -> TaskJSON:
    created = await task_store.create(connection, user_id, task)
    text = orjson.dumps(created).decode()
    await KEEP_TASK.fetch(connection, user_id=user_id, key=key, task=text)
    return created


async def _prune_sometimes(database: Database) -> None:
    """The task is stored: no error may say otherwise."""
    if random.randrange(_PRUNE_EVERY) == 0:  # noqa: S311 - no secret
        with suppress(DatabaseUnavailableError, PostgresError):
            await prune(database)


_OTHER_BODY = {
    "type": "idempotency_key_reused",
    "loc": ("header", "Idempotency-Key"),
    "msg": "was used with another body before",
    "input": None,
}
