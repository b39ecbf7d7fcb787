"""What is done with tasks, as functions that need no HTTP, one SQL statement each.

Every statement names the owner, so another user's task is simply not there.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, TypeAlias

import orjson
from asyncpg import Record
from sqlalchemy import (
    ARRAY,
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    Delete,
    FromClause,
    Select,
    Text,
    Update,
    any_,
    bindparam,
    case,
    cast,
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
from sqlmodel import col

from authward.storage.statements import Executor, Statement
from taskward.tasks.columns import as_read, json_object, parameter_type
from taskward.tasks.errors import TaskChangedError, TaskNotFoundError
from taskward.tasks.schemas import Task, TaskCreate, TaskUpdate
from taskward.tasks.times import time_of, time_text

TaskJSON: TypeAlias = dict[str, Any]
"""A task as it goes to JSON: as `TaskRead`, with times as text."""


class NotStoredError(Exception):
    """A new task is not there, though PostgreSQL refused nothing; a trigger may do that."""


def _given(column: Column[Any]) -> ColumnElement[Any]:
    """What stays where nothing is given: NULL says so, but where a column may hold it itself."""
    value = bindparam(column.name, type_=parameter_type(column))
    if not column.nullable:
        return func.coalesce(value, column)
    return case((bindparam(f"{column.name}_is_given", type_=Boolean), value), else_=column)


TABLE = Task.__table__  # type: ignore[attr-defined]
NEW_COLUMNS = {
    name: parameter_type(TABLE.c[name]) for name in ("user_id", *TaskCreate.model_fields)
}
_UPDATED_COLUMNS = [TABLE.c[name] for name in TaskUpdate.model_fields]
_CLEARABLE = [column.name for column in _UPDATED_COLUMNS if column.nullable]
COLUMNS = [as_read(column) for column in TABLE.c]
_NAMES = [column.name for column in TABLE.c]
_TIMES = [column.name for column in TABLE.c if isinstance(column.type, DateTime)]
_UPDATED_AT = TABLE.c.updated_at
_JSON = "task"
_LAST_MEMBER = f'"{_UPDATED_AT.name}":"'
_OWNED = col(Task.user_id) == bindparam("user_id")
_ONE = (col(Task.id) == bindparam("task_id")) & _OWNED
_NOW = literal_column("date_trunc('milliseconds', statement_timestamp())", type_=DateTime)
_UTC: ColumnElement[str] = literal_column("'UTC'")
_MILLISECONDS: ColumnElement[str] = literal_column("'milliseconds'")
# A timestamptz and an interval would be STABLE: their sum may depend on the session's time zone.
_LATER = func.timezone(_UTC, col(Task.updated_at)) + literal_column("interval '1 millisecond'")
NEXT = func.greatest(_NOW, func.timezone(_UTC, _LATER))


def as_json_of(rows: FromClause) -> tuple[ColumnElement[Any], ...]:
    """Return what a row has if PostgreSQL makes the JSON of its task."""
    columns = [rows.c[column.name] for column in TABLE.c]
    return rows.c.user_id, json_object(columns).label(_JSON)


# One value for all rows: ten thousand in Python would hold up everybody for 0.1 s.
TASKS_AS_JSON = select(json_object(TABLE.c).label("task")).order_by(col(Task.id).desc())
JSON_ARRAY: ColumnElement[str] = literal_column(
    "'[' || coalesce(string_agg(task, ','), '') || ']'", type_=Text
).label("tasks")
_USER = bindparam("user_id", type_=Text()).label("user_id")


def _list(*conditions: ColumnElement[bool]) -> Select[str, str]:
    rows = TASKS_AS_JSON.where(*conditions, _OWNED)
    return select(_USER, JSON_ARRAY).select_from(rows.subquery("listed"))


CREATE_TASK = Statement(
    insert(Task)
    .values(completed=false(), **{name: bindparam(name) for name in NEW_COLUMNS})
    .returning(*COLUMNS)
)
WHICH: dict[str, tuple[ColumnElement[bool], ...]] = {
    "all": (),
    "pending": (~TABLE.c.completed,),
    "completed": (TABLE.c.completed,),
}
LIST_TASKS = {status: Statement(_list(*which)) for status, which in WHICH.items()}
GET_TASK = Statement(select(*as_json_of(TABLE)).where(_ONE))
_UPDATE = (
    update(Task)
    .where(_ONE)
    .values(updated_at=NEXT, **{column.name: _given(column) for column in _UPDATED_COLUMNS})
)
_TOGGLE = update(Task).where(_ONE).values(completed=~col(Task.completed), updated_at=NEXT)
_DELETE = delete(Task).where(_ONE)
_DELETED = [TABLE.c.id]


def _if_match(change: Update | Delete, columns: Sequence[Any] = COLUMNS) -> Select[Any]:
    """Change the task only in one of the given versions; say whether there is one in any."""
    version = func.date_trunc(_MILLISECONDS, func.timezone(_UTC, _UPDATED_AT))
    # Text, because for an array of any other type the driver has to ask what it is.
    versions = bindparam("versions", type_=ARRAY(Text))
    in_version = version == any_(cast(versions, ARRAY(DateTime)))
    changed = change.where(in_version).returning(*columns).cte("changed")
    found = select(exists(select(literal_column("1")).where(_ONE)).label("found")).subquery("task")
    return select(found.c.found, *changed.c).select_from(found.outerjoin(changed, true()))


UPDATE_TASK = Statement(_UPDATE.returning(*COLUMNS))
UPDATE_TASK_IF_MATCH = Statement(_if_match(_UPDATE))
TOGGLE_TASK = Statement(_TOGGLE.returning(*COLUMNS))
TOGGLE_TASK_IF_MATCH = Statement(_if_match(_TOGGLE))
DELETE_TASK = Statement(_DELETE.returning(*_DELETED))
TAKE_TASK = Statement(_DELETE.returning(*COLUMNS))
DELETE_TASK_IF_MATCH = Statement(_if_match(_DELETE, _DELETED))
DELETE_TASKS_OF_USER = Statement(delete(Task).where(_OWNED))


async def create(database: Executor, user_id: str, task: TaskCreate) -> TaskJSON:
    """Store a new task and return it.

    Raises:
        NotStoredError: PostgreSQL stored nothing, and did not say why.
    """
    return _read(_stored(await CREATE_TASK.fetchrow(database, user_id=user_id, **dict(task))))


async def list_all(
    database: Executor, user_id: str, status: Literal["all", "pending", "completed"] = "all"
) -> str:
    """Return a JSON array of a user's tasks, the newest first."""
    return listed(await LIST_TASKS[status].fetchrow(database, user_id=user_id))


