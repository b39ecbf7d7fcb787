"""What attackers try on the authorization server: 4xx, and nothing is stored."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from authward.plugins.oauth_provider import InvalidAccessTokenError, verify_access_token
from tests.conftest import BASE_URL, CreateDatabase
from tests.support.oauth_site import (
    CALLBACK,
    ISSUER,
    RESOURCE,
    WANTED,
    OAuthSite,
    oauth_site,
    registered,
    stored_rows,
)


@pytest.fixture(scope="module")
async def site(create_database: CreateDatabase) -> AsyncIterator[OAuthSite]:
    async with oauth_site(await create_database()) as made:
        yield made


REDIRECTS = [
    f"{CALLBACK}/",
    f"{CALLBACK}/../x",
    f"{CALLBACK}%2f..",
    f"{CALLBACK}?a=b",
    f"{CALLBACK}#a",
    f"{CALLBACK}#",
    "https://client.example.com/CALLBACK",
    "https://client.example.com:443/callback",
    "https://client.example.com.evil.example/callback",
    "https://client.example.com@evil.example/callback",
    "https://evil.example/callback?https://client.example.com/callback",
    "https://client.example.com\\@evil.example/callback",
    "//client.example.com/callback",
    "https:client.example.com/callback",
    "http://client.example.com/callback",
    "javascript:alert(1)//https://client.example.com/callback",
    "data:text/html,<script>alert(1)</script>",
    "https://client.example.com/callback\r\nSet-Cookie: a=b",
    "https://client.example.com/callback\0",
    "\thttps://client.example.com/callback",
    " https://client.example.com/callback",
    "https://client.example.com/callback ",
    "",
]


@pytest.mark.parametrize("redirect_uri", REDIRECTS)
async def test_the_browser_is_never_sent_to_a_redirect_that_was_not_registered(
    site: OAuthSite, redirect_uri: str
) -> None:
    client, person = await registered(site), await site.person()
    before = await stored_rows(site)
    for more in ({}, {"scope": "nope"}, {"code_challenge": None}, {"prompt": "none"}):
        url = await person.visit(**client.request(redirect_uri=redirect_uri, **more))
        assert url.startswith(f"{ISSUER}/error?error="), url
    assert await stored_rows(site) == before


@pytest.mark.parametrize(
    "uri",
    [
        *("javascript:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd"),
        *("blob:https://a.example/x", "http://evil.example/cb", "https://a.example/cb#x"),
        *("https://u:p@a.example/cb", "http://127.0.0.2/cb", "http://localhost.evil.example/cb"),
        *("http://127.0.0.1.evil.example/cb", "http://2130706433/cb", "http://0x7f.1/cb"),
        *("ftp://a.example/cb", "about:blank", "view-source:https://a.example", "cb", "//a/cb"),
        *("https://[::1]/cb", "https://localhost/cb", "ws://a.example/cb", "mailto:a@b.example"),
    ],
)
async def test_redirect_uris_that_endanger_users_are_not_registered(
    site: OAuthSite, uri: str
) -> None:
    before = await stored_rows(site)
    for kind in (None, "web", "native"):
        for uris in ([uri], [CALLBACK, uri]):
            body = {"redirect_uris": uris, **({"application_type": kind} if kind else {})}
            answer = await site.client().post("/oauth2/register", json=body)
            assert answer.status_code == 400, (kind, uris, answer.text)
            assert answer.json()["error"] == "invalid_redirect_uri"
    assert await stored_rows(site) == before


async def test_a_code_is_used_once_however_many_try_at_once(site: OAuthSite) -> None:
    client, person = await registered(site), await site.person()
    for _ in range(5):
        code = await client.code(person)
        answers = await asyncio.gather(*(client.redeem(code) for _ in range(8)))
        assert sorted(answer.status_code for answer in answers) == [200, *[400] * 7]
        (won,) = [answer.json() for answer in answers if answer.status_code == 200]
        refused = await client.refresh(won["refresh_token"])
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


async def test_a_code_is_worth_nothing_to_another_client(site: OAuthSite) -> None:
    client, thief = await registered(site), await registered(site)
    person = await site.person()
    code = await client.code(person)
    thief.verifier = client.verifier
    stolen = await thief.redeem(code)
    assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
    assert (await client.redeem(code)).status_code == 400


async def test_a_code_is_bound_to_the_challenge_and_its_method(site: OAuthSite) -> None:
    client, person = await registered(site), await site.person()
    for verifier in ("x" * 43, client.challenge, "", None):
        code = await client.code(person)
        refused = await client.token(
            grant_type="authorization_code",
            code=code,
            redirect_uri=CALLBACK,
            code_verifier=verifier,
        )
        assert refused.status_code in {400, 401}, verifier
    for more in ({"code_challenge_method": "plain"}, {"code_challenge": None}):
        url = await person.visit(**client.request(**more))
        assert "error=invalid_request" in url
    for more in ({"code_challenge": ""}, {"code_challenge_method": ""}):
        assert "error=" in await person.visit(**client.request(**more))


async def test_nobody_answers_for_another_server(site: OAuthSite) -> None:
    client, person = await registered(site), await site.person()
    for more in ({}, {"scope": "nope"}):
        page = await person.visit(**client.request(**more))
        back = page if more else await person.allow(page)
        assert parse_qs(urlsplit(back).query)["iss"] == [ISSUER]
    denied = await registered(site)
    page = await person.visit(**denied.request())
    url = await person.allow(page, accept=False)
    assert parse_qs(urlsplit(url).query)["iss"] == [ISSUER]


async def test_a_consent_comes_from_our_own_page(site: OAuthSite) -> None:
    client, person = await registered(site), await site.person()
    query = urlsplit(await person.visit(**client.request())).query
    before = await stored_rows(site)
    for origin in ("https://evil.example", "null", ""):
        answer = await person.browser.post(
            "/oauth2/consent",
            json={"accept": True, "oauth_query": query},
            headers={"origin": origin},
        )
        assert answer.status_code == 403, origin
    form = await person.browser.post(
        "/oauth2/consent", data={"accept": "true", "oauth_query": query}
    )
    assert form.status_code == 415
    nobody = await site.client().post(
        "/oauth2/consent", json={"accept": True, "oauth_query": query}
    )
    assert nobody.status_code == 401
    assert await stored_rows(site) == before


async def test_a_token_is_for_its_own_resource_and_no_session(site: OAuthSite) -> None:
    client, person = await registered(site), await site.person()
    tokens = await client.tokens(person)
    access = tokens["access_token"]
    for audience in (f"{BASE_URL}/other", ISSUER, BASE_URL, f"{RESOURCE}/", client.id):
        with pytest.raises(InvalidAccessTokenError):
            await verify_access_token(site.auth.context, access, audience)
    head, body, signature = access.split(".")
    for forged in (
        f"{head}.{body}.{'A' * len(signature)}",
        f"{head}.{body}.",
        "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0." + body + ".",
        tokens["refresh_token"],
        "",
        "a.b.c",
        access + "\n",
        "x" * 100_000,
    ):
        with pytest.raises(InvalidAccessTokenError):
            await verify_access_token(site.auth.context, forged, RESOURCE)
    id_token = (await client.tokens(person, scope="openid"))["id_token"]
    with pytest.raises(InvalidAccessTokenError):
        await verify_access_token(site.auth.context, id_token, client.id)
    for token in (access, id_token, tokens["refresh_token"]):
        headers = {"authorization": f"Bearer {token}"}
        assert (await site.client().get("/get-session", headers=headers)).json() is None
        assert (await site.client().get("/token", headers=headers)).status_code == 401
        consents = await site.client().get("/oauth2/get-consents", headers=headers)
        assert consents.status_code == 401


async def test_a_refresh_token_that_was_stolen_ends_them_all(site: OAuthSite) -> None:
    client, person = await registered(site), await site.person()
    first = (await client.tokens(person))["refresh_token"]
    second = (await client.refresh(first)).json()["refresh_token"]
    await site.pool.execute(
        """UPDATE "oauthRefreshToken" SET "rotationReplayExpiresAt" = now() - interval '1 s'"""
    )
    assert (await client.refresh(first)).status_code == 400
    gone = await client.refresh(second)
    assert (gone.status_code, gone.json()["error"]) == (400, "invalid_grant")
    count = 'SELECT count(*) FROM "oauthRefreshToken" WHERE "userId" = $1'
    assert await site.pool.fetchval(count, person.id) == 0


async def test_refreshes_that_race_have_one_answer(site: OAuthSite) -> None:
    client, person = await registered(site), await site.person()
    token = (await client.tokens(person))["refresh_token"]
    for _ in range(3):
        answers = await asyncio.gather(*(client.refresh(token) for _ in range(8)))
        assert {answer.status_code for answer in answers} == {200}
        (token,) = {answer.json()["refresh_token"] for answer in answers}
        assert len({answer.json()["access_token"] for answer in answers}) == 1


async def test_a_refresh_token_is_worth_nothing_to_another_client(site: OAuthSite) -> None:
    client, thief, person = await registered(site), await registered(site), await site.person()
    token = (await client.tokens(person))["refresh_token"]
    assert (await thief.refresh(token)).status_code == 400
    await site.client().post("/oauth2/revoke", data={"token": token, "client_id": thief.id})
    assert (await client.refresh(token)).status_code == 200


async def test_whatever_a_user_had_goes_with_the_user(site: OAuthSite) -> None:
    client, person = await registered(site), await site.person()
    tokens = await client.tokens(person)
    await client.tokens(person, resource=None, scope=f"{WANTED} openid")
    made = await person.browser.post("/oauth2/create-client", json={"redirect_uris": [CALLBACK]})
    assert made.status_code == 201
    assert (await person.browser.post("/delete-user", json={})).status_code == 200
    for table in ("oauthConsent", "oauthRefreshToken", "oauthAccessToken", "oauthClient"):
        count = f'SELECT count(*) FROM "{table}" WHERE "userId" = $1'
        assert await site.pool.fetchval(count, person.id) == 0, table
    assert (await client.refresh(tokens["refresh_token"])).status_code == 400
    with pytest.raises(InvalidAccessTokenError):
        await verify_access_token(site.auth.context, tokens["access_token"], RESOURCE)


async def test_disconnecting_ends_the_refresh_tokens_too(site: OAuthSite) -> None:
    client, person = await registered(site), await site.person()
    tokens = await client.tokens(person)
    (consent,) = (await person.browser.get("/oauth2/get-consents")).json()
    gone = await person.browser.post("/oauth2/delete-consent", json={"id": consent["id"]})
    assert gone.status_code == 200
    assert (await client.refresh(tokens["refresh_token"])).status_code == 400
    assert urlsplit(await person.visit(**client.request())).path == "/consent"


@pytest.mark.parametrize(
    ("method", "path", "key", "more"),
    [
        ("GET", "/oauth2/get-consent", "id", {}),
        ("POST", "/oauth2/delete-consent", "id", {}),
        ("POST", "/oauth2/update-consent", "id", {"update": {"scopes": ["openid"]}}),
        ("GET", "/oauth2/get-client", "client_id", {}),
        ("POST", "/oauth2/update-client", "client_id", {"update": {"client_name": "Mine"}}),
        ("POST", "/oauth2/delete-client", "client_id", {}),
        ("POST", "/oauth2/client/rotate-secret", "client_id", {}),
    ],
)
async def test_what_belongs_to_somebody_else_is_neither_shown_nor_changed(
    site: OAuthSite, method: str, path: str, key: str, more: dict[str, Any]
) -> None:
    bob, alice = await site.person(), await site.person()
    client = await registered(site)
    await client.tokens(bob)
    own = await bob.browser.post("/oauth2/create-client", json={"redirect_uris": [CALLBACK]})
    (consent,) = (await bob.browser.get("/oauth2/get-consents")).json()
    name = consent["id"] if key == "id" else own.json()["client_id"]
    query = 'SELECT to_jsonb(c)::text, to_jsonb(o)::text FROM "oauthConsent" c, "oauthClient" o'
    query += ' WHERE c.id = $1 AND o."clientId" = $2'
    before = await site.pool.fetch(query, consent["id"], own.json()["client_id"])
    given = {key: name, **more}
    arguments: dict[str, Any] = {"params": given} if method == "GET" else {"json": given}
    answer = await alice.browser.request(method, path, **arguments)
    assert 400 <= answer.status_code < 500, answer.text
    assert consent["scopes"][0] not in answer.text
    assert await site.pool.fetch(query, consent["id"], own.json()["client_id"]) == before
