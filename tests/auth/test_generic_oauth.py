"""The plugin `generic_oauth`: options, own functions, and what the conformance tests cannot see."""

import secrets
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from fastapi import FastAPI

from authward.errors import ConfigurationError
from authward.oauth.generic import GenericOAuth
from authward.oauth.generic_config import TokenRequest
from authward.oauth.provider import AuthorizationRequest, Tokens
from authward.plugins import GenericOAuthConfig, generic_oauth
from tests.support.fake_provider import CLIENT_ID, CLIENT_SECRET, FakeProvider, Script
from tests.support.social_site import Visitor, site

URLS = {"authorization_url": "https://p.example/authorize", "token_url": "https://p.example/token"}


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeProvider]:
    with FakeProvider() as fake:
        yield fake


@pytest.fixture(scope="module")
async def app(database_url: str, fake: FakeProvider) -> AsyncIterator[FastAPI]:
    bare = {
        "providerId": "bare",
        "clientId": CLIENT_ID,
        "clientSecret": CLIENT_SECRET,
        "authorizationUrl": f"{fake.url}/authorize",
        "tokenUrl": f"{fake.url}/token",
        "userInfoUrl": f"{fake.url}/userinfo",
        "scopes": [],
        "pkce": False,
    }
    async with site(database_url, generic=[bare], viaPlugin=["bare"]) as app:
        yield app


def config(**options: Any) -> GenericOAuthConfig:
    return GenericOAuthConfig(**{"provider_id": "p", "client_id": "c", **URLS, **options})


async def test_a_provider_without_discovery_signs_in(app: FastAPI) -> None:
    visitor, name = Visitor(app, "bare"), f"u{secrets.token_hex(6)}"
    told = {"id": name, "email": f"{name}@example.com", "name": "Ada", "picture": "https://p/1"}
    script = Script(token={"id_token": None}, userinfo=told, without_pkce=True)
    assert await visitor.sign_in(script) == "/done"
    user = await visitor.user()
    assert user is not None
    assert (user["email"], user["name"], user["image"]) == (told["email"], "Ada", "https://p/1")
    (account,) = await visitor.get("list-accounts")
    assert (account["accountId"], account["providerId"]) == (name, "bare")


async def test_own_functions_take_the_places_of_the_endpoints() -> None:
    async def get_token(request: TokenRequest) -> Tokens:
        return Tokens(access_token=f"for {request.code}")

    async def get_user_info(tokens: Tokens) -> dict[str, Any]:
        return {"number": 7, "mail": "a@b.example", "by": tokens.access_token}

    provider = GenericOAuth(
        config(
            token_url=None,
            get_token=get_token,
            get_user_info=get_user_info,
            map_profile_to_user=lambda p: {"email": p["mail"], "name": p["by"], "role": "x"},
            account_subject=lambda _, profile: str(profile["number"]),
            access_token_expires_in=60,
        )
    )
    tokens = await provider.exchange_code("code", code_verifier="v", redirect_uri="https://r")
    assert tokens.access_token_expires_at is not None
    profile = await provider.profile(tokens, nonce=None)
    assert (profile.account_id, profile.email, profile.name) == ("7", "a@b.example", "for code")
    assert profile.fields == {"role": "x"}


def test_reserved_parameters_cannot_be_replaced() -> None:
    more = {"state": "evil", "redirect_uri": "https://evil.example", "extra": "1"}
    provider = GenericOAuth(config(authorization_url_params=more))
    request = AuthorizationRequest(state="s", code_verifier="v" * 43, redirect_uri="https://r")
    url = provider.authorization_url(request)
    assert "evil" not in url
    assert "extra=1" in url


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"authorization_url": None}, "discovery_url or authorization_url"),
        ({"token_url": None}, "token_url or get_token"),
        ({"authentication": "basic"}, "needs client_secret"),
        ({"require_id_token_verification": True}, "needs discovery_url"),
        ({"client_id": ""}, "client_id"),
    ],
)
def test_what_could_not_work_is_refused(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        config(**options)


def test_two_providers_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="several providers 'p'"):
        generic_oauth([config(), config()])
