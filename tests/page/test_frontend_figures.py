"""The figures that the page must reach, on a quiet machine: `make measure-page`."""

import pytest

from tests.conftest import CreateDatabase
from tests.support.browser_stories import RestartableServer, chromium, hold
from tests.support.servers import auth_settings


@pytest.mark.slow
async def test_the_page_reaches_its_figures(create_database: CreateDatabase) -> None:
    chromium()
    with RestartableServer(auth_settings(await create_database())) as server:
        assert len(await hold("figures.mjs", server)) >= 6
