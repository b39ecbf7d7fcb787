"""`Idempotency-Key`: a client that is in doubt sends the same again, and gets the same answer.

A key belongs to one user, for 24 hours. The task and its key are stored in one transaction, under
an advisory lock that belongs to it, so there are both or neither, and never two.
"""

import hashlib
from datetime import datetime

import orjson
from fastapi.exceptions import RequestValidationError
from sqlalchemy import ColumnElement, bindparam, delete, func, literal_column, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from taskward import task_store
from taskward.database import Database
from taskward.errors import RequestInFlightError
from taskward.models import IdempotencyKey, TaskCreate
from taskward.statements import Executor, Statement
from taskward.task_store import TaskJSON

_PRUNED_AT_ONCE = 10

_TABLE = IdempotencyKey.__table__  # type: ignore[attr-defined]
_OWNED = col(IdempotencyKey.user_id) == bindparam("user_id")
_ONE = _OWNED & (col(IdempotencyKey.key) == bindparam("key"))
_KEPT_SINCE: ColumnElement[datetime] = literal_column("now() - interval '24 hours'")
_IS_KEPT = col(IdempotencyKey.created_at) > _KEPT_SINCE

LOCK_KEY = Statement(
    select(
        func.pg_try_advisory_xact_lock(
            func.hashtextextended(bindparam("lock"), literal_column("0"))
        ).label("locked")
    )
)
FIND_KEY = Statement(select(_TABLE.c.fingerprint, _TABLE.c.task).where(_ONE & _IS_KEPT))
_INSERT = insert(IdempotencyKey).values(
    user_id=bindparam("user_id"),
    key=bindparam("key"),
    fingerprint=bindparam("fingerprint"),
    task=bindparam("task"),
)
_EXCLUDED = _INSERT.excluded
KEEP_KEY = Statement(
    _INSERT.on_conflict_do_update(
        index_elements=["user_id", "key"],
        set_={
            "fingerprint": _EXCLUDED.fingerprint,
            "task": _EXCLUDED.task,
            "created_at": literal_column("now()"),
        },
    )
)
_EXPIRED = (
    select(_TABLE.c.user_id, _TABLE.c.key)
    .where(~_IS_KEPT)
    .limit(literal_column(str(_PRUNED_AT_ONCE)))
    .with_for_update(skip_locked=True)
)
PRUNE_KEYS = Statement(
    delete(IdempotencyKey).where(
        func.row(_TABLE.c.user_id, _TABLE.c.key).in_(_EXPIRED)  # whoever they belong to
    )
)
DELETE_KEYS_OF_USER = Statement(delete(IdempotencyKey).where(_OWNED))


async def create_once(database: Database, user_id: str, key: str, task: TaskCreate) -> TaskJSON:
    """Create a task, or return the one that the same user created with the same key.

    Raises:
        RequestInFlightError: a request with this key is under way.
        RequestValidationError: the key came with another task before.
    """
    fingerprint = hashlib.sha256(orjson.dumps([task.title, task.description])).hexdigest()
    async with database.acquire() as connection, connection.transaction():
        await _lock(connection, user_id, key)
        kept = await FIND_KEY.fetchrow(connection, user_id=user_id, key=key)
        if kept is None:
            return await _create(connection, user_id, key, fingerprint, task)
    if kept["fingerprint"] != fingerprint:
        raise RequestValidationError([_OTHER_BODY])
    return orjson.loads(kept["task"])  # type: ignore[no-any-return]


async def remove_all(database: Executor, user_id: str) -> None:
    """Delete all keys of a user."""
    await DELETE_KEYS_OF_USER.fetch(database, user_id=user_id)


async def _lock(connection: Executor, user_id: str, key: str) -> None:
    row = await LOCK_KEY.fetchrow(connection, lock=f"{user_id} {key}")
    if row is None or not row["locked"]:
        raise RequestInFlightError


async def _create(
    connection: Executor, user_id: str, key: str, fingerprint: str, task: TaskCreate
) -> TaskJSON:
    created = await task_store.create(connection, user_id, task)
    await KEEP_KEY.fetch(
        connection,
        user_id=user_id,
        key=key,
        fingerprint=fingerprint,
        task=orjson.dumps(created).decode(),
    )
    await PRUNE_KEYS.fetch(connection)
    return created


_OTHER_BODY = {
    "type": "idempotency_key_reused",
    "loc": ("header", "Idempotency-Key"),
    "msg": "was used with another body before",
    "input": None,
}
