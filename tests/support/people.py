"""Two people who are signed in to the test's own `app`, whichever that is."""

from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI

from tests.support.factories import Browser, signed_in


@pytest.fixture
async def ada(app: FastAPI) -> AsyncIterator[Browser]:
    """Somebody with a browser."""
    async with signed_in(app) as browser:
        yield browser


@pytest.fixture
async def eve(app: FastAPI) -> AsyncIterator[Browser]:
    """Somebody else."""
    async with signed_in(app) as browser:
        yield browser
