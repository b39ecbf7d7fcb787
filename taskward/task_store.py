"""What is done with tasks, as functions that need no HTTP, one SQL statement each.

Every statement names the owner, so another user's task is simply not there.
"""

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from asyncpg import Record
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    Delete,
    Select,
    Text,
    Update,
    any_,
    bindparam,
    delete,
    exists,
    false,
    func,
    insert,
    literal_column,
    select,
    true,
    update,
)
from sqlalchemy.sql.selectable import TableValuedAlias
from sqlalchemy.types import TypeEngine
from sqlmodel import col

from taskward.batches import Batchable
from taskward.errors import TaskChangedError, TaskNotFoundError
from taskward.models import Task, TaskCreate, TaskReplace
from taskward.statements import Executor, Statement

TaskJSON: TypeAlias = dict[str, Any]
"""A task as it goes to JSON: as `TaskRead`, with times as text."""

_ISO_8601 = """'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'"""


def _as_text(column: Column[Any]) -> ColumnElement[Any]:
    """PostgreSQL writes `2026-01-08T10:30:00.123Z` in a third of the time that Python takes."""
    if not isinstance(column.type, DateTime):
        return column
    utc = func.timezone(literal_column("'UTC'"), column)
    return func.to_char(utc, literal_column(_ISO_8601)).label(column.name)


def _each(**parameters: TypeEngine[Any]) -> TableValuedAlias:
    """One row for each who asks, of parameters that are arrays."""
    arrays = [bindparam(name, type_=ARRAY(kind)) for name, kind in parameters.items()]
    return func.unnest(*arrays).table_valued(*parameters).render_derived("asked")


_TABLE = Task.__table__  # type: ignore[attr-defined]
_COLUMNS = [_as_text(column) for column in _TABLE.c]
_UPDATED_AT = _TABLE.c.updated_at
_OWNED = col(Task.user_id) == bindparam("user_id")
_ONE = (col(Task.id) == bindparam("task_id")) & _OWNED
_NOW = literal_column("date_trunc('milliseconds', clock_timestamp())", type_=DateTime)
_NEXT = func.greatest(_NOW, col(Task.updated_at) + literal_column("interval '1 millisecond'"))
# Seen through a subquery the value tells the planner nothing. Where users have very unequal numbers
# of tasks it would plan each list anew, which takes longer than the list.
_HIDDEN_USER_ID = select(bindparam("user_id", type_=Text)).scalar_subquery()
_LIST = select(*_COLUMNS).where(col(Task.user_id) == _HIDDEN_USER_ID).order_by(col(Task.id).desc())
_ARRAY: ColumnElement[str] = literal_column(
    "'[' || coalesce(string_agg(row_to_json(task)::text, ','), '') || ']'"
)


def _as_json(rows: Select[Any]) -> Select[Any]:
    """One value for all rows: ten thousand in Python would hold up everybody for 0.1 s."""
    return select(_ARRAY).select_from(rows.subquery("task"))


CREATE_TASK = Statement(
    insert(Task)
    .values(
        user_id=bindparam("user_id"),
        title=bindparam("title"),
        description=bindparam("description"),
        completed=false(),
    )
    .returning(*_COLUMNS)
)
LIST_TASKS = {
    "all": Statement(_as_json(_LIST)),
    "pending": Statement(_as_json(_LIST.where(~col(Task.completed)))),
    "completed": Statement(_as_json(_LIST.where(col(Task.completed)))),
}
GET_TASK = Statement(select(*_COLUMNS).where(_ONE))
_REPLACE = (
    update(Task)
    .where(_ONE)
    .values(
        title=bindparam("title"),
        description=bindparam("description"),
        completed=func.coalesce(bindparam("completed", type_=Boolean), col(Task.completed)),
        updated_at=_NEXT,
    )
)
_TOGGLE = update(Task).where(_ONE).values(completed=~col(Task.completed), updated_at=_NEXT)
_DELETE = delete(Task).where(_ONE)


def _if_match(change: Update | Delete) -> Select[Any]:
    """Change the task only in one of the given versions; say whether there is one in any."""
    in_version = _as_text(_UPDATED_AT) == any_(bindparam("versions", type_=ARRAY(Text)))
    changed = change.where(in_version).returning(*_COLUMNS).cte("changed")
    found = select(exists(select(literal_column("1")).where(_ONE)).label("found")).subquery("task")
    return select(found.c.found, *changed.c).select_from(found.outerjoin(changed, true()))


