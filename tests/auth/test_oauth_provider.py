"""The authorization server: the way from a registration to tokens, and what they are worth."""

from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest

from authward.plugins.oauth_provider import verify_access_token
from tests.conftest import CreateDatabase
from tests.support.oauth_site import (
    ISSUER,
    RESOURCE,
    OAuthSite,
    oauth_site,
    registered,
)


@pytest.fixture(scope="module")
async def site(create_database: CreateDatabase) -> AsyncIterator[OAuthSite]:
    async with oauth_site(await create_database()) as made:
        yield made


async def test_a_client_goes_the_whole_way(site: OAuthSite) -> None:
    person, client = await site.person(), await registered(site)
    page = await person.visit(**client.request())
    assert urlsplit(page).path == "/consent"
    back = await person.allow(page)
    query = parse_qs(urlsplit(back).query)
    assert back.startswith(client.redirect_uri)
    assert (query["state"], query["iss"]) == (["st/ate +&"], [ISSUER])
    answer = await client.redeem(query["code"][0])
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    tokens = answer.json()
    claims = await verify_access_token(site.auth.context, tokens["access_token"], RESOURCE)
    assert (claims.user_id, claims.client_id) == (person.id, client.id)
    assert claims.scopes == {"offline_access", "tasks:read"}
    refreshed = await client.refresh(tokens["refresh_token"])
    assert refreshed.status_code == 200, refreshed.text
    assert refreshed.json()["refresh_token"] != tokens["refresh_token"]
    again = (await client.refresh(tokens["refresh_token"])).json()
    left = refreshed.json()["expires_in"] - again["expires_in"]
    assert again == {**refreshed.json(), "expires_in": again["expires_in"]}
    assert 0 <= left <= 60  # a second may have passed
    once_more = await person.visit(**client.request())
    assert once_more.startswith(client.redirect_uri)


@pytest.mark.parametrize("header", [{"accept": "application/json"}, {"sec-fetch-mode": "cors"}])
async def test_a_script_is_told_the_address_and_not_sent_there(
    site: OAuthSite, header: dict[str, str]
) -> None:
    person, client = await site.person(), await registered(site)
    asked = client.request()
    answer = await person.browser.get("/oauth2/authorize", params=asked, headers=header)
    assert (answer.status_code, answer.json()["redirect"]) == (200, True)
    assert urlsplit(answer.json()["url"]).path == "/consent"


@pytest.mark.parametrize(
    ("kind", "mode", "is_fragment"),
    [
        ("token", None, True),
        ("code id_token", None, True),
        ("other", None, False),
        ("tokens", None, False),
        ("token", "query", False),
        ("other", "fragment", True),
    ],
)
async def test_an_error_goes_where_the_client_looks_for_the_answer(
    site: OAuthSite, kind: str, mode: str | None, *, is_fragment: bool
) -> None:
    person, client = await site.person(), await registered(site)
    url = urlsplit(await person.visit(**client.request(response_type=kind, response_mode=mode)))
    where, other = (url.fragment, url.query) if is_fragment else (url.query, url.fragment)
    assert "error" in parse_qs(where)
    assert other == ""


async def test_an_id_token_says_when_its_user_signed_in(site: OAuthSite) -> None:
    person, client = await site.person(), await registered(site)
    tokens = await client.tokens(person, scope="openid")
    claims = jwt.decode(tokens["id_token"], options={"verify_signature": False})
    created = await site.pool.fetchval(
        'SELECT "createdAt" FROM session WHERE "userId" = $1', person.id
    )
    assert claims["auth_time"] == int(created.timestamp())
