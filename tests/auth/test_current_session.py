"""`CurrentSession` in a host's own endpoints: cookie or bearer session token, typed."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from authward import BetterAuth, CurrentSession
from authward.options import BetterAuthOptions
from tests.conftest import BASE_URL
from tests.support.auth_options import UNLIMITED
from tests.support.factories import create_user

COOKIE = "better-auth.session_token"


@pytest.fixture
async def host(app: FastAPI) -> FastAPI:
    """Another application on the same database."""
    site = FastAPI()
    secret = app.state.better_auth.options.secret
    options = BetterAuthOptions(secret=secret, base_url=BASE_URL, rate_limit=UNLIMITED)
    BetterAuth(options, app.state.database).install(site)

    @site.get("/me")
    @site.post("/me", operation_id="change_me")
    async def me(current: CurrentSession) -> dict[str, str]:
        return {"email": current.user.email, "session": current.session.id}

    return site


@pytest.fixture
async def client(host: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(host)
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        yield client


@pytest.fixture
async def person(app: FastAPI) -> tuple[str, str]:
    """The e-mail of somebody who is signed in, and the cookie's value."""
    return await create_user(app.state.database, app.state.better_auth)


async def test_the_cookie_is_the_session(
    client: httpx.AsyncClient, person: tuple[str, str]
) -> None:
    email, cookie = person
    answer = await client.get("/me", headers={"cookie": f"{COOKIE}={cookie}"})
    assert (answer.status_code, answer.json()["email"]) == (200, email)


async def test_so_is_the_session_token_as_bearer_token_signed_or_not(
    client: httpx.AsyncClient, person: tuple[str, str]
) -> None:
    email, cookie = person
    for token in (cookie, cookie.partition(".")[0]):
        answer = await client.post("/me", headers={"authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.json()["email"]) == (200, email)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"cookie": f"{COOKIE}=nonsense"},
        {"authorization": "Bearer nonsense"},
        {"authorization": "Basic nonsense"},
    ],
)
async def test_without_a_session_it_is_401(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    answer = await client.get("/me", headers=headers)
    assert (answer.status_code, answer.json()) == (401, {"detail": "Not authenticated"})
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_another_sites_page_changes_nothing_with_the_cookie(
    client: httpx.AsyncClient, person: tuple[str, str]
) -> None:
    cookie = {"cookie": f"{COOKIE}={person[1]}"}
    for origin, status in ((None, 403), ("https://evil.example", 403), (BASE_URL, 200)):
        more = {} if origin is None else {"origin": origin}
        answer = await client.post("/me", headers={**cookie, **more})
        assert answer.status_code == status, origin


async def test_a_session_that_is_used_is_extended(
    client: httpx.AsyncClient, app: FastAPI, person: tuple[str, str]
) -> None:
    cookie = person[1]
    token = cookie.partition(".")[0]
    old = """UPDATE session SET "expiresAt" = now() + interval '2 days' WHERE token = $1"""
    await app.state.database.fetch(old, token)
    answer = await client.get("/me", headers={"cookie": f"{COOKIE}={cookie}"})
    assert answer.headers["set-cookie"].startswith(f"{COOKIE}={token}")
    over = """UPDATE session SET "expiresAt" = now() - interval '1 day' WHERE token = $1"""
    await app.state.database.fetch(over, token)
    assert (await client.get("/me", headers={"cookie": f"{COOKIE}={cookie}"})).status_code == 401


async def test_it_is_in_the_document_of_the_host(client: httpx.AsyncClient) -> None:
    document: dict[str, Any] = (await client.get("/openapi.json")).json()
    assert document["paths"]["/me"]["get"]["security"] == [{"Session": []}]
    scheme = document["components"]["securitySchemes"]["Session"]
    assert (scheme["type"], scheme["in"]) == ("apiKey", "cookie")
