"""A former primary that nobody has ended: whether it is asked once another has taken its place."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from functools import partial

import pytest
from anyio import to_thread

from taskward.database.database import Database
from taskward.database.unavailable import DatabaseUnavailableError
from taskward.database.url import DatabaseURL
from tests.support.clusters import DATABASE, START_SECONDS
from tests.support.databases import POOL_SIZE, opened
from tests.support.replication import Node, Pair, wait_until

pytestmark = pytest.mark.long
WHERE = "SELECT current_setting('port')::int"
WHERE_IN_A_WHILE = f"{WHERE} FROM pg_sleep(0.2)"
LONG_BEFORE_AN_IDLE_ONE_IS_CLOSED = 30.0
SILENT_ROLE = "told_nothing"
TELLS = ("pg_control_system()", "pg_walfile_name(pg_lsn)")


@pytest.fixture
def pair() -> Iterator[Pair]:
    with Pair() as pair:
        yield pair


@pytest.fixture
async def database(pair: Pair) -> AsyncIterator[Database]:
    async with opened(pair.url) as database:
        yield database


@pytest.fixture
async def untold(pair: Pair) -> AsyncIterator[Database]:
    """A database whose role may not ask which timeline it is."""
    pair.primary.say(
        f"CREATE ROLE {SILENT_ROLE} LOGIN",
        *(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC" for function in TELLS),
    )
    places = ",".join(str(node.address) for node in pair.nodes)
    url = f"postgresql://{SILENT_ROLE}@{places}/{DATABASE}?sslmode=disable"
    async with opened(DatabaseURL.parse(url)) as database:
        yield database


async def where(database: Database) -> int:
    """The port of the server that answered."""
    rows = await database.fetch(WHERE)
    return int(rows[0][0])


async def everywhere(database: Database) -> set[int]:
    """The ports of the servers at the other ends of all connections of the pool."""
    ask = [database.fetch(WHERE_IN_A_WHILE) for _ in range(POOL_SIZE)]
    return {int(rows[0][0]) for rows in await asyncio.gather(*ask)}


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(START_SECONDS):
        while not await holds():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def is_answered_by(database: Database, node: Node) -> bool:
    with suppress(DatabaseUnavailableError):
        return await where(database) == node.port
    return False


async def looked_for(node: Node) -> None:
    """Until somebody has tried to connect to where a server was, in vain."""
    came = asyncio.Event()

    def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()
        came.set()

    async with await asyncio.start_server(refuse, *node.address):
        await asyncio.wait_for(came.wait(), START_SECONDS)


async def promote(pair: Pair) -> None:
    """The former primary is frozen meanwhile, and nobody ends it."""
    pair.primary.freeze()
    await to_thread.run_sync(pair.promote)


async def test_a_thawed_former_primary_answers_nobody_for_long_though_nobody_had_asked_meanwhile(
    pair: Pair, database: Database
) -> None:
    assert await everywhere(database) == {pair.primary.port}
    await promote(pair)
    pair.standby.thaw()
    await until(partial(is_answered_by, database, pair.primary))
    assert await everywhere(database) == {pair.primary.port}


async def test_what_waits_for_a_frozen_primary_is_asked_again_of_the_next_when_that_was_found(
    pair: Pair, database: Database
) -> None:
    former = await where(database)
    pair.primary.freeze()
    waiting = asyncio.create_task(where(database))  # on the connection that there is
    await to_thread.run_sync(pair.promote)
    await until(partial(is_answered_by, database, pair.primary))  # on a new one
    pair.standby.thaw()
    assert await waiting == pair.primary.port != former


async def test_a_former_primary_is_not_fallen_back_on_while_the_next_is_away(
    pair: Pair, database: Database
) -> None:
    await promote(pair)
    pair.standby.thaw()
    await until(partial(is_answered_by, database, pair.primary))
    await to_thread.run_sync(pair.primary.kill)
    for _ in range(3):
        with pytest.raises(DatabaseUnavailableError, match="another has taken its place"):
            await where(database)
    await to_thread.run_sync(pair.primary.start)
    await until(partial(is_answered_by, database, pair.primary))


async def test_a_server_that_began_with_a_former_primary_leaves_it(pair: Pair) -> None:
    await promote(pair)
    pair.standby.thaw()
    former_first = DatabaseURL.parse(pair.url_text(pair.standby, pair.primary))
    async with opened(former_first) as database:
        await until(partial(is_answered_by, database, pair.primary))
        assert await everywhere(database) == {pair.primary.port}


async def test_a_standby_that_was_away_is_watched_when_it_is_back(
    pair: Pair, database: Database
) -> None:
    assert await where(database) == pair.primary.port
    await to_thread.run_sync(pair.standby.kill)
    await looked_for(pair.standby)
    await to_thread.run_sync(pair.standby.start)
    await to_thread.run_sync(pair.be_synchronous)
    await promote(pair)
    pair.standby.thaw()
    await until(partial(is_answered_by, database, pair.primary))


async def test_a_former_primary_that_came_back_as_a_standby_can_be_the_primary_again(
    pair: Pair, database: Database
) -> None:
    for _ in range(2):
        await to_thread.run_sync(pair.primary.stop)
        await to_thread.run_sync(pair.promote)
        await to_thread.run_sync(partial(pair.rejoin, rewind=False))
        await until(partial(is_answered_by, database, pair.primary))
    assert await everywhere(database) == {pair.primary.port}


async def test_where_nobody_says_which_timeline_it_is_a_silent_primary_is_left_all_the_same(
    pair: Pair, untold: Database
) -> None:
    assert await everywhere(untold) == {pair.primary.port}
    await promote(pair)
    assert await everywhere(untold) == {pair.primary.port}


async def test_where_nobody_says_it_one_who_asked_and_gave_up_is_enough_to_look_elsewhere(
    pair: Pair, untold: Database
) -> None:
    await everywhere(untold)
    await promote(pair)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await untold.fetch(WHERE)
    async with asyncio.timeout(LONG_BEFORE_AN_IDLE_ONE_IS_CLOSED):
        while untold.usage().size:  # noqa: ASYNC110 - nobody asks any more
            await asyncio.sleep(0.05)
    pair.standby.thaw()
    assert await everywhere(untold) == {pair.primary.port}


async def test_standbys_are_watched_only_while_the_pool_has_connections(pair: Pair) -> None:
    there = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'taskward'"
    asked = partial(pair.standby.say, there)
    async with opened(pair.url) as database:
        await where(database)
        await to_thread.run_sync(lambda: wait_until(lambda: asked() == "1"))
        await to_thread.run_sync(
            pair.primary.say,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'taskward'",
        )
        await to_thread.run_sync(lambda: wait_until(lambda: asked() == "0"))
    assert asked() == "0"
