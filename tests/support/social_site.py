"""A site with social providers in this process, and users who visit it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from fastapi import FastAPI

from tests.conformance.social_app import create
from tests.support.fake_provider import CLIENT_ID, CLIENT_SECRET, FakeProvider, Script
from tests.support.servers import ORIGIN, auth_settings

BASE_URL = "http://localhost:8000"


def generic(provider: FakeProvider, name: str = "fake", **more: Any) -> dict[str, Any]:
    """The options of a provider with a discovery document."""
    client = {"clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET}
    return {"providerId": name, **client, "discoveryUrl": provider.discovery_url, **more}


@asynccontextmanager
async def site(database_url: str, **social: Any) -> AsyncIterator[FastAPI]:
    """The application with the given `social`, `generic` and `account` options."""
    settings = auth_settings(database_url)
    app = create({**settings, "BETTER_AUTH_URL": BASE_URL, "SOCIAL": json.dumps(social)})
    async with app.router.lifespan_context(app):
        yield app


@dataclass(frozen=True)
class Begun:
    """A sign-in under way: the query that the provider got."""

    url: str
    query: dict[str, str]

    def script(self, script: Script) -> Script:
        """The same with this sign-in's nonce, unless the test gives another."""
        return replace(script, claims={"nonce": self.query.get("nonce"), **script.claims})


@dataclass
class Visitor:
    """A browser with cookies of its own."""

    app: FastAPI
    provider: str = "fake"
    http: httpx.AsyncClient = field(init=False)

    def __post_init__(self) -> None:
        transport = httpx.ASGITransport(self.app)
        self.http = httpx.AsyncClient(transport=transport, base_url=f"{BASE_URL}/api/auth/")

    async def post(self, path: str, **body: Any) -> httpx.Response:
        return await self.http.post(path, json=body, headers={"origin": ORIGIN})

    async def begin(self, path: str = "sign-in/social", **body: Any) -> Begun:
        usual = {"provider": self.provider, "callbackURL": "/done", "errorCallbackURL": "/oops"}
        answer = await self.post(path, **{**usual, **body})
        assert answer.status_code == 200, answer.text
        url = answer.json()["url"]
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        return Begun(url, query)

    async def back(self, begun: Begun, script: Script, **more: str) -> str:
        """Return from the provider; where the browser is sent next."""
        query = {"state": begun.query["state"], "code": begun.script(script).code(), **more}
        answer = await self.http.get(f"callback/{self.provider}", params=query)
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    async def sign_in(self, script: Script, **body: Any) -> str:
        return await self.back(await self.begin(**body), script)

    async def get(self, path: str) -> Any:
        return (await self.http.get(path)).json()

    async def user(self) -> dict[str, Any] | None:
        session = await self.get("get-session")
        return None if session is None else session["user"]


def profile(who: str, /, *, verified: bool = True, **claims: Any) -> Script:
    """Somebody with an address at example.com, as the provider's ID token says."""
    usual = {"sub": who, "email": f"{who}@example.com", "email_verified": verified}
    return Script(claims={**usual, "name": who.title(), **claims})
