"""Whatever several users do at once, each sees what they would have seen alone."""

import asyncio
from collections.abc import Callable

import httpx
from fastapi import FastAPI
from hypothesis import HealthCheck, given
from hypothesis import settings as examples

from tests.conftest import Person
from tests.isolation.model import PEOPLE, Model, Step, steps

SHORT = examples(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


async def at_once(model: Model, script: list[Step]) -> None:
    """Each person does their steps in order, and all of them at the same time."""

    async def live(who: int) -> None:
        for step in script:
            if step.who == who:
                await model.step(step)

    async with asyncio.TaskGroup() as group:
        for who in range(PEOPLE):
            group.create_task(live(who))
    for person in model.people:
        await model.check(person)


@SHORT
@given(steps(60))
async def test_users_at_once_each_see_exactly_their_own_tasks(
    app: FastAPI, client: httpx.AsyncClient, new_person: Callable[[], Person], script: list[Step]
) -> None:
    await at_once(Model.of(client, app.state.database, new_person), script)
