"""`make isolation`: often enough for statistics, and therefore slow."""

from collections import Counter
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples

from tests.conftest import User
from tests.isolation.matrix import World, world
from tests.isolation.model import Model, Step, at_once, steps
from tests.isolation.rows import NAME, ROWS, Row
from tests.isolation.time_bands import compare

pytestmark = pytest.mark.slow
PAIRS, PAIRS_OF_HASHES = 2_000, 100
STEPS = 5_000
THOROUGH = examples(
    max_examples=150,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
done: Counter[str] = Counter()
"""Steps by variant."""


@pytest.fixture(scope="module")
async def large_world(database_url: str) -> AsyncIterator[World]:
    async with world(database_url, size=PAIRS + 100) as made:
        yield made


@pytest.mark.parametrize("row", [row for row in ROWS if not row.uses_up], ids=str)
async def test_foreign_and_missing_take_the_same_time(
    large_world: World, capsys: pytest.CaptureFixture[str], row: Row
) -> None:
    foreign, missing = large_world.foreign[row.kind], large_world.missing[row.kind]
    pairs = PAIRS_OF_HASHES if row.hashes else PAIRS
    found = await compare(large_world, row, foreign, missing, pairs)
    with capsys.disabled():
        print(f"\n{row}: {found}")
    assert found.is_chance


async def test_the_same_comparison_tells_a_long_list_from_an_empty_one(
    large_world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """A comparison that never tells anything apart would prove nothing."""
    await large_world.database.fetch(
        "INSERT INTO tasks (user_id, title) SELECT $1, 't' FROM generate_series(1, 1000)",
        large_world.alice,
    )
    lists = Row("list_tasks", "task", "GET", f"/api/tasks?status={NAME}")
    found = await compare(large_world, lists, ["all"], ["completed"], PAIRS_OF_HASHES)
    with capsys.disabled():
        print(f"\nlong and empty: {found}")
    assert not found.is_chance


@THOROUGH
@given(steps(120))
async def test_users_in_turn_each_see_exactly_their_own_tasks(
    app: FastAPI, client: httpx.AsyncClient, new_user: Callable[[], User], script: list[Step]
) -> None:
    model = Model.of(client, app.state.database, new_user)
    for step in script:
        await model.step(step)
    for user in model.users:
        await model.check(user)
    done["in turn"] += model.steps_done


@THOROUGH
@given(steps(120))
async def test_users_at_once_each_see_exactly_their_own_tasks(
    app: FastAPI, client: httpx.AsyncClient, new_user: Callable[[], User], script: list[Step]
) -> None:
    model = Model.of(client, app.state.database, new_user)
    await at_once(model, script)
    done["at once"] += model.steps_done


def test_there_were_enough_steps(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f"\nsteps: {dict(done)}")
    assert min(done["in turn"], done["at once"]) >= STEPS