REPLACE_TASK = Statement(_REPLACE.returning(*_COLUMNS))
REPLACE_TASK_IF_MATCH = Statement(_if_match(_REPLACE))
TOGGLE_TASK = Statement(_TOGGLE.returning(*_COLUMNS))
TOGGLE_TASK_IF_MATCH = Statement(_if_match(_TOGGLE))
DELETE_TASK = Statement(_DELETE.returning(*_COLUMNS))
DELETE_TASK_IF_MATCH = Statement(_if_match(_DELETE))
DELETE_TASKS_OF_USER = Statement(delete(Task).where(_OWNED))
_ASKED = _each(task_id=BigInteger(), user_id=Text())
_ASKED_FOR = (col(Task.id) == _ASKED.c.task_id) & (col(Task.user_id) == _ASKED.c.user_id)
_FOUND = (
    select(*_COLUMNS)
    .where(_ASKED_FOR)
    .limit(literal_column("1"))  # there is no more than one, but so PostgreSQL goes by its id
    .lateral("task")
)
_LOCKED = (
    select(literal_column("ctid"), col(Task.user_id))
    .where(_ASKED_FOR)
    .limit(literal_column("1"))
    .with_for_update(key_share=True, skip_locked=True)
    .lateral("locked")
)
_MINE = select(_LOCKED).select_from(_ASKED.join(_LOCKED, true())).cte("mine")
_TOGGLE_EACH = (
    update(Task)
    .where((literal_column("tasks.ctid") == _MINE.c.ctid) & (col(Task.user_id) == _MINE.c.user_id))
    .values(completed=~col(Task.completed), updated_at=_NEXT)
    .returning(*_COLUMNS)
)
_NEW = _each(user_id=Text(), title=Text(), description=Text())
BATCHABLE = (
    Batchable(
        GET_TASK,
        Statement(select(_FOUND).select_from(_ASKED.join(_FOUND, true()))),
        ("id", "user_id"),
    ),
    Batchable(
        CREATE_TASK,
        Statement(
            insert(Task)
            .from_select([*_NEW.c.keys(), "completed"], select(_NEW, false()))
            .returning(*_COLUMNS)
        ),
        ("user_id", "title", "description"),
    ),
    Batchable(TOGGLE_TASK, Statement(_TOGGLE_EACH), ("id", "user_id"), complete=False),
)
"""What many requests may ask in one statement."""


async def create(database: Executor, user_id: str, task: TaskCreate) -> TaskJSON:
    """Store a new task and return it."""
    row = await CREATE_TASK.fetchrow(
        database, user_id=user_id, title=task.title, description=task.description
    )
    return _found(row)


async def list_all(
    database: Executor, user_id: str, status: Literal["all", "pending", "completed"] = "all"
) -> str:
    """Return a JSON array of a user's tasks, the newest first."""
    row = await LIST_TASKS[status].fetchrow(database, user_id=user_id)
    return row[0] if row is not None else "[]"


async def get(database: Executor, user_id: str, task_id: int) -> TaskJSON:
    """Return a task.

    Raises:
        TaskNotFoundError: there is none with this id, or it is another user's.
    """
    return _found(await GET_TASK.fetchrow(database, user_id=user_id, task_id=task_id))


async def replace(
    database: Executor,
    user_id: str,
    task_id: int,
    task: TaskReplace,
    versions: Sequence[str] | None = None,
) -> TaskJSON:
    """Replace a task's content; `completed` stays where the new content does not say.

    Args:
        versions: values of `updated_at`; a task in any other version is left as it is.

    Raises:
        TaskNotFoundError: there is none with this id, or it is another user's.
        TaskChangedError: it is in none of the versions.
    """
    values = {
        "user_id": user_id,
        "task_id": task_id,
        "title": task.title,
        "description": task.description,
        "completed": task.completed,
    }
    if versions is None:
        return _found(await REPLACE_TASK.fetchrow(database, **values))
    return await _change_if_match(REPLACE_TASK_IF_MATCH, database, versions, **values)


async def toggle(
    database: Executor, user_id: str, task_id: int, versions: Sequence[str] | None = None
) -> TaskJSON:
    """Make a pending task completed and a completed one pending; see `replace`."""
    values = {"user_id": user_id, "task_id": task_id}
    if versions is None:
        return _found(await TOGGLE_TASK.fetchrow(database, **values))
    return await _change_if_match(TOGGLE_TASK_IF_MATCH, database, versions, **values)


async def remove(
    database: Executor, user_id: str, task_id: int, versions: Sequence[str] | None = None
) -> None:
    """Delete a task; see `replace`."""
    values = {"user_id": user_id, "task_id": task_id}
    if versions is None:
        _found(await DELETE_TASK.fetchrow(database, **values))
    else:
        await _change_if_match(DELETE_TASK_IF_MATCH, database, versions, **values)


async def remove_all(database: Executor, user_id: str) -> None:
    """Delete all tasks of a user."""
    await DELETE_TASKS_OF_USER.fetch(database, user_id=user_id)


async def _change_if_match(
    statement: Statement, database: Executor, versions: Sequence[str], **values: Any
) -> TaskJSON:
    task = _found(await statement.fetchrow(database, versions=[*versions], **values))
    if not task.pop("found"):
        raise TaskNotFoundError
    if task["id"] is None:
        raise TaskChangedError
    return task


def _found(row: Record | None) -> TaskJSON:
    if row is None:
        raise TaskNotFoundError
    return dict(row)
