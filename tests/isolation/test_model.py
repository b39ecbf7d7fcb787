"""Whatever several users do at once, each sees what they would have seen alone."""

from collections.abc import Callable

import httpx
from fastapi import FastAPI
from hypothesis import HealthCheck, given
from hypothesis import settings as examples

from tests.conftest import User
from tests.isolation.model import Model, Step, at_once, steps

SHORT = examples(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])


@SHORT
@given(steps(60))
async def test_users_at_once_each_see_exactly_their_own_tasks(
    app: FastAPI, client: httpx.AsyncClient, new_user: Callable[[], User], script: list[Step]
) -> None:
    await at_once(Model.of(client, app.state.database, new_user), script)
