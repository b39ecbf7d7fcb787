"""What a person answers on the consent page: for that person, that client, and what was asked."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from authward.plugins.oauth_provider.options import (
    Authorization,
    PostLoginPage,
    SelectAccountPage,
    SignupPage,
)
from tests.conftest import CreateDatabase
from tests.support.oauth_site import (
    ISSUER,
    RESOURCE,
    Client,
    OAuthSite,
    Person,
    oauth_site,
    registered,
)

SCOPES: Final = "offline_access tasks:read tasks:write"
CLAIMS: Final = '{"userinfo":{"email":null,"name":null}}'
ASKED: Final = {"resource": None, "scope": "openid", "claims": CLAIMS}


@pytest.fixture(scope="module")
async def site(create_database: CreateDatabase) -> AsyncIterator[OAuthSite]:
    async with oauth_site(await create_database()) as made:
        yield made


HAS_CHOSEN: set[str] = set()
"""Ids of users who need not go to the page after the login."""


async def must_choose(asked: Authorization) -> bool:
    return asked.user.id not in HAS_CHOSEN


async def team_of(asked: Authorization) -> str | None:
    return f"team of {asked.user.id}"


@pytest.fixture(scope="module")
async def paged(create_database: CreateDatabase) -> AsyncIterator[OAuthSite]:
    """A server with a page for everything."""
    more: dict[str, Any] = {
        "select_account": SelectAccountPage(page="/select"),
        "signup": SignupPage(page="/sign-up"),
        "post_login": PostLoginPage(
            page="/team", should_redirect=must_choose, consent_reference_id=team_of
        ),
    }
    async with oauth_site(await create_database(), **more) as made:
        yield made


async def answer(person: Person, page: str, *, accept: bool = True, **more: Any) -> httpx.Response:
    body = {"accept": accept, "oauth_query": urlsplit(page).query, **more}
    return await person.browser.post("/oauth2/consent", json=body)


async def go_on(person: Person, page: str, **said: bool) -> httpx.Response:
    body = {"oauth_query": urlsplit(page).query, **said}
    return await person.browser.post("/oauth2/continue", json=body)


def target(response: httpx.Response) -> str:
    """Where the browser is sent: a page's path, or `code`."""
    assert response.status_code == 200, response.text
    url = urlsplit(response.json()["url"])
    return "code" if "code" in parse_qs(url.query) else url.path


