"""The authorization server for assistants in Taskward: where it is on, and what it leaves alone."""

import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import ValidationError

from taskward.app import create_app
from taskward.settings import Settings
from tests.conftest import BASE_URL, CreateDatabase, settings_for
from tests.support.factories import signed_in
from tests.support.oauth_site import connect_assistant

DOCUMENTS = (
    *(
        f"{before}/.well-known/{name}{behind}"
        for name in ("oauth-authorization-server", "openid-configuration")
        for before, behind in (("", ""), ("", "/api/auth"), ("/api/auth", ""))
    ),
    "/.well-known/oauth-protected-resource",
    "/.well-known/oauth-protected-resource/mcp",
)


@pytest.mark.parametrize("path", DOCUMENTS)
async def test_clients_find_the_metadata_wherever_they_look(
    client: httpx.AsyncClient, path: str
) -> None:
    answer = await client.get(path)
    assert answer.status_code == 200
    assert answer.headers["cache-control"].startswith("public, max-age=15")
    document = answer.json()
    if "protected-resource" in path:
        assert document["resource"] == f"{BASE_URL}/mcp"
        assert document["scopes_supported"] == ["tasks:read", "tasks:write"]
        assert document["authorization_servers"] == [f"{BASE_URL}/api/auth"]
    else:
        assert document["issuer"] == f"{BASE_URL}/api/auth"
        assert "offline_access" in document["scopes_supported"]
        assert document["client_id_metadata_document_supported"] is True
    head = await client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    for origin in ("https://client.example.com", "http://localhost:3000"):
        headers = {"origin": origin, "access-control-request-method": "GET"}
        preflight = await client.options(path, headers=headers)
        assert preflight.status_code == 204
        foreign = await client.get(path, headers={"origin": origin})
        assert foreign.headers.get_list("access-control-allow-origin") == ["*"]
    refused = await client.post(path)
    assert (refused.status_code, "GET" in refused.headers["allow"]) == (405, True)


@pytest.fixture
async def tokens(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    """What an assistant was given for somebody's tasks."""
    async with signed_in(app) as browser:
        cookie = browser.client.cookies["better-auth.session_token"]
        yield await connect_assistant(app, cookie, scope="offline_access tasks:read tasks:write")


async def test_the_task_endpoints_take_no_token_of_an_assistant(
    client: httpx.AsyncClient, tokens: dict[str, Any]
) -> None:
    for name in ("access_token", "refresh_token"):
        headers = {"authorization": f"Bearer {tokens[name]}"}
        answer = await client.get("/api/tasks", headers=headers)
        assert (answer.status_code, answer.json()["detail"]) == (401, "Invalid token")
        session = await client.get("/api/auth/get-session", headers=headers)
        assert session.json() is None


async def test_the_keys_are_the_authorization_servers_only(client: httpx.AsyncClient) -> None:
    (key,) = (await client.get("/api/auth/jwks")).json()["keys"]
    assert (key["alg"], key["crv"], "d" in key) == ("EdDSA", "Ed25519", False)


async def test_nothing_of_it_is_there_where_it_is_off(create_database: CreateDatabase) -> None:
    app = create_app(settings_for(await create_database(), mcp_enabled=False))
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client,
    ):
        for path in (*DOCUMENTS, "/api/auth/oauth2/authorize"):
            assert (await client.get(path)).status_code == 404, path
        assert (await client.get("/api/auth/jwks")).json() == {"keys": []}
        tables = await app.state.database.fetch(
            "SELECT table_name FROM information_schema.tables WHERE table_name LIKE 'oauth%'"
        )
        assert tables == []


def test_nothing_of_it_is_imported_where_it_is_off() -> None:
    program = """
import sys
from taskward.app import auth_options
from taskward.settings import Settings
auth_options(Settings(mcp_enabled=False, better_auth_secret="x" * 16 + "0123456789abcdef"))
print([name for name in sys.modules if "oauth_provider" in name or name.endswith("plugins.mcp")])
"""
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd="/"
    )
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("url", ["http://tasks.example.com", "http://192.168.1.5:8000"])
def test_tokens_do_not_travel_unprotected(url: str) -> None:
    given: Any = {"better_auth_url": url, "better_auth_secret": "0123456789abcdef" * 2}
    assert not Settings(**given).mcp_enabled
    with pytest.raises(ValidationError, match="MCP_ENABLED"):
        Settings(**given, mcp_enabled=True)


@pytest.mark.parametrize(
    "page", ["https://evil.example/sign-in", "//evil.example", "/sign-in?a=b", "/sign-in#a", "x"]
)
@pytest.mark.parametrize("name", ["oauth_login_page", "oauth_consent_page"])
def test_pages_are_here_or_on_a_trusted_origin(name: str, page: str) -> None:
    given: Any = {"better_auth_secret": "0123456789abcdef" * 2, name: page}
    with pytest.raises(ValidationError, match=name.upper()):
        Settings(**given)
    right = Settings(**{**given, name: "http://localhost:3000/page"})
    assert getattr(right, name) == "http://localhost:3000/page"
