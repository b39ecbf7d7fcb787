"""Where a browser is sent: never elsewhere than the URL reads, whoever made it.

The original takes the paths below: `/..//evil.example` is a path on the page's own site, but it
makes `Location: //evil.example?error=…` of it, because it writes down the resolved path alone.
"""

import json
from itertools import product
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from ada_url import URL, URLSearchParams
from fastapi import FastAPI
from hypothesis import example, given
from hypothesis import strategies as st

from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.oauth.query import append_query
from authward.redirects import with_parameter, with_parameter_appended
from authward.security.origins import TrustedOrigins, redirect_origin
from tests.conftest import BASE_URL, TRUSTED_ORIGIN
from tests.support.factories import signed_in

ELSEWHERE = [
    *("/..//evil.example", "/.//evil.example", "/x/..//evil.example", "/%2e%2e//evil.example"),
    *("/%2E/..//evil.example", "/a/b/../..//evil.example", "/.%2e//evil.example", "/..//"),
    *("/;/..//evil.example", "/;a=b/..//evil.example?x#y", "/..///evil.example", "/x/../..//e"),
    *("//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "/..\\/evil"),
    *("/../\\evil.example", "/\t/evil.example", "/.\n./\r/evil.example", "/\0/evil.example"),
    *("/..%2f/evil.example", "/..//evil.example:80", "/..//user@evil.example", "/..//[::1]"),
    *(f"{TRUSTED_ORIGIN}/..//evil.example", f"{TRUSTED_ORIGIN}//evil.example"),
    *(f"{TRUSTED_ORIGIN}/%2e%2e//evil.example", f"{TRUSTED_ORIGIN}/\\evil.example"),
    *(f"{BASE_URL}/.//evil.example", f"{BASE_URL}/x/..//evil.example?a#b"),
    *(
        "http:localhost:3000",
        "http:/localhost:3000/x",
        f"{TRUSTED_ORIGIN}/\n",
        f"\t{TRUSTED_ORIGIN}",
    ),
    *("ht\ttp://localhost:3000", "http://local\thost:3000", f"{TRUSTED_ORIGIN}/\x85", "/\x85"),
    *(f"{TRUSTED_ORIGIN}/{'x' * 2_048}", "/" + "x" * 2_048),
]
HERE = [
    *(
        "/",
        "/a//b",
        "/a/../b",
        "/?/..//evil.example",
        "/#/..//evil.example",
        "/a?next=//evil.example",
    ),
    *(
        "/;..//evil.example",
        "/...//x",
        "/..x//y",
        f"{TRUSTED_ORIGIN}/a//b",
        f"{TRUSTED_ORIGIN}?a#b",
    ),
    *("/\u20ac", f"{BASE_URL}/\u20ac/\U0001f600", "/" + "x" * 2_047, "/x/..", "/x/.", "/%2e"),
]
ORIGINS = TrustedOrigins([BASE_URL, TRUSTED_ORIGIN, "https://*.example.com", "myapp://"])
PIECES = [
    *(
        "/",
        "//",
        "\\",
        ".",
        "..",
        "%2e",
        "%2E%2e",
        "%2f",
        "%5C",
        "\t",
        "\n",
        "\r",
        "\0",
        ";",
        "?",
        "#",
    ),
    *(
        "@",
        ":",
        ":80",
        "&",
        "=",
        "evil.example",
        "localhost",
        ":3000",
        "a",
        "x y",
        "\u20ac",
        "\xfc",
    ),
    *("http:", "https:", "http://", TRUSTED_ORIGIN, BASE_URL, "https://a.example.com", "myapp:"),
    *("[::1]", "\uff0f", "\u3002", "%", "\ud800", "\x85", "\xad", " "),
]
URLS = st.lists(st.sampled_from(PIECES), max_size=8).map("".join) | st.text(max_size=8)


def end_of(location: str, base: str) -> str:
    """Where a browser ends up that finds this header in an answer from `base`."""
    return str(URL(location.encode("latin-1").decode("latin-1"), base=base).href)


@pytest.mark.parametrize("url", ELSEWHERE, ids=lambda url: ascii(url[:50]))
def test_what_leads_elsewhere_resolved_or_alone_is_no_callback(url: str) -> None:
    assert not ORIGINS.is_trusted_redirect(url)


@pytest.mark.parametrize("url", HERE, ids=lambda url: ascii(url[:50]))
def test_what_stays_on_a_trusted_site_is_one(url: str) -> None:
    assert ORIGINS.is_trusted_redirect(url)


@given(URLS, st.sampled_from(["plain", "appended", "social", "absolute"]))
@example("/..//evil.example", "appended")
@example("/%2e//evil.example", "social")
@example("http:localhost:3000", "plain")
def test_whatever_is_accepted_the_location_leads_where_it_promised(url: str, way: str) -> None:
    if not ORIGINS.is_trusted_redirect(url):
        return
    promised = URL(url, base=BASE_URL)
    location = location_of(sent(url, way))
    for base in (
        BASE_URL,
        f"{BASE_URL}/api/auth/verify-email?token=x",
        "https://localhost:8000/a/b",
    ):
        end = URL(end_of(location, base))
        if url.startswith("/") and way != "absolute":
            assert (end.origin, location[:2] == "//") == (URL(base).origin, False)
        else:
            assert (end.protocol, end.host) == (promised.protocol, promised.host)
        assert not (end.protocol.startswith("http") and end.pathname.startswith("//"))


def sent(url: str, way: str) -> str:
    """What the server makes of a URL that it lets through."""
    parameters = URLSearchParams("error=CODE")
    made = {
        "plain": lambda: url,
        "appended": lambda: with_parameter_appended(url, "error", "CODE"),
        "social": lambda: append_query(url, parameters),
        "absolute": lambda: with_parameter(url, f"{BASE_URL}/api/auth", "token", "t"),
    }
    return made[way]()


def location_of(url: str) -> str:
    ctx = EndpointContext.__new__(EndpointContext)
    ctx.headers = {}
    ctx.set_location(url)
    return ctx.headers["location"]


@given(URLS)
@example("//evil.example?error=CODE")
@example("/..//evil.example")
def test_no_location_is_made_that_leads_elsewhere_than_it_reads(url: str) -> None:
    try:
        location = location_of(url)
    except APIError:
        return
    assert redirect_origin(location) == redirect_origin(url) is not None
    assert not location.startswith(("//", "/\\"))


PERSON: dict[str, Any] = {"email": "a@example.com", "password": "p" * 129, "newEmail": "b@c.de"}
BODIES = {
    "sign-up/email": {"callbackURL": "INVALID_CALLBACK_URL"},
    "sign-in/email": {"callbackURL": "INVALID_CALLBACK_URL"},
    "sign-out": {"callbackURL": "INVALID_CALLBACK_URL"},
    "send-verification-email": {"callbackURL": "INVALID_CALLBACK_URL"},
    "change-email": {"callbackURL": "INVALID_CALLBACK_URL"},
    "delete-user": {"callbackURL": "INVALID_CALLBACK_URL"},
    "request-password-reset": {"redirectTo": "INVALID_REDIRECT_URL"},
    "sign-in/social": {
        "callbackURL": "INVALID_CALLBACK_URL",
        "errorCallbackURL": "INVALID_ERROR_CALLBACK_URL",
        "newUserCallbackURL": "INVALID_NEW_USER_CALLBACK_URL",
    },
    "link-social": {
        "callbackURL": "INVALID_CALLBACK_URL",
        "errorCallbackURL": "INVALID_ERROR_CALLBACK_URL",
    },
}
LINKS = ["verify-email?token=x", "reset-password/x?a=b", "delete-user/callback?token=x"]
SENT_AS_TEXT = [url for url in ELSEWHERE if len(url) < 1_000]


@pytest.mark.parametrize("path", BODIES)
async def test_every_field_of_a_body_that_names_a_page_is_checked(app: FastAPI, path: str) -> None:
    async with signed_in(app) as browser:
        for (field, code), url in product(BODIES[path].items(), ELSEWHERE):
            body = {"name": "Ada", "provider": "github", **PERSON, field: url}
            response = await browser.client.post(f"/api/auth/{path}", json=body)
            assert (response.status_code, response.json()["code"]) == (403, code), url
            assert "location" not in response.headers


@pytest.mark.parametrize("path", BODIES)
async def test_the_query_of_a_post_does_not_lead_elsewhere(
    client: httpx.AsyncClient, path: str
) -> None:
    for url in SENT_AS_TEXT:
        encoded = quote(url.encode("utf-8", "surrogatepass"))
        response = await client.post(f"/api/auth/{path}?callbackURL={encoded}", json=PERSON)
        assert (response.status_code, response.json()["code"]) == (403, "INVALID_CALLBACK_URL")


@pytest.mark.parametrize("link", LINKS)
async def test_a_link_of_a_mail_does_not_lead_elsewhere(
    client: httpx.AsyncClient, link: str
) -> None:
    for url in SENT_AS_TEXT:
        encoded = quote(url.encode("utf-8", "surrogatepass"))
        response = await client.get(f"/api/auth/{link}&callbackURL={encoded}")
        assert (response.status_code, response.json()["code"]) == (403, "INVALID_CALLBACK_URL"), url
        assert "location" not in response.headers


@pytest.mark.parametrize("link", LINKS[:2])
async def test_a_link_of_a_mail_leads_to_a_page_of_ours(
    client: httpx.AsyncClient, link: str
) -> None:
    for url in ("/reset", "/a//b", "/?/..//evil.example", f"{TRUSTED_ORIGIN}/reset#x"):
        response = await client.get(f"/api/auth/{link}&callbackURL={quote(url)}")
        location = response.headers["location"]
        assert response.status_code == 302
        assert end_of(location, BASE_URL).startswith((BASE_URL, TRUSTED_ORIGIN))
        assert "error=" in location


@pytest.mark.parametrize("name", ["callbackURL", "errorURL", "newUserURL"])
async def test_what_another_server_let_through_does_not_lead_elsewhere(
    app: FastAPI, client: httpx.AsyncClient, name: str
) -> None:
    """A TypeScript server on the same database checks less: its rows are in our hands as well."""
    auth, state = app.state.better_auth, "s" * 32
    value = {"callbackURL": "/", "codeVerifier": "v", "expiresAt": 9e12, name: ELSEWHERE[0]}
    insert = """
      INSERT INTO verification (id, identifier, value, "expiresAt", "createdAt", "updatedAt")
      VALUES ($1, $2, $3, now() + interval '1 hour', now(), now())"""
    identifier = f"auth-state:{state}"
    await app.state.database.fetch(insert, f"{name}-row", identifier, json.dumps(value))
    cookie = f"{auth.context.cookies.state}={quote(auth.signer.sign(state))}"
    response = await client.get(
        f"/api/auth/callback/github?state={state}&error=denied", headers={"cookie": cookie}
    )
    assert response.status_code == 302
    assert URL(response.headers["location"], base=BASE_URL).origin == BASE_URL
    assert "//evil" not in response.headers["location"]
