"""A database with our tables for the tests of a module, and one that asks for each alone."""

from collections.abc import AsyncIterator

import pytest

from taskward.database.database import Database
from taskward.database.url import DatabaseURL
from tests.conftest import CreateDatabase
from tests.support.databases import opened


@pytest.fixture(scope="module")
async def url(create_migrated_database: CreateDatabase) -> DatabaseURL:
    """A database that the tests of a module share."""
    return DatabaseURL.parse(await create_migrated_database())


@pytest.fixture
async def plain(url: DatabaseURL) -> AsyncIterator[Database]:
    """Asks for each alone."""
    async with opened(url) as database:
        yield database
