"""The stock client's plugins for codes, guests, keys and devices, and both servers on one database.

What either server has made, a link, a code, a session, a key, holds at the other.
"""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import anyio.to_thread
import httpx
import pytest

from tests.auth.test_better_auth_client import assert_passed, run_round
from tests.conformance.setup import SetupServer, setup_settings
from tests.conformance.setups.client_plugins import CLIENT_PLUGINS
from tests.conftest import PASSWORD, CreateDatabase
from tests.support.both_servers import both_servers
from tests.support.servers import ORIGIN, Server, auth_settings

pytestmark = pytest.mark.long

ROUND = "plugins-round.mjs"
GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture(scope="module")
async def servers(create_database: CreateDatabase) -> AsyncIterator[list[Server]]:
    settings = auth_settings(await create_database()) | setup_settings(CLIENT_PLUGINS)
    async with both_servers(settings, ours=SetupServer) as servers:
        yield servers


@pytest.mark.parametrize("which", [0, 1], ids=["the original", "ours"])
async def test_the_stock_client_passes_its_round(servers: list[Server], which: int) -> None:
    held = await anyio.to_thread.run_sync(lambda: run_round(servers[which], ROUND))
    assert_passed(held, at_least=12)


@dataclass(frozen=True)
class Pair:
    """A browser at the server where something begins, and another at the server where it ends."""

    first: httpx.AsyncClient
    second: httpx.AsyncClient

    async def sent(self, text: str) -> Any:
        """What the first server has sent last to somebody."""
        return (await self.first.get(f"/mails/{text}")).json()["mails"][-1]

    async def sign_up(self) -> dict[str, Any]:
        """Somebody new at the first server."""
        body = {"name": "Ada", "email": new_email(), "password": PASSWORD}
        user: dict[str, Any] = (await posted(self.first, "sign-up/email", **body))["user"]
        return user

    def take_cookies_along(self) -> None:
        self.second.cookies = self.first.cookies


def new_email() -> str:
    return f"{secrets.token_hex(8)}@example.com"


