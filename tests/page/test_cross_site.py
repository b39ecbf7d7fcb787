"""A page on another site than the server, in Chromium: the three ways of `docs/options.md`."""

import asyncio
import json
import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from authward import AdvancedOptions, BetterAuth, BetterAuthOptions, CookieAttributes
from taskward.database.url import DatabaseURL
from tests.conftest import CreateDatabase
from tests.support.auth_options import UNLIMITED
from tests.support.browser_stories import FRONTEND, browser_program
from tests.support.process_environment import clean_environment
from tests.support.servers import HOST, free_port, node
from tests.support.tls import shown

pytestmark = pytest.mark.long

SECRET = "tests-only-5f0c8e7d6b1a4293a8c6e0d1"
PAGE, THIRD = "page.other.example", "page.third.example"
OTHER_SITES = {
    "partitioned.shop.example": CookieAttributes(same_site="none", partitioned=True),
    "none.shop.example": CookieAttributes(same_site="none"),
    "lax.shop.example": CookieAttributes(),
    "bearer.shop.example": CookieAttributes(),
}
SECONDS = 120
WORKS = {
    "signedUp": 200,
    "known": "Ada",
    "changed": 200,
    "renamed": "Grace",
    "signedOut": 200,
    "afterwards": None,
}
NOT_KNOWN = {
    "signedUp": 200,
    "known": None,
    "changed": 401,
    "renamed": None,
    "signedOut": 200,
    "afterwards": None,
}


class Hosts:
    """One port, and another application for each host."""

    def __init__(self, pool: asyncpg.Pool, port: int) -> None:
        self._pages = [f"https://{host}:{port}" for host in (PAGE, THIRD)]
        one_origin = _server(pool, f"https://{PAGE}:{port}", CookieAttributes())
        self.apps: dict[str, ASGIApp] = {PAGE: _with_rewrite(one_origin), THIRD: _page(FastAPI())}
        for host, attributes in OTHER_SITES.items():
            app = _server(pool, f"https://{host}:{port}", attributes, *self._pages)
            self.apps[host] = self._shared(app)

    def _shared(self, app: FastAPI) -> ASGIApp:
        return CORSMiddleware(
            app,
            allow_origins=self._pages,
            allow_credentials=True,
            allow_methods=["GET", "POST"],
            allow_headers=["content-type", "authorization"],
            expose_headers=["set-auth-token"],
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = dict(scope["headers"])[b"host"].decode().rpartition(":")[0]
        await self.apps[host](scope, receive, send)


def _server(
    pool: asyncpg.Pool, base_url: str, attributes: CookieAttributes, *pages: str
) -> FastAPI:
    options = BetterAuthOptions(
        secret=SECRET,
        base_url=base_url,
        trusted_origins=pages,
        rate_limit=UNLIMITED,
        advanced=AdvancedOptions(default_cookie_attributes=attributes),
    )
    app = FastAPI()
    BetterAuth(options, pool).install(app)
    return app


def _page(app: FastAPI) -> FastAPI:
    app.add_api_route("/", lambda: HTMLResponse("<!doctype html><title>A page</title>"))
    return app


def _with_rewrite(api: FastAPI) -> FastAPI:
    """The page's server, which forwards `/api` to the other one, as a rewrite of Next.js does."""
    site = _page(FastAPI())
    inner = httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="https://inner")

    async def forward(request: Request) -> Response:
        headers = {name: value for name, value in request.headers.items() if name != "host"}
        body = await request.body()
        answer = await inner.request(
            request.method, request.url.path, headers=headers, content=body
        )
        inner.cookies.clear()
        response = Response(answer.content, answer.status_code)
        response.raw_headers = [*answer.headers.raw]
        return response

    site.add_api_route("/api/{path:path}", forward, methods=["GET", "POST"])
    return site


@asynccontextmanager
async def _served(app: ASGIApp, port: int, tmp_path: Path) -> AsyncIterator[None]:
    files = shown()
    certificate, key = tmp_path / "certificate", tmp_path / "key"
    certificate.write_bytes(files.certificate)
    key.write_bytes(files.key)
    config = uvicorn.Config(
        app,
        host=HOST,
        port=port,
        log_level="error",
        lifespan="off",
        ssl_certfile=certificate,
        ssl_keyfile=key,
        ssl_version=ssl.PROTOCOL_TLS_SERVER,
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    serving = asyncio.create_task(server.main_loop())
    try:
        yield
    finally:
        server.should_exit = True
        await serving
        await server.shutdown()


@pytest.fixture(scope="module")
async def pool(create_migrated_database: CreateDatabase) -> AsyncIterator[asyncpg.Pool]:
    url = DatabaseURL.parse(await create_migrated_database())
    async with asyncpg.create_pool(**url.connect_arguments(), min_size=1, max_size=3) as pool:
        yield pool


async def _told(port: int) -> dict[str, Any]:
    settings = {"CHROMIUM": browser_program(), "PORT": str(port)}
    program = await asyncio.create_subprocess_exec(
        node(),
        str(FRONTEND / "e2e" / "cross-site.mjs"),
        env={**clean_environment(settings), "HOME": os.environ.get("HOME", "/")},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(SECONDS):
        said, complaints = await program.communicate()
    assert program.returncode == 0, complaints.decode()
    lines = [json.loads(line) for line in said.splitlines()]
    return {line["step"]: line.get("answers") for line in lines}


async def test_a_page_on_another_site_has_three_ways_and_two_that_do_not_work(
    pool: asyncpg.Pool, tmp_path: Path
) -> None:
    browser_program()
    port = free_port()
    async with _served(Hosts(pool, port), port, tmp_path):
        told = await _told(port)
    assert told == {
        "one origin": WORKS,
        "partitioned cookies": WORKS,
        "bearer tokens": WORKS,
        "cookies as usual": NOT_KNOWN,
        "cookies of third parties": NOT_KNOWN,
        "signs up": None,
        THIRD: None,
        PAGE: "Ada",
    }
