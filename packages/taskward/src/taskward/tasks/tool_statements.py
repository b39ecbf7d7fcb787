"""What assistants do with tasks beyond the six endpoints, one SQL statement each.

As in `store.py` every statement names the owner. None asks PostgreSQL for what a sharded database
refuses: times are compared and added in UTC, and nothing that is returned depends on a setting.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    Integer,
    Select,
    Text,
    any_,
    bindparam,
    case,
    false,
    func,
    insert,
    literal_column,
    select,
    true,
    tuple_,
    update,
)
from sqlmodel import col

from authward.storage.statements import Executor, Statement
from taskward.tasks import store as task_store
from taskward.tasks.columns import parameter_type
from taskward.tasks.errors import TaskNotFoundError
from taskward.tasks.schemas import Task, TaskCreate, TaskUpdate

Status: TypeAlias = Literal["all", "pending", "completed"]

SHOWN_DESCRIPTION = 200  # characters
NEWEST = 2**63 - 1
"""An id before which all tasks are: the largest bigint."""
_COMPLETED: dict[Status, list[bool]] = {
    "all": [False, True],
    "pending": [False],
    "completed": [True],
}

_TABLE = Task.__table__  # type: ignore[attr-defined]
_OWNED = col(Task.user_id) == bindparam("user_id", type_=Text)
_ONE = (col(Task.id) == bindparam("task_id", type_=BigInteger)) & _OWNED
_CHANGED_COLUMNS = [_TABLE.c[name] for name in TaskUpdate.model_fields]
_NOW: ColumnElement[Any] = literal_column(
    "date_trunc('milliseconds', statement_timestamp())", type_=DateTime
)
_UTC: ColumnElement[str] = literal_column("'UTC'")
_A_MOMENT_LATER = func.timezone(
    _UTC, func.timezone(_UTC, col(Task.updated_at)) + literal_column("interval '1 millisecond'")
)


def _value(column: Column[Any]) -> ColumnElement[Any]:
    """The new value, or the present one where none is given."""
    is_given = bindparam(f"{column.name}_is_given", type_=Boolean)
    value = bindparam(column.name, type_=parameter_type(column))
    return case((is_given, value), else_=column)


_VALUES = {column.name: _value(column) for column in _CHANGED_COLUMNS}
_IS_CHANGED = tuple_(*_CHANGED_COLUMNS).is_distinct_from(tuple_(*_VALUES.values()))
# Citus takes no clock in a CASE: the later time is cut to the present one where nothing changes.
_AT_MOST = case(
    (_IS_CHANGED, literal_column("'infinity'::timestamptz", type_=DateTime)),
    else_=col(Task.updated_at),
)
_UPDATED_AT = func.least(func.greatest(_NOW, _A_MOMENT_LATER), _AT_MOST)
CHANGE_TASK = Statement(
    update(Task)
    .where(_ONE)
    .values(updated_at=_UPDATED_AT, **_VALUES)
    .returning(col(Task.id), col(Task.title), col(Task.completed))
)
"""Set what is given; what is so already leaves `updated_at`, and with it the ETag, as it is."""

_NEW_COLUMNS = [*TaskCreate.model_fields]
_NEW = (
    func.unnest(
        *(bindparam(name, type_=ARRAY(parameter_type(_TABLE.c[name]))) for name in _NEW_COLUMNS)
    )
    .table_valued(*_NEW_COLUMNS, with_ordinality="place")
    .render_derived("new")
)
ADD_TASKS = Statement(
    insert(Task)
    .from_select(
        ["user_id", *_NEW_COLUMNS, "completed"],
        select(
            bindparam("user_id", type_=Text), *(_NEW.c[name] for name in _NEW_COLUMNS), false()
        ).order_by(_NEW.c.place),
    )
    .returning(col(Task.id), col(Task.title))
)
"""PostgreSQL numbers the rows after it has sorted them, so the ids are in the order of places."""

_DESCRIPTION = _TABLE.c.description
_OF_STATUS = col(Task.completed) == any_(bindparam("completed", type_=ARRAY(Boolean)))
_WORDS = func.lower(bindparam("query", type_=Text))
_HAS_WORDS = func.greatest(
    func.strpos(func.lower(col(Task.title)), _WORDS),
    func.strpos(func.lower(_DESCRIPTION), _WORDS),
) > literal_column("0")
_PAGE_COLUMNS = (
    col(Task.id),
    col(Task.title),
    col(Task.completed),
    func.left(_DESCRIPTION, literal_column(str(SHOWN_DESCRIPTION))).label("description"),
    (func.char_length(_DESCRIPTION) > literal_column(str(SHOWN_DESCRIPTION))).label(
        "description_truncated"
    ),
)


def _search(*more: ColumnElement[bool]) -> Select[Any]:
    """A page of tasks, each with how many there are in all; a row without id where none is left."""
    wanted = (_OWNED, _OF_STATUS, *more)
    counted = select(func.count().label("total")).select_from(Task).where(*wanted)
    page = (
        select(*_PAGE_COLUMNS)
        .where(*wanted, col(Task.id) < bindparam("before_id", type_=BigInteger))
        .order_by(col(Task.id).desc())
        .limit(bindparam("limit", type_=Integer))
    ).subquery("page")
    total = counted.subquery("counted")
    both = total.outerjoin(page, true())
    return select(total.c.total, *page.c).select_from(both).order_by(page.c.id.desc())


SEARCH_TASKS = {False: Statement(_search()), True: Statement(_search(_HAS_WORDS))}
"""Without words to look for, and with them."""


class Page(NamedTuple):
    """Some tasks, the newest first; how many there are in all; whether there are older ones."""

    tasks: list[dict[str, Any]]
    total: int
    has_more: bool


async def change(
    database: Executor, user_id: str, task_id: int, given: dict[str, Any]
) -> dict[str, Any]:
    """Set fields of a task and return its id, title and completed.

    Args:
        given: the new values by name; what is not there stays as it is.

    Raises:
        TaskNotFoundError: there is none with this id, or it is another user's.
    """
    values = {column.name: given.get(column.name) for column in _CHANGED_COLUMNS}
    flags = {f"{column.name}_is_given": column.name in given for column in _CHANGED_COLUMNS}
    row = await CHANGE_TASK.fetchrow(database, user_id=user_id, task_id=task_id, **values, **flags)
    if row is None:
        raise TaskNotFoundError
    return dict(row)


async def add_all(
    database: Executor, user_id: str, tasks: Sequence[TaskCreate]
) -> list[dict[str, Any]]:
    """Store new tasks, all or none, and return their ids and titles in the order given.

    Raises:
        NotStoredError: PostgreSQL stored fewer, and did not say why.
    """
    columns = {name: [getattr(task, name) for task in tasks] for name in _NEW_COLUMNS}
    rows = await ADD_TASKS.fetch(database, user_id=user_id, **columns)
    if len(rows) != len(tasks):
        raise task_store.NotStoredError
    return sorted(map(dict, rows), key=lambda task: task["id"])


@dataclass(frozen=True, slots=True)
class Search:
    """Which tasks of a user.

    Args:
        query: part of the title or the description, in any case.
        limit: how many at most.
        before_id: only tasks with a smaller id; `total` counts the others as well.
    """

    status: Status = "all"
    query: str = ""
    limit: int = 50
    before_id: int = NEWEST


async def search(database: Executor, user_id: str, wanted: Search) -> Page:
    """Return a user's tasks, the newest first, with `description` and `description_truncated`."""
    rows = await SEARCH_TASKS[bool(wanted.query)].fetch(
        database,
        user_id=user_id,
        completed=_COMPLETED[wanted.status],
        query=wanted.query,
        before_id=wanted.before_id,
        limit=wanted.limit + 1,
    )
    found = [dict(row) for row in rows if row["id"] is not None]
    return Page(found[: wanted.limit], rows[0]["total"], len(found) > wanted.limit)
