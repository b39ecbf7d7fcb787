"""Providers that answer slowly, too much, nonsense or nothing: the browser gets an error, soon."""

import secrets
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from fastapi import FastAPI

from authward.oauth import http_client
from authward.oauth.discovery import _url
from authward.oauth.errors import ProviderError
from authward.oauth.generic import GenericOAuth
from authward.oauth.generic_config import GenericOAuthConfig
from tests.support.fake_provider import FakeProvider, Script
from tests.support.social_site import Visitor, generic, profile, site

NO_CODE = "/oops?error=invalid_code"
NO_USER_INFO = "/oops?error=unable_to_get_user_info"
ANSWERS = (
    *("html", "html error", "list", "null", "deep", "number", "no token", "empty token", "huge"),
    *("token is a number", "denied", "denied like GitHub", "nothing", "not UTF-8", "endless"),
    *("packed", "redirect"),
)


@pytest.fixture(scope="module")
async def app(database_url: str, provider: FakeProvider) -> AsyncIterator[FastAPI]:
    async with site(database_url, generic=[generic(provider)]) as app:
        yield app


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "_STEP_SECONDS", 0.2)
    monkeypatch.setattr(http_client, "_TOTAL_SECONDS", 0.5)


def without_email(**more: Any) -> Script:
    """A user about whom only the userinfo endpoint tells more."""
    return replace(profile(f"u{secrets.token_hex(6)}", email=None), **more)


@pytest.mark.parametrize("answer", ANSWERS)
async def test_a_bad_token_endpoint_gives_an_error(visitor: Visitor, answer: str) -> None:
    assert await visitor.sign_in(Script(answer=answer)) == NO_CODE


@pytest.mark.parametrize("answer", [each for each in ANSWERS if "token" not in each])
async def test_a_bad_userinfo_endpoint_gives_an_error(visitor: Visitor, answer: str) -> None:
    assert await visitor.sign_in(without_email(info=answer)) == NO_USER_INFO


async def test_redirects_are_not_followed(visitor: Visitor, provider: FakeProvider) -> None:
    provider.requests.clear()
    await visitor.sign_in(Script(answer="redirect"))
    await visitor.sign_in(without_email(info="redirect"))
    assert "/elsewhere" not in provider.requests


@pytest.mark.usefixtures("impatient")
async def test_a_silent_provider_is_not_waited_for(visitor: Visitor) -> None:
    await visitor.begin()
    started = time.monotonic()
    assert await visitor.sign_in(Script(answer="silence")) == NO_CODE
    assert await visitor.sign_in(without_email(info="silence")) == NO_USER_INFO
    assert time.monotonic() - started < 5


@pytest.mark.usefixtures("impatient")
async def test_a_provider_that_drips_is_not_waited_for(visitor: Visitor) -> None:
    started = time.monotonic()
    assert await visitor.sign_in(Script(answer="drip")) == NO_CODE
    assert time.monotonic() - started < 5


async def test_no_cookie_of_ours_and_no_secret_leaves_with_the_browser(visitor: Visitor) -> None:
    begun = await visitor.begin()
    assert "the-secret" not in begun.url
    assert "code_verifier" not in begun.url


async def test_a_provider_that_is_away_is_not_found_until_it_is_back(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        away = f"http://127.0.0.1:{nobody.getsockname()[1]}/.well-known/openid-configuration"
        options = {"providerId": "fake", "clientId": "c", "clientSecret": "s", "discoveryUrl": away}
        async with site(database_url, generic=[options]) as app:
            visitor = Visitor(app)
            refused = await visitor.post("sign-in/social", provider="fake")
            assert (refused.status_code, refused.json()["code"]) == (404, "PROVIDER_NOT_FOUND")
            with FakeProvider() as provider:
                known = app.state.better_auth.social_providers["fake"]
                known.config = replace(known.config, discovery_url=provider.discovery_url)
                monkeypatch.setattr(known, "_ask_not_before", 0.0)
                await visitor.begin()


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": None},
        {"issuer": 5},
        {"jwks_uri": ""},
        {"jwks_uri": None},
        {"jwks_uri": "ftp://evil.example/keys"},
        {"jwks_uri": "javascript:alert(1)"},
        {"token_endpoint": "file:///etc/passwd"},
        {"token_endpoint": ["x"]},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "https://["},
        {"userinfo_endpoint": "gopher://evil.example"},
    ],
)
async def test_nonsense_in_a_discovery_document_makes_no_provider(
    database_url: str, provider: FakeProvider, metadata: dict[str, Any]
) -> None:
    known = GenericOAuth(config(provider.discovery_url))
    provider.metadata = metadata
    try:
        assert not await known.is_ready()
    finally:
        provider.metadata = {}
    assert not await known.is_ready(), "asked again at once"


def test_a_document_that_came_by_https_leads_to_https_only() -> None:
    with pytest.raises(ProviderError, match="token_endpoint is not https"):
        _url({"token_endpoint": "http://a.example/token"}, "token_endpoint", "https://a.example/d")


def test_secrets_are_not_shown() -> None:
    known = config("https://a.example/d")
    assert "hush" not in f"{known!r} {GenericOAuth(known)!r}"


def config(discovery_url: str) -> GenericOAuthConfig:
    return GenericOAuthConfig(
        provider_id="x",
        client_id="c",
        client_secret="hush",
        discovery_url=discovery_url,
        require_id_token_verification=True,
    )
