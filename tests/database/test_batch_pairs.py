"""Two batches in one statement: each caller gets what they would get alone."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from operator import itemgetter
from typing import Any

import pytest
from asyncpg import CheckViolationError, Record
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import bindparam, literal_column

from authward.storage.statements import Statement
from taskward.database.batch_pairs import Together, make_batchers
from taskward.database.batcher import Batchable, Batcher, UnmatchedRowsError
from taskward.database.database import Database, DatabaseUnavailableError
from taskward.database.url import DatabaseURL
from taskward.tasks import store as task_store
from taskward.tasks.batches import BATCHABLE, TOGETHER
from taskward.tasks.errors import TaskNotFoundError
from taskward.tasks.schemas import TaskCreate
from tests.conftest import CreateDatabase
from tests.database.batching import (
    SEVERAL,
    Watched,
    at_once,
    new_user_id,
    outcome,
    store_none_titled,
    task_of,
    tasks_of,
    together,
)
from tests.faults.proxy import Proxy
from tests.support.databases import opened

GET, CREATE, TOGGLE, LIST, PENDING, _ = BATCHABLE
READS, WRITES = TOGETHER


@pytest.fixture
async def database(url: DatabaseURL) -> AsyncIterator[Database]:
    async with opened(url, BATCHABLE, TOGETHER) as database:
        yield database


def batchers_of(pair: Together, ask: Any) -> tuple[Batcher, Batcher]:
    batchers = make_batchers([pair.first, pair.second], [pair], ask)
    return batchers[pair.first.one.sql], batchers[pair.second.one.sql]


def questions(pair: Together, users: Sequence[str], tasks: Sequence[int]) -> list[list[Any]]:
    """For each user one call of each statement."""
    asked = {"user_id": users, "task_id": tasks}
    asked |= {"title": ["t"] * len(users), "description": [None] * len(users)}
    return [
        [*zip(*(asked[name] for name in each.one.names), strict=True)]
        for each in (pair.first, pair.second)
    ]


@pytest.mark.parametrize("pair", TOGETHER, ids=["reads", "writes"])
async def test_what_is_asked_in_one_moment_is_one_statement_of_both(
    plain: Database, pair: Together
) -> None:
    watched = Watched(plain)
    first, second = batchers_of(pair, watched.ask)
    users = [new_user_id() for _ in range(3)]
    tasks = [(await tasks_of(plain, who, 1))[0] for who in users]
    ones, others = questions(pair, users, tasks)
    for number in (3, 1):
        rows = await at_once(*map(first.fetch, ones), *map(second.fetch, others[:number]))
        assert [row["user_id"] for (row,) in rows] == users + users[:number]
    await at_once(first.fetch(ones[0]))
    await at_once(*map(second.fetch, others))
    assert watched.asked == [*[pair.both.sql] * 2, pair.first.one.sql, pair.second.many.sql]


async def test_who_gets_a_task_does_not_wait_for_the_lists_of_many(plain: Database) -> None:
    watched = Watched(plain)
    get, list_all = batchers_of(READS, watched.ask)
    who, others = new_user_id(), [new_user_id() for _ in range(17)]
    [task] = await tasks_of(plain, who, 1)
    for number in (16, 17):
        lists = [list_all.fetch((other,)) for other in others[:number]]
        (row,), *rest = await at_once(get.fetch((task, who)), *lists)
        assert [row["user_id"] for (row,) in rest] == others[:number]
        assert task_of(row)["id"] == task
    assert watched.asked[0] == READS.both.sql
    assert sorted(watched.asked[1:]) == sorted([GET.one.sql, LIST.many.sql])


@SEVERAL
@given(asked=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2)), max_size=20))
async def test_reads_of_one_moment_are_what_they_are_alone(
    database: Database, plain: Database, asked: list[tuple[int, int]]
) -> None:
    """Three users list their tasks, and get their own, others' and such as nobody has."""
    users = [new_user_id() for _ in range(3)]
    ids = [task for person in users for task in await tasks_of(plain, person, 1)]
    ids += [0, -1, 2**63 - 1]

    def ask(on: Database, task: int, person: int) -> Any:
        if task == len(ids):
            return task_store.list_all(on, users[person])
        return task_store.get(on, users[person], ids[task])

    got = await together(*(ask(database, *each) for each in asked))
    assert got == [await outcome(ask(plain, *each)) for each in asked]


