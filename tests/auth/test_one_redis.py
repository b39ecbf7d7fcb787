"""One database, one Redis and one secret, and both servers on them: a session is one at either."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from tests.conformance.setup import SetupServer, setup_settings
from tests.conformance.setups.sessions_in_redis import ALONE, TABLE
from tests.conformance.store import redis_settings
from tests.conftest import PASSWORD, CreateDatabase, new_email
from tests.support.servers import ORIGIN, OriginalServer, Server, auth_settings, node

pytestmark = pytest.mark.long
BASE = {"BETTER_AUTH_URL": ORIGIN}
Sites = dict[str, Server]


@pytest.fixture(scope="module", params=[ALONE, TABLE])
async def servers(
    request: pytest.FixtureRequest, create_database: CreateDatabase
) -> AsyncIterator[Sites]:
    node()
    url, setup = await create_database(), setup_settings(request.param)
    settings = {**auth_settings(url), **BASE, **setup, **redis_settings(setup, url)}
    with ExitStack() as running:
        original = running.enter_context(OriginalServer(settings))
        yield {"original": original, "ours": running.enter_context(SetupServer(settings))}


@pytest.fixture(params=["ours", "original"])
def first(request: pytest.FixtureRequest) -> str:
    """Where somebody signs up."""
    return str(request.param)


class _Browser:
    """One browser at two servers, which are one site to it."""

    def __init__(self, servers: Sites, client: httpx.Client) -> None:
        self._servers = servers
        self._client = client

    def __call__(self, where: str, path: str, **body: Any) -> Any:
        url = f"{self._servers[where].url}/api/auth{path}"
        reads = path in {"/get-session", "/list-sessions"}
        answer = self._client.get(url) if reads else self._client.post(url, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def browsers(servers: Sites) -> Iterator[tuple[_Browser, _Browser]]:
    headers = {"origin": ORIGIN}
    with httpx.Client(headers=headers) as one, httpx.Client(headers=headers) as other:
        yield _Browser(servers, one), _Browser(servers, other)


def test_what_one_server_does_with_a_session_holds_at_the_other(
    servers: Sites, first: str, browsers: tuple[_Browser, _Browser]
) -> None:
    second = next(name for name in servers if name != first)
    (browser, phone), email = browsers, new_email()
    given = {"email": email, "password": PASSWORD}
    browser(first, "/sign-up/email", name="Ada", **given)
    token = phone(second, "/sign-in/email", **given)["token"]
    for where in servers:
        assert browser(where, "/get-session")["user"]["email"] == email
        assert phone(where, "/get-session")["session"]["token"] == token
        assert len(browser(where, "/list-sessions")) == 2
    browser(second, "/update-user", name="Countess", city="London")
    phone(second, "/update-session", theme="dark")
    shown = [phone(where, "/get-session") for where in servers]
    assert [each["user"]["name"] for each in shown] == ["Countess"] * 2
    assert [each["session"]["theme"] for each in shown] == ["dark"] * 2
    browser(second, "/revoke-session", token=token)
    assert [phone(where, "/get-session") for where in servers] == [None, None]
    phone(first, "/sign-in/email", **given)
    browser(second, "/revoke-sessions")
    assert [phone(where, "/get-session") for where in servers] == [None, None]
    browser(first, "/sign-in/email", **given)
    assert browser(second, "/get-session")["user"]["name"] == "Countess"
    browser(second, "/sign-out")
    assert [browser(where, "/get-session") for where in servers] == [None, None]
