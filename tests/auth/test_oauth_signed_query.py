"""The query that pages carry: signed by the server, so nobody consents to what was not asked."""

import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from ada_url import URLSearchParams

from authward.plugins.oauth_provider.signed_query import (
    QUERY_MAX_LENGTH,
    issued_at,
    sign_query,
    verified_query,
)
from tests.conftest import CreateDatabase
from tests.support.oauth_site import SECRET, OAuthSite, oauth_site, registered


@pytest.fixture(scope="module")
async def site(create_database: CreateDatabase) -> AsyncIterator[OAuthSite]:
    async with oauth_site(await create_database()) as made:
        yield made


@pytest.mark.parametrize(
    "change",
    [
        {"scope": "openid tasks:read tasks:write"},
        {"client_id": "another"},
        {"redirect_uri": "https://evil.example/cb"},
        {"exp": "99999999999"},
        {"ba_iat": "1"},
        {"ba_pl": "x"},
        {"sig": ""},
        {"sig": "x"},
        {"more": "x"},
    ],
)
async def test_a_consent_cannot_be_forged(site: OAuthSite, change: dict[str, str]) -> None:
    client, person = await registered(site), await site.person()
    page = await person.visit(**client.request())
    before = await site.count("oauthConsent")
    signed = parse_qsl(urlsplit(page).query)
    changed = [(name, change.get(name, value)) for name, value in signed]
    added = [pair for pair in change.items() if pair[0] not in dict(signed)]
    query = urlencode([*changed, *added])
    answer = await person.browser.post(
        "/oauth2/consent", json={"accept": True, "oauth_query": query}
    )
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_signature"})
    assert await site.count("oauthConsent") == before
    right = {"accept": True, "oauth_query": urlencode(signed)}
    assert (await person.browser.post("/oauth2/consent", json=right)).status_code == 200


@pytest.mark.parametrize("query", [5, True, None, [], {}, ["a"], "", "&", "sig=&sig="], ids=repr)
async def test_what_is_no_signed_query_is_refused(site: OAuthSite, query: Any) -> None:
    person = await site.person()
    answer = await person.browser.post(
        "/oauth2/consent", json={"accept": True, "oauth_query": query}
    )
    assert answer.status_code == 400, answer.text


async def test_a_signed_query_has_a_length_and_whole_seconds(site: OAuthSite) -> None:
    for length, is_right in ((16_000, True), (QUERY_MAX_LENGTH, False)):
        query = sign_query(URLSearchParams(urlencode({"state": "s" * length})), SECRET, 60, "")
        found = verified_query(query, [SECRET])
        assert (found is not None) is is_right
    assert dict(parse_qsl(query))["exp"].isdigit()


@pytest.mark.parametrize(("lifetime", "is_right"), [(60, True), (-1, False), (-100_000, False)])
def test_a_signed_query_counts_until_it_is_over(lifetime: int, *, is_right: bool) -> None:
    query = sign_query(URLSearchParams("state=s"), SECRET, lifetime, "")
    assert (verified_query(query, ["another", SECRET]) is not None) is is_right
    assert verified_query(query, ["another"]) is None


def test_a_query_says_when_it_was_signed() -> None:
    signed = URLSearchParams(sign_query(URLSearchParams("state=s"), SECRET, 60, ""))
    assert abs((issued_at(signed) or 0.0) - time.time()) < 30
    for text in ("", "ba_iat=", "ba_iat=x", "ba_iat=0", "ba_iat=-1", "ba_iat=inf", "ba_iat=nan"):
        assert issued_at(URLSearchParams(text)) is None, text
