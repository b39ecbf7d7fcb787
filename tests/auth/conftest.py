"""Whom tests of social sign-in share: a provider, and a visitor of the test's own `app`."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI

from tests.support.fake_provider import FakeProvider
from tests.support.social_site import Visitor


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as provider:
        yield provider


@pytest.fixture
def visitor(app: FastAPI) -> Visitor:
    return Visitor(app)
