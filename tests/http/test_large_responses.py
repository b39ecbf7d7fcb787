"""Who has much gets it in turn: how many large responses of a user are made at once."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest
from starlette.exceptions import HTTPException
from starlette.responses import Response

from taskward.http.backpressure import LargeResponseQueue
from tests.fuzz.wire import PATIENCE

MEBIBYTE = 1_048_576


async def asked_at_once(turns: LargeResponseQueue, user_id: str, text: str, times: int) -> int:
    """Ask so often at once; how many were under way together."""
    together = most = 0

    async def ask() -> str:
        nonlocal together, most
        together += 1
        most = max(most, together)
        for _ in range(3):
            await asyncio.sleep(0)
        together -= 1
        return text

    found = await asyncio.gather(*(turns.fetch(user_id, ask) for _ in range(times)))
    assert found == [text] * times
    return most


async def test_a_user_has_few_lists_made_at_once_and_large_ones_one_by_one() -> None:
    turns, large = LargeResponseQueue(), "x" * 2 * MEBIBYTE
    assert await asked_at_once(turns, "user_1", "[]", 50) == 4
    assert await asked_at_once(turns, "user_1", large, 20) == 4  # it is not known yet
    assert await asked_at_once(turns, "user_1", large, 20) == 1
    assert await asked_at_once(turns, "another", "[]", 20) == 4
    assert await asked_at_once(turns, "user_1", "[]", 1) == 1
    assert await asked_at_once(turns, "user_1", "[]", 20) == 4
    assert not turns._under_way
    assert not turns._waiting


@pytest.mark.parametrize(("text", "refused"), [("[]", 0), ("x" * 2 * MEBIBYTE, 200 - 1 - 100)])
async def test_too_many_of_one_who_has_much_are_refused_and_nothing_is_left_of_any(
    text: str, refused: int
) -> None:
    turns, begin = LargeResponseQueue(), asyncio.Event()
    await asked_at_once(turns, "user_1", text, 1)

    async def fail() -> str:
        await begin.wait()
        raise ValueError

    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        tasks = [group.create_task(outcome(turns, fail)) for _ in range(200)]
        await asyncio.sleep(0)
        for waiting in tasks[10:100:10]:
            waiting.cancel()
        await asyncio.sleep(0)
        begin.set()
    found = [task.result() for task in tasks if not task.cancelled()]
    assert found.count("503") == refused
    assert found.count("ValueError") == 200 - refused - 9
    assert not turns._under_way
    assert not turns._waiting


async def test_a_list_that_is_begun_without_waiting_counts_until_it_is_over() -> None:
    turns = LargeResponseQueue()
    assert [turns.begin(user_id) for user_id in ("user_1", "user_1", "another")] == [
        *(True, False, True)
    ]
    assert await asked_at_once(turns, "user_1", "[]", 20) == 3
    turns.end("user_1", Response("[]"))
    assert turns.begin("user_1")
    turns.end("user_1", Response("x" * 2 * MEBIBYTE))
    assert not turns.begin("user_1")
    assert await asked_at_once(turns, "user_1", "[]", 1) == 1
    assert turns.begin("user_1")
    turns.end("user_1", ValueError())
    turns.end("another", Response())
    assert not turns._under_way
    assert not turns._waiting


async def test_who_waits_behind_a_list_that_found_no_database_waits_no_longer() -> None:
    turns, begin = LargeResponseQueue(), asyncio.Event()

    async def ask() -> str:
        await begin.wait()
        return "[]"

    assert turns.begin("user_1")
    tasks = [asyncio.create_task(turns.fetch("user_1", ask)) for _ in range(5)]
    await asyncio.sleep(0)
    turns.end("user_1", ConnectionError())
    begin.set()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(each) for each in found] == [str] * 3 + [ConnectionError] * 2
    assert not turns._under_way


async def test_who_waits_for_a_turn_that_ends_just_then_takes_it_from_nobody() -> None:
    turns, begin = LargeResponseQueue(), asyncio.Event()

    async def ask() -> str:
        await begin.wait()
        return "[]"

    tasks = [asyncio.create_task(turns.fetch("user_1", ask)) for _ in range(6)]
    await asyncio.sleep(0)
    begin.set()
    await asyncio.gather(*tasks[:4])
    tasks[4].cancel()  # it was its turn
    started = time.monotonic()
    assert await tasks[5] == "[]"
    assert time.monotonic() - started < 1


async def test_who_is_not_known_to_have_much_goes_on_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("taskward.http.backpressure._SECONDS", 0.05)
    turns, begin, arrived = LargeResponseQueue(), asyncio.Event(), asyncio.Semaphore(0)

    async def ask() -> str:
        arrived.release()
        await begin.wait()
        return "[]"

    tasks = [asyncio.create_task(turns.fetch("user_1", ask)) for _ in range(10)]
    async with asyncio.timeout(PATIENCE):
        for _ in range(10):
            await arrived.acquire()
    begin.set()
    assert await asyncio.gather(*tasks) == ["[]"] * 10


async def outcome(turns: LargeResponseQueue, ask: Callable[[], Awaitable[str]]) -> str:
    try:
        return await turns.fetch("user_1", ask)
    except HTTPException as error:
        return str(error.status_code)
    except ValueError as error:
        return type(error).__name__
