"""ID tokens that must not let anybody in, and those that must."""

import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from fastapi import FastAPI
from joserfc import jwk, jws

from authward.oauth import id_token
from tests.support.fake_provider import CLIENT_ID, FakeProvider, Script
from tests.support.social_site import Visitor, generic, profile, site

REFUSED = "/oops?error=unable_to_get_user_info"


@pytest.fixture(scope="module")
async def app(database_url: str, provider: FakeProvider) -> AsyncIterator[FastAPI]:
    async with site(database_url, generic=[generic(provider)]) as app:
        yield app


@pytest.fixture
async def first_visitor(database_url: str, provider: FakeProvider) -> AsyncIterator[Visitor]:
    """Somebody on a site that does not know the provider's keys yet."""
    async with site(database_url, generic=[generic(provider)]) as app:
        yield Visitor(app)


def new_user_id() -> str:
    return f"u{secrets.token_hex(6)}"


WRONG_CLAIMS: dict[str, dict[str, Any]] = {
    "another nonce": {"nonce": "another"},
    "no nonce": {"nonce": None},
    "a nonce that is a list": {"nonce": ["x"]},
    "another audience": {"aud": "another"},
    "no audience": {"aud": None},
    "an empty audience": {"aud": []},
    "several audiences and no authorized party": {"aud": [CLIENT_ID, "another"]},
    "another authorized party": {"azp": "another"},
    "another authorized party of several": {"aud": [CLIENT_ID, "another"], "azp": "another"},
    "another issuer": {"iss": "https://evil.example"},
    "no issuer": {"iss": None},
    "no end": {"exp": None},
    "an end that is no number": {"exp": "4102444800"},
    "an end that is true": {"exp": True},
    "no time of issue": {"iat": None},
    "no subject": {"sub": None},
    "an empty subject": {"sub": ""},
    "a subject that is a number": {"sub": 5},
    "a subject with NUL": {"sub": "a\x00b"},
    "another access token's hash": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
}


# Seconds from the moment of the sign-in: a test may run long after it was collected.
WRONG_TIMES: dict[str, dict[str, int]] = {
    "an end that has passed": {"iat": -600, "exp": -60},
    "a beginning that is yet to come": {"nbf": 600},
    "a time of issue that is yet to come": {"iat": 600},
}


def from_now(times: dict[str, int]) -> dict[str, Any]:
    return {claim: int(time.time()) + seconds for claim, seconds in times.items()}


@pytest.mark.parametrize("times", WRONG_TIMES.values(), ids=WRONG_TIMES)
async def test_wrong_times_are_refused(visitor: Visitor, times: dict[str, int]) -> None:
    assert await visitor.sign_in(profile(new_user_id(), **from_now(times))) == REFUSED
    assert await visitor.user() is None


@pytest.mark.parametrize("claims", WRONG_CLAIMS.values(), ids=WRONG_CLAIMS)
async def test_wrong_claims_are_refused(visitor: Visitor, claims: dict[str, Any]) -> None:
    assert await visitor.sign_in(profile(new_user_id(), **claims)) == REFUSED
    assert await visitor.user() is None


@pytest.mark.parametrize("sign", ["none", "HS256", "stranger", "PS256"])
async def test_wrong_signatures_are_refused(visitor: Visitor, sign: str) -> None:
    script = replace(profile(new_user_id()), sign=sign)
    assert await visitor.sign_in(script) == REFUSED
    assert await visitor.user() is None


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "e30.e30.e30", "é", None, 5, "a." * 10_000])
async def test_what_is_no_id_token_is_refused(visitor: Visitor, token: Any) -> None:
    script = replace(profile(new_user_id()), token={"id_token": token})
    assert await visitor.sign_in(script) == REFUSED


async def test_a_key_in_the_token_itself_is_not_believed(
    visitor: Visitor, provider: FakeProvider
) -> None:
    begun = await visitor.begin()
    payload = provider.payload(begun.script(profile(new_user_id())).claims)
    header = {"alg": "RS256", "kid": "first", "jwk": provider.stranger.as_dict(private=False)}
    text = jws.serialize_compact(header, payload, provider.stranger)
    assert await visitor.back(begun, Script(token={"id_token": text})) == REFUSED


@pytest.mark.parametrize(
    "claims",
    [{"aud": [CLIENT_ID]}, {"aud": [CLIENT_ID, "other"], "azp": CLIENT_ID}, {"azp": CLIENT_ID}],
)
async def test_tokens_that_name_several_parties_let_ours_in(
    visitor: Visitor, claims: dict[str, Any]
) -> None:
    assert await visitor.sign_in(profile(new_user_id(), **claims)) == "/done"


async def test_a_token_may_leave_out_the_name_of_the_only_key(visitor: Visitor) -> None:
    assert await visitor.sign_in(replace(profile(new_user_id()), sign="unnamed")) == "/done"


