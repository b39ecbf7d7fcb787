"""What public advisories on the original's plugins tell of, each prevented here.

Each test is named by what is prevented, and says which advisory, or which of the original's own
changes, tells of it. Of the authorization server: tests/auth/test_oauth_attacks.py.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from authward import plugins
from authward.cookie_options import CookieCacheOptions
from authward.options import SessionOptions
from tests.auth.test_two_factor import code_of
from tests.conftest import BASE_URL, PASSWORD, CreateDatabase
from tests.support.authenticator import Authenticator
from tests.support.factories import Browser
from tests.support.plugin_site import site_with

SESSION = "better-auth.session_token"


@dataclass
class Box:
    """What was sent."""

    sent: list[Any] = field(default_factory=list)

    async def keep(self, event: Any) -> None:
        self.sent.append(event)


BOX = Box()


@pytest.fixture(scope="module")
async def app(create_database: CreateDatabase) -> AsyncIterator[FastAPI]:
    chosen = (
        plugins.jwt(),
        plugins.bearer(),
        plugins.api_key(plugins.ApiKeyOptions(enable_session_for_api_keys=True)),
        plugins.two_factor(),
        plugins.multi_session(),
        plugins.device_authorization(),
        plugins.passkey(),
        plugins.magic_link(plugins.MagicLinkOptions(send_magic_link=BOX.keep)),
        plugins.email_otp(plugins.EmailOTPOptions(send_verification_otp=BOX.keep)),
        plugins.organization(plugins.OrganizationOptions(send_invitation_email=BOX.keep)),
    )
    cached = SessionOptions(cookie_cache=CookieCacheOptions(enabled=True, max_age=300))
    async with site_with(await create_database(), chosen, session=cached) as app:
        yield app


@pytest.fixture
async def nobody(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport, headers = httpx.ASGITransport(app), {"origin": BASE_URL}
    base = f"{BASE_URL}/api/auth/"
    async with httpx.AsyncClient(transport=transport, base_url=base, headers=headers) as client:
        yield client


async def test_nobody_makes_an_api_key_for_a_user_by_naming_them(
    app: FastAPI, ada: Browser, nobody: httpx.AsyncClient
) -> None:
    """GHSA-99h5-pjcv-gr6v, CVE-2025-61928: `userId` in the body took the place of a session."""
    for more in ({}, {"permissions": {"tasks": ["write"]}}, {"remaining": 10_000}):
        body = {"userId": ada.user["id"], "name": "mine", **more}
        made = await nobody.post("api-key/create", json=body)
        assert made.status_code in {400, 401}
        assert "key" not in made.json()
    assert await _keys_of(app, ada) == []


async def test_nobody_changes_a_users_api_key_by_naming_them(
    app: FastAPI, ada: Browser, nobody: httpx.AsyncClient
) -> None:
    """GHSA-99h5-pjcv-gr6v, CVE-2025-61928, the update."""
    key = (await ada.post("api-key/create", name="mine")).json()
    before = await _keys_of(app, ada)
    for more in ({"name": "x"}, {"remaining": 10_000}, {"enabled": False}):
        body = {"keyId": key["id"], "userId": ada.user["id"], **more}
        assert (await nobody.post("api-key/update", json=body)).status_code == 401
    assert await _keys_of(app, ada) == before


async def _keys_of(app: FastAPI, who: Browser) -> list[Any]:
    of_user = 'SELECT * FROM apikey WHERE "referenceId" = $1'
    return [dict(row) for row in await app.state.database.fetch(of_user, who.user["id"])]


async def test_a_cached_session_does_not_take_the_place_of_the_second_factor(
    ada: Browser, nobody: httpx.AsyncClient
) -> None:
    """GHSA-xg6x-h9c9-2m83: the session before the second factor was in the cookie cache."""
    given = (await ada.post("two-factor/enable", password=PASSWORD)).json()
    await ada.post("two-factor/verify-totp", code=code_of(given["totpURI"]))
    body = {"email": ada.email, "password": PASSWORD}
    halfway = await nobody.post("sign-in/email", json=body)
    assert halfway.json()["twoFactorRedirect"] is True
    live = [c for c in halfway.headers.get_list("set-cookie") if "Max-Age=0" not in c]
    assert not [cookie for cookie in live if "session_data" in cookie or SESSION in cookie]
    assert (await nobody.get("get-session")).json() is None


async def test_a_forged_cookie_of_several_sessions_ends_nobodys_session(
    ada: Browser, eve: Browser
) -> None:
    """better-auth/better-auth#6049: signing out ended whatever session such a cookie named."""
    token = (await ada.get("get-session")).json()["session"]["token"]
    for forged in (token, f"{token}.", f"{token}.{'A' * 43}%3D"):
        eve.client.cookies.set(f"{SESSION}_multi-{token.lower()}", forged)
        await eve.post("multi-session/revoke", sessionToken=token)
        await eve.post("multi-session/set-active", sessionToken=token)
        assert (await eve.get("get-session")).json()["user"]["id"] == eve.user["id"]
    assert (await eve.post("sign-out")).status_code == 200
    live = await ada.get("get-session?disableCookieCache=true")
    assert live.json()["session"]["token"] == token