async def get(database: Executor, user_id: str, task_id: int) -> TaskJSON:
    """Return a task.

    Raises:
        TaskNotFoundError: there is none with this id, or it is another user's.
    """
    return _read(await _get(database, user_id, task_id))


async def get_json(database: Executor, user_id: str, task_id: int) -> str:
    """Return the JSON of a task; see `get`."""
    return _json_of(await _get(database, user_id, task_id))


async def _get(database: Executor, user_id: str, task_id: int) -> Record:
    return _found(await GET_TASK.fetchrow(database, user_id=user_id, task_id=task_id))


async def update_content(
    database: Executor,
    user_id: str,
    task_id: int,
    task: TaskUpdate,
    versions: Sequence[str] | None = None,
) -> TaskJSON:
    """Change a task's content; what `task` does not say stays as it is.

    Args:
        versions: values of `updated_at`; a task in any other version is left as it is.

    Raises:
        TaskNotFoundError: there is none with this id, or it is another user's.
        TaskChangedError: it is in none of the versions.
    """
    given = {f"{name}_is_given": name in task.model_fields_set for name in _CLEARABLE}
    values = {"user_id": user_id, "task_id": task_id, **dict(task), **given}
    if versions is None:
        return _read(_found(await UPDATE_TASK.fetchrow(database, **values)))
    return _task(await _change_if_match(UPDATE_TASK_IF_MATCH, database, versions, **values))


