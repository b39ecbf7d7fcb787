"""One database and one secret, and both servers on it: what either does holds at the other.

That is how one moves from the original to ours and back, so both orders are held: in one database
the original made the tables, in the other ours did.
"""

import unicodedata
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from typing import Any

import anyio
import anyio.to_thread
import asyncpg
import httpx
import pytest

from taskward.database.url import DatabaseURL
from tests.conftest import BASE_URL, CreateDatabase, new_email
from tests.support.servers import (
    ORIGIN,
    OriginalServer,
    Server,
    TaskwardServer,
    auth_settings,
    node,
)

# NFKC changes each word of it: a Roman numeral, a ligature, and two letters in two parts each.
PASSWORD = "\u216b \ufb01ne pa\u0308sswo\u0308rd"
COOKIE = "better-auth.session_token"
SERVERS = {"original": OriginalServer, "ours": TaskwardServer}
COLUMNS = """
    SELECT table_name, column_name, data_type, character_maximum_length, is_nullable,
        column_default, is_identity, identity_generation
    FROM information_schema.columns WHERE table_schema = 'public'
"""
CONSTRAINTS = """
    SELECT conrelid::regclass::text, contype::text, pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
"""
INDEXES = "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'"


@dataclass(frozen=True)
class Site:
    """A database, and the two servers on it, by name."""

    database_url: str
    servers: dict[str, Server]


@pytest.fixture(scope="module")
async def sites(create_database: CreateDatabase) -> AsyncIterator[dict[str, Site]]:
    """A site for each order, under the name of the server that made its tables."""
    node()
    sites = {first: Site(await create_database(), {}) for first in SERVERS}
    with ExitStack() as running:
        async with anyio.create_task_group() as starting:
            for first, site in sites.items():
                starting.start_soon(start_both, running, first, site)
        yield sites


async def start_both(running: ExitStack, first: str, site: Site) -> None:
    settings = auth_settings(site.database_url) | {"BETTER_AUTH_URL": BASE_URL}
    for name in sorted(SERVERS, key=lambda name: name != first):
        server = SERVERS[name](settings)
        site.servers[name] = await anyio.to_thread.run_sync(running.enter_context, server)


@pytest.fixture(params=["from the original to ours", "from ours to the original"])
def first(request: pytest.FixtureRequest) -> str:
    """The server that was there first: it made the tables."""
    return "original" if request.param == "from the original to ours" else "ours"


@pytest.fixture
def site(sites: dict[str, Site], first: str) -> Site:
    return sites[first]


@pytest.fixture
def one(site: Site, first: str) -> Server:
    return site.servers[first]


@pytest.fixture
def other(site: Site, first: str) -> Server:
    return next(server for name, server in site.servers.items() if name != first)


