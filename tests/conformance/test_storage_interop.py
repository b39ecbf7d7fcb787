"""What one server puts into Redis is used up on the other: one Redis, one database, one secret."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.conftest import PASSWORD, CreateDatabase
from tests.support.servers import ORIGIN, OriginalServer, auth_settings

from .model import API
from .setup import SetupServer, setup_settings
from .store import redis_settings

NEW = "another good password"
WRONG = "not-a-code"
Start = Callable[[str], Awaitable[list[str]]]


@dataclass(frozen=True)
class Pair:
    """The server that makes something, the one on which it is used, and a new user."""

    makes: httpx.AsyncClient
    uses: httpx.AsyncClient
    email: str
    user_id: str

    async def mailed(self) -> Any:
        """What was mailed to the user last."""
        answer = await self.makes.get(f"/mails/{self.email.split('@')[0]}")
        return answer.json()["mails"][-1]


@pytest.fixture(scope="module")
async def started(create_database: CreateDatabase) -> AsyncIterator[Start]:
    """Starts both servers of a setting when it is asked for, and says where they are."""
    urls: dict[str, list[str]] = {}
    with ExitStack() as running:

        async def start(setting: str) -> list[str]:
            if setting not in urls:
                url, setup = await create_database(), setup_settings(setting)
                settings = {**auth_settings(url), **setup, **redis_settings(setup, url)}
                servers = (OriginalServer(settings), SetupServer(settings))
                urls[setting] = [running.enter_context(server).url for server in servers]
            return urls[setting]

        yield start


@asynccontextmanager
async def _pair(urls: list[str], *, from_ours: bool) -> AsyncIterator[Pair]:
    email = f"{secrets.token_hex(8)}@example.com"
    first, second = reversed(urls) if from_ours else urls
    async with _browser(first) as makes, _browser(second) as uses:
        body = {"name": "Ada", "email": email, "password": PASSWORD}
        signed_up = await makes.post(f"{API}/sign-up/email", json=body)
        assert signed_up.status_code == 200, signed_up.text
        uses.cookies = makes.cookies
        yield Pair(makes, uses, email, signed_up.json()["user"]["id"])


def _browser(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, headers={"origin": ORIGIN}, timeout=30, verify=False)


DIRECTIONS = pytest.mark.parametrize(
    "from_ours", [False, True], ids=["from the original to ours", "from ours to the original"]
)
SETTINGS = pytest.mark.parametrize("how", ["in redis", "in redis and the table"])
pytestmark = pytest.mark.long


@DIRECTIONS
@pytest.mark.parametrize("how", ["in redis", "in redis and the table", "in redis, hashed"])
async def test_a_password_is_reset_once(started: Start, how: str, *, from_ours: bool) -> None:
    async with _pair(await started(f"values {how}"), from_ours=from_ours) as pair:
        await pair.makes.post(f"{API}/request-password-reset", json={"email": pair.email})
        body = {"token": (await pair.mailed())["token"], "newPassword": NEW}
        for client, status in ((pair.uses, 200), (pair.uses, 400), (pair.makes, 400)):
            answer = await client.post(f"{API}/reset-password", json=body)
            assert answer.status_code == status, answer.text
        credentials = {"email": pair.email, "password": NEW}
        answer = await pair.makes.post(f"{API}/sign-in/email", json=credentials)
        assert answer.status_code == 200


@DIRECTIONS
@SETTINGS
async def test_wrong_codes_are_counted_wherever_they_are_given(
    started: Start, how: str, *, from_ours: bool
) -> None:
    async with _pair(await started(f"by mail {how}"), from_ours=from_ours) as pair:
        body = {"email": pair.email, "type": "sign-in"}
        for right in (False, True):
            await pair.makes.post(f"{API}/email-otp/send-verification-otp", json=body)
            otp = (await pair.mailed())["otp"]
            guesses = [WRONG, WRONG, otp] if right else [WRONG, WRONG, WRONG, otp, otp]
            clients = (pair.uses, pair.makes, pair.uses, pair.makes, pair.uses)
            statuses = []
            for client, guess in zip(clients, guesses, strict=False):
                checked = {**body, "otp": guess}
                answer = await client.post(f"{API}/email-otp/check-verification-otp", json=checked)
                statuses.append(answer.status_code)
            assert statuses == ([400, 400, 200] if right else [400, 400, 400, 403, 400])


@DIRECTIONS
@SETTINGS
async def test_a_key_is_used_changed_and_deleted(
    started: Start, how: str, *, from_ours: bool
) -> None:
    async with _pair(await started(f"api keys {how}"), from_ours=from_ours) as pair:
        given = {"userId": pair.user_id, "remaining": 4, "permissions": {"tasks": ["read"]}}
        made = (await pair.makes.post(f"{API}/host/createApiKey", json=given)).json()
        wanted = {"key": made["key"], "permissions": {"tasks": ["read"]}}
        left = []
        for client in (pair.uses, pair.makes, pair.uses):
            answer = await client.post(f"{API}/host/verifyApiKey", json=wanted)
            left.append(answer.json()["key"]["remaining"])
        assert left == [3, 2, 1]

        listed = (await pair.uses.get(f"{API}/api-key/list")).json()
        assert [each["id"] for each in listed["apiKeys"]] == [made["id"]]
        body = {"keyId": made["id"], "name": "renamed"}
        changed = (await pair.uses.post(f"{API}/api-key/update", json=body)).json()
        seen = (await pair.makes.get(f"{API}/api-key/get", params={"id": made["id"]})).json()
        assert changed == seen
        assert (seen["name"], seen["permissions"]) == ("renamed", {"tasks": ["read"]})

        gone = await pair.uses.post(f"{API}/api-key/delete", json={"keyId": made["id"]})
        assert gone.json() == {"success": True}
        answer = await pair.makes.post(f"{API}/host/verifyApiKey", json=wanted)
        assert answer.json()["error"]["code"] == "INVALID_API_KEY"
