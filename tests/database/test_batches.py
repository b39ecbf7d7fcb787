"""Many in one statement: each gets what they would get alone, whatever happens to the others."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
from asyncpg import Record
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from taskward.app import create_app
from taskward.database import batch_scheduler
from taskward.database import batcher as batches_module
from taskward.database.batcher import Batchable, Batcher
from taskward.database.database import Database, DatabaseUnavailableError
from taskward.database.url import DatabaseURL
from taskward.tasks import store as task_store
from taskward.tasks.batches import BATCHABLE
from taskward.tasks.errors import TaskNotFoundError
from taskward.tasks.schemas import TaskCreate
from taskward.tasks.store import CREATE_TASK, GET_TASK, LIST_TASKS, TOGGLE_TASK
from tests.conftest import settings_for, url_text
from tests.database.batching import (
    SEVERAL,
    Watched,
    at_once,
    new_user_id,
    outcome,
    task_of,
    tasks_of,
    together,
)
from tests.faults.proxy import Proxy
from tests.support.databases import opened

GET, CREATE, TOGGLE, LIST, PENDING, COMPLETED = BATCHABLE
BIGINT_MAX = 2**63 - 1


@pytest.fixture
async def database(url: DatabaseURL) -> AsyncIterator[Database]:
    async with opened(url, BATCHABLE) as database:
        yield database


@pytest.mark.parametrize(
    ("statement", "value"),
    [
        (GET, (1, "nobody")),
        (CREATE, ("nobody", "t", None)),
        (TOGGLE, (1, "nobody")),
        (LIST, ("nobody",)),
    ],
    ids=["get", "create", "toggle", "list"],
)
async def test_who_is_alone_is_asked_for_alone_and_many_of_one_moment_together(
    plain: Database, statement: Batchable, value: tuple[Any, ...]
) -> None:
    watched = Watched(plain)
    batches = Batcher(replace(statement, complete=True), watched.ask)
    await at_once(batches.fetch(value))
    await at_once(*(batches.fetch(value) for _ in range(20)))
    await at_once(batches.fetch(value))
    assert watched.asked == [statement.one.sql, statement.many.sql, statement.one.sql]


async def test_more_than_the_limit_go_in_several_statements(plain: Database) -> None:
    watched = Watched(plain)
    lock = asyncio.Lock()

    async def ask(sql: str, /, *arguments: Any) -> Sequence[Record]:
        async with lock:
            return await watched.ask(sql, *arguments)

    batches = Batcher(CREATE, ask)
    user_id, number = new_user_id(), 2 * batches_module._SIZE_LIMIT + 1
    rows = await at_once(*(batches.fetch((user_id, f"{n}", None)) for n in range(number)))
    assert [[task_of(row)["title"] for row in found] for found in rows] == [
        [f"{n}"] for n in range(number)
    ]
    assert watched.asked == [CREATE.many.sql, CREATE.many.sql, CREATE.one.sql]


@SEVERAL
@given(asked=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2)), max_size=20))
async def test_everybody_gets_what_they_would_get_alone(
    database: Database, plain: Database, asked: list[tuple[int, int]]
) -> None:
    """Three users ask for their own tasks, for others' and for such as nobody has."""
    users = [new_user_id() for _ in range(3)]
    ids = [task for person in users for task in await tasks_of(plain, person, 2)]
    ids += [0, -1, BIGINT_MAX, BIGINT_MAX + 1]
    got = await together(*(task_store.get(database, users[p], ids[t]) for t, p in asked))
    alone = [await outcome(task_store.get(plain, users[p], ids[t])) for t, p in asked]
    assert got == alone