@dataclass(frozen=True)
class Browser:
    """Somebody's browser: it takes the cookies of one server to the other, as behind one name."""

    http: httpx.AsyncClient
    email: str

    async def post(self, server: Server, path: str, **body: Any) -> httpx.Response:
        url = f"{server.url}/api/auth/{path}"
        return await self.http.post(url, json=body, headers={"origin": ORIGIN})

    async def get(self, server: Server, path: str, **headers: str) -> Any:
        answer = await self.http.get(f"{server.url}/api/auth/{path}", headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def session(self, server: Server) -> Any:
        return await self.get(server, "get-session")

    async def sign_up(self, server: Server) -> httpx.Response:
        body = {"name": "Ada", "email": self.email, "password": PASSWORD}
        return await done(self.post(server, "sign-up/email", **body))

    async def sign_in(self, server: Server, password: str = PASSWORD) -> httpx.Response:
        return await self.post(server, "sign-in/email", email=self.email, password=password)


async def done(answering: Any) -> httpx.Response:
    answer: httpx.Response = await answering
    assert answer.status_code == 200, answer.text
    return answer


class Browsers(AsyncExitStack):
    """Any number of browsers of one person, without a cookie in common."""

    def __init__(self) -> None:
        super().__init__()
        self.email = new_email()

    async def open(self) -> Browser:
        # Without certificates, which take longer to read than all the rest, and are of no use here.
        client = httpx.AsyncClient(verify=False)
        return Browser(await self.enter_async_context(client), self.email)

    async def signed_up(self, server: Server) -> Browser:
        browser = await self.open()
        await browser.sign_up(server)
        return browser

    async def signed_in(self, server: Server) -> Browser:
        browser = await self.open()
        await done(browser.sign_in(server))
        return browser


@pytest.fixture
async def browsers() -> AsyncIterator[Browsers]:
    async with Browsers() as browsers:
        yield browsers


async def both_know(browser: Browser, site: Site) -> None:
    """Both servers give the session; whatever either remembers of it, it remembers now."""
    for server in site.servers.values():
        assert (await browser.session(server))["user"]["email"] == browser.email


async def neither_knows(browser: Browser, site: Site) -> None:
    for server in site.servers.values():
        assert await browser.session(server) is None


async def is_refused(browser: Browser, server: Server, password: str) -> None:
    answer = await browser.sign_in(server, password)
    assert (answer.status_code, answer.json()["code"]) == (401, "INVALID_EMAIL_OR_PASSWORD")


async def test_who_signed_up_at_one_signs_in_at_the_other(
    browsers: Browsers, one: Server, other: Server
) -> None:
    signed_up = (await (await browsers.open()).sign_up(one)).json()
    browser = await browsers.open()
    for password in (PASSWORD, unicodedata.normalize("NFKC", PASSWORD)):
        signed_in = (await done(browser.sign_in(other, password))).json()
        assert signed_in["user"] == signed_up["user"]
    await is_refused(browser, other, PASSWORD.replace("\u0308", ""))


async def test_an_address_that_is_taken_at_one_is_taken_at_the_other(
    browsers: Browsers, one: Server, other: Server
) -> None:
    browser = await browsers.signed_up(one)
    body = {"name": "Eve", "email": browser.email.upper(), "password": PASSWORD}
    answer = await browser.post(other, "sign-up/email", **body)
    assert answer.status_code == 422
    assert answer.json()["code"] == "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL"


async def test_the_session_cookie_of_one_is_accepted_by_the_other(
    browsers: Browsers, one: Server, other: Server
) -> None:
    browser = await browsers.signed_up(one)
    assert (await browser.session(other))["user"]["email"] == browser.email
    assert await browser.session(other) == await browser.session(one)


async def test_a_session_cookie_with_another_signature_is_accepted_by_neither(
    browsers: Browsers, site: Site, one: Server
) -> None:
    browser = await browsers.signed_up(one)
    token, _, signature = browser.http.cookies[COOKIE].partition(".")
    browser.http.cookies.clear()
    forged = ("B" if signature.startswith("A") else "A") + signature[1:]
    browser.http.headers["cookie"] = f"{COOKIE}={token}.{forged}"
    await neither_knows(browser, site)
    browser.http.headers["cookie"] = f"{COOKIE}={token}.{signature}"
    await both_know(browser, site)


async def test_the_bearer_token_of_one_is_accepted_by_the_other(
    browsers: Browsers, one: Server, other: Server
) -> None:
    signed_up = await (await browsers.open()).sign_up(one)
    bearer = f"Bearer {signed_up.headers['set-auth-token']}"
    session = await (await browsers.open()).get(other, "get-session", authorization=bearer)
    assert session["user"]["email"] == browsers.email
    assert session["session"]["token"] == signed_up.json()["token"]


async def test_sign_out_at_one_ends_the_session_at_the_other(
    browsers: Browsers, site: Site, one: Server, other: Server
) -> None:
    browser = await browsers.signed_up(one)
    cookie = browser.http.cookies[COOKIE]
    await both_know(browser, site)
    await done(browser.post(other, "sign-out"))
    assert COOKIE not in browser.http.cookies
    browser.http.headers["cookie"] = f"{COOKIE}={cookie}"
    await neither_knows(browser, site)


async def test_a_session_revoked_at_one_has_ended_at_the_other(
    browsers: Browsers, site: Site, one: Server, other: Server
) -> None:
    stolen = await browsers.signed_up(one)
    browser = await browsers.signed_in(other)
    token = (await stolen.session(one))["session"]["token"]
    await both_know(stolen, site)
    await done(browser.post(other, "revoke-session", token=token))
    await neither_knows(stolen, site)
    await both_know(browser, site)


async def test_other_sessions_revoked_at_one_have_ended_at_the_other(
    browsers: Browsers, site: Site, one: Server, other: Server
) -> None:
    others = [await browsers.signed_up(one), await browsers.signed_in(other)]
    browser = await browsers.signed_in(one)
    await done(browser.post(other, "revoke-other-sessions"))
    for each in others:
        await neither_knows(each, site)
    await both_know(browser, site)
    await done(browser.post(one, "revoke-sessions"))
    await neither_knows(browser, site)


async def test_a_password_changed_at_one_holds_at_the_other(
    browsers: Browsers, site: Site, one: Server, other: Server
) -> None:
    browser, elsewhere = await browsers.signed_up(one), await browsers.signed_in(other)
    new = f"\u2075 {PASSWORD}"
    change = {"currentPassword": PASSWORD, "newPassword": new, "revokeOtherSessions": True}
    await done(browser.post(one, "change-password", **change))
    await neither_knows(elsewhere, site)
    await both_know(browser, site)
    await is_refused(elsewhere, other, PASSWORD)
    await done(elsewhere.sign_in(other, new))


async def test_a_user_updated_at_one_is_seen_at_the_other(
    browsers: Browsers, site: Site, one: Server, other: Server
) -> None:
    browser = await browsers.signed_up(one)
    await both_know(browser, site)
    image = "https://example.com/ada.png"
    await done(browser.post(one, "update-user", name="Ada Lovelace", image=image))
    user = (await browser.session(other))["user"]
    assert (user["name"], user["image"]) == ("Ada Lovelace", image)
    assert user == (await browser.session(one))["user"]


async def test_a_user_deleted_at_one_is_unknown_to_the_other(
    browsers: Browsers, site: Site, one: Server, other: Server
) -> None:
    browser, elsewhere = await browsers.signed_up(other), await browsers.signed_in(other)
    await both_know(elsewhere, site)
    await done(browser.post(one, "delete-user", password=PASSWORD))
    await neither_knows(elsewhere, site)
    await is_refused(elsewhere, other, PASSWORD)
    await elsewhere.sign_up(other)
    await both_know(elsewhere, site)


async def test_both_list_the_same_sessions(
    browsers: Browsers, site: Site, one: Server, other: Server
) -> None:
    browser = await browsers.signed_up(one)
    for server in (one, other, other):
        await browsers.signed_in(server)
    lists = [await browser.get(server, "list-sessions") for server in (one, other)]
    mine, theirs = (sorted(sessions, key=lambda session: session["id"]) for sessions in lists)
    assert mine == theirs
    assert len(mine) == 4


async def test_the_tables_are_the_same_whichever_server_made_them(sites: dict[str, Site]) -> None:
    made = {first: await catalog(site.database_url) for first, site in sites.items()}
    tables = {row[0] for row in made["ours"]}
    assert tables >= {"user", "session", "account", "verification"}
    assert tables >= {"jwks", "tasks"}, "only one of the servers has migrated"
    assert made["ours"] == made["original"]


async def catalog(database_url: str) -> set[tuple[Any, ...]]:
    """Every column, constraint and index, in PostgreSQL's own words."""
    arguments = DatabaseURL.parse(database_url).connect_arguments()
    connection = await asyncpg.connect(**arguments)
    try:
        queries = (COLUMNS, CONSTRAINTS, INDEXES)
        return {tuple(row) for query in queries for row in await connection.fetch(query)}
    finally:
        await connection.close()