async def test_clocks_may_differ_by_half_a_minute(visitor: Visitor) -> None:
    for times in ({"iat": 25, "nbf": 25}, {"iat": -600, "exp": -1}):
        script = profile(new_user_id(), **from_now(times))
        assert await visitor.sign_in(script) == "/done"


async def test_keys_are_fetched_once(first_visitor: Visitor, provider: FakeProvider) -> None:
    provider.requests.clear()
    for _ in range(3):
        await first_visitor.sign_in(profile(new_user_id()))
    assert provider.requests.count("/jwks") == 1
    assert provider.requests.count("/.well-known/openid-configuration") == 1


async def test_unknown_keys_do_not_make_us_ask_without_end(
    first_visitor: Visitor, provider: FakeProvider
) -> None:
    await first_visitor.sign_in(profile(new_user_id()))
    provider.requests.clear()
    provider.key, kept = jwk.RSAKey.generate_key(2048, {"kid": "unknown"}), provider.key
    try:
        for _ in range(3):
            await first_visitor.sign_in(replace(profile(new_user_id()), sign="named"))
    finally:
        provider.key = kept
    assert "/jwks" not in provider.requests


async def test_a_new_key_is_fetched_after_a_while(
    first_visitor: Visitor, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    await first_visitor.sign_in(profile(new_user_id()))
    monkeypatch.setattr(id_token, "_REFRESH_AT_MOST_EVERY", 0.0)
    old, kept = provider.published, provider.key
    provider.key = jwk.RSAKey.generate_key(2048, {"kid": "next"})
    provider.published = [*old, provider.key.as_dict(private=False)]
    try:
        assert await first_visitor.sign_in(replace(profile(new_user_id()), sign="named")) == "/done"
    finally:
        provider.key, provider.published = kept, old


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"use": "enc"}, "made for encryption"),
        ({"alg": "RS512"}, "made for another algorithm"),
        ({"kty": "EC"}, "of another kind"),
        ({"n": "AQAB"}, "too small to be secure"),
        ({"n": 5}, "no key"),
    ],
)
async def test_keys_are_used_for_what_they_are_made_for_only(
    first_visitor: Visitor, provider: FakeProvider, change: dict[str, Any], reason: str
) -> None:
    kept = provider.published
    provider.published = [{**kept[0], **change}]
    try:
        assert await first_visitor.sign_in(profile(new_user_id())) == REFUSED, reason
    finally:
        provider.published = kept


async def test_keys_that_cannot_be_had_are_asked_for_once_in_a_while(
    first_visitor: Visitor, provider: FakeProvider
) -> None:
    kept = provider.published
    provider.published = None  # type: ignore[assignment]
    provider.requests.clear()
    try:
        for _ in range(3):
            assert await first_visitor.sign_in(profile(new_user_id())) == REFUSED
    finally:
        provider.published = kept
    assert provider.requests.count("/jwks") == 1


@pytest.mark.parametrize("keys", [[], [1, None, "x"], {}, None, [{}]])
async def test_nonsense_instead_of_keys_lets_nobody_in(
    first_visitor: Visitor, provider: FakeProvider, keys: Any
) -> None:
    kept, provider.published = provider.published, keys
    try:
        assert await first_visitor.sign_in(profile(new_user_id())) == REFUSED
    finally:
        provider.published = kept


async def test_elliptic_curves_are_understood(
    first_visitor: Visitor, provider: FakeProvider
) -> None:
    key = jwk.ECKey.generate_key("P-256", {"kid": "curve"})
    kept = provider.published
    provider.published = [key.as_dict(private=False)]
    begun = await first_visitor.begin()
    payload = provider.payload(begun.script(profile(new_user_id())).claims)
    text = jws.serialize_compact({"alg": "ES256", "kid": "curve"}, payload, key)
    try:
        assert await first_visitor.back(begun, Script(token={"id_token": text})) == "/done"
    finally:
        provider.published = kept


async def test_a_client_may_bring_an_id_token(visitor: Visitor, provider: FakeProvider) -> None:
    claims = profile(new_user_id()).claims
    token = provider.id_token({**claims, "azp": "the-telephone-s-own-id", "nonce": "n"})
    answer = await visitor.post(
        "sign-in/social", provider="fake", idToken={"token": token, "nonce": "n"}
    )
    assert answer.status_code == 200
    assert answer.headers["set-auth-jwt"]
    user = await visitor.user()
    assert user is not None
    assert user["email"] == claims["email"]


@pytest.mark.parametrize("sign", ["none", "HS256", "stranger"])
async def test_a_client_may_not_bring_a_forged_one(
    visitor: Visitor, provider: FakeProvider, sign: str
) -> None:
    token = provider.id_token(profile(new_user_id()).claims, sign)
    answer = await visitor.post("sign-in/social", provider="fake", idToken={"token": token})
    assert (answer.status_code, answer.json()["code"]) == (401, "INVALID_TOKEN")
    assert await visitor.user() is None