async def posted(client: httpx.AsyncClient, path: str, /, **body: Any) -> Any:
    answer = await client.post(f"/api/auth/{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def got(client: httpx.AsyncClient, path: str, /, **query: str) -> Any:
    answer = await client.get(f"/api/auth/{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def _browser(server: Server) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=server.url, headers={"origin": ORIGIN}, timeout=30)


@pytest.fixture(params=[(0, 1), (1, 0)], ids=["theirs to ours", "ours to theirs"])
async def pair(request: pytest.FixtureRequest, servers: list[Server]) -> AsyncIterator[Pair]:
    first, second = (servers[index] for index in request.param)
    async with _browser(first) as one, _browser(second) as other:
        yield Pair(one, other)


async def test_a_link_from_one_server_signs_in_at_the_other(pair: Pair) -> None:
    email = new_email()
    await posted(pair.first, "sign-in/magic-link", email=email)
    token = (await pair.sent(email))["token"]
    signed_in = await got(pair.second, "magic-link/verify", token=token)
    assert signed_in["user"]["email"] == email
    again = await pair.first.get("/api/auth/magic-link/verify", params={"token": token})
    assert again.status_code == 302


async def test_a_code_from_one_server_signs_in_at_the_other(pair: Pair) -> None:
    email = new_email()
    await posted(pair.first, "email-otp/send-verification-otp", email=email, type="sign-in")
    otp = (await pair.sent(email))["otp"]
    wrong = await pair.second.post("/api/auth/sign-in/email-otp", json={"email": email, "otp": "x"})
    assert wrong.json()["code"] == "INVALID_OTP"
    signed_in = await posted(pair.second, "sign-in/email-otp", email=email, otp=otp)
    assert signed_in["user"]["email"] == email


async def test_wrong_codes_are_counted_over_both_servers(pair: Pair) -> None:
    email = new_email()
    await posted(pair.first, "email-otp/send-verification-otp", email=email, type="sign-in")
    body = {"email": email, "otp": "x"}
    for client in (pair.first, pair.second, pair.first):
        await client.post("/api/auth/sign-in/email-otp", json=body)
    body["otp"] = (await pair.sent(email))["otp"]
    answer = await pair.second.post("/api/auth/sign-in/email-otp", json=body)
    assert answer.status_code in {400, 403}


async def test_a_number_that_one_server_has_sent_a_code_to_is_verified_by_the_other(
    pair: Pair,
) -> None:
    number = f"+49{secrets.randbelow(10**10):010}"
    await posted(pair.first, "phone-number/send-otp", phoneNumber=number)
    code = (await pair.sent(number.removeprefix("+")))["code"]
    verified = await posted(pair.second, "phone-number/verify", phoneNumber=number, code=code)
    assert verified["user"]["phoneNumberVerified"] is True
    pair.first.cookies = pair.second.cookies
    assert (await got(pair.first, "get-session"))["user"]["phoneNumber"] == number


async def test_a_guest_of_one_server_signs_up_at_the_other(pair: Pair) -> None:
    guest = (await posted(pair.first, "sign-in/anonymous"))["user"]
    pair.take_cookies_along()
    email = new_email()
    user = (await posted(pair.second, "sign-up/email", name="A", email=email, password=PASSWORD))[
        "user"
    ]
    linked = (await pair.second.get(f"/mails/{email}")).json()["mails"][-1]
    assert (linked["anonymousUser"]["id"], linked["newUser"]["id"]) == (guest["id"], user["id"])
    assert (await got(pair.first, "get-session")) is None


async def test_the_sessions_of_a_browser_are_known_to_both_servers(pair: Pair) -> None:
    ada = await pair.sign_up()
    bob = await pair.sign_up()
    pair.take_cookies_along()
    listed = await got(pair.second, "multi-session/list-device-sessions")
    assert {each["user"]["id"] for each in listed} == {ada["id"], bob["id"]}
    adas = next(each["session"]["token"] for each in listed if each["user"]["id"] == ada["id"])
    await posted(pair.second, "multi-session/set-active", sessionToken=adas)
    assert (await got(pair.second, "get-session"))["user"]["id"] == ada["id"]


async def test_a_one_time_token_of_one_server_opens_the_session_at_the_other(pair: Pair) -> None:
    ada = await pair.sign_up()
    token = (await got(pair.first, "one-time-token/generate"))["token"]
    opened = await posted(pair.second, "one-time-token/verify", token=token)
    assert opened["user"]["id"] == ada["id"]
    again = await pair.first.post("/api/auth/one-time-token/verify", json={"token": token})
    assert again.status_code == 400


async def test_the_last_method_that_one_server_has_stored_is_shown_by_the_other(
    pair: Pair,
) -> None:
    await pair.sign_up()
    assert pair.first.cookies["better-auth.last_used_login_method"] == "email"
    pair.take_cookies_along()
    assert (await got(pair.second, "get-session"))["user"]["lastLoginMethod"] == "email"


async def test_a_key_of_one_server_opens_a_session_at_the_other_and_is_managed_there(
    pair: Pair,
) -> None:
    ada = await pair.sign_up()
    made = await posted(pair.first, "api-key/create", name="robot", metadata={"for": "ci"})
    robot = {"x-api-key": made["key"]}
    shown = await pair.second.get("/api/auth/get-session", headers=robot)
    assert shown.json()["user"]["id"] == ada["id"]
    pair.take_cookies_along()
    found = await got(pair.second, "api-key/get", id=made["id"])
    assert (found["metadata"], found["start"]) == ({"for": "ci"}, made["start"])
    await posted(pair.second, "api-key/update", keyId=made["id"], enabled=False)
    refused = await pair.first.get("/api/auth/get-session", headers=robot)
    assert refused.status_code == 401


async def test_a_device_that_asked_one_server_is_approved_at_the_other(pair: Pair) -> None:
    asked = await posted(pair.first, "device/code", client_id="tv")
    ada = await pair.sign_up()
    pair.take_cookies_along()
    await got(pair.second, "device", user_code=asked["user_code"])
    await posted(pair.second, "device/approve", userCode=asked["user_code"])
    body = {"grant_type": GRANT, "device_code": asked["device_code"], "client_id": "tv"}
    token = (await posted(pair.first, "device/token", **body))["access_token"]
    pair.second.cookies.clear()
    headers = {"authorization": f"Bearer {token}"}
    shown = await pair.second.get("/api/auth/get-session", headers=headers)
    assert shown.json()["user"]["id"] == ada["id"]
