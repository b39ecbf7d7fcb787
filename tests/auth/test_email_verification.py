"""E-mail tokens are for e-mail addresses only, and races change an address at most once."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any

import httpx
import jwt
import pytest
from fastapi import FastAPI

from authward.security.email_tokens import (
    EmailClaims,
    EmailTokens,
    ExpiredEmailTokenError,
    InvalidEmailTokenError,
)
from taskward.settings import Settings
from tests.conftest import PASSWORD, new_email
from tests.support.mailing import Site, mailing_site

SECRET = secrets.token_hex(32)
TOKENS = EmailTokens(SECRET)
LATER = 4_000_000_000  # 2096
GOOD: dict[str, Any] = {"email": "ada@example.com", "exp": LATER}


@pytest.fixture
async def site(app: FastAPI, settings: Settings) -> AsyncIterator[Site]:
    async with mailing_site(app, settings) as site:
        yield site


@pytest.fixture
async def strict(app: FastAPI, settings: Settings) -> AsyncIterator[Site]:
    async with mailing_site(app, settings, require_email_verification=True) as site:
        yield site


def signed(claims: Any, key: str = SECRET, algorithm: str = "HS256") -> str:
    return jwt.encode(claims, key, algorithm)


def test_a_token_has_the_claims_and_the_header_of_the_original() -> None:
    token = TOKENS.issue(EmailClaims("a@b.co", "c@d.co", "change-email-verification", "7"), 60)
    assert jwt.get_unverified_header(token) == {"alg": "HS256"}
    claims = jwt.decode(token, SECRET, ["HS256"])
    assert list(claims) == ["email", "updateTo", "requestType", "userId", "iat", "exp"]
    assert claims["exp"] - claims["iat"] == 60
    assert TOKENS.read(token).update_to == "c@d.co"


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "ada@example.com"},
        {"exp": LATER},
        {**GOOD, "sub": "ada"},
        {**GOOD, "aud": "http://localhost:8000"},
        {**GOOD, "iss": "http://localhost:8000"},
        {**GOOD, "email": "ada"},
        {**GOOD, "email": ["ada@example.com"]},
        {**GOOD, "email": "ada@example.com\n"},
        {**GOOD, "updateTo": "nul\0@example.com"},
        {**GOOD, "updateTo": 5},
        {**GOOD, "userId": "nul\0"},
        {**GOOD, "userId": "\ud800"},
        {**GOOD, "requestType": []},
        {**GOOD, "nbf": LATER},
        {**GOOD, "exp": "tomorrow"},
        {**GOOD, "exp": 1e400},
    ],
    ids=ascii,
)
def test_only_the_claims_of_an_email_token_are_accepted(claims: dict[str, Any]) -> None:
    with pytest.raises(InvalidEmailTokenError):
        TOKENS.read(signed(claims))


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b.c",
        "ä.ö.ü",
        signed(GOOD, "another secret of thirty-two characters"),
        signed(GOOD, SECRET * 2, "HS512"),
        "eyJhbGciOiJub25lIn0." + signed(GOOD).split(".")[1] + ".",
        signed(GOOD)[:-1],
        "WyI" + "W1tb" * 40_000 + "." + signed(GOOD).split(".", 1)[1],
    ],
    ids=lambda token: repr(token[:20]),
)
def test_what_is_not_signed_with_the_secret_is_refused(token: str) -> None:
    with pytest.raises(InvalidEmailTokenError):
        TOKENS.read(token)


def test_a_token_expires() -> None:
    with pytest.raises(ExpiredEmailTokenError):
        TOKENS.read(TOKENS.issue(EmailClaims("a@b.co"), 0))


def test_a_secret_that_is_phased_out_still_verifies_but_does_not_sign() -> None:
    rotated = EmailTokens("a new secret of at least 32 characters", [SECRET])
    assert rotated.read(TOKENS.issue(EmailClaims("a@b.co"), 60)).email == "a@b.co"
    with pytest.raises(InvalidEmailTokenError):
        TOKENS.read(rotated.issue(EmailClaims("a@b.co"), 60))


async def test_an_email_token_opens_no_tasks(site: Site, client: httpx.AsyncClient) -> None:
    email = await site.sign_up()
    await site.post("/send-verification-email", email=email)
    token = site.links[-1].token
    answer = await client.get("/api/tasks", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()) == (401, {"detail": "Invalid token"})


async def test_an_access_token_verifies_no_email(site: Site) -> None:
    await site.sign_up()
    token = (await site.get("/token")).json()["token"]
    answer = await site.get("/verify-email", token=token)
    assert (answer.status_code, answer.json()["code"]) == (401, "INVALID_TOKEN")
    assert not (await site.get("/get-session")).json()["user"]["emailVerified"]


async def test_an_access_token_with_an_email_verifies_nothing_either(
    site: Site, settings: Settings
) -> None:
    """The original would take it; front ends that share the secret issue such tokens."""
    email = await site.sign_up()
    claims = {"sub": "ada", "email": email, "exp": LATER}
    answer = await site.get("/verify-email", token=signed(claims, settings.secrets()[0]))
    assert answer.status_code == 401
    assert not (await site.get("/get-session")).json()["user"]["emailVerified"]


async def test_of_two_clicks_at_once_one_changes_the_address(site: Site) -> None:
    await site.sign_up()
    new = new_email()
    await site.post("/change-email", newEmail=new)
    token = site.links[-1].token
    answers = await asyncio.gather(*(site.get("/verify-email", token=token) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]
    assert await site.can_sign_in(new)


async def test_of_two_users_who_want_one_address_one_gets_it(site: Site) -> None:
    wanted, old = new_email(), []
    for _ in range(2):
        site.browser.cookies.clear()
        old.append(await site.sign_up())
        await site.post("/change-email", newEmail=wanted)
    site.browser.cookies.clear()
    answers = await asyncio.gather(
        *(site.get("/verify-email", token=link.token) for link in site.links)
    )
    assert sorted(answer.status_code for answer in answers) == [200, 401]
    assert sum([await site.can_sign_in(email) for email in [wanted, *old]]) == 2


async def test_an_address_is_verified_once_and_then_stays_so(site: Site) -> None:
    email = await site.sign_up()
    await site.post("/send-verification-email", email=email)
    token = site.links[-1].token
    answers = await asyncio.gather(*(site.get("/verify-email", token=token) for _ in range(3)))
    assert {(answer.status_code, answer.text) for answer in answers} == {
        (200, '{"status":true,"user":null}')
    }
    assert (await site.get("/get-session")).json()["user"]["emailVerified"]


@pytest.mark.parametrize("callback", ["/welcome?x=1", "http://localhost:3000/w#x"])
async def test_a_bad_link_leads_to_its_page_with_the_error(site: Site, callback: str) -> None:
    answer = await site.get("/verify-email", token="bad", callbackURL=callback)
    assert answer.status_code == 302
    page, _, fragment = callback.partition("#")
    between = "&" if "?" in page else "?"
    after = f"#{fragment}" if fragment else ""
    assert answer.headers["location"] == f"{page}{between}error=INVALID_TOKEN{after}"


async def test_many_sign_ups_at_once_with_one_address_look_alike(strict: Site) -> None:
    body = {"name": "Ada", "email": new_email(), "password": PASSWORD}
    answers = await asyncio.gather(*(strict.post("/sign-up/email", **body) for _ in range(4)))
    users = [answer.json()["user"] for answer in answers]
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["token"] for answer in answers} == {None}
    assert len({user["id"] for user in users}) == 4
    assert all("set-cookie" not in answer.headers for answer in answers)
    assert [link.user.email for link in strict.links] == [body["email"]]


async def test_the_plain_endpoints_give_no_token_before_the_address_is_verified(
    strict: Site,
) -> None:
    body = {"email": new_email(), "password": PASSWORD}
    refusal = (403, {"detail": "Email not verified"})
    for path in ("/signup", "/signup", "/login", "/login/email"):
        answer = await strict.post(path, **body)
        assert (answer.status_code, answer.json()) == refusal
    assert len(strict.links) == 1

    assert (await strict.get("/verify-email", token=strict.links[0].token)).status_code == 200
    assert (await strict.post("/login", **body)).json()["token_type"] == "bearer"
