"""Several servers of which one takes writes, and what becomes of requests when that changes."""

import asyncio
import re
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from pathlib import Path

import asyncpg
import httpx
import pytest
from anyio import to_thread
from fastapi import FastAPI

from taskward.app import create_app
from taskward.cli.database import one_server
from taskward.database import unavailable
from taskward.database.connect import NoServerError, UnwantedServerError, connect
from taskward.database.database import Database
from taskward.database.timelines import Timeline, Timelines, timeline_of
from taskward.database.url import DatabaseURL
from tests.conftest import BASE_URL, settings_for
from tests.operations.commands import taskward
from tests.support.databases import connected, opened
from tests.support.replication import Node, Pair
from tests.support.servers import auth_settings
from tests.support.tables import make_tables

TASK = {"title": "t"}
READY = (200, {"status": "ready"})
READ_ONLY = (503, {"status": "unavailable", "detail": "The database takes no writes"})


@pytest.fixture(scope="module")
async def pair(anyio_backend: str) -> AsyncIterator[Pair]:
    """Nobody promotes here; a test that freezes one thaws it."""
    with Pair() as pair:
        await make_tables(pair.url)
        yield pair


def at(pair: Pair, *nodes: Node, more: str = "") -> DatabaseURL:
    return DatabaseURL.parse(pair.url_text(*nodes, more=more))


async def found(url: DatabaseURL) -> int:
    """The port of the server that is connected to."""
    connection = await connect(**url.connect_arguments())
    try:
        return int(await connection.fetchval("SELECT current_setting('port')"))
    finally:
        await connection.close()


@contextmanager
def frozen(node: Node) -> Iterator[None]:
    node.freeze()
    try:
        yield
    finally:
        node.thaw()


@contextmanager
def without_writes(node: Node) -> Iterator[None]:
    node.take_no_writes()
    try:
        yield
    finally:
        node.take_writes()


@asynccontextmanager
async def served(url: str) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings_for(url))
    async with app.router.lifespan_context(app), signed_in(app) as client:
        yield client


def signed_in(app: FastAPI) -> httpx.AsyncClient:
    token = app.state.better_auth.tokens.issue(secrets.token_hex(8))
    headers = {"Authorization": f"Bearer {token}"}
    transport = httpx.ASGITransport(app)
    return httpx.AsyncClient(transport=transport, base_url=BASE_URL, headers=headers)


async def ready(client: httpx.AsyncClient) -> tuple[int, object]:
    answer = await client.get("/health/ready")
    return answer.status_code, answer.json()


async def wait_until(client: httpx.AsyncClient, readiness: tuple[int, object]) -> None:
    """Each process of PostgreSQL reads a changed configuration when it gets round to it."""
    async with asyncio.timeout(30):
        while await ready(client) != readiness:
            pass


async def assert_unavailable(client: httpx.AsyncClient, *methods: str) -> None:
    for method in methods:
        answer = await client.request(method, "/api/tasks", json=TASK)
        assert (answer.status_code, answer.json()) == (
            503,
            {"detail": "The database is unavailable, try again"},
        )
        assert int(answer.headers["retry-after"]) > 0


@pytest.fixture
def asked_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("taskward.observability.health._REMEMBERED", 0)


# Which server


@pytest.mark.parametrize("kind", ["", "read-write", "primary"])
async def test_the_primary_is_found_wherever_it_stands(pair: Pair, kind: str) -> None:
    more = kind and f"&target_session_attrs={kind}"
    for nodes in ((pair.primary, pair.standby), (pair.standby, pair.primary)):
        assert await found(at(pair, *nodes, more=more)) == pair.primary.port


@pytest.mark.parametrize("kind", ["read-only", "standby", "prefer-standby"])
async def test_a_standby_is_found_wherever_it_stands(pair: Pair, kind: str) -> None:
    for nodes in ((pair.primary, pair.standby), (pair.standby, pair.primary)):
        url = at(pair, *nodes, more=f"&target_session_attrs={kind}")
        assert await found(url) == pair.standby.port


async def test_any_is_the_first_and_no_standby_is_second_best_where_one_is_preferred(
    pair: Pair,
) -> None:
    any_ = "&target_session_attrs=any"
    assert await found(at(pair, pair.standby, pair.primary, more=any_)) == pair.standby.port
    preferred = at(pair, pair.primary, pair.primary, more="&target_session_attrs=prefer-standby")
    assert await found(preferred) == pair.primary.port


async def test_one_server_of_the_wrong_kind_is_refused_and_says_what_it_is(pair: Pair) -> None:
    for node, kind, reason in (
        (pair.standby, "read-write", "it is a standby"),
        (pair.standby, "primary", "it is a standby"),
        (pair.primary, "standby", "it is no standby"),
        (pair.primary, "read-only", "it takes writes"),
    ):
        url = at(pair, node, more=f"&target_session_attrs={kind}")
        with pytest.raises(UnwantedServerError, match=reason):
            await found(url)


