"""A browser signs in with a real OpenID Connect provider: its pages, its cookies, its redirects."""

import re
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import anyio.to_thread
import httpx
import pytest

from tests.conftest import CreateDatabase
from tests.support.servers import JS, ORIGIN, Server, TaskwardServer, auth_settings, node

pytestmark = pytest.mark.long

CLIENT_ID = "taskward"
CLIENT_SECRET = "a secret of the provider's + this server's"


class OidcProvider(Server):
    """`oidc-provider`, the certified implementation of OpenID Connect for Node.js."""

    ready_path = "/.well-known/openid-configuration"

    def __init__(self, **settings: str) -> None:
        client = {"CLIENT_ID": CLIENT_ID, "CLIENT_SECRET": CLIENT_SECRET}
        super().__init__({**client, **settings})
        self._node = node()

    def command(self) -> Sequence[str]:
        return [self._node, str(JS / "oidc-provider.mjs")]

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "PORT": str(self.port)}


class Form(HTMLParser):
    """The form of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self.action = given.get("action") or ""
        if tag == "input" and given.get("name"):
            self.fields[given["name"] or ""] = given.get("value") or ""


class Browser:
    """Follows redirects one by one, keeps cookies, fills in forms."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.http = httpx.AsyncClient(base_url=server.url, timeout=30, verify=False)

    async def begin(self, path: str = "/sign-in/social", **body: object) -> str:
        """Press the button; the address of the provider."""
        sent = {"provider": "oidc", "callbackURL": "/done", **body}
        answer = await self.http.post(f"/api/auth{path}", json=sent, headers={"origin": ORIGIN})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["url"])

    async def go(self, url: str) -> httpx.Response:
        """Follow redirects up to a page, or to where the server sends its own front end."""
        answer = await self.http.get(url)
        while "location" in answer.headers:
            target = urljoin(str(answer.url), answer.headers["location"])
            if target.startswith(f"{self.server.url}/") and "/api/auth/" not in target:
                return answer
            answer = await self.http.get(target)
        return answer

    async def fill(self, page: httpx.Response, **fields: str) -> httpx.Response:
        """Send the form of a page and follow where it leads."""
        form = Form(page.text)
        answer = await self.http.post(
            urljoin(str(page.url), form.action), data={**form.fields, **fields}
        )
        assert "location" in answer.headers, answer.text
        return await self.go(urljoin(str(answer.url), answer.headers["location"]))

    async def sign_in(self, name: str, url: str | None = None) -> httpx.Response:
        """Log in at the provider and agree to everything."""
        page = await self.go(url or await self.begin())
        page = await self.fill(page, login=name, password="any")
        return page if "location" in page.headers else await self.fill(page)

    async def get(self, path: str) -> object:
        return (await self.http.get(f"/api/auth{path}")).json()


@asynccontextmanager
async def taskward_beside(provider: Server, database_url: str) -> AsyncIterator[Server]:
    """Taskward as its environment sets it up, and the provider."""
    await anyio.to_thread.run_sync(provider.__enter__)
    try:
        server = TaskwardServer({**auth_settings(database_url), **settings_for(provider)})
        await anyio.to_thread.run_sync(server.__enter__)
        try:
            yield server
        finally:
            await anyio.to_thread.run_sync(server.close)
    finally:
        await anyio.to_thread.run_sync(provider.close)


@pytest.fixture(scope="module")
async def taskward(create_migrated_database: CreateDatabase) -> AsyncIterator[Server]:
    async with taskward_beside(OidcProvider(), await create_migrated_database()) as server:
        yield server


def settings_for(provider: Server) -> Mapping[str, str]:
    return {
        "OIDC_DISCOVERY_URL": f"{provider.url}/.well-known/openid-configuration",
        "OIDC_CLIENT_ID": CLIENT_ID,
        "OIDC_CLIENT_SECRET": CLIENT_SECRET,
    }


@pytest.fixture
async def browser(taskward: Server) -> AsyncIterator[Browser]:
    browser = Browser(taskward)
    yield browser
    await browser.http.aclose()


def new_user_id() -> str:
    return f"u{secrets.token_hex(6)}"


def error_of(answer: httpx.Response) -> str:
    location = answer.headers["location"]
    return parse_qs(urlsplit(location).query)["error"][0]


async def test_a_user_signs_in_with_a_provider(browser: Browser) -> None:
    name = new_user_id()
    answer = await browser.sign_in(name)
    assert answer.headers["location"] == "/done"
    session = await browser.get("/get-session")
    assert isinstance(session, dict)
    user = session["user"]
    assert (user["email"], user["emailVerified"]) == (f"{name}@example.com", True)
    assert user["name"] == f"Name of {name}"
    accounts = await browser.get("/list-accounts")
    assert isinstance(accounts, list)
    assert [(each["providerId"], each["accountId"]) for each in accounts] == [("oidc", name)]


