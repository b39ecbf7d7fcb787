"""A client signs a person out with an ID token: of its own, of that session, to its own page."""

import json
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import unquote, urlencode

import jwt
import pytest

from tests.conftest import CreateDatabase
from tests.support.oauth_logout import (
    GOODBYE,
    STATE,
    UNREGISTERED,
    ask,
    cleared,
    confirm,
    hinting,
    is_signed_in,
    kept,
    leaving,
    signed,
    tell,
)
from tests.support.oauth_site import Client, OAuthSite, Person, oauth_site


@pytest.fixture(scope="module")
async def site(create_database: CreateDatabase) -> AsyncIterator[OAuthSite]:
    async with oauth_site(await create_database()) as made:
        yield made


async def test_an_id_token_of_the_clients_own_needs_no_question(site: OAuthSite) -> None:
    client, person, hint = await hinting(site)
    done = await ask(person, id_token_hint=hint, post_logout_redirect_uri=GOODBYE)
    assert (done.status_code, done.headers["location"]) == (302, GOODBYE)
    assert cleared(done)
    ended = [c for c in done.headers.get_list("set-cookie") if "session_token=;" in c]
    assert "Max-Age=0" in ended[0]
    assert not await is_signed_in(site, person)
    again = await ask(person, id_token_hint=hint, client_id=client.id)
    assert ">Logged out.<" in again.text, "there is nothing left to end"


async def test_the_clients_own_server_ends_the_session_without_the_browser(site: OAuthSite) -> None:
    client, person, hint = await hinting(site)
    server, form = site.client(), {"content-type": "application/x-www-form-urlencoded"}
    body = urlencode({"id_token_hint": hint, "client_id": client.id})
    done = await server.post("/oauth2/end-session", content=body, headers=form)
    assert (done.status_code, done.json()) == (200, None)
    assert not any("session_token=;" in c for c in done.headers.get_list("set-cookie"))
    assert not await is_signed_in(site, person)


async def test_the_id_token_may_be_over(site: OAuthSite) -> None:
    _, person, hint = await hinting(site)
    old = await signed(site, hint, exp=int(time.time()) - 86_400)
    assert (await tell(person, id_token_hint=old)).status_code == 200
    assert not await is_signed_in(site, person)


async def test_an_id_token_ends_no_session_but_its_own(site: OAuthSite) -> None:
    client, bob, hint = await hinting(site)
    alice = await site.person()
    query = {"id_token_hint": hint, "post_logout_redirect_uri": GOODBYE}
    page = await ask(alice, **query)
    assert "Confirm logout" in page.text
    refused = await tell(alice, **query)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    assert await is_signed_in(site, bob)
    assert await is_signed_in(site, alice)
    done = await confirm(alice, kept(page))
    assert done.headers["location"] == GOODBYE
    assert (await is_signed_in(site, bob), await is_signed_in(site, alice)) == (True, False)
    assert client.id


FORGED: dict[str, dict[str, Any]] = {
    "of another issuer": {"iss": "https://evil.example"},
    "of no session": {"sid": None},
    "of an empty session": {"sid": ""},
    "of a session that is no text": {"sid": 7},
    "of nobody": {"sub": None},
    "of an empty subject": {"sub": ""},
    "of a subject that is no text": {"sub": ["x"]},
}


@pytest.mark.parametrize("change", FORGED.values(), ids=FORGED)
async def test_an_id_token_that_does_not_say_all_ends_nothing(
    site: OAuthSite, change: dict[str, Any]
) -> None:
    client, person, hint = await hinting(site)
    await is_no_hint(site, client, person, await signed(site, hint, **change))


async def test_what_is_no_id_token_of_that_client_ends_nothing(site: OAuthSite) -> None:
    client, person, hint = await hinting(site)
    other = await leaving(site)
    head, body, signature = hint.split(".")
    own = jwt.decode(hint, options={"verify_signature": False})
    tokens = await client.tokens(person, scope="openid")
    for wrong in (
        await signed(site, hint, aud=other.id, azp=client.id),
        await signed(site, hint, aud=[other.id, "x"], azp=client.id),
        await signed(site, hint, aud=None, azp=client.id),
        f"{head}.{body}.{'A' * len(signature)}",
        f"{head}.{body}.",
        jwt.encode(own, "", "none"),
        jwt.encode(own, "x" * 32, "HS256"),
        tokens["access_token"],
    ):
        await is_no_hint(site, client, person, wrong)


