"""What ends by itself, clients that nobody allowed, and what a person ends: the sign-out's page."""

import json
import re
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest

from authward.plugins.oauth_provider.provider import ID
from tests.conftest import BASE_URL, CreateDatabase
from tests.support.oauth_site import CALLBACK, Client, OAuthSite, Person, oauth_site, registered

LIFETIME = 3600
GOODBYE = "https://client.example.com/goodbye"
STATE = 's"><script>'
PAGE = {"sec-fetch-mode": "navigate", "accept": "text/html"}
CONFIRMATION = "better-auth.session_token.oauth_logout_confirmation"


@pytest.fixture(scope="module")
async def site(create_database: CreateDatabase) -> AsyncIterator[OAuthSite]:
    async with oauth_site(await create_database(), unused_client_expires_in=LIFETIME) as made:
        yield made


# Clients that nobody allowed anything


async def grow_old(site: OAuthSite, *clients: Client) -> None:
    age = f"{LIFETIME + 60} seconds"
    await site.pool.execute(
        f'UPDATE "oauthClient" SET "createdAt" = now() - interval \'{age}\' '
        'WHERE "clientId" = ANY($1)',
        [client.id for client in clients],
    )


async def left(site: OAuthSite, *clients: Client) -> list[bool]:
    """Which of them are there after somebody else has registered, a while later."""
    unused = site.auth.context.extensions[ID].unused_clients
    unused._removed_at = float("-inf")
    await registered(site)  # answered when what it does in the background is done
    rows = await site.pool.fetch('SELECT "clientId" FROM "oauthClient"')
    there = {row["clientId"] for row in rows}
    return [client.id in there for client in clients]


async def test_only_old_clients_go_that_nobody_allowed_anything(site: OAuthSite) -> None:
    person = await site.person()
    unused, young, used = [await registered(site) for _ in range(3)]
    tokens = await used.tokens(person)
    await grow_old(site, unused, used)
    assert await left(site, unused, young, used) == [False, True, True]
    assert (await used.refresh(tokens["refresh_token"])).status_code == 200
    assert (await unused.redeem("code")).status_code in {400, 401}


async def test_what_somebody_allowed_stays_without_a_refresh_token_too(site: OAuthSite) -> None:
    client = await registered(site)
    tokens = await client.tokens(await site.person(), scope="tasks:read")
    assert "refresh_token" not in tokens
    await grow_old(site, client)
    assert await left(site, client) == [True]


async def test_without_a_lifetime_they_stay_for_ever(create_database: CreateDatabase) -> None:
    async with oauth_site(await create_database()) as site:
        client = await registered(site)
        await grow_old(site, client)
        assert await left(site, client) == [True]


async def test_clients_that_somebody_made_or_answers_for_stay(site: OAuthSite) -> None:
    person = await site.person()
    body = {"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none"}
    made = (await person.browser.post("/oauth2/create-client", json=body)).json()
    own = Client(person.browser, made["client_id"])
    trusted, referred = await registered(site), await registered(site)
    change = 'UPDATE "oauthClient" SET {} WHERE "clientId" = $1'
    await site.pool.execute(change.format('"skipConsent" = true'), trusted.id)
    await site.pool.execute(change.format("\"referenceId\" = 'team'"), referred.id)
    await grow_old(site, own, trusted, referred)
    assert await left(site, own, trusted, referred) == [True, True, True]


async def test_a_client_that_still_has_a_refresh_token_stays_until_that_goes(
    site: OAuthSite,
) -> None:
    client = await registered(site)
    await client.tokens(await site.person())
    await grow_old(site, client)
    await site.pool.execute('DELETE FROM "oauthConsent" WHERE "clientId" = $1', client.id)
    assert await left(site, client) == [True]
    await site.pool.execute('DELETE FROM "oauthRefreshToken" WHERE "clientId" = $1', client.id)
    assert await left(site, client) == [False]


async def test_they_are_looked_for_once_a_minute_at_most(site: OAuthSite) -> None:
    await left(site)
    unused = await registered(site)
    await grow_old(site, unused)
    await registered(site)
    count = 'SELECT count(*) FROM "oauthClient" WHERE "clientId" = $1'
    assert await site.pool.fetchval(count, unused.id) == 1
    assert await left(site, unused) == [False]


# The page on which a person confirms a sign-out that a client has begun


async def leaving(site: OAuthSite, **columns: Any) -> Client:
    """A client that may end sessions and has a page for afterwards."""
    client = await registered(site)
    await site.pool.execute(
        'UPDATE "oauthClient" SET "enableEndSession" = true, "postLogoutRedirectUris" = $2 '
        'WHERE "clientId" = $1',
        client.id,
        columns.get("uris", json.dumps([GOODBYE])),
    )
    return client


async def ask(person: Person, **query: str) -> httpx.Response:
    return await person.browser.get("/oauth2/end-session", params=query, headers=PAGE)


def kept(page: httpx.Response) -> str:
    """What the page has its browser keep."""
    return page.cookies[CONFIRMATION]


async def confirm(person: Person, cookie: str | None, **headers: str) -> httpx.Response:
    """Press the button, with the cookie of a page."""
    cookies = person.browser.headers["cookie"]
    cookies += "" if cookie is None else f"; {CONFIRMATION}={cookie}"
    given = {"content-type": "application/x-www-form-urlencoded", **PAGE, **headers}
    return await person.browser.post(
        "/oauth2/end-session/confirm",
        content=urlencode({"action": "confirm"}),
        headers={**given, "cookie": cookies},
    )


