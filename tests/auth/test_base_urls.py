"""One server under several hosts."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from authward import (
    AdvancedOptions,
    BetterAuth,
    BetterAuthOptions,
    ConfigurationError,
    CrossSubDomainCookies,
    CurrentSession,
    CurrentUser,
    DynamicBaseURL,
    EmailAndPasswordOptions,
)
from taskward.database.url import DatabaseURL
from tests.conftest import PASSWORD, CreateDatabase, new_email
from tests.support.auth_options import UNLIMITED

SECRET = "tests-only-5f0c8e7d6b1a4293a8c6e0d1"
ONE, TWO = "https://one.example", "https://shop.two.example"
HOSTS = DynamicBaseURL(allowed_hosts=("one.example", "*.two.example"), protocol="https")
ANY: Any = None


class Mails:
    def __init__(self) -> None:
        self.urls: list[str] = []

    async def keep(self, link: Any) -> None:
        self.urls.append(link.url)


@pytest.fixture
def mails() -> Mails:
    return Mails()


@pytest.fixture(scope="module")
async def database(create_migrated_database: CreateDatabase) -> AsyncIterator[asyncpg.Pool]:
    url = DatabaseURL.parse(await create_migrated_database())
    async with asyncpg.create_pool(**url.connect_arguments(), min_size=1, max_size=3) as pool:
        yield pool


@pytest.fixture
def auth(database: asyncpg.Pool, mails: Mails) -> BetterAuth:
    options = BetterAuthOptions(
        secret=SECRET,
        dynamic_base_url=HOSTS,
        rate_limit=UNLIMITED,
        email_and_password=EmailAndPasswordOptions(send_reset_password=mails.keep),
        advanced=AdvancedOptions(cross_sub_domain_cookies=CrossSubDomainCookies(enabled=True)),
    )
    return BetterAuth(options, database)


@pytest.fixture
async def browser(auth: BetterAuth) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    auth.install(app)

    @app.get("/me")
    async def me(user_id: CurrentUser) -> str:
        return user_id

    @app.get("/profile")
    async def profile(current: CurrentSession) -> str:
        return current.user.id

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app)) as client:
        yield client


async def sign_up(browser: httpx.AsyncClient, origin: str) -> httpx.Response:
    body = {"name": "Ada", "email": new_email(), "password": PASSWORD}
    answer = await browser.post(f"{origin}/api/auth/sign-up/email", json=body)
    assert answer.status_code == 200, answer.text
    return answer


async def test_a_token_of_one_host_is_good_at_the_others(browser: httpx.AsyncClient) -> None:
    user_id = (await sign_up(browser, TWO)).json()["user"]["id"]
    token = (await browser.get(f"{TWO}/api/auth/token")).json()["token"]
    for origin in (ONE, TWO, "https://other.two.example"):
        answer = await browser.get(f"{origin}/me", headers={"authorization": f"Bearer {token}"})
        assert answer.json() == user_id


async def test_cookies_are_for_the_host_of_the_request(browser: httpx.AsyncClient) -> None:
    for origin, domain in ((ONE, "one.example"), (TWO, "shop.two.example")):
        cookies = (await sign_up(browser, origin)).headers["set-cookie"]
        assert f"Domain={domain};" in cookies


async def test_a_mail_leads_to_the_host_that_was_asked_and_from_python_to_the_first(
    browser: httpx.AsyncClient, auth: BetterAuth, mails: Mails
) -> None:
    email = (await sign_up(browser, TWO)).json()["user"]["email"]
    url, headers = f"{TWO}/api/auth/request-password-reset", {"origin": TWO}
    await browser.post(url, json={"email": email}, headers=headers)
    await auth.api.request_password_reset(email=email)
    await auth.api.request_password_reset(email=email, headers={"host": "a.two.example"})
    hosts = [url.split("/api/")[0] for url in mails.urls]
    assert hosts == [TWO, ONE, "https://a.two.example"]


async def test_an_application_s_own_endpoints_refuse_other_hosts_too(
    browser: httpx.AsyncClient,
) -> None:
    await sign_up(browser, ONE)
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    for origin, status in ((ONE, 200), ("https://two.example", 400)):
        answer = await browser.get(f"{origin}/profile", headers={"cookie": cookies})
        assert answer.status_code == status, answer.text


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"base_url": ONE}, "base_url and dynamic_base_url"),
        ({"dynamic_base_url": ONE}, "dynamic_base_url is DynamicBaseURL"),
        ({"allowed_hosts": ()}, "allowed_hosts"),
        ({"allowed_hosts": "one.example"}, "allowed_hosts"),
        ({"allowed_hosts": ("*",)}, "allowed_hosts"),
        ({"allowed_hosts": (7,)}, "allowed_hosts"),
        ({"allowed_hosts": ("one.example/path",)}, "allowed_hosts"),
        ({"allowed_hosts": ("ftp://one.example",)}, "allowed_hosts"),
        ({"allowed_hosts": ("one example",)}, "allowed_hosts"),
        ({"allowed_hosts": ("*.one.example",)}, "needs a fallback"),
        ({"protocol": "ftp"}, "protocol"),
        ({"fallback": "one.example"}, "fallback"),
        ({"fallback": "https://one.example/path"}, "fallback"),
        ({"fallback": 7}, "fallback"),
        ({"advanced": AdvancedOptions(trusted_proxy_headers="yes")}, "trusted_proxy_headers"),  # type: ignore[arg-type]
    ],
    ids=str,
)
def test_what_contradicts_itself_is_refused(given: dict[str, Any], named: str) -> None:
    hosts = {"allowed_hosts": ("one.example",)} | {
        name: given[name] for name in ("allowed_hosts", "protocol", "fallback") if name in given
    }
    others = {name: value for name, value in given.items() if name not in hosts}
    options = {"dynamic_base_url": DynamicBaseURL(**hosts), **others}
    with pytest.raises(ConfigurationError, match=named):
        BetterAuth(BetterAuthOptions(secret=SECRET, **options), ANY)


def test_proxies_are_trusted_only_where_there_are_several_hosts() -> None:
    advanced = AdvancedOptions(trusted_proxy_headers=True)
    with pytest.raises(ConfigurationError, match="trusted_proxy_headers needs dynamic_base_url"):
        BetterAuth(BetterAuthOptions(secret=SECRET, base_url=ONE, advanced=advanced), ANY)
