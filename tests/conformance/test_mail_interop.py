"""Links from one server followed on the other: one database, one secret, two implementations."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.conftest import PASSWORD, CreateDatabase
from tests.support.servers import ORIGIN, OriginalServer, auth_settings

from .mail import MailServer, mail_settings
from .model import API

NEW = "another good password"


@dataclass(frozen=True)
class Pair:
    """The server that sends a mail, the one on which its link is followed, and a new user."""

    sender: httpx.AsyncClient
    receiver: httpx.AsyncClient
    email: str

    async def token(self) -> str:
        """The token of the last mail to the user."""
        mails = (await self.sender.get(f"/mails/{self.email.split('@')[0]}")).json()
        return str(mails["token"])

    async def session(self) -> Any:
        return (await self.receiver.get(f"{API}/get-session")).json()


@pytest.fixture(scope="module")
async def urls(create_database: CreateDatabase) -> AsyncIterator[dict[str, str]]:
    settings = {**auth_settings(await create_database()), **mail_settings("mail")}
    with MailServer(settings) as ours, OriginalServer(settings) as original:
        yield {"ours": ours.url, "original": original.url}


@pytest.fixture(params=["from the original to ours", "from ours to the original"])
async def pair(request: pytest.FixtureRequest, urls: dict[str, str]) -> AsyncIterator[Pair]:
    sender, receiver = urls["original"], urls["ours"]
    if request.param.startswith("from ours"):
        sender, receiver = receiver, sender
    email = f"{secrets.token_hex(8)}@example.com"
    async with _browser(sender) as sends, _browser(receiver) as receives:
        body = {"name": "Ada", "email": email, "password": PASSWORD}
        assert (await sends.post(f"{API}/sign-up/email", json=body)).status_code == 200
        receives.cookies = sends.cookies
        yield Pair(sends, receives, email)


def _browser(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, headers={"origin": ORIGIN}, timeout=30, verify=False)


async def test_an_address_is_verified(pair: Pair) -> None:
    await pair.sender.post(f"{API}/send-verification-email", json={"email": pair.email})
    query = {"token": await pair.token()}
    answer = await pair.receiver.get(f"{API}/verify-email", params=query)
    assert (answer.status_code, answer.json()) == (200, {"status": True, "user": None})
    assert (await pair.session())["user"]["emailVerified"] is True


async def test_a_password_is_reset_once(pair: Pair) -> None:
    await pair.sender.post(f"{API}/request-password-reset", json={"email": pair.email})
    body = {"token": await pair.token(), "newPassword": NEW}
    for client, status in ((pair.receiver, 200), (pair.receiver, 400), (pair.sender, 400)):
        answer = await client.post(f"{API}/reset-password", json=body)
        assert answer.status_code == status
    credentials = {"email": pair.email, "password": NEW}
    for client in (pair.sender, pair.receiver):
        answer = await client.post(f"{API}/sign-in/email", json=credentials)
        assert answer.status_code == 200


async def test_an_address_changes(pair: Pair) -> None:
    wanted = f"new-{pair.email}"
    await pair.sender.post(f"{API}/change-email", json={"newEmail": wanted})
    query = {"token": await pair.token()}
    answer = await pair.receiver.get(f"{API}/verify-email", params=query)
    assert answer.json()["user"]["email"] == wanted
    assert (await pair.session())["user"]["email"] == wanted


async def test_an_account_is_deleted(pair: Pair) -> None:
    await pair.sender.post(f"{API}/delete-user", json={})
    query = {"token": await pair.token()}
    answer = await pair.receiver.get(f"{API}/delete-user/callback", params=query)
    assert answer.json() == {"success": True, "message": "User deleted"}
    assert (await pair.sender.get(f"{API}/get-session")).json() is None
