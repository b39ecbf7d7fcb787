"""The cookie cache: get-session without a database, and cookies that the original's code reads."""

import json
import subprocess
from collections.abc import AsyncIterator
from typing import Any, Literal

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from authward import (
    BetterAuth,
    BetterAuthOptions,
    CookieCacheOptions,
    CurrentSession,
    CurrentUser,
    EmailAndPasswordOptions,
    SessionOptions,
)
from authward.security.session_cache import SessionCache
from taskward.database.url import DatabaseURL
from tests.conftest import BASE_URL, PASSWORD, CreateDatabase, new_email
from tests.support.auth_options import UNLIMITED
from tests.support.quick_passwords import QUICK
from tests.support.servers import JS, ROOT, node

SECRET, OLD_SECRET = "tests-only-5f0c8e7d6b1a4293a8c6e0d1", "tests-only-000011112222333344445555"
Strategy = Literal["compact", "jwt", "jwe"]
STRATEGIES: tuple[Strategy, ...] = ("compact", "jwt", "jwe")
READ_COOKIES = """
import { getCookieCache, getSessionCookie } from "better-auth/cookies";
const { cookie, secret, strategy } = JSON.parse(process.argv.at(-1));
const headers = new Headers({ cookie });
const read = (more) => getCookieCache(headers, { secret, strategy, isSecure: false, ...more });
console.log(JSON.stringify({
  token: getSessionCookie(headers),
  cached: await read({}),
  ofVersion: await read({ version: "2" }),
  ofAnother: await read({ version: "3" }),
  byAnother: await read({ secret: secret + "x" }),
}));
"""


class Site:
    """A host with a cookie cache, whose database can be taken away."""

    def __init__(self, pool: asyncpg.Pool, strategy: Strategy) -> None:
        cache = CookieCacheOptions(enabled=True, strategy=strategy, version="2")
        options = BetterAuthOptions(
            secret=SECRET,
            base_url=BASE_URL,
            rate_limit=UNLIMITED,
            session=SessionOptions(cookie_cache=cache),
            email_and_password=EmailAndPasswordOptions(password=QUICK),
        )
        self.auth = BetterAuth(options, pool)
        app = FastAPI()
        self.auth.install(app)

        @app.get("/me")
        async def me(current: CurrentSession) -> str:
            return current.user.name

        @app.get("/by-token")
        async def by_token(user_id: CurrentUser) -> str:
            return user_id

        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE_URL)

    async def sign_up(self) -> None:
        body = {"name": "Ada", "email": new_email(), "password": PASSWORD}
        answer = await self.client.post("/api/auth/sign-up/email", json=body)
        assert answer.status_code == 200, answer.text

    def lose_database(self) -> None:
        self.auth.context.pool = None  # type: ignore[assignment]

    @property
    def cached(self) -> str:
        return self.client.cookies["better-auth.session_data"]


@pytest.fixture(scope="module")
async def pool(create_database: CreateDatabase) -> AsyncIterator[asyncpg.Pool]:
    url = DatabaseURL.parse(await create_database())
    async with asyncpg.create_pool(**url.connect_arguments(), min_size=1, max_size=3) as pool:
        await BetterAuth(BetterAuthOptions(secret=SECRET, base_url=BASE_URL), pool).migrate()
        yield pool


@pytest.fixture(params=STRATEGIES)
def strategy(request: pytest.FixtureRequest) -> Strategy:
    given: Strategy = request.param
    return given


@pytest.fixture
async def site(pool: asyncpg.Pool, strategy: Strategy) -> AsyncIterator[Site]:
    site = Site(pool, strategy)
    async with site.client:
        await site.sign_up()
        yield site


async def test_the_session_is_known_without_a_database(site: Site) -> None:
    stored = (await site.client.get("/api/auth/get-session?disableCookieCache=true")).json()
    site.lose_database()
    assert (await site.client.get("/api/auth/get-session")).json() == stored
    assert (await site.client.get("/me")).json() == "Ada"


async def test_signing_out_leaves_no_cookie(site: Site) -> None:
    await site.client.post("/api/auth/sign-out", json={}, headers={"origin": BASE_URL})
    assert not site.client.cookies
    assert (await site.client.get("/api/auth/get-session")).json() is None