@pytest.mark.parametrize("decision", ["approve", "deny"])
async def test_a_device_code_is_not_decided_on_by_whoever_has_overheard_it(
    ada: Browser, eve: Browser, nobody: httpx.AsyncClient, decision: str
) -> None:
    """GHSA-cq3f-vc6p-68fh, CVE-2026-45337: any session decided as long as nobody else had."""
    asked = (await nobody.post("device/code", json={"client_id": "tv"})).json()
    early = await eve.post(f"device/{decision}", userCode=asked["user_code"])
    assert early.status_code in {400, 403}
    assert (await ada.get(f"device?user_code={asked['user_code']}")).json()["status"] == "pending"
    late = await eve.post(f"device/{decision}", userCode=asked["user_code"])
    assert late.status_code == 403
    assert (await ada.post("device/approve", userCode=asked["user_code"])).status_code == 200


async def test_nobody_deletes_a_users_passkey_by_its_id(
    app: FastAPI, ada: Browser, eve: Browser
) -> None:
    """GHSA-4vcf-q4xf-f48m, CVE-2025-71400: the passkey's id was enough."""
    phone = Authenticator(token_hex(8), rp_id="localhost", origin=BASE_URL)
    challenge = (await ada.get("passkey/generate-register-options")).json()["challenge"]
    registered = await ada.post(
        "passkey/verify-registration", response=phone.attestation(challenge)
    )
    refused = await eve.post("passkey/delete-passkey", id=registered.json()["id"])
    assert refused.status_code == 401
    assert len((await ada.get("passkey/list-user-passkeys")).json()) == 1


@pytest.mark.parametrize("way", ["magic link", "code"])
async def test_whoever_signed_up_with_a_users_address_before_them_is_out_once_they_prove_it(
    eve: Browser, nobody: httpx.AsyncClient, way: str
) -> None:
    """GHSA-qq9h-g4jm-xgf3: the password and sessions of before stayed good."""
    if way == "magic link":
        await nobody.post("sign-in/magic-link", json={"email": eve.email})
        answer = await nobody.get("magic-link/verify", params={"token": BOX.sent[-1].token})
    else:
        body = {"email": eve.email, "type": "sign-in"}
        await nobody.post("email-otp/send-verification-otp", json=body)
        body = {"email": eve.email, "otp": BOX.sent[-1].otp}
        answer = await nobody.post("sign-in/email-otp", json=body)
    assert answer.status_code == 200, answer.text
    assert (await eve.get("get-session?disableCookieCache=true")).json() is None
    again = await nobody.post("sign-in/email", json={"email": eve.email, "password": PASSWORD})
    assert again.json()["code"] == "INVALID_EMAIL_OR_PASSWORD"


async def test_an_address_that_nobody_has_verified_lists_no_invitations(
    ada: Browser, eve: Browser
) -> None:
    """better-auth/better-auth#9577, #9877: whoever signed up with an address saw what it got."""
    await ada.post("organization/create", name="Org", slug=token_hex(8))
    await ada.post("organization/invite-member", email=eve.email, role="owner")
    listed = await eve.get("organization/list-user-invitations")
    assert (listed.status_code, "Org" in listed.text) == (403, False)
    assert eve.user["emailVerified"] is False