@SEVERAL
@given(asked=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 1)), max_size=12))
async def test_writes_of_one_moment_each_count_once_and_only_for_their_owner(
    database: Database, plain: Database, asked: list[tuple[int, int]]
) -> None:
    """Two users have a task each, which both may try to toggle; the rest is new tasks."""
    users = [new_user_id() for _ in range(2)]
    ids = [task for person in users for task in await tasks_of(plain, person, 1)]

    def ask(what: int, person: int) -> Any:
        if what < 2:
            return task_store.toggle(database, users[person], ids[what])
        return task_store.create(database, users[person], TaskCreate(title=f"new {what}"))

    got = await together(*(ask(*each) for each in asked))
    for answer, (what, person) in zip(got, asked, strict=True):
        if what < 2 and what != person:
            assert answer is TaskNotFoundError
        else:
            assert answer["user_id"] == users[person]
    for person, who in enumerate(users):
        toggles, new = asked.count((person, person)), [each for each in asked if each[0] > 1]
        rows = await plain.fetch("SELECT id, completed, title FROM tasks WHERE user_id = $1", who)
        created = sorted(f"new {what}" for what, by in new if by == person)
        assert sorted(row["title"] for row in rows if row["id"] not in ids) == created
        assert [row["completed"] for row in rows if row["id"] in ids] == [toggles % 2 == 1]


NOBODY, THE_FIRST, THE_SECOND = (False, False), (True, False), (False, True)


@pytest.mark.parametrize(
    ("distort", "served"),
    [
        (lambda rows: rows[1:], THE_SECOND),
        (lambda rows: rows[:-1], THE_FIRST),
        (lambda rows: [*rows[:3], *rows[2:]], THE_SECOND),
        (lambda rows: [*rows, rows[-1]], THE_FIRST),
        (lambda rows: rows[3:], THE_SECOND),
        (lambda rows: rows[:3], THE_FIRST),
        (lambda rows: rows[::-1], NOBODY),
        (lambda _: [], NOBODY),
    ],
    ids=[
        *("one of the first too few", "one of the second too few"),
        *("one of the first too many", "one of the second too many"),
        *("none of the first", "none of the second", "in another order", "none"),
    ],
)
@pytest.mark.parametrize("pair", TOGETHER, ids=["reads", "writes"])
async def test_nobody_gets_a_row_of_the_other_batch_or_of_somebody_else(
    plain: Database,
    pair: Together,
    distort: Callable[[Sequence[Record]], Sequence[Record]],
    served: tuple[bool, bool],
) -> None:
    async def ask(sql: str, /, *arguments: Any) -> Sequence[Record]:
        return distort(await plain.fetch(sql, *arguments))

    first, second = batchers_of(pair, ask)
    users = [new_user_id() for _ in range(3)]
    tasks = [(await tasks_of(plain, who, 1))[0] for who in users]
    ones, others = questions(pair, users, tasks)
    got = await together(*map(first.fetch, ones), *map(second.fetch, others))
    for answers, is_served in zip((got[:3], got[3:]), served, strict=True):
        if is_served:
            assert [row["user_id"] for (row,) in answers] == users
        else:
            assert answers == [UnmatchedRowsError] * 3


async def test_one_that_postgresql_refuses_costs_nobody_else_anything(
    database: Database, plain: Database
) -> None:
    good, bad = new_user_id(), "not a user's id"
    [task] = await tasks_of(plain, good, 1)
    got = await together(
        task_store.create(database, good, TaskCreate(title="t")),
        task_store.create(database, bad, TaskCreate(title="t")),
        task_store.toggle(database, good, task),
    )
    assert got[1] is CheckViolationError
    assert (got[0]["title"], got[2]["completed"]) == ("t", True)
    assert len(await plain.fetch("SELECT id FROM tasks WHERE user_id = $1", good)) == 2


async def test_a_connection_lost_under_both_is_everybodys_and_nothing_is_sent_again(
    url: DatabaseURL, plain: Database
) -> None:
    who = new_user_id()
    [task] = await tasks_of(plain, who, 1)
    async with Proxy(url) as proxy, opened(proxy.url, BATCHABLE, TOGETHER) as database:
        await task_store.get(database, who, task)
        proxy.reset_when_used()
        asked = [
            asyncio.create_task(task_store.create(database, who, TaskCreate(title="lost"))),
            asyncio.create_task(task_store.toggle(database, who, task)),
        ]
        assert await together(*asked) == [DatabaseUnavailableError] * 2
    rows = await plain.fetch("SELECT completed FROM tasks WHERE user_id = $1", who)
    assert [row["completed"] for row in rows] == [False]


async def test_a_database_that_does_not_know_the_statement_is_sent_each_batch_from_then_on(
    plain: Database,
) -> None:
    watched = Watched(plain)
    refuse = "DO $$ BEGIN RAISE feature_not_supported; END $$"

    async def ask(sql: str, /, *arguments: Any) -> Sequence[Record]:
        if sql == READS.both.sql:
            return await watched.ask(refuse)
        return await watched.ask(sql, *arguments)

    get, list_all = batchers_of(READS, ask)
    who = new_user_id()
    ids = await tasks_of(plain, who, 2)
    for _ in range(2):
        gets, lists = [get.fetch((task, who)) for task in ids], [list_all.fetch((who,))]
        rows = await at_once(*gets, *lists)
        assert [row["user_id"] for (row,) in rows] == [who] * 3
    assert watched.asked == [refuse, *[GET.many.sql, LIST.one.sql] * 2]


