"""An assistant of Alice's, in each era of the protocol."""

import httpx
import pytest

from tests.assistants.rpc import ERAS, Assistant
from tests.conftest import User


@pytest.fixture(params=ERAS)
def assistant(client: httpx.AsyncClient, alice: User, request: pytest.FixtureRequest) -> Assistant:
    return Assistant(client, alice.headers, request.param)


@pytest.fixture
def bobs_assistant(client: httpx.AsyncClient, bob: User) -> Assistant:
    return Assistant(client, bob.headers)
