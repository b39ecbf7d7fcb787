"""Rows and requests of a batch are matched by place, and what does not match is nobody's."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from asyncpg import Record
from sqlalchemy import (
    Column,
    DateTime,
    Identity,
    Integer,
    MetaData,
    Table,
    Text,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    select,
    table,
)

from authward.storage.arrays import array_parameter
from authward.storage.statements import Statement
from taskward.database.batcher import Batchable, Batcher, UnmatchedRowsError
from taskward.database.database import Database
from taskward.database.url import DatabaseURL
from taskward.tasks import store as task_store
from taskward.tasks.batches import BATCHABLE
from taskward.tasks.schemas import TaskCreate
from taskward.tasks.store import NotStoredError
from tests.conftest import CreateDatabase
from tests.database.batching import (
    Watched,
    at_once,
    new_user_id,
    store_none_titled,
    tasks_of,
    together,
)
from tests.support.databases import opened

GET, CREATE, TOGGLE, LIST, *_ = BATCHABLE


DATED = Table(
    "dated",
    MetaData(),
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("user_id", Text),
    Column("due_at", DateTime(timezone=True)),
)
_DATED_COLUMNS = (
    DATED.c.id,
    DATED.c.user_id,
    func.to_char(DATED.c.due_at, literal_column("'YYYY'")).label("due_at"),
)
_DATES = (
    func.unnest(
        array_parameter("user_id", Text()),
        array_parameter("due_at", DateTime(timezone=True)),
    )
    .table_valued("user_id", "due_at", with_ordinality="place")
    .render_derived("asked")
)
_STORED = (
    insert(DATED)
    .from_select(
        ["user_id", "due_at"], select(_DATES.c.user_id, _DATES.c.due_at).order_by(_DATES.c.place)
    )
    .returning(*_DATED_COLUMNS)
    .cte("stored")
)
STORE_DATED = Batchable(
    Statement(
        insert(DATED)
        .values(user_id=bindparam("user_id"), due_at=bindparam("due_at"))
        .returning(*_DATED_COLUMNS)
    ),
    Statement(select(_STORED).order_by(_STORED.c.id)),
)


async def test_a_value_that_comes_back_in_another_form_is_matched_by_its_place(
    plain: Database,
) -> None:
    await plain.fetch(
        "CREATE TABLE dated (id int GENERATED ALWAYS AS IDENTITY, user_id text, due_at timestamptz)"
    )
    watched = Watched(plain)
    batches = Batcher(STORE_DATED, watched.ask)
    years = [2000 + n * 7 % 20 for n in range(20)]
    rows = await at_once(
        *(batches.fetch((new_user_id(), datetime(year, 7, 1, tzinfo=UTC))) for year in years)
    )
    assert [[row["due_at"] for row in found] for found in rows] == [[f"{y}"] for y in years]
    assert watched.asked == [STORE_DATED.many.sql]
    await plain.fetch("DROP TABLE dated")


@pytest.mark.parametrize("number", [1, 5])
async def test_a_task_that_is_not_stored_without_a_word_is_an_error_and_no_missing_task(
    create_migrated_database: CreateDatabase, number: int
) -> None:
    url = DatabaseURL.parse(await create_migrated_database())
    async with opened(url, BATCHABLE) as database:
        await store_none_titled(database, "0")
        new = [TaskCreate(title=f"{n}") for n in range(number)]
        got = await together(*(task_store.create(database, "user_1", task) for task in new))
    assert got == [UnmatchedRowsError if number > 1 else NotStoredError] * number


@pytest.mark.parametrize(
    "distort",
    [lambda rows: rows[1:], lambda rows: [*rows, rows[0]], lambda rows: rows[::-1], lambda _: []],
    ids=["one too few", "one too many", "in another order", "none"],
)
@pytest.mark.parametrize(
    "statement", [GET, CREATE, TOGGLE, LIST], ids=["get", "create", "toggle", "list"]
)
async def test_nobody_gets_a_row_that_may_be_somebody_elses(
    plain: Database, statement: Batchable, distort: Callable[[Sequence[Record]], Sequence[Record]]
) -> None:
    async def ask(sql: str, /, *arguments: Any) -> Sequence[Record]:
        return distort(await plain.fetch(sql, *arguments))

    users = [new_user_id() for _ in range(3)]
    tasks = [(await tasks_of(plain, who, 1))[0] for who in users]
    asked = {"user_id": users, "task_id": tasks, "title": ["t"] * 3, "description": [None] * 3}
    batches = Batcher(statement, ask)
    questions = zip(*(asked[name] for name in statement.one.names), strict=True)
    got = await together(*(batches.fetch(question) for question in questions))
    assert got == [UnmatchedRowsError] * 3


@pytest.mark.parametrize(
    ("reason", "one", "many"),
    [
        ("parameters", GET.one, CREATE.many),
        ("arrays", GET.one, GET.one),
        ("arrays", GET.many, GET.many),
        ("owner", STORE_DATED.one, Statement(select(_STORED.c.id).order_by(_STORED.c.id))),
        ("order", CREATE.one, Statement(select(_STORED))),
        ("columns", Statement(delete(table("tasks"))), Statement(delete(table("tasks")))),
        ("owner", Statement(select(literal_column("1").label("n"))), GET.many),
        ("owner", Statement(select(literal_column("1").label("user_id"))), GET.many),
        ("owner", Statement(select(bindparam("user_id", type_=Text).label("n"))), GET.many),
    ],
)
def test_two_statements_that_do_not_belong_together_make_no_batchable(
    reason: str, one: Statement, many: Statement
) -> None:
    with pytest.raises(ValueError, match=rf"these do not ask the same: [^\n]*\b{reason}\b"):
        Batchable(one, many)
