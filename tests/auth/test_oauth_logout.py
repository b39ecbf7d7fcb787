"""A client signs a person out (RP-initiated logout), who is asked on a page of ours."""

import json
import re
import time
from collections.abc import AsyncIterator
from urllib.parse import quote, urlencode

import asyncpg
import pytest

from tests.conftest import BASE_URL, CreateDatabase
from tests.support.oauth_logout import (
    CONFIRMATION,
    GOODBYE,
    SCRIPT,
    STATE,
    UNREGISTERED,
    ask,
    cleared,
    confirm,
    is_signed_in,
    kept,
    leaving,
    tell,
)
from tests.support.oauth_site import OAuthSite, Person, oauth_site


@pytest.fixture(scope="module")
async def site(create_database: CreateDatabase) -> AsyncIterator[OAuthSite]:
    async with oauth_site(await create_database()) as made:
        yield made


CHANGES = {
    'UPDATE "oauthClient" SET disabled = true': (400, "The logout client is disabled"),
    'UPDATE "oauthClient" SET "enableEndSession" = false': (
        401,
        "The client is not allowed to initiate logout",
    ),
    'DELETE FROM "oauthClient"': (400, "The logout client does not exist"),
}
"""What may become of a client, and how it is refused then."""


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
    for other in ("[]", "7", "null", '"x"', "x", "{}"):
        signed = quote(site.auth.context.signer.sign(other))
        assert (await confirm(person, signed)).status_code == 400, other
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
    assert UNREGISTERED in done.text
    assert "location" not in done.headers
    assert not await is_signed_in(site, person)


async def test_a_page_that_is_no_longer_registered_is_not_gone_to(site: OAuthSite) -> None:
    client, person = await leaving(site), await site.person()
    page = await ask(person, client_id=client.id, post_logout_redirect_uri=GOODBYE)
    change = 'UPDATE "oauthClient" SET "postLogoutRedirectUris" = \'[]\' WHERE "clientId" = $1'
    await site.pool.execute(change, client.id)
    done = await confirm(person, kept(page))
    assert (done.status_code, "location" in done.headers) == (200, False)
    assert UNREGISTERED in done.text


async def test_a_page_of_a_client_that_may_no_longer_end_sessions_is_not_gone_to(
    site: OAuthSite,
) -> None:
    for change in CHANGES:
        client, person = await leaving(site), await site.person()
        page = await ask(person, client_id=client.id, post_logout_redirect_uri=GOODBYE)
        await site.pool.execute(f'{change} WHERE "clientId" = $1', client.id)
        done = await confirm(person, kept(page))
        assert (done.status_code, "location" in done.headers) == (200, False), change
        assert UNREGISTERED in done.text
        assert not await is_signed_in(site, person)


async def test_without_a_page_of_the_clients_one_is_just_signed_out(site: OAuthSite) -> None:
    client = await leaving(site)
    for query in ({}, {"client_id": client.id}, {"post_logout_redirect_uri": GOODBYE}):
        person = await site.person()
        done = await confirm(person, kept(await ask(person, **query)))
        assert done.status_code == 200
        assert ">Logged out.<" in done.text
        assert not await is_signed_in(site, person)


async def test_a_page_counts_once_also_for_a_person_who_is_signed_out_by_now(
    site: OAuthSite,
) -> None:
    client, person = await leaving(site), await site.person()
    cookie = kept(await ask(person, client_id=client.id, post_logout_redirect_uri=GOODBYE))
    assert (await confirm(person, cookie)).status_code == 302
    again = await confirm(person, cookie)
    assert (again.status_code, again.headers["location"]) == (302, GOODBYE)
    assert cleared(again), "it does not stay in the browser"
    plain = kept(await ask(person))
    done = await confirm(person, plain)
    assert (done.status_code, cleared(done)) == (200, True)
    assert ">Logged out.<" in done.text
    unregistered = kept(
        await ask(person, client_id=client.id, post_logout_redirect_uri=f"{GOODBYE}/")
    )
    assert UNREGISTERED in (await confirm(person, unregistered)).text
    script = await confirm(person, plain, **SCRIPT)
    assert (script.status_code, script.json()["error"]) == (400, "invalid_request")
    assert (await confirm(person, cookie, **SCRIPT)).json()["url"] == GOODBYE