async def test_whoever_was_signed_out_elsewhere_gets_nothing_but_the_session(
    site: Site, pool: asyncpg.Pool
) -> None:
    user = (await site.client.get("/api/auth/get-session")).json()["user"]
    await pool.execute('DELETE FROM session WHERE "userId" = $1', user["id"])
    cookies = dict(site.client.cookies)
    for path in ("list-sessions", "list-accounts", "token"):
        site.client.cookies = httpx.Cookies(cookies)
        assert (await site.client.get(f"/api/auth/{path}")).status_code == 401


async def test_the_cookie_is_no_token(site: Site) -> None:
    answer = await site.client.get("/by-token", headers={"authorization": f"Bearer {site.cached}"})
    assert answer.status_code == 401


async def test_an_access_token_is_no_cookie(site: Site) -> None:
    token = site.auth.tokens.issue("somebody")
    site.client.cookies.delete("better-auth.session_data")
    site.client.cookies.set("better-auth.session_data", token)
    answer = await site.client.get("/api/auth/get-session")
    assert answer.json()["user"]["name"] == "Ada"
    assert "better-auth.session_data=; Max-Age=0" in answer.headers["set-cookie"]


async def test_the_originals_functions_read_the_cookies(site: Site, strategy: Strategy) -> None:
    stored = (await site.client.get("/api/auth/get-session")).json()
    cookie = "; ".join(f"{name}={value}" for name, value in site.client.cookies.items())
    sent = json.dumps({"cookie": cookie, "secret": SECRET, "strategy": strategy})
    command = [node(), "--input-type=module", "--eval", READ_COOKIES, "--", sent]
    done = subprocess.run(command, cwd=JS, capture_output=True, check=True)  # noqa: ASYNC221
    read: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert read["token"].startswith(stored["session"]["token"])
    assert read["cached"]["session"] == stored["session"]
    assert read["cached"]["user"] == stored["user"]
    assert read["ofVersion"] == read["cached"]
    assert (read["ofAnother"], read["byAnother"]) == (None, None)


def test_an_old_secret_still_reads_and_another_does_not(strategy: Strategy) -> None:
    payload = {"session": {"name": "é\u2028"}, "user": {}, "updatedAt": 1, "version": "1"}
    old, new = SessionCache(strategy, OLD_SECRET), SessionCache(strategy, SECRET)
    written = old.write(payload, seconds=60, compact_seconds=60)
    rotated = SessionCache(strategy, SECRET, (OLD_SECRET,)).read(written)
    assert rotated is not None
    assert rotated[0] == payload
    assert new.read(written) is None


@pytest.mark.parametrize(
    "value", ["", "x", "e30", "W10", "a.b.c", "a.b.c.d.e", "é", "\0", "x" * 70_000, "." * 4]
)
def test_nonsense_says_nothing(strategy: Strategy, value: str) -> None:
    assert SessionCache(strategy, SECRET).read(value) is None


async def test_a_middleware_of_next_knows_the_user_without_asking(
    site: Site, strategy: Strategy
) -> None:
    next_package = ROOT / "frontend" / "package.json"
    if not (next_package.parent / "node_modules" / "next").is_dir():
        pytest.skip("NEXT IS NOT INSTALLED: run `make frontend` (`make test` does)")
    jar = site.client.cookies
    both = "; ".join(f"{name}={value}" for name, value in jar.items())
    token = f"better-auth.session_token={jar['better-auth.session_token']}"
    forged = f"{token}; better-auth.session_data={site.cached[:-6]}AAAAAA"
    requests = [{"path": "/tasks", "cookie": cookie} for cookie in (both, token, forged, "")]
    sent = {"next": str(next_package), "secret": SECRET, "strategy": strategy, "requests": requests}
    command = [node(), str(JS / "next-middleware.mjs"), json.dumps(sent)]
    run = subprocess.run(command, cwd=JS, capture_output=True, check=True)  # noqa: ASYNC221
    assert json.loads(run.stdout) == [
        {"passes": True, "user": "Ada"},
        {"passes": False, "to": "/reload"},
        {"passes": False, "to": "/reload"},
        {"passes": False, "to": "/sign-in"},
    ]
