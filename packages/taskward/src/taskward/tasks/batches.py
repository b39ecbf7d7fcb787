"""What many requests ask in one statement: the statements of `store.py` for many callers.

Each names the owner beside the task, and returns a row for each who asks, in their order.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Integer,
    Select,
    Text,
    cast,
    false,
    func,
    insert,
    literal_column,
    null,
    select,
    true,
    union_all,
    update,
)
from sqlalchemy.sql.selectable import TableValuedAlias
from sqlalchemy.types import TypeEngine
from sqlmodel import col

from authward.storage.arrays import array_parameter
from authward.storage.statements import Statement
from taskward.database.batch_pairs import PART, Together, name_in_second
from taskward.database.batcher import Batchable
from taskward.tasks.schemas import Task
from taskward.tasks.store import (
    CREATE_TASK,
    GET_TASK,
    JSON_ARRAY,
    LIST_TASKS,
    NEW_COLUMNS,
    NEXT,
    TABLE,
    TASKS_AS_JSON,
    TOGGLE_TASK,
    WHICH,
    as_json_of,
)

_PLACE = "place"
"""The column by which rows are in the order of who asks."""
_ONLY_ONE: ColumnElement[int] = literal_column("1")
"""There is no more than one, but so PostgreSQL goes by its id."""
# Of a hundred lists in one statement none may hold up the others or take much memory: 400 short
# tasks are about 64 KiB, from which an answer is paced (`backpressure.py`).
_TOO_MANY: ColumnElement[int] = literal_column("400")
_IS_SHORT: ColumnElement[bool] = literal_column(
    "count(*) < 400 AND coalesce(sum(octet_length(task)), 0) < 65536", type_=Boolean
)


def _same(name: str) -> str:
    return name


Rename = Callable[[str], str]
"""What parameters are called, where another statement has such a name too."""


def _asked(rename: Rename, **parameters: TypeEngine[Any]) -> TableValuedAlias:
    """One row for each who asks, of parameters that are arrays, with their place among them."""
    arrays = [array_parameter(rename(name), kind) for name, kind in parameters.items()]
    rows = func.unnest(*arrays).table_valued(*parameters, with_ordinality=_PLACE)
    return rows.render_derived("asked")


def _is_asked_for(asked: TableValuedAlias) -> ColumnElement[bool]:
    return (col(Task.id) == asked.c.task_id) & (col(Task.user_id) == asked.c.user_id)


def _get_each() -> Select[Any]:
    asked = _asked(_same, task_id=BigInteger(), user_id=Text())
    found = select(*as_json_of(TABLE)).where(_is_asked_for(asked)).limit(_ONLY_ONE).lateral("found")
    return select(asked.c.place, found).select_from(asked.outerjoin(found, true()))


def _list_each(status: str, rename: Rename = _same) -> Select[Any]:
    """List tasks for many users; of a long list the user gets no row, and is asked for alone."""
    asked = _asked(rename, user_id=Text())
    owned = col(Task.user_id) == asked.c.user_id
    rows = TASKS_AS_JSON.where(*WHICH[status], owned).limit(_TOO_MANY).correlate(asked)
    array = (
        select(asked.c.user_id, JSON_ARRAY)
        .select_from(rows.lateral("listed"))
        .having(_IS_SHORT)
        .lateral("list")
    )
    each = asked.outerjoin(array, true())
    return select(asked.c.place, array.c.user_id, array.c.tasks).select_from(each)


def _toggle_each(rename: Rename = _same) -> Select[Any]:
    """Toggle only tasks that are free, so that a batch never waits."""
    asked = _asked(rename, task_id=BigInteger(), user_id=Text())
    locked = (
        select(literal_column("ctid").label("ctid"), col(Task.user_id))
        .where(_is_asked_for(asked))
        .limit(_ONLY_ONE)
        .with_for_update(key_share=True, skip_locked=True)
        .lateral("locked")
    )
    mine = select(asked.c.place, locked).select_from(asked.outerjoin(locked, true())).cte("mine")
    is_mine = (literal_column("tasks.ctid") == mine.c.ctid) & (col(Task.user_id) == mine.c.user_id)
    toggled = (
        update(Task)
        .where(is_mine)
        .values(completed=~col(Task.completed), updated_at=NEXT)
        .returning(mine.c.place, *TABLE.c)
        .cte("toggled")
    )
    each = mine.outerjoin(toggled, mine.c.place == toggled.c.place)
    return select(mine.c.place, *as_json_of(toggled)).select_from(each)


def _create_each() -> Select[Any]:
    """PostgreSQL numbers rows after it has sorted them: the ids are in the order of the places."""
    asked = _asked(_same, **NEW_COLUMNS)
    values = select(*(asked.c[name] for name in NEW_COLUMNS), false()).order_by(asked.c.place)
    created = (
        insert(Task)
        .from_select([*NEW_COLUMNS, "completed"], values)
        .returning(*TABLE.c)
        .cte("created")
    )
    return select(created.c.id.label(_PLACE), created.c.id, *as_json_of(created))


def _in_order(each: Select[Any]) -> Select[Any]:
    rows = each.subquery("each")
    columns = [column for column in rows.c if column.name != _PLACE]
    return select(*columns).order_by(rows.c[_PLACE])


def _first_and_second(first: Select[Any], second: Select[Any]) -> Select[Any]:
    """The rows of both, the first's columns first; what only the other has is NULL."""
    parts = [first.subquery("first"), second.subquery("second")]
    columns = {column.name: column for part in parts for column in part.c}
    missing = {name: cast(null(), column.type).label(name) for name, column in columns.items()}
    rows = [
        select(
            *(part.c.get(name, missing[name]) for name in columns),
            literal_column(f"{number}", type_=Integer).label(PART),
        )
        for number, part in enumerate(parts)
    ]
    both = union_all(*rows).subquery("both")
    chosen = [column for column in both.c if column.name != _PLACE]
    return select(*chosen).order_by(both.c[PART], both.c[_PLACE])


_GET = Batchable(GET_TASK, Statement(_in_order(_get_each())))
_CREATE = Batchable(CREATE_TASK, Statement(_in_order(_create_each())))
_TOGGLE = Batchable(TOGGLE_TASK, Statement(_in_order(_toggle_each())), complete=False)
_LISTS = {
    status: Batchable(one, Statement(_in_order(_list_each(status))), complete=False)
    for status, one in LIST_TASKS.items()
}
BATCHABLE = (_GET, _CREATE, _TOGGLE, *_LISTS.values())
"""What many requests may ask in one statement."""
TOGETHER = (
    Together(
        _GET,
        _LISTS["all"],
        Statement(_first_and_second(_get_each(), _list_each("all", name_in_second))),
    ),
    Together(
        _CREATE,
        _TOGGLE,
        Statement(_first_and_second(_create_each(), _toggle_each(name_in_second))),
    ),
)
"""Which of them share one more often: what reads, and what writes."""
