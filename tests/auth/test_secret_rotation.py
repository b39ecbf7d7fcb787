"""BETTER_AUTH_SECRETS=2:new,1:old: what the old secret has signed holds, what is new is new."""

import secrets
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from authward.security.cookies import CookieSigner, encode_uri_component
from tests.conftest import BASE_URL, PASSWORD
from tests.support.factories import Browser, running_on, signed_in
from tests.support.fake_provider import CLIENT_ID, CLIENT_SECRET, FakeProvider
from tests.support.social_site import Visitor, profile

OLD, NEW = "the-old-" + "k9" * 16, "the-new-" + "z7" * 16
COOKIE = "better-auth.session_token"


@pytest.fixture(scope="module")
async def apps(database_url: str, provider: FakeProvider) -> AsyncIterator[dict[str, FastAPI]]:
    """The same server before, during and after the change of its secret."""
    social = {
        "oidc_discovery_url": provider.discovery_url,
        "oidc_client_id": CLIENT_ID,
        "oidc_client_secret": SecretStr(CLIENT_SECRET),
    }
    both = {"better_auth_secret": None, "better_auth_secrets": SecretStr(f"2:{NEW},1:{OLD}")}
    async with (
        running_on(database_url, better_auth_secret=SecretStr(OLD), **social) as before,
        running_on(database_url, **both, **social) as during,
        running_on(database_url, better_auth_secret=SecretStr(NEW), **social) as after,
    ):
        yield {"before": before, "during": during, "after": after}


@pytest.fixture
async def ada(apps: dict[str, FastAPI]) -> AsyncIterator[Browser]:
    """Somebody who has signed in before."""
    async with signed_in(apps["before"]) as browser:
        yield browser


def at(app: FastAPI, cookies: httpx.Cookies | None = None) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app)
    return httpx.AsyncClient(
        transport=transport,
        base_url=f"{BASE_URL}/api/auth/",
        headers={"origin": BASE_URL},
        cookies=cookies,
    )


async def test_a_session_of_before_goes_on_and_its_cookie_is_renewed_when_it_is_extended(
    apps: dict[str, FastAPI], ada: Browser
) -> None:
    change = 'UPDATE session SET "expiresAt" = "expiresAt" - $1::interval WHERE "userId" = $2'
    async with at(apps["during"], ada.client.cookies) as browser:
        answer = await browser.get("get-session")
        assert answer.json()["user"]["email"] == ada.email
        assert "set-cookie" not in answer.headers
        await apps["during"].state.database.fetch(change, timedelta(days=2), ada.user["id"])
        renewed = (await browser.get("get-session")).headers["set-cookie"].partition(";")[0]
    for cookie, goes_on in (
        (renewed, True),
        (f"{COOKIE}={ada.client.cookies[COOKIE]}", False),
    ):
        async with at(apps["after"]) as browser:
            found = (await browser.get("get-session", headers={"cookie": cookie})).json()
            assert (found is not None) is goes_on


async def test_a_session_that_is_not_to_be_remembered_stays_so(
    apps: dict[str, FastAPI], ada: Browser
) -> None:
    credentials = {"email": ada.email, "password": PASSWORD}
    await ada.post("sign-in/email", **credentials, rememberMe=False)
    async with at(apps["during"], ada.client.cookies) as browser:
        answer = await browser.post("update-user", json={"name": "New"})
        assert answer.status_code == 200
        assert "Max-Age" not in answer.headers["set-cookie"]


async def test_signed_bearer_tokens_and_access_tokens_of_before_count(
    apps: dict[str, FastAPI], ada: Browser
) -> None:
    signed = CookieSigner(OLD).sign((await ada.get("get-session")).json()["session"]["token"])
    token = (await ada.get("token")).json()["token"]
    async with at(apps["during"]) as program:
        for session_token in (signed, encode_uri_component(signed)):
            headers = {"authorization": f"Bearer {session_token}"}
            found = (await program.get("get-session", headers=headers)).json()
            assert found["user"]["email"] == ada.email
        headers = {"authorization": f"Bearer {token}"}
        assert (await program.get(f"{BASE_URL}/api/tasks", headers=headers)).status_code == 200


async def test_what_is_issued_is_signed_by_the_new_secret(
    apps: dict[str, FastAPI], ada: Browser
) -> None:
    async with at(apps["during"]) as browser:
        credentials = {"email": ada.email, "password": PASSWORD}
        answer = await browser.post("sign-in/email", json=credentials)
        cookies, token = browser.cookies, answer.headers["set-auth-jwt"]
    async with at(apps["after"], cookies) as browser:
        assert (await browser.get("get-session")).json()["user"]["email"] == ada.email
        headers = {"authorization": f"Bearer {token}"}
        assert (await browser.get(f"{BASE_URL}/api/tasks", headers=headers)).status_code == 200


async def test_a_social_sign_in_that_was_begun_before_is_finished(
    apps: dict[str, FastAPI],
) -> None:
    who = profile(f"u{secrets.token_hex(6)}")
    before, during = Visitor(apps["before"], "oidc"), Visitor(apps["during"], "oidc")
    begun = await before.begin()
    during.http.cookies = before.http.cookies
    assert await during.back(begun, who) == "/done"
    user = await during.user()
    assert user is not None
    assert user["email"] == who.claims["email"]


async def test_an_account_that_was_being_linked_before_is_linked(
    apps: dict[str, FastAPI], ada: Browser
) -> None:
    who = profile(f"u{secrets.token_hex(6)}", email=ada.email)
    before, during = Visitor(apps["before"], "oidc"), Visitor(apps["during"], "oidc")
    before.http.cookies = ada.client.cookies
    begun = await before.begin("link-social")
    during.http.cookies = before.http.cookies
    assert await during.back(begun, who) == "/done"
    accounts = await during.get("list-accounts")
    assert {account["providerId"] for account in accounts} == {"credential", "oidc"}


@given(st.text(min_size=1), st.lists(st.text(min_size=1), max_size=4))
def test_any_of_the_secrets_verifies_and_the_first_signs(value: str, old: list[str]) -> None:
    signer = CookieSigner(NEW, old)
    for secret in (NEW, *old):
        assert signer.verify(CookieSigner(secret).sign(value)) == value
    assert signer.sign(value) == CookieSigner(NEW).sign(value)
    assert signer.verify(CookieSigner(f"{NEW}{''.join(old)}x").sign(value)) is None