async def test_a_question_without_a_session_can_be_answered_in_one(site: OAuthSite) -> None:
    client, person = await leaving(site), await site.person()
    nobody = Person(site.client(), "", "")
    cookie = kept(await ask(nobody, client_id=client.id))
    assert (await confirm(person, cookie)).status_code == 200
    assert not await is_signed_in(site, person)


async def test_a_script_is_asked_nothing_and_told_what_is_wrong(site: OAuthSite) -> None:
    client, person = await leaving(site), await site.person()
    wanted = "User confirmation is required to complete logout"
    nobody = Person(site.client(), "", "")
    for who, message in ((person, wanted), (nobody, "No active session is available for logout")):
        answer = await tell(who, client_id=client.id)
        assert (answer.status_code, answer.json()["error_description"]) == (400, message)
        assert CONFIRMATION not in answer.cookies
    assert await is_signed_in(site, person)
    assert (await confirm(person, kept(await ask(person)), **SCRIPT)).json() is None
    assert not await is_signed_in(site, person)


@pytest.mark.parametrize(
    ("headers", "is_person"),
    [
        ({"sec-fetch-mode": "navigate", "accept": "*/*"}, True),
        ({"accept": "text/html"}, True),
        ({"accept": "application/xhtml+xml"}, True),
        ({"accept": "application/json"}, False),
        ({"sec-fetch-mode": "cors", "accept": "text/html"}, False),
        ({"sec-fetch-mode": "cors", "accept": "*/*"}, False),
    ],
    ids=str,
)
async def test_only_who_sees_the_page_is_asked(
    site: OAuthSite, headers: dict[str, str], *, is_person: bool
) -> None:
    person = await site.person()
    answer = await person.browser.get("/oauth2/end-session", headers=headers)
    assert answer.status_code == (200 if is_person else 400)
    assert (CONFIRMATION in answer.cookies) is is_person


@pytest.mark.parametrize(("change", "refused"), CHANGES.items())
async def test_a_client_that_may_not_end_sessions_ends_none_and_nobody_is_asked(
    site: OAuthSite, change: str, refused: tuple[int, str]
) -> None:
    client, person = await leaving(site), await site.person()
    hint = (await client.tokens(person, scope="openid"))["id_token"]
    await site.pool.execute(f'{change} WHERE "clientId" = $1', client.id)
    nobody = Person(site.client(), "", "")
    for who, query in (
        (person, {"client_id": client.id}),
        (nobody, {"client_id": client.id, "id_token_hint": hint}),
        (nobody, {"id_token_hint": hint}),
    ):
        answer, page = await tell(who, **query), await ask(who, **query)
        assert (answer.status_code, answer.json()["error_description"]) == refused
        assert (page.status_code, refused[1] in page.text) == (refused[0], True)
        assert CONFIRMATION not in page.cookies
    asked = await ask(person, id_token_hint=hint)
    assert (asked.status_code == 200) is ("exist" in refused[1]), "who is unknown is not refused"
    assert await is_signed_in(site, person)


REFUSED_ENDS = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE 'not now' USING ERRCODE = '57014'; END $$;
CREATE TRIGGER refuse BEFORE DELETE ON session FOR EACH ROW EXECUTE FUNCTION refuse();
"""
ALLOWED_ENDS = "DROP FUNCTION refuse CASCADE"


@pytest.mark.parametrize("path", ["/sign-out", "/revoke-sessions"])
async def test_a_sign_out_that_fails_ends_nothing_and_the_next_one_all(
    site: OAuthSite, path: str
) -> None:
    client, person = await leaving(site), await site.person()
    tokens = await client.tokens(person, scope="openid", resource=None)
    bearer = {"authorization": f"Bearer {tokens['access_token']}"}
    await site.pool.execute(REFUSED_ENDS)
    try:
        with pytest.raises(asyncpg.QueryCanceledError):
            await person.browser.post(path, json={})
    finally:
        await site.pool.execute(ALLOWED_ENDS)
    assert await is_signed_in(site, person)
    assert (await client.http.get("/oauth2/userinfo", headers=bearer)).status_code == 200
    assert (await person.browser.post(path, json={})).status_code == 200
    assert not await is_signed_in(site, person)
    assert (await client.http.get("/oauth2/userinfo", headers=bearer)).status_code == 401