async def test_of_several_servers_each_says_why_it_is_not_used(pair: Pair) -> None:
    gone = Node()  # its port is 0 as long as it was not started
    try:
        gone.port = 1
        url = at(pair, gone, pair.standby)
        with pytest.raises(NoServerError, match=rf"127.0.0.1:1: .*; {pair.standby.address}: it is"):
            await found(url)
    finally:
        gone.close()


async def test_what_will_not_pass_is_said_as_it_is(pair: Pair) -> None:
    arguments = pair.url.connect_arguments() | {"database": "no_such_database"}
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await connect(**arguments)


async def test_a_frozen_first_server_costs_a_moment(pair: Pair) -> None:
    url = at(pair, pair.standby, pair.primary, more="&connect_timeout=60")
    with frozen(pair.standby):
        started = time.monotonic()
        connection = await connect(**url.connect_arguments())
        assert time.monotonic() - started < 5
    await connection.close()


async def test_a_frozen_server_keeps_nobody_longer_than_its_time(pair: Pair) -> None:
    url = at(pair, pair.primary, pair.standby, more="&connect_timeout=1")
    with frozen(pair.primary):
        started = time.monotonic()
        with pytest.raises(NoServerError, match=f"{pair.primary.address}: no answer"):
            await found(url)
        assert time.monotonic() - started < 5


async def test_saying_goodbye_to_a_frozen_server_takes_a_moment(pair: Pair) -> None:
    connection = await connect(**pair.url.connect_arguments())
    database = Database()
    await database.open(pair.url.connect_arguments())
    with frozen(pair.primary):
        started = time.monotonic()
        await connection.close()
        await database.close()
        assert time.monotonic() - started < 10


async def test_commands_speak_to_the_primary_alone(pair: Pair) -> None:
    assert await one_server(pair.url) == at(pair, pair.primary)


async def command(directory: Path, *words: str, url: str) -> str:
    """What a command says of servers, in a process of its own."""
    ended = await to_thread.run_sync(partial(taskward, directory, *words, **auth_settings(url)))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


async def test_the_doctor_says_what_each_of_several_servers_is(pair: Pair, tmp_path: Path) -> None:
    url = pair.url_text(pair.standby, pair.primary)
    said = await command(tmp_path, "doctor", url=url)
    roles = f"{pair.standby.address}: standby; {pair.primary.address}: primary"
    assert re.search(rf"✓  hosts +{re.escape(roles)}", said), said


@pytest.mark.parametrize(
    "kind",
    ["read-write", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("standby", "any"))],
)
async def test_a_dump_is_made_of_whichever_server_is_wanted(
    pair: Pair, tmp_path: Path, kind: str
) -> None:
    url = pair.url_text(pair.standby, pair.primary, more=f"&target_session_attrs={kind}")
    said = await command(tmp_path, "dump", "it.dump", url=url)
    assert re.match(r"\d+ users and \d+ tasks are in it\.dump\. ", said), said
    assert (tmp_path / "it.dump").read_bytes().startswith(b"PGDMP")


@pytest.mark.slow
async def test_commands_do_not_wait_for_a_frozen_server(pair: Pair, tmp_path: Path) -> None:
    url = pair.url_text(pair.standby, pair.primary, more="&connect_timeout=2")
    with frozen(pair.standby):
        await command(tmp_path, "dump", "it.dump", url=url)
        ended = await to_thread.run_sync(
            partial(taskward, tmp_path, "doctor", **auth_settings(url))
        )
    assert f"{pair.primary.address}: primary" in ended.stdout
    assert re.search(r"(✗|!|✓)  hosts +.*" + re.escape(str(pair.standby.address)), ended.stdout)
    assert "standby;" not in ended.stdout


# A server that takes no writes


@pytest.mark.usefixtures("asked_each_time")
async def test_with_a_standby_alone_everything_is_503_and_it_is_not_ready(pair: Pair) -> None:
    async with served(pair.url_text(pair.standby)) as client:
        await assert_unavailable(client, "GET", "POST")
        assert (await client.get("/health/live")).status_code == 200
        assert await ready(client) == READ_ONLY


@pytest.mark.usefixtures("asked_each_time")
@pytest.mark.parametrize("both", [False, True], ids=["one host", "two hosts"])
async def test_a_primary_that_takes_no_more_writes_is_not_ready_until_it_does(
    pair: Pair, *, both: bool
) -> None:
    async with served(pair.url_text(*(pair.nodes if both else [pair.primary]))) as client:
        assert (await client.post("/api/tasks", json=TASK)).status_code == 201
        with without_writes(pair.primary):
            await wait_until(client, READ_ONLY)
            await assert_unavailable(client, "POST", "GET")
        await wait_until(client, READY)
        assert (await client.post("/api/tasks", json=TASK)).status_code == 201


