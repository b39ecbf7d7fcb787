"""An authorization server in this process, and a client that goes the whole way with it."""

import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from secrets import token_urlsafe
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

import asyncpg
import httpx
from fastapi import FastAPI

from authward import BetterAuth, BetterAuthOptions
from authward.plugins import JwksOptions, JwtOptions, McpOptions, bearer, jwt, mcp
from taskward.database.url import DatabaseURL
from tests.conftest import BASE_URL
from tests.support.auth_options import UNLIMITED
from tests.support.factories import create_user

SECRET: Final = "tests-only-5f0c8e7d6b1a4293a8c6e0d1"
RESOURCE: Final = f"{BASE_URL}/mcp"
ISSUER: Final = f"{BASE_URL}/api/auth"
CALLBACK: Final = "https://client.example.com/callback"
SCOPES: Final = ("openid", "profile", "email", "offline_access", "tasks:read", "tasks:write")
WANTED: Final = "offline_access tasks:read"


def mcp_options(**more: Any) -> McpOptions:
    """The options of most tests."""
    given = {
        "login_page": "/sign-in",
        "consent_page": "/consent",
        "resource": RESOURCE,
        "scopes": SCOPES,
        "allow_dynamic_client_registration": True,
        "allow_unauthenticated_client_registration": True,
        **more,
    }
    return McpOptions(**given)


def server_options(**more: Any) -> BetterAuthOptions:
    """A server with the provider."""
    plugins = (jwt(JwtOptions(jwks=JwksOptions())), bearer(), mcp(mcp_options(**more)))
    return BetterAuthOptions(
        secret=SECRET, base_url=BASE_URL, plugins=plugins, rate_limit=UNLIMITED
    )


@dataclass
class OAuthSite:
    """A server, its pool, and its app."""

    auth: BetterAuth
    pool: asyncpg.Pool
    app: FastAPI

    def client(self, **more: Any) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=True)
        return httpx.AsyncClient(transport=transport, base_url=ISSUER, **more)

    async def person(self) -> "Person":
        """Somebody who is signed in."""
        email, cookie = await create_user(self.pool, self.auth)
        headers = {"cookie": f"better-auth.session_token={cookie}", "origin": BASE_URL}
        user_id = await self.pool.fetchval('SELECT id FROM "user" WHERE email = $1', email)
        return Person(self.client(headers=headers), email, user_id)

    async def count(self, table: str) -> int:
        """How many rows a table has."""
        found: int = await self.pool.fetchval(f'SELECT count(*) FROM "{table}"')
        return found


@asynccontextmanager
async def oauth_site(database_url: str, **more: Any) -> AsyncIterator[OAuthSite]:
    """A server on a database of its own, which its own migration has made."""
    arguments = DatabaseURL.parse(database_url).connect_arguments()
    async with asyncpg.create_pool(**arguments, min_size=1, max_size=5) as pool:
        app = FastAPI(redirect_slashes=False)
        auth = BetterAuth(server_options(**more), pool)
        await auth.migrate()
        auth.install(app)
        yield OAuthSite(auth, pool, app)


@dataclass
class Person:
    """Somebody with a browser."""

    browser: httpx.AsyncClient
    email: str
    id: str

    async def visit(self, **query: Any) -> str:
        """Follow an authorization request; where the browser is sent."""
        answer = await self.browser.get("/oauth2/authorize", params=query)
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    async def allow(self, page: str, *, accept: bool = True, **more: Any) -> str:
        """Decide on the consent page; where the browser is sent."""
        body = {"accept": accept, "oauth_query": urlsplit(page).query, **more}
        answer = await self.browser.post("/oauth2/consent", json=body)
        assert answer.status_code == 200, answer.text
        url: str = answer.json()["url"]
        return url


@dataclass
class Client:
    """A client that has registered itself."""

    http: httpx.AsyncClient
    id: str
    secret: str | None = None
    redirect_uri: str = CALLBACK
    verifier: str = field(default_factory=lambda: token_urlsafe(48))

    @property
    def challenge(self) -> str:
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def request(self, **more: Any) -> dict[str, Any]:
        """The parameters of an authorization request; those that are None are left out."""
        known = {
            "response_type": "code",
            "client_id": self.id,
            "redirect_uri": self.redirect_uri,
            "scope": WANTED,
            "state": "st/ate +&",
            "code_challenge": self.challenge,
            "code_challenge_method": "S256",
            "resource": RESOURCE,
            **more,
        }
        return {name: value for name, value in known.items() if value is not None}

    async def code(self, person: Person, **more: Any) -> str:
        """Go the way to a code."""
        url = await person.visit(**self.request(**more))
        if urlsplit(url).path == "/consent":
            url = await person.allow(url)
        return parse_qs(urlsplit(url).query)["code"][0]

    async def redeem(self, code: str, **more: Any) -> httpx.Response:
        """Exchange a code."""
        return await self.token(
            grant_type="authorization_code",
            code=code,
            redirect_uri=self.redirect_uri,
            code_verifier=self.verifier,
            **more,
        )

    async def refresh(self, refresh_token: str, **more: Any) -> httpx.Response:
        return await self.token(grant_type="refresh_token", refresh_token=refresh_token, **more)

    async def token(self, **given: Any) -> httpx.Response:
        body = {"client_id": self.id, **given}
        if self.secret is not None:
            body["client_secret"] = self.secret
        kept = {name: value for name, value in body.items() if value is not None}
        headers = {"content-type": "application/x-www-form-urlencoded"}
        content = urlencode(kept, doseq=True)
        return await self.http.post("/oauth2/token", content=content, headers=headers)

    async def tokens(self, person: Person, **more: Any) -> dict[str, Any]:
        """Go the whole way."""
        answer = await self.redeem(await self.code(person, **more))
        assert answer.status_code == 200, answer.text
        tokens: dict[str, Any] = answer.json()
        return tokens


async def registered(site: OAuthSite, **metadata: Any) -> Client:
    """A new client; by default a public one."""
    known = {
        "client_name": "A client",
        "redirect_uris": [CALLBACK],
        "token_endpoint_auth_method": "none",
        **metadata,
    }
    http = site.client()
    answer = await http.post("/oauth2/register", json=known)
    assert answer.status_code == 201, answer.text
    body = answer.json()
    return Client(http, body["client_id"], body.get("client_secret"), body["redirect_uris"][0])


async def connect_assistant(app: FastAPI, cookie: str, **more: Any) -> dict[str, Any]:
    """Let an assistant go the whole way with the app, for whom the cookie is; its tokens."""
    transport = httpx.ASGITransport(app)
    headers = {"cookie": f"better-auth.session_token={cookie}", "origin": BASE_URL}
    async with (
        httpx.AsyncClient(transport=transport, base_url=ISSUER) as http,
        httpx.AsyncClient(transport=transport, base_url=ISSUER, headers=headers) as page,
    ):
        body = {"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none"}
        made = (await http.post("/oauth2/register", json=body)).json()
        await page.post("/oauth2/create-client", json=body)
        return await Client(http, made["client_id"]).tokens(Person(page, "", ""), **more)


TABLES = ("oauthClient", "oauthConsent", "oauthRefreshToken", "oauthAccessToken", "verification")


async def stored_rows(site: OAuthSite) -> list[int]:
    """How much is stored."""
    return [await site.count(table) for table in TABLES]
