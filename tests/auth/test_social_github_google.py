"""GitHub and Google as they answer, on endpoints of our own."""

import secrets
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI

from tests.support.fake_provider import CLIENT_ID, CLIENT_SECRET, FakeProvider, Script
from tests.support.social_site import Visitor, profile, site

CLIENT = {"clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET}
NO_USER_INFO = "/oops?error=unable_to_get_user_info"


def options(provider: FakeProvider, **google: Any) -> dict[str, dict[str, Any]]:
    def at(**paths: str) -> dict[str, str]:
        return {name: f"{provider.url}/{path}" for name, path in paths.items()}

    emails = at(token="token", user="user", emails="user/emails")
    return {
        "github": {**CLIENT, "endpoints": emails},
        "google": {**CLIENT, "endpoints": at(token="token", jwks="jwks"), **google},
    }


@pytest.fixture(scope="module")
async def app(database_url: str, provider: FakeProvider) -> AsyncIterator[FastAPI]:
    async with site(database_url, social=options(provider)) as app:
        yield app


@pytest.fixture
def github(app: FastAPI) -> Visitor:
    return Visitor(app, "github")


@pytest.fixture
def google(app: FastAPI) -> Visitor:
    return Visitor(app, "google")


@pytest.fixture
def name() -> str:
    return f"u{secrets.token_hex(6)}"


def octocat(who: str, /, **more: Any) -> Script:
    profile = {"id": int(who[1:], 16), "login": who, "name": None, "avatar_url": "https://a.b/c"}
    listed = [
        {"email": f"old-{who}@example.com", "primary": False, "verified": True},
        {"email": f"{who}@example.com", "primary": True, "verified": True},
    ]
    emails = more.pop("emails", listed)
    return Script(userinfo={**profile, "email": None, **more}, emails=emails)


def googler(who: str, /, **claims: Any) -> Script:
    return profile(who, **{"iss": "https://accounts.google.com", **claims})


async def test_github_tells_the_primary_address(github: Visitor, name: str) -> None:
    assert await github.sign_in(octocat(name)) == "/done"
    user = await github.user()
    assert user is not None
    assert (user["email"], user["emailVerified"]) == (f"{name}@example.com", True)
    assert (user["name"], user["image"]) == (name, "https://a.b/c")
    (account,) = await github.get("list-accounts")
    assert account["accountId"] == str(int(name[1:], 16))


async def test_githubs_public_address_counts_if_the_list_verifies_it(
    github: Visitor, name: str
) -> None:
    public = f"old-{name}@example.com"
    assert await github.sign_in(octocat(name, email=public, name="Octo Cat")) == "/done"
    user = await github.user()
    assert user is not None
    assert (user["email"], user["emailVerified"], user["name"]) == (public, True, "Octo Cat")


async def test_an_address_that_github_does_not_list_is_not_verified(
    github: Visitor, name: str
) -> None:
    assert await github.sign_in(octocat(name, email=f"x{name}@example.com")) == "/done"
    user = await github.user()
    assert user is not None
    assert user["emailVerified"] is False


async def test_github_without_the_list_of_addresses(github: Visitor, name: str) -> None:
    assert await github.sign_in(octocat(name, emails=None)) == "/oops?error=email_not_found"
    assert await github.sign_in(octocat(name, emails=None, email=f"{name}@x.example")) == "/done"


@pytest.mark.parametrize("emails", [[], {}, "x", [1, None, {"email": 5}, {"primary": True}]])
async def test_nonsense_instead_of_githubs_list(github: Visitor, name: str, emails: Any) -> None:
    assert await github.sign_in(octocat(name, emails=emails)) == "/oops?error=email_not_found"


@pytest.mark.parametrize("id", [None, "", True, [], {}, 1.5])
async def test_nobody_is_githubs_user_without_an_id(github: Visitor, name: str, id: Any) -> None:  # noqa: A002
    assert await github.sign_in(octocat(name, id=id)) == NO_USER_INFO


async def test_github_refuses_a_code_with_200(github: Visitor) -> None:
    answer = await github.sign_in(Script(answer="denied like GitHub"))
    assert answer == "/oops?error=invalid_code"


async def test_google_signs_in(google: Visitor, name: str) -> None:
    assert await google.sign_in(googler(name, picture="https://g/p", nonce=None)) == "/done"
    user = await google.user()
    assert user is not None
    assert (user["email"], user["emailVerified"]) == (f"{name}@example.com", True)
    assert user["image"] == "https://g/p"


async def test_google_has_two_names_as_issuer(google: Visitor, name: str) -> None:
    assert await google.sign_in(googler(name, iss="accounts.google.com")) == "/done"
    assert (
        await google.sign_in(googler(name, iss="accounts.google.com.evil.example")) == NO_USER_INFO
    )


@pytest.mark.parametrize("sign", ["none", "HS256", "stranger", "PS256"])
async def test_googles_token_must_be_signed_by_google(
    google: Visitor, name: str, sign: str
) -> None:
    script = Script(claims=googler(name).claims, sign=sign)
    assert await google.sign_in(script) == NO_USER_INFO


async def test_googles_tokens_are_good_for_an_hour(
    google: Visitor, provider: FakeProvider, name: str
) -> None:
    now = int(time.time())
    for issued, status in ((now - 3500, 200), (now - 3700, 401)):
        claims = {**googler(name).claims, "iat": issued, "exp": now + 600}
        token = provider.id_token(claims)
        answer = await google.post("sign-in/social", provider="google", idToken={"token": token})
        assert answer.status_code == status


@pytest.mark.parametrize(
    ("wanted", "domain", "answer"),
    [
        ("example.com", "example.com", "/done"),
        ("example.com", "evil.example", NO_USER_INFO),
        ("example.com", None, NO_USER_INFO),
        ("*", "any.example", "/done"),
        ("*", None, NO_USER_INFO),
    ],
)
async def test_google_may_be_for_one_domain_only(
    database_url: str, provider: FakeProvider, wanted: str, domain: str | None, answer: str
) -> None:
    async with site(database_url, social=options(provider, hd=wanted)) as app:
        visitor = Visitor(app, "google")
        begun = await visitor.begin()
        assert begun.query["hd"] == wanted
        script = googler(f"u{secrets.token_hex(6)}", hd=domain)
        assert await visitor.back(begun, script) == answer


async def test_pkce_is_used_with_all(github: Visitor, google: Visitor) -> None:
    for visitor in (github, google):
        begun = await visitor.begin()
        assert begun.query["code_challenge_method"] == "S256"
        answer = await visitor.back(begun, Script(challenge=begun.query["code_challenge"] + "x"))
        assert answer == "/oops?error=invalid_code"
