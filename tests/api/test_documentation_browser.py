"""The documentation in a real browser: what is filled in works, and the token is remembered."""

from collections.abc import AsyncIterator

import pytest

from tests.conftest import CreateDatabase
from tests.support.browser_stories import RestartableServer, browser_program, hold
from tests.support.servers import auth_settings

pytestmark = pytest.mark.long


@pytest.fixture
async def server(create_migrated_database: CreateDatabase) -> AsyncIterator[RestartableServer]:
    browser_program()
    with RestartableServer(auth_settings(await create_migrated_database())) as server:
        yield server


async def test_whatever_is_filled_in_works_when_it_is_executed(server: RestartableServer) -> None:
    assert len(await hold("documentation.mjs", server)) == 4