def error(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json().get("error")


async def consents(site: OAuthSite, client: Client) -> list[dict[str, Any]]:
    rows = await site.pool.fetch(
        'SELECT to_jsonb(c)::text FROM "oauthConsent" c WHERE "clientId" = $1', client.id
    )
    return [json.loads(row[0]) for row in rows]


async def asked(site: OAuthSite, **more: Any) -> tuple[Client, Person, str]:
    """A client, a person, and the page on which the person is asked."""
    client, person = await registered(site), await site.person()
    page = await person.visit(**client.request(**more))
    assert urlsplit(page).path == "/consent"
    return client, person, page


async def signed_in_again(site: OAuthSite, person: Person, seconds: int) -> None:
    """The session began so long after now."""
    statement = 'UPDATE session SET "createdAt" = now() + $2 * interval \'1 s\' WHERE "userId" = $1'
    await site.pool.execute(statement, person.id, seconds)


# Yes and no


async def test_whoever_says_no_allows_nothing(site: OAuthSite) -> None:
    client, person, page = await asked(site)
    url = await person.allow(page, accept=False)
    query = parse_qs(urlsplit(url).query)
    assert url.startswith(f"{client.redirect_uri}?")
    assert (query["error"], query["iss"]) == (["access_denied"], [ISSUER])
    assert query["state"] == ["st/ate +&"]
    assert await consents(site, client) == []
    again = await person.visit(**client.request())
    assert urlsplit(again).path == "/consent"


@pytest.mark.parametrize("accept", ["true", 1, None, "yes", []])
async def test_only_yes_is_yes(site: OAuthSite, accept: Any) -> None:
    client, person, page = await asked(site)
    assert (await answer(person, page, accept=accept)).status_code == 400
    assert await consents(site, client) == []


@pytest.mark.parametrize("accept", [True, False])
@pytest.mark.parametrize(
    "change",
    [
        'DELETE FROM "oauthClient"',
        'UPDATE "oauthClient" SET disabled = true',
        """UPDATE "oauthClient" SET "redirectUris" = '["https://client.example.com/new"]'""",
    ],
)
async def test_an_answer_goes_only_where_the_client_still_is(
    site: OAuthSite, change: str, *, accept: bool
) -> None:
    client, person, page = await asked(site)
    await site.pool.execute(f'{change} WHERE "clientId" = $1', client.id)
    response = await answer(person, page, accept=accept)
    if response.status_code == 200:
        url = response.json()["url"]
        is_told = "disabled" in change and not accept
        assert url.startswith(client.redirect_uri if is_told else f"{ISSUER}/error?"), url
        assert "code=" not in url
    else:
        assert error(response) == (400, "invalid_client")
    if "redirectUris" not in change:
        assert await consents(site, client) == []
        assert (response.status_code == 400) is (accept or "DELETE" in change)


async def test_an_answer_needs_the_query_of_a_page(site: OAuthSite) -> None:
    person = await site.person()
    for path, body in (("consent", {"accept": True}), ("continue", {"selected": True})):
        for more in ({}, {"oauth_query": ""}):
            response = await person.browser.post(f"/oauth2/{path}", json={**body, **more})
            assert error(response) == (400, "invalid_request")
            assert response.json()["error_description"] == "missing oauth query"


# Whose, and for whom


async def test_the_page_of_one_person_allows_nothing_in_the_name_of_another(
    site: OAuthSite,
) -> None:
    client, alice, page = await asked(site)
    bob = await site.person()
    url = await bob.allow(page)
    (consent,) = await consents(site, client)
    assert consent["userId"] == bob.id
    tokens = (await client.redeem(parse_qs(urlsplit(url).query)["code"][0])).json()
    row = 'SELECT "userId" FROM "oauthRefreshToken" WHERE "clientId" = $1'
    assert await site.pool.fetchval(row, client.id) == bob.id
    assert tokens["scope"] == "offline_access tasks:read"
    assert urlsplit(await alice.visit(**client.request())).path == "/consent"


async def test_a_page_that_is_answered_after_the_sign_out_allows_nothing(site: OAuthSite) -> None:
    client, person, page = await asked(site)
    assert (await person.browser.post("/sign-out", json={})).status_code == 200
    for response in (await answer(person, page), await answer(person, page, accept=False)):
        assert response.status_code == 401
    assert await consents(site, client) == []


async def test_what_one_client_was_allowed_another_has_to_ask_for(site: OAuthSite) -> None:
    _, person, page = await asked(site)
    await person.allow(page)
    other = await registered(site)
    assert urlsplit(await person.visit(**other.request())).path == "/consent"


async def test_of_answers_given_at_once_there_is_one_consent(site: OAuthSite) -> None:
    client, person, page = await asked(site, scope=SCOPES)
    scopes = ["tasks:read", "tasks:write", "offline_access", SCOPES] * 2
    given = [answer(person, page, scope=scope) for scope in scopes]
    assert {response.status_code for response in await asyncio.gather(*given)} == {200}
    assert len(await consents(site, client)) == 1


async def test_the_last_answer_holds(site: OAuthSite) -> None:
    client, person, page = await asked(site, scope=SCOPES)
    for scope in (SCOPES, "tasks:read"):
        assert target(await answer(person, page, scope=scope)) == "code"
    (consent,) = await consents(site, client)
    assert consent["scopes"] == ["tasks:read"]
    assert urlsplit(await person.visit(**client.request(scope=SCOPES))).path == "/consent"
    assert (await person.visit(**client.request(scope="tasks:read"))).startswith(
        client.redirect_uri
    )


# For what


async def test_fewer_scopes_can_be_allowed_than_were_asked_for(site: OAuthSite) -> None:
    client, person, page = await asked(site, scope=SCOPES)
    url = await person.allow(page, scope="tasks:read")
    tokens = (await client.redeem(parse_qs(urlsplit(url).query)["code"][0])).json()
    assert (tokens["scope"], "refresh_token" in tokens) == ("tasks:read", False)
    (consent,) = await consents(site, client)
    assert (consent["scopes"], consent["resources"]) == (["tasks:read"], [RESOURCE])


@pytest.mark.parametrize("scope", ["openid", "tasks:read openid", "TASKS:READ", "tasks:*", " "])
async def test_no_scope_can_be_allowed_that_was_not_asked_for(site: OAuthSite, scope: str) -> None:
    client, person, page = await asked(site, scope=SCOPES)
    assert error(await answer(person, page, scope=scope)) == (400, "invalid_request")
    assert await consents(site, client) == []


async def test_what_is_asked_for_is_allowed_unless_less_is_said(site: OAuthSite) -> None:
    client, person, page = await asked(site, **ASKED)
    assert target(await answer(person, page)) == "code"
    (consent,) = await consents(site, client)
    assert consent["scopes"] == ["openid"]
    assert consent["requestedUserInfoClaims"] == ["email", "name"]
    assert consent["resources"] is None


async def test_fewer_claims_can_be_allowed_than_were_asked_for(site: OAuthSite) -> None:
    client, person, page = await asked(site, **ASKED)
    url = await person.allow(page, claims='{"userinfo":{"name":null}}')
    tokens = (await client.redeem(parse_qs(urlsplit(url).query)["code"][0])).json()
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    shown = (await client.http.get("/oauth2/userinfo", headers=headers)).json()
    assert shown.keys() == {"sub", "name"}
    (consent,) = await consents(site, client)
    assert consent["requestedUserInfoClaims"] == ["name"]
    again = await person.visit(**client.request(**ASKED))
    assert urlsplit(again).path == "/consent"


async def test_a_resource_that_was_allowed_stays_so_when_none_is_asked_for(site: OAuthSite) -> None:
    client, person, page = await asked(site)
    await person.allow(page)
    page = await person.visit(**client.request(resource=None, prompt="consent"))
    await person.allow(page)
    (consent,) = await consents(site, client)
    assert consent["resources"] == [RESOURCE]
    assert (await person.visit(**client.request())).startswith(client.redirect_uri)


async def test_no_claim_at_all_can_be_allowed(site: OAuthSite) -> None:
    client, person, page = await asked(site, **ASKED)
    url = await person.allow(page, claims="{}")
    tokens = (await client.redeem(parse_qs(urlsplit(url).query)["code"][0])).json()
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    shown = (await client.http.get("/oauth2/userinfo", headers=headers)).json()
    assert shown.keys() == {"sub"}


@pytest.mark.parametrize(
    "claims",
    ['{"userinfo":{"picture":null}}', '{"userinfo":{"email":null,"picture":null}}', "x", "[]", ""],
)
async def test_no_claim_can_be_allowed_that_was_not_asked_for(site: OAuthSite, claims: str) -> None:
    client, person, page = await asked(site, **ASKED)
    assert (await answer(person, page, claims=claims)).status_code == 400
    assert await consents(site, client) == []


async def test_a_consent_for_one_resource_is_for_no_other(site: OAuthSite) -> None:
    client, person, page = await asked(site, resource=None)
    await person.allow(page)
    assert urlsplit(await person.visit(**client.request(resource=RESOURCE))).path == "/consent"


# Prompts


async def test_a_client_can_have_the_person_asked_again_and_once(site: OAuthSite) -> None:
    client, person, page = await asked(site)
    await person.allow(page)
    again = await person.visit(**client.request(prompt="consent"))
    assert urlsplit(again).path == "/consent"
    assert target(await answer(person, again)) == "code"


async def test_whoever_must_sign_in_again_allows_nothing_before(site: OAuthSite) -> None:
    client, person = await registered(site), await site.person()
    await signed_in_again(site, person, -60)
    page = await person.visit(**client.request(prompt="login", max_age="0"))
    assert urlsplit(page).path == "/sign-in"
    assert target(await answer(person, page)) == "/sign-in"
    assert await consents(site, client) == []
    await signed_in_again(site, person, 1)
    assert target(await answer(person, page)) == "code"
    assert len(await consents(site, client)) == 1


async def test_a_sign_in_before_the_page_is_not_the_one_that_was_asked_for(site: OAuthSite) -> None:
    client, person = await registered(site), await site.person()
    page = await person.visit(**client.request(prompt="login consent"))
    await signed_in_again(site, person, -60)
    assert target(await answer(person, page)) == "/sign-in"
    assert await consents(site, client) == []


async def test_an_answer_is_no_sign_in_where_the_client_has_not_asked_for_one(
    site: OAuthSite,
) -> None:
    client, person = await registered(site), await site.person()
    page = await person.visit(**client.request(max_age="0"))
    assert urlsplit(page).path == "/sign-in"
    await signed_in_again(site, person, 1)
    assert target(await answer(person, page)) == "/sign-in"


# Pages before the consent


@pytest.mark.parametrize(
    ("prompt", "path", "said"),
    [("select_account", "/select", "selected"), ("create", "/sign-up", "created")],
)
async def test_a_page_that_was_seen_is_not_shown_again(
    paged: OAuthSite, prompt: str, path: str, said: str
) -> None:
    client, person = await registered(paged), await paged.person()
    page = await person.visit(**client.request(prompt=prompt))
    assert urlsplit(page).path == path
    seen = await go_on(person, page, **{said: True})
    assert target(seen) == "/team"
    assert "prompt" not in parse_qs(urlsplit(seen.json()["url"]).query)
    for other in {"selected", "created", "postLogin"} - {said}:
        unseen = await go_on(person, page, **{other: True})
        assert parse_qs(urlsplit(unseen.json()["url"]).query)["prompt"] == [prompt]
    for nothing in ({}, {said: False}):
        assert error(await go_on(person, page, **nothing)) == (400, "invalid_request")


async def test_the_page_after_the_login_clears_one_session_and_no_other(paged: OAuthSite) -> None:
    client, person = await registered(paged), await paged.person()
    first = await person.visit(**client.request())
    assert urlsplit(first).path == "/team"
    for again in (await go_on(person, first, postLogin=True), await answer(person, first)):
        assert target(again) == "/team", "nobody has chosen"
    HAS_CHOSEN.add(person.id)
    await paged.pool.execute('DELETE FROM "oauthConsent" WHERE "userId" = $1', person.id)
    chosen = await go_on(person, first, postLogin=True)
    assert target(chosen) == "/consent"
    HAS_CHOSEN.clear()
    page = chosen.json()["url"]
    assert target(await go_on(person, page, postLogin=True)) == "/consent"
    other = await paged.person()
    for again in (await go_on(other, page, postLogin=True), await answer(other, page)):
        assert target(again) == "/team"
    assert target(await answer(person, page)) == "code"


async def test_a_consent_is_kept_under_what_was_chosen_before(paged: OAuthSite) -> None:
    client, person = await registered(paged), await paged.person()
    page = await person.visit(**client.request())
    await answer(person, page)
    (consent,) = await consents(paged, client)
    assert consent["referenceId"] == f"team of {person.id}"
