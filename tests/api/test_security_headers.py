"""Security headers: on every answer, whoever makes it, and a route's own ones win."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from authward.security.origins import TrustedOrigins
from taskward.app import create_app
from taskward.http.middleware import EdgeMiddleware
from taskward.observability.logs import AccessLog, pseudonyms
from tests.conftest import BASE_URL, TRUSTED_ORIGIN, User, settings_for

ALWAYS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "strict-origin-when-cross-origin",
    "cross-origin-resource-policy": "same-origin",
}
STRICT = "default-src 'none'; frame-ancestors 'none'"
PATHS = ["/api/tasks", "/api/tasks/0", "/api/auth/ok", "/api/auth/nothing", "/nothing"]
PATHS += ["/docs", "/redoc", "/openapi.json", "/health/live", "/static-offline-docs/x"]
LOADED = re.compile(r"""(?:src|href)\s*=\s*["']([^"']+)["']""")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
async def test_every_answer_has_them_whatever_it_is(
    client: httpx.AsyncClient, alice: User, path: str, method: str
) -> None:
    answer = await client.request(method, path, headers=alice.headers)
    assert ALWAYS.items() <= answer.headers.items()
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "strict-transport-security" not in answer.headers


async def test_refusals_at_the_edge_have_them_too(client: httpx.AsyncClient) -> None:
    asks = {"Origin": TRUSTED_ORIGIN, "Access-Control-Request-Method": "PUT"}
    preflight = await client.options("/api/tasks/1", headers=asks)
    too_large_message = await client.post("/api/tasks", content=b"x" * 1_048_577)
    assert (preflight.status_code, too_large_message.status_code) == (204, 413)
    for answer in (preflight, too_large_message):
        assert ALWAYS.items() <= answer.headers.items()


@pytest.mark.parametrize("path", ["/api/tasks", "/api/auth/get-session", "/api/auth/ok", "/api/x"])
async def test_no_cache_keeps_what_the_api_answers(
    client: httpx.AsyncClient, alice: User, path: str
) -> None:
    answer = await client.get(path, headers=alice.headers)
    assert answer.headers.get_list("cache-control") == ["no-store"]
    assert answer.headers["content-security-policy"] == STRICT


async def test_a_page_that_opened_a_window_on_the_api_keeps_its_tie_to_it(
    client: httpx.AsyncClient,
) -> None:
    signing_in = await client.get("/api/auth/callback/github")
    documentation = await client.get("/docs")
    assert "cross-origin-opener-policy" not in signing_in.headers
    assert documentation.headers["cross-origin-opener-policy"] == "same-origin"


async def test_the_documentation_may_load_what_it_loads(client: httpx.AsyncClient) -> None:
    for path in ("/docs", "/redoc"):
        answer = await client.get(path)
        policy = answer.headers["content-security-policy"]
        assert "script-src 'self' 'unsafe-inline'" in policy
        assert "connect-src 'self'" in policy
        assert all(target.startswith("/") for target in LOADED.findall(answer.text))


@pytest.fixture
async def https_client(database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings_for(database_url, better_auth_url="https://api.example.com"))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        yield client


async def test_browsers_are_told_to_stay_with_https_only_where_it_is_the_public_scheme(
    https_client: httpx.AsyncClient,
) -> None:
    for path in ("/api/tasks", "/docs", "/nothing"):
        answer = await https_client.get(path)
        assert answer.headers["strict-transport-security"] == "max-age=31536000"


def behind_the_edge(app: ASGIApp) -> httpx.AsyncClient:
    access_log = AccessLog("json", pseudonyms("x" * 32))
    edge = EdgeMiddleware(app, TrustedOrigins(()), access_log)
    return httpx.AsyncClient(transport=httpx.ASGITransport(edge), base_url=BASE_URL)


async def test_a_header_of_the_routes_own_wins_and_comes_once() -> None:
    app = FastAPI()
    own = {
        "Cache-Control": "private, no-cache",
        "Content-Security-Policy": "default-src 'self'",
        "Referrer-Policy": "no-referrer",
    }

    async def page(_: Request) -> Response:
        return Response("page", headers=own)

    app.add_route("/api/page", page)
    async with behind_the_edge(app) as client:
        answer = await client.get("/api/page")
    for name, value in own.items():
        assert answer.headers.get_list(name) == [value]
    assert answer.headers["x-frame-options"] == "DENY"


async def test_an_internal_error_has_them_too() -> None:
    app = FastAPI()

    async def broken(_: Request) -> Response:
        raise RuntimeError

    app.add_route("/api/broken", broken)
    async with behind_the_edge(app) as client:
        answer = await client.get("/api/broken")
    assert answer.status_code == 500
    assert ALWAYS.items() <= answer.headers.items()
