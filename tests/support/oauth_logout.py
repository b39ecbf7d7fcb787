"""What tests of a client's sign-out share: the client, the browser with the page, its cookie."""

import json
from typing import Any, Final
from urllib.parse import urlencode

import httpx
import jwt

from tests.support.oauth_site import Client, OAuthSite, Person, registered

GOODBYE: Final = "https://client.example.com/goodbye"
STATE: Final = 's"><script>'
PAGE: Final = {"sec-fetch-mode": "navigate", "accept": "text/html"}
SCRIPT: Final = {"sec-fetch-mode": "cors", "accept": "application/json"}
CONFIRMATION: Final = "better-auth.session_token.oauth_logout_confirmation"
UNREGISTERED: Final = "Logged out. The requested post-logout redirect was not registered."


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


async def tell(person: Person, **query: str) -> httpx.Response:
    """As `ask`, by a script."""
    return await person.browser.get("/oauth2/end-session", params=query, headers=SCRIPT)


async def signed(site: OAuthSite, token: str, **claims: Any) -> str:
    """A token of ours that says something else; what is None is left out."""
    keys = site.auth.context.key_set
    assert keys is not None
    said = {**jwt.decode(token, options={"verify_signature": False}), **claims}
    known = {name: value for name, value in said.items() if value is not None}
    return await keys.sign(known, kind=None, key=await keys.signing_key())


def cleared(answer: httpx.Response) -> bool:
    """Whether the page's own cookie is taken back."""
    cookies = [c for c in answer.headers.get_list("set-cookie") if c.startswith(CONFIRMATION)]
    return len(cookies) == 1 and f"{CONFIRMATION}=;" in cookies[0] and "Max-Age=0" in cookies[0]


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


async def hinting(site: OAuthSite) -> tuple[Client, Person, str]:
    """A client with an ID token of a person."""
    client, person = await leaving(site), await site.person()
    return client, person, (await client.tokens(person, scope="openid"))["id_token"]