async def test_claims_may_come_from_the_userinfo_endpoint_and_the_secret_go_in_a_header(
    create_migrated_database: CreateDatabase,
) -> None:
    provider = OidcProvider(USERINFO="only", AUTH_METHOD="client_secret_basic")
    async with taskward_beside(provider, await create_migrated_database()) as server:
        browser, name = Browser(server), new_user_id()
        assert (await browser.sign_in(name)).headers["location"] == "/done"
        session = await browser.get("/get-session")
        await browser.http.aclose()
    assert isinstance(session, dict)
    assert session["user"]["email"] == f"{name}@example.com"


async def test_the_session_is_good_for_tasks(browser: Browser) -> None:
    await browser.sign_in(new_user_id())
    token = await browser.get("/token")
    assert isinstance(token, dict)
    bearer = {"authorization": f"Bearer {token['token']}"}
    made = await browser.http.post("/api/tasks", json={"title": "Buy milk"}, headers=bearer)
    assert made.status_code == 201


async def test_the_same_person_is_the_same_user_in_another_browser(browser: Browser) -> None:
    name = new_user_id()
    await browser.sign_in(name, await browser.begin(newUserCallbackURL="/welcome"))
    first = await browser.get("/get-session")
    other = Browser(browser.server)
    answer = await other.sign_in(name, await other.begin(newUserCallbackURL="/welcome"))
    second = await other.get("/get-session")
    await other.http.aclose()
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert answer.headers["location"] == "/done"
    assert first["user"]["id"] == second["user"]["id"]
    assert first["session"]["id"] != second["session"]["id"]


async def test_a_new_user_is_welcomed(browser: Browser) -> None:
    url = await browser.begin(newUserCallbackURL="/welcome")
    answer = await browser.sign_in(new_user_id(), url)
    assert answer.headers["location"] == "/welcome"


async def test_who_cancels_comes_back_with_an_error(browser: Browser) -> None:
    page = await browser.go(await browser.begin(errorCallbackURL="/oops?a=b"))
    abort = re.search(r'href="([^"]*/abort)"', page.text)
    assert abort is not None
    answer = await browser.go(urljoin(str(page.url), abort[1]))
    assert answer.headers["location"].startswith("/oops?a=b&error=access_denied")
    assert await browser.get("/get-session") is None


async def test_a_user_links_the_account(browser: Browser) -> None:
    name = new_user_id()
    body = {"name": "N", "email": f"{name}@example.com", "password": "a good password"}
    signed_up = await browser.http.post("/api/auth/sign-up/email", json=body)
    url = await browser.begin("/link-social", callbackURL="/linked")
    answer = await browser.sign_in(name, url)
    assert answer.headers["location"] == "/linked"
    session, accounts = await browser.get("/get-session"), await browser.get("/list-accounts")
    assert isinstance(session, dict)
    assert isinstance(accounts, list)
    assert session["user"]["id"] == signed_up.json()["user"]["id"]
    assert {each["providerId"] for each in accounts} == {"credential", "oidc"}


def changed(url: str, **parameters: str | None) -> str:
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    wanted = {name: value for name, value in (query | parameters).items() if value is not None}
    return urlsplit(url)._replace(query=urlencode(wanted)).geturl()


async def test_the_provider_requires_what_we_send_for_pkce(browser: Browser) -> None:
    url = await browser.begin(errorCallbackURL="/oops")
    without = changed(url, code_challenge=None, code_challenge_method=None)
    assert error_of(await browser.go(without)) == "invalid_request"


async def test_a_code_for_another_verifier_is_worth_nothing(browser: Browser) -> None:
    url = await browser.begin(errorCallbackURL="/oops")
    answer = await browser.sign_in(new_user_id(), changed(url, code_challenge="A" * 43))
    assert error_of(answer) == "invalid_code"
    assert await browser.get("/get-session") is None


async def test_an_id_token_for_another_visit_is_worth_nothing(browser: Browser) -> None:
    url = await browser.begin(errorCallbackURL="/oops")
    answer = await browser.sign_in(new_user_id(), changed(url, nonce="another"))
    assert error_of(answer) == "unable_to_get_user_info"
    assert await browser.get("/get-session") is None


async def test_a_stolen_callback_is_worth_nothing_in_another_browser(browser: Browser) -> None:
    page = await browser.go(await browser.begin(errorCallbackURL="/oops"))
    form = Form(page.text)
    login = {**form.fields, "login": new_user_id(), "password": "any"}
    answer = await browser.http.post(urljoin(str(page.url), form.action), data=login)
    while "/api/auth/callback/" not in answer.headers.get("location", ""):
        if "location" in answer.headers:
            answer = await browser.http.get(urljoin(str(answer.url), answer.headers["location"]))
            continue
        form = Form(answer.text)
        answer = await browser.http.post(urljoin(str(answer.url), form.action), data=form.fields)
    other = Browser(browser.server)
    stolen = await other.http.get(answer.headers["location"])
    assert error_of(stolen) == "state_mismatch"
    assert await other.get("/get-session") is None
    await other.http.aclose()
    mine = await browser.http.get(answer.headers["location"])
    assert mine.headers["location"] == "/done"
    again = await browser.http.get(answer.headers["location"])
    assert error_of(again) == "state_mismatch"