async def toggle(
    database: Executor, user_id: str, task_id: int, versions: Sequence[str] | None = None
) -> TaskJSON:
    """Make a pending task completed and a completed one pending; see `update_content`."""
    values = {"user_id": user_id, "task_id": task_id}
    if versions is None:
        return _read(_found(await TOGGLE_TASK.fetchrow(database, **values)))
    return _task(await _change_if_match(TOGGLE_TASK_IF_MATCH, database, versions, **values))


async def remove(
    database: Executor, user_id: str, task_id: int, versions: Sequence[str] | None = None
) -> None:
    """Delete a task; see `update_content`."""
    values = {"user_id": user_id, "task_id": task_id}
    if versions is None:
        found = await DELETE_TASK.fetchrow(database, **values)
        if found is None:
            raise TaskNotFoundError
    else:
        await _change_if_match(DELETE_TASK_IF_MATCH, database, versions, **values)


async def take(database: Executor, user_id: str, task_id: int) -> TaskJSON:
    """Delete a task and return what it was.

    Raises:
        TaskNotFoundError: there is none with this id, or it is another user's.
    """
    return _read(_found(await TAKE_TASK.fetchrow(database, user_id=user_id, task_id=task_id)))


async def remove_all(database: Executor, user_id: str) -> None:
    """Delete all tasks of a user."""
    await DELETE_TASKS_OF_USER.fetch(database, user_id=user_id)


async def _change_if_match(
    statement: Statement, database: Executor, versions: Sequence[str], **values: Any
) -> Sequence[Any]:
    """Return what the changed row has now."""
    times = [time for version in versions if (time := time_of(version)) is not None]
    texts = [time.isoformat() for time in times]
    row = await statement.fetchrow(database, versions=texts, **values)
    if row is None or not row["found"]:
        raise TaskNotFoundError
    if row["id"] is None:
        raise TaskChangedError
    return [row[name] for name in statement.columns if name != "found"]


def listed(row: Record | None) -> str:
    """Return the JSON array that a statement of `LIST_TASKS` gave."""
    return row["tasks"] if row is not None else "[]"


def stored_json(row: Record | None) -> str:
    """Return the JSON of the new task that `CREATE_TASK` gave.

    Raises:
        NotStoredError: it gave none.
    """
    return _json_of(_stored(row))


def found_json(row: Record | None) -> str:
    """Return the JSON of the task that a statement for one of a user's gave.

    Raises:
        TaskNotFoundError: it gave none.
    """
    return _json_of(_found(row))


def version_of(task: str) -> str:
    """Return `updated_at` of the JSON of a task, in which it is the last member."""
    return task.rpartition(_LAST_MEMBER)[2][:-2]


def _stored(row: Record | None) -> Record:
    if row is None:
        raise NotStoredError
    return row


def _found(row: Record | None) -> Record:
    if row is None:
        raise TaskNotFoundError
    return row


def _json_of(row: Record) -> str:
    """PostgreSQL has made it, but where it may not: see `columns.as_read`."""
    text: str | None = row.get(_JSON)
    return orjson.dumps(_task(row)).decode() if text is None else text


def _read(row: Record) -> TaskJSON:
    text: str | None = row.get(_JSON)
    return _task(row) if text is None else orjson.loads(text)


def _task(row: Iterable[Any]) -> TaskJSON:
    # There may be more columns behind those of a task: see `batch_pairs.py`.
    task: TaskJSON = dict(zip(_NAMES, row, strict=False))
    for name in _TIMES:
        if (value := task[name]) is not None:
            task[name] = time_text(value)
    return task