@SEVERAL
@given(asked=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 1)), max_size=12))
async def test_of_toggles_in_one_moment_each_counts_once_and_only_the_owners(
    database: Database, plain: Database, asked: list[tuple[int, int]]
) -> None:
    """Two users have two tasks each; the last that they may ask for is nobody's."""
    users = [new_user_id() for _ in range(2)]
    ids = [task for person in users for task in await tasks_of(plain, person, 2)] + [0]
    got = await together(*(task_store.toggle(database, users[p], ids[t]) for t, p in asked))
    for answer, (task, person) in zip(got, asked, strict=True):
        assert (answer is TaskNotFoundError) == (task // 2 != person)
    for task in range(4):
        answers = [a for a, q in zip(got, asked, strict=True) if q == (task, task // 2)]
        states = sorted((answer["updated_at"], answer["completed"]) for answer in answers)
        assert [completed for _, completed in states] == [n % 2 == 0 for n in range(len(states))]
        stored = await task_store.get(plain, users[task // 2], ids[task])
        assert stored["completed"] == (len(states) % 2 == 1)


LISTED = st.lists(st.tuples(st.integers(0, 4), st.sampled_from([*LIST_TASKS])), max_size=12)


@SEVERAL
@given(asked=LISTED)
async def test_lists_of_one_moment_are_each_owners_own(
    database: Database, plain: Database, owners: list[str], asked: list[tuple[int, Any]]
) -> None:
    got = await together(*(task_store.list_all(database, owners[p], which) for p, which in asked))
    alone = [await outcome(task_store.list_all(plain, owners[p], which)) for p, which in asked]
    assert got == alone


@pytest.fixture(scope="module")
async def owners(url: DatabaseURL) -> list[str]:
    """Of no task, of one, of many, of too many, of few that are long."""
    users = [new_user_id() for _ in range(5)]
    async with opened(url) as database:
        for user_id, number, length in zip(
            users, (0, 1, 300, 400, 30), (1, 1, 1, 1, 1000), strict=True
        ):
            await database.fetch(TASKS, user_id, number, "\N{SNOWMAN}" * length)
    return users


TASKS = """
    INSERT INTO tasks (user_id, title, description, completed)
    SELECT $1, 'title ' || n, nullif($3, '1'), n % 3 = 0 FROM generate_series(1, $2) AS n
"""


async def test_a_long_list_is_asked_for_alone(plain: Database, owners: list[str]) -> None:
    watched = Watched(plain)
    batches = Batcher(LIST, watched.ask)
    rows = await at_once(*(batches.fetch((user_id,)) for user_id in owners))
    assert [row["user_id"] for (row,) in rows] == owners
    assert watched.asked == [LIST.many.sql, LIST.one.sql, LIST.one.sql]


@pytest.fixture
def longer_than_a_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for more than what is under way, waits for ever."""
    monkeypatch.setattr(batch_scheduler, "_MAX_WAIT", 60)


@pytest.mark.usefixtures("longer_than_a_test")
async def test_where_nothing_is_under_way_nobody_waits(plain: Database) -> None:
    batches = Batcher(GET, plain.fetch)
    for _ in range(batch_scheduler._MAX_UNDER_WAY + 1):
        assert await at_once(batches.fetch((0, "nobody"))) == [[]]


@pytest.mark.usefixtures("longer_than_a_test")
async def test_calls_that_come_while_a_statement_is_under_way_share_the_next(
    plain: Database,
) -> None:
    watched, answered = Watched(plain), asyncio.Event()

    async def ask(sql: str, /, *arguments: Any) -> Sequence[Record]:
        rows = await watched.ask(sql, *arguments)
        await answered.wait()
        return rows

    batches = Batcher(GET, ask)
    asked = []
    for _ in range(batch_scheduler._MAX_UNDER_WAY + 3):
        asked.append(asyncio.create_task(batches.fetch((1, "nobody"))))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    answered.set()
    await at_once(*asked)
    assert watched.asked == [GET.one.sql] * batch_scheduler._MAX_UNDER_WAY + [GET.many.sql]


async def test_nobody_waits_long_for_a_statement_that_hangs(plain: Database) -> None:
    watched, never = Watched(plain), asyncio.Event()

    async def ask(sql: str, /, *arguments: Any) -> Sequence[Record]:
        if len(watched.asked) < batch_scheduler._MAX_UNDER_WAY:
            watched.asked.append(sql)
            await never.wait()
        return await watched.ask(sql, *arguments)

    batches = Batcher(GET, ask)
    for _ in range(batch_scheduler._MAX_UNDER_WAY):
        hangs = asyncio.create_task(batches.fetch((1, "nobody")))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert await at_once(batches.fetch((2, new_user_id()))) == [[]]
    assert not hangs.done()
    never.set()
    await hangs


async def test_of_tasks_created_in_one_moment_each_is_stored_once_and_for_its_owner(
    database: Database, plain: Database
) -> None:
    users = [new_user_id() for _ in range(5)]
    texts = [("same", None), ("same", None), ("same", ""), ("ünï ☃ \\ \"'{},NULL", "a,b\n{}")]
    wanted = [(who, title, words) for who in users for title, words in texts]
    created = await at_once(
        *(
            task_store.create(database, who, TaskCreate(title=title, description=words))
            for who, title, words in wanted
        )
    )
    assert [(t["user_id"], t["title"], t["description"]) for t in created] == wanted
    assert len({task["id"] for task in created}) == len(wanted)
    for task in created:
        assert await task_store.get(plain, task["user_id"], task["id"]) == task


async def test_one_that_postgresql_refuses_costs_the_others_nothing(
    database: Database, plain: Database
) -> None:
    good, bad = new_user_id(), "not a user's id"
    got = await together(
        *(task_store.create(database, who, TaskCreate(title="t")) for who in (good, bad, good))
    )
    assert got[1] is asyncpg.CheckViolationError
    stored = await plain.fetch("SELECT id FROM tasks WHERE user_id = $1 ORDER BY id", good)
    assert [row["id"] for row in stored] == sorted((got[0]["id"], got[2]["id"]))


async def test_who_gives_up_disturbs_nobody_else(database: Database) -> None:
    who = new_user_id()
    ids = await tasks_of(database, who, 3)
    asked = [asyncio.create_task(task_store.get(database, who, task)) for task in ids]
    await asyncio.sleep(0)
    asked[0].cancel()
    assert [task["id"] for task in await at_once(*asked[1:])] == ids[1:]
    with pytest.raises(asyncio.CancelledError):
        await asked[0]


async def test_a_toggle_behind_somebody_elses_lock_keeps_only_itself_waiting(
    database: Database, plain: Database
) -> None:
    mine, theirs = new_user_id(), new_user_id()
    (locked,), free = await tasks_of(plain, mine, 1), await tasks_of(plain, theirs, 3)
    async with asyncio.timeout(10):
        async with plain.acquire() as connection, connection.transaction():
            await connection.execute("SELECT FROM tasks WHERE id = $1 FOR UPDATE", locked)
            waits = asyncio.create_task(task_store.toggle(database, mine, locked))
            others = [asyncio.create_task(task_store.toggle(database, theirs, t)) for t in free]
            assert [task["completed"] for task in await at_once(*others)] == [True] * 3
            assert not waits.done()
        assert (await waits)["completed"]


async def test_toggles_of_the_same_tasks_in_opposite_orders_never_wait_in_a_circle(
    url: DatabaseURL, plain: Database
) -> None:
    """Two servers of one database."""
    who = new_user_id()
    ids = await tasks_of(plain, who, 20)
    async with opened(url, BATCHABLE) as one, opened(url, BATCHABLE) as other:
        for _ in range(10):
            await at_once(
                *(task_store.toggle(one, who, task) for task in ids),
                *(task_store.toggle(other, who, task) for task in reversed(ids)),
            )
    rows = await plain.fetch("SELECT completed FROM tasks WHERE user_id = $1", who)
    assert {row["completed"] for row in rows} == {False}  # each twenty times
    circles = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    assert [row["deadlocks"] for row in await plain.fetch(circles)] == [0]


async def test_a_connection_lost_under_a_batch_of_writes_is_everybodys_and_none_is_sent_again(
    url: DatabaseURL, plain: Database
) -> None:
    who = new_user_id()
    async with Proxy(url) as proxy, opened(proxy.url, BATCHABLE) as database:
        await task_store.create(database, who, TaskCreate(title="before"))
        proxy.reset_when_used()
        asked = [
            asyncio.create_task(task_store.create(database, who, TaskCreate(title=f"{n}")))
            for n in range(5)
        ]
        assert await together(*asked) == [DatabaseUnavailableError] * 5
    titles = await plain.fetch("SELECT title FROM tasks WHERE user_id = $1", who)
    assert [row["title"] for row in titles] == ["before"]


@pytest.mark.parametrize("refusal", ["undefined_function", "feature_not_supported"])
async def test_a_database_that_knows_no_such_statements_is_asked_for_each_alone_from_then_on(
    plain: Database, refusal: str
) -> None:
    watched = Watched(plain)
    refuse = f"DO $$ BEGIN RAISE {refusal}; END $$"
    lock = asyncio.Lock()

    async def ask(sql: str, /, *arguments: Any) -> Sequence[Record]:
        async with lock:
            if sql == GET.many.sql:
                return await watched.ask(refuse)
            return await watched.ask(sql, *arguments)

    batches = Batcher(GET, ask)
    who = new_user_id()
    ids = await tasks_of(plain, who, 3)
    for _ in range(2):
        rows = await at_once(*(batches.fetch((task, who)) for task in ids))
        assert [[task_of(row)["id"] for row in found] for found in rows] == [[task] for task in ids]
    assert watched.asked == [refuse, *[GET.one.sql] * 6]


async def test_who_wants_to_be_told_of_each_statement_hears_of_one_for_each_request(
    url: DatabaseURL,
) -> None:
    told: list[str] = []
    database = Database(BATCHABLE)
    database.on_statement = lambda query: told.append(query.query)
    await database.open(url.connect_arguments())
    await together(*(task_store.get(database, "nobody", number) for number in range(3)))
    await database.close()
    # Through a pooler there are BEGIN and COMMIT as well.
    assert [query for query in told if "tasks" in query] == [GET.one.sql] * 3


@pytest.mark.parametrize("statement", [GET, TOGGLE, LIST], ids=["get", "toggle", "list"])
async def test_tasks_are_found_by_an_index_however_few_there_are(
    plain: Database, statement: Batchable
) -> None:
    async with plain.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        await connection.execute(f"PREPARE looked_at AS {statement.many.sql}")
        nulls = ", ".join("NULL" for _ in statement.many.names)
        plan = await connection.fetch(f"EXPLAIN EXECUTE looked_at({nulls})")
        await connection.execute("DEALLOCATE looked_at")
    text = "\n".join(row[0] for row in plan)
    assert re.search("Index Scan (Backward )?(using|on) tasks_", text)


@pytest.mark.parametrize("statement", [GET_TASK, CREATE_TASK, TOGGLE_TASK, LIST_TASKS["all"]])
def test_with_row_level_security_everybody_is_asked_for_in_their_own_name(
    app: FastAPI, url: DatabaseURL, statement: Any
) -> None:
    guarded = create_app(settings_for(url_text(url), row_level_security=True))
    assert statement.sql in app.state.database._batches
    assert not guarded.state.database._batches