async def test_a_toggle_that_waits_for_a_lock_holds_up_no_creation_of_its_moment(
    database: Database, plain: Database
) -> None:
    who = new_user_id()
    locked, free = await tasks_of(plain, who, 2)
    async with plain.acquire() as connection, connection.transaction():
        await connection.fetch("SELECT 1 FROM tasks WHERE id = $1 FOR UPDATE", locked)
        waiting = asyncio.create_task(task_store.toggle(database, who, locked))
        new = [task_store.create(database, who, TaskCreate(title=f"{n}")) for n in range(3)]
        *made, toggled = await at_once(*new, task_store.toggle(database, who, free))
        assert not waiting.done()
    assert [task["title"] for task in made] == ["0", "1", "2"]
    assert toggled["completed"]
    [late] = await at_once(waiting)
    assert late["completed"]


async def test_new_tasks_are_numbered_in_their_order_beside_one_that_is_toggled_again_and_again(
    database: Database, plain: Database
) -> None:
    who = new_user_id()
    [task] = await tasks_of(plain, who, 1)
    asked = [
        *(task_store.create(database, who, TaskCreate(title=f"{n}")) for n in range(9)),
        *(task_store.toggle(database, who, task) for _ in range(9)),
    ]
    got = await at_once(*asked)
    made, toggled = got[:9], got[9:]
    assert [task["title"] for task in made] == [f"{n}" for n in range(9)]
    assert made == sorted(made, key=itemgetter("id"))
    assert sorted(task["completed"] for task in toggled) == [False] * 4 + [True] * 5


async def test_a_creation_that_stores_nothing_keeps_no_toggle_of_its_moment_from_its_row(
    create_migrated_database: CreateDatabase,
) -> None:
    url, who = DatabaseURL.parse(await create_migrated_database()), new_user_id()
    async with opened(url, BATCHABLE, TOGETHER) as database:
        ids = await tasks_of(database, who, 2)
        await store_none_titled(database, "none")
        for titles, is_completed in ((["none"], True), (["one", "none"], False)):
            new = [task_store.create(database, who, TaskCreate(title=title)) for title in titles]
            got = await together(*new, *(task_store.toggle(database, who, task) for task in ids))
            assert got[:-2] == [UnmatchedRowsError] * len(titles)
            assert [task["completed"] for task in got[-2:]] == [is_completed] * 2


async def test_a_table_that_is_altered_meanwhile_is_seen_by_nobody_and_ends_no_pair(
    create_migrated_database: CreateDatabase,
) -> None:
    url, who = DatabaseURL.parse(await create_migrated_database()), new_user_id()
    async with opened(url) as plain, opened(url, BATCHABLE, TOGETHER) as database:
        watched = Watched(database)
        get, list_all = batchers_of(READS, watched.ask)
        create, toggle = batchers_of(WRITES, watched.ask)
        [task] = await tasks_of(plain, who, 1)
        for change in ("ALTER title TYPE text", "ADD note text", "DROP note"):
            for _ in range(2):
                rows = await at_once(
                    *(get.fetch((task, who)), list_all.fetch((who,))),
                    *(create.fetch((who, "t", None)), toggle.fetch((task, who))),
                )
                assert [row["user_id"] for (row,) in rows] == [who] * 4
            await plain.fetch(f"ALTER TABLE tasks {change}")
    assert watched.asked == [READS.both.sql, WRITES.both.sql] * 6


BOTH: Any = READS.both.expression


@pytest.mark.parametrize(
    ("first", "second", "both"),
    [
        (LIST, GET, BOTH),
        (GET, PENDING, GET.many.expression),
        (GET, LIST, BOTH.where(BOTH.exported_columns["user_id"] == bindparam("too_many"))),
        (GET, LIST, BOTH.add_columns(literal_column("1").label("too_many"))),
        (GET, LIST, BOTH.with_only_columns(*[*BOTH.exported_columns][:-1])),
        (GET, LIST, BOTH.order_by(None)),
    ],
    ids=[
        *("the other way round", "only one"),
        *("a parameter too many", "a column too many", "a column too few", "no order"),
    ],
)
def test_statements_that_do_not_belong_together_are_refused(
    first: Batchable, second: Batchable, both: Any
) -> None:
    with pytest.raises(ValueError, match="this does not ask both"):
        Together(first, second, Statement(both))
