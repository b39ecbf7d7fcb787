"""The page in a real browser, against a real server: what users do, what goes wrong, how it looks.

The steps are JavaScript (`frontend/e2e/`), in Chromium; each test holds one program of them.
"""

from collections.abc import AsyncIterator

import pytest

from tests.conftest import CreateDatabase
from tests.support.browser_stories import LocalServer, RestartableServer, chromium, hold
from tests.support.servers import auth_settings


@pytest.fixture(scope="module")
async def server(create_migrated_database: CreateDatabase) -> AsyncIterator[RestartableServer]:
    chromium()
    with RestartableServer(auth_settings(await create_migrated_database())) as server:
        yield server


async def test_somebody_signs_up_adds_tasks_comes_back_and_signs_out(
    server: RestartableServer,
) -> None:
    assert len(await hold("short.mjs", server)) >= 5


@pytest.mark.long
async def test_the_stories_of_the_specification_are_told_in_the_page(
    server: RestartableServer,
) -> None:
    assert len(await hold("stories.mjs", server)) >= 40


@pytest.mark.long
async def test_the_page_takes_what_goes_wrong_between_it_and_its_server(
    server: RestartableServer,
) -> None:
    assert len(await hold("resilience.mjs", server)) >= 34


@pytest.mark.long
async def test_the_page_loses_nothing_in_strange_places(server: RestartableServer) -> None:
    assert len(await hold("strange.mjs", server)) >= 13


@pytest.mark.long
async def test_an_assistant_is_connected_and_disconnected_in_the_page(
    server: RestartableServer,
) -> None:
    assert len(await hold("assistants.mjs", server)) >= 8


@pytest.mark.long
async def test_each_page_is_accessible_in_light_and_dark_at_three_widths(
    server: RestartableServer,
) -> None:
    assert len(await hold("looks.mjs", server)) >= 50


@pytest.fixture(scope="module")
async def server_with_more_ways(
    create_migrated_database: CreateDatabase,
) -> AsyncIterator[LocalServer]:
    chromium()
    more = {"BETTER_AUTH_PLUGINS": "two-factor,passkey"}
    with LocalServer(auth_settings(await create_migrated_database()) | more) as server:
        yield server


@pytest.mark.long
async def test_two_step_sign_in_and_passkeys_are_had_in_the_page_where_the_server_has_them(
    server_with_more_ways: LocalServer,
) -> None:
    assert len(await hold("more-ways.mjs", server_with_more_ways)) >= 19


@pytest.mark.long
async def test_the_page_says_why_a_second_step_or_a_passkey_is_refused_for_a_while(
    server_with_more_ways: LocalServer,
) -> None:
    assert len(await hold("refused-ways.mjs", server_with_more_ways)) >= 6