@pytest.mark.parametrize("kind", ["standby", "read-only", "prefer-standby"])
async def test_a_server_is_not_started_on_what_is_only_read(pair: Pair, kind: str) -> None:
    with pytest.raises(SystemExit, match=f"DATABASE_URL: target_session_attrs={kind}"):
        async with served(pair.url_text(more=f"&target_session_attrs={kind}")):
            pass


# Again, because nothing happened


RAISE = """
    CREATE SEQUENCE IF NOT EXISTS calls_{state};
    CREATE FUNCTION raise_{state}(times int) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
    DECLARE
        call bigint := nextval('calls_{state}');  -- not undone with the transaction
    BEGIN
        IF call <= times THEN
            RAISE 'no' USING ERRCODE = '{state}';
        END IF;
        RETURN call;
    END $$;
"""


@pytest.mark.parametrize("state", ["40001", "40P01", "25006", "26000", "42P05"])
async def test_what_was_undone_is_asked_twice_more(database_url: str, state: str) -> None:
    name = f"{state.lower()}_{secrets.token_hex(4)}"
    async with opened(DatabaseURL.parse(database_url)) as database:
        await database.fetch(_raising(name, state))
        rows = await database.fetch(f"SELECT raise_{name}(2)")
        assert rows[0][0] == 3
        with pytest.raises(unavailable.DatabaseUnavailableError):
            await database.fetch(f"SELECT raise_{name}(100)")
        assert (await database.fetch(f"SELECT nextval('calls_{name}')"))[0][0] == 7


async def test_what_may_have_happened_is_not_asked_again(database_url: str) -> None:
    name = f"x_{secrets.token_hex(4)}"
    async with opened(DatabaseURL.parse(database_url)) as database:
        await database.fetch(_raising(name, "40003"))
        with pytest.raises(unavailable.DatabaseUnavailableError):
            await database.fetch(f"DO $$ BEGIN PERFORM raise_{name}(9); END $$")
        assert (await database.fetch(f"SELECT nextval('calls_{name}')"))[0][0] == 2


async def test_when_a_statement_was_forgotten_none_is_prepared_from_then_on(
    database_url: str,
) -> None:
    count = "SELECT count(*) FROM pg_prepared_statements WHERE name LIKE '%asyncpg%'"
    async with opened(DatabaseURL.parse(database_url)) as database:
        await database.fetch("SELECT 1 + $1::int", 1)
        assert (await database.fetch(count))[0][0] > 0
        with suppress(unavailable.ForgottenStatementError):
            await database.fetch("DO $$ BEGIN RAISE 'no' USING ERRCODE = '26000'; END $$")
        await database.fetch("SELECT 1 + $1::int", 1)
        assert (await database.fetch(count))[0][0] == 0
        (row,) = await database.fetch("SELECT now() = statement_timestamp()")
        assert row[0] is False  # in a transaction that was begun before


def _raising(name: str, state: str) -> str:
    return "DO $do$ BEGIN {} END $do$".format(
        RAISE.replace("'{state}'", f"'{state}'").format(state=name)
    ).replace("$$", "$f$")


# Which of two primaries


def test_the_later_timeline_counts_and_the_primary_of_another_system_is_neither() -> None:
    timelines = Timelines()
    assert [timelines.learn(seen) for seen in (Timeline(1, 2), Timeline(1, 2), Timeline(2, 9))] == [
        False,
        False,
        False,
    ]
    assert timelines.learn(Timeline(1, 3))
    assert not timelines.learn(Timeline(1, 2))
    assert [timelines.is_past(Timeline(1, number)) for number in (2, 3, 4)] == [True, False, False]
    assert not timelines.is_past(Timeline(2, 9))
    assert not timelines.is_past(Timeline(3, 1))


def test_of_what_says_no_timeline_nothing_is_known() -> None:
    timelines = Timelines()
    timelines.learn(Timeline(1, 2))
    assert not timelines.learn(None)
    assert not timelines.is_past(None)


async def test_the_timeline_of_a_primary_is_asked_for_and_a_standby_says_none(pair: Pair) -> None:
    expected = pair.primary.say("SELECT timeline_id FROM pg_control_checkpoint()")
    async with connected(at(pair, pair.primary)) as connection:
        timeline = await timeline_of(connection)
    assert timeline is not None
    assert timeline.number == int(expected)
    async with connected(at(pair, pair.standby)) as connection:
        assert await timeline_of(connection) is None