async def is_no_hint(site: OAuthSite, client: Client, person: Person, hint: str) -> None:
    """It proves nothing: the person is asked, a script is refused, nobody is signed out."""
    page = await ask(
        person, id_token_hint=hint, client_id=client.id, post_logout_redirect_uri=GOODBYE
    )
    assert "Confirm logout" in page.text
    nobody = Person(site.client(), "", "")
    for who in (person, nobody):
        answer = await tell(who, id_token_hint=hint, client_id=client.id)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
    assert (await ask(nobody, id_token_hint=hint, client_id=client.id)).status_code == 401
    assert await is_signed_in(site, person)
    state = json.loads(unquote(kept(page)).rpartition(".")[0])
    assert state["postLogoutRedirectUri"] == GOODBYE, "the client has said who it is"


async def test_whose_it_is_says_the_audience_or_else_the_party(site: OAuthSite) -> None:
    several: list[dict[str, Any]] = [{}, {"aud": []}, {"aud": [7, "<client>"]}]
    for more in (*several, {"aud": ["<client>", "x"], "azp": 1}):
        client, person, hint = await hinting(site)
        said = json.loads(json.dumps(more).replace("<client>", client.id))
        token = await signed(site, hint, **said)
        is_named = said.get("aud") != [] and "azp" not in said
        page = await ask(person, id_token_hint=token, post_logout_redirect_uri=GOODBYE)
        assert (page.status_code == 302) is is_named, more
        assert await is_signed_in(site, person) is not is_named
    client, person, hint = await hinting(site)
    nobodys = await signed(site, hint, aud="", azp=client.id)
    answer = await tell(person, id_token_hint=nobodys)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
    both = await signed(site, hint, aud=[client.id, "x"], azp=client.id)
    assert (await tell(person, id_token_hint=both)).status_code == 200


@pytest.mark.parametrize("hint", ["", "x", "a.b.c", "e30.e30.", "eyJhbGciOiJub25lIn0.W10.", "\0"])
async def test_a_hint_that_nobody_can_read_is_no_hint(site: OAuthSite, hint: str) -> None:
    client, person = await leaving(site), await site.person()
    answer = await tell(person, id_token_hint=hint)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client")
    page = await ask(person, id_token_hint=hint, post_logout_redirect_uri=GOODBYE)
    assert "Confirm logout" in page.text
    assert ">Logged out.<" in (await confirm(person, kept(page))).text, "nobody has said whose"
    assert client.id


@pytest.mark.parametrize(
    "uri",
    [
        "https://client.example.com/x/../goodbye",
        "https://client.example.com/goodbye/..//",
        "https://client.example.com//goodbye",
        "https://client.example.com/Goodbye",
        "https://CLIENT.example.com/goodbye",
        "https://client.example.com:443/goodbye",
        "https://client.example.com/goodbye?",
        "https://client.example.com/%67oodbye",
        "https://user@client.example.com/goodbye",
        "https://client.example.com.evil.example/goodbye",
    ],
)
async def test_with_an_id_token_too_only_a_registered_page_is_gone_to(
    site: OAuthSite, uri: str
) -> None:
    _, person, hint = await hinting(site)
    done = await ask(person, id_token_hint=hint, post_logout_redirect_uri=uri, state=STATE)
    assert (done.status_code, "location" in done.headers) == (200, False)
    assert UNREGISTERED in done.text
    assert not await is_signed_in(site, person)


@pytest.mark.parametrize(
    "uri",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "https://client.example.com/goodbye#x",
        "http://evil.example/",
        "//client.example.com/goodbye",
        "/goodbye",
        "",
    ],
)
async def test_what_is_no_page_at_all_is_refused_before_anybody_is_signed_out(
    site: OAuthSite, uri: str
) -> None:
    _, person, hint = await hinting(site)
    done = await ask(person, id_token_hint=hint, post_logout_redirect_uri=uri)
    assert done.status_code == 400
    assert await is_signed_in(site, person)


async def test_the_state_comes_back_beside_what_the_page_has_of_its_own(site: OAuthSite) -> None:
    own = f"{GOODBYE}?from=us&state=old"
    for state, location in (
        ("new +&", f"{GOODBYE}?from=us&state=new+%2B%26"),
        ("", own),
        (None, own),
    ):
        client, person = await leaving(site, uris=json.dumps([own])), await site.person()
        hint = (await client.tokens(person, scope="openid"))["id_token"]
        more = {} if state is None else {"state": state}
        query = {"id_token_hint": hint, "post_logout_redirect_uri": own, **more}
        assert (await ask(person, **query)).headers["location"] == location


async def test_a_client_without_a_page_of_its_own_is_gone_to_nowhere(site: OAuthSite) -> None:
    for uris in (None, "[]"):
        client, person = await leaving(site, uris=uris), await site.person()
        hint = (await client.tokens(person, scope="openid"))["id_token"]
        done = await ask(person, id_token_hint=hint, post_logout_redirect_uri=GOODBYE)
        assert (done.status_code, "location" in done.headers) == (200, False)
        assert UNREGISTERED in done.text