async def is_signed_in(site: OAuthSite, person: Person) -> bool:
    count = 'SELECT count(*) FROM session WHERE "userId" = $1'
    return bool(await site.pool.fetchval(count, person.id))


async def test_a_person_confirms_and_comes_to_the_clients_page(site: OAuthSite) -> None:
    client, person = await leaving(site), await site.person()
    page = await ask(person, client_id=client.id, post_logout_redirect_uri=GOODBYE, state=STATE)
    assert (page.status_code, page.headers["cache-control"]) == (200, "no-store")
    assert "form-action 'self'" in page.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert "<script>" not in page.text
    assert re.search(
        r'<form method="post"[^>]* action="[^"]+/oauth2/end-session/confirm"', page.text
    )
    cookie = next(c for c in page.headers.get_list("set-cookie") if CONFIRMATION in c)
    assert "HttpOnly" in cookie
    assert "Path=/api/auth/oauth2/end-session/confirm" in cookie
    assert await is_signed_in(site, person), "nothing has happened yet"
    done = await confirm(person, kept(page))
    assert done.status_code == 302
    assert done.headers["location"] == f"{GOODBYE}?{urlencode({'state': STATE})}"
    assert not await is_signed_in(site, person)
    ended = [c for c in done.headers.get_list("set-cookie") if "session_token=;" in c]
    assert ended
    assert "Max-Age=0" in ended[0]


async def test_without_the_pages_own_cookie_nobody_is_signed_out(site: OAuthSite) -> None:
    client, person = await leaving(site), await site.person()
    signed = kept(await ask(person, client_id=client.id))
    for forged in (None, "", "x", "%7B%7D.x", signed[:-6] + "AAA%3D", signed[1:]):
        assert (await confirm(person, forged)).status_code == 400
    assert await is_signed_in(site, person)
    assert (await confirm(person, signed)).status_code == 200


async def test_an_answer_that_comes_too_late_does_not_count(site: OAuthSite) -> None:
    person = await site.person()
    now = int(time.time() * 1000)
    for end in (now - 1, True, "never", None):
        state = quote(site.auth.context.signer.sign(json.dumps({"expiresAt": end})))
        assert (await confirm(person, state)).status_code == 400, end
    assert await is_signed_in(site, person)
    state = quote(site.auth.context.signer.sign(json.dumps({"expiresAt": now + 60_000})))
    assert (await confirm(person, state)).status_code == 200


async def test_one_persons_page_signs_no_other_person_out(site: OAuthSite) -> None:
    client, eve, person = await leaving(site), await site.person(), await site.person()
    page = await ask(eve, client_id=client.id)
    assert (await confirm(person, kept(page))).status_code == 400
    assert await is_signed_in(site, person)


async def test_another_sites_form_signs_nobody_out(site: OAuthSite) -> None:
    client, person = await leaving(site), await site.person()
    page = await ask(person, client_id=client.id)
    assert (await confirm(person, kept(page), origin="https://evil.example")).status_code == 403
    assert await is_signed_in(site, person)
    assert (await confirm(person, kept(page), origin=BASE_URL)).status_code == 200


@pytest.mark.parametrize(
    "uri",
    [
        "https://client.example.com/goodbye/",
        "https://client.example.com/goodbye?x=1",
        "https://evil.example/goodbye",
        "https://client.example.com@evil.example/goodbye",
        "HTTPS://client.example.com/goodbye",
    ],
)
async def test_a_page_that_was_not_registered_is_not_gone_to(site: OAuthSite, uri: str) -> None:
    client, person = await leaving(site), await site.person()
    page = await ask(person, client_id=client.id, post_logout_redirect_uri=uri)
    done = await confirm(person, kept(page))
    assert done.status_code == 200
    assert "Logged out. The requested post-logout redirect was not registered." in done.text
    assert "location" not in done.headers
    assert not await is_signed_in(site, person)


async def test_a_page_that_is_no_longer_registered_is_not_gone_to(site: OAuthSite) -> None:
    client, person = await leaving(site), await site.person()
    page = await ask(person, client_id=client.id, post_logout_redirect_uri=GOODBYE)
    change = 'UPDATE "oauthClient" SET "postLogoutRedirectUris" = \'[]\' WHERE "clientId" = $1'
    await site.pool.execute(change, client.id)
    done = await confirm(person, kept(page))
    assert (done.status_code, "location" in done.headers) == (200, False)


async def test_an_id_token_of_the_clients_own_needs_no_question(site: OAuthSite) -> None:
    client, other, person = await leaving(site), await leaving(site), await site.person()
    tokens = await client.tokens(person, scope="openid")
    refused = await ask(person, client_id=other.id, id_token_hint=tokens["id_token"])
    assert "Confirm logout" in refused.text, "it proves nothing about another client"
    assert await is_signed_in(site, person)
    done = await ask(person, id_token_hint=tokens["id_token"], post_logout_redirect_uri=GOODBYE)
    assert (done.status_code, done.headers["location"]) == (302, GOODBYE)
    assert not await is_signed_in(site, person)


async def test_a_client_that_may_not_end_sessions_gets_no_question_asked(site: OAuthSite) -> None:
    client, person = await registered(site), await site.person()
    page = await ask(person, client_id=client.id)
    assert page.status_code == 401
    assert "Confirm" not in page.text
    assert CONFIRMATION not in page.cookies
