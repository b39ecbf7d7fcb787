"""From one URL to the first tool call, as the official client goes: documents, consent, token."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import httpx
import httpx2
import pytest
from fastapi import FastAPI
from mcp.client import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthToken,
)

from taskward.database.url import DatabaseURL
from tests.conftest import BASE_URL, PASSWORD, CreateDatabase, new_email
from tests.database.better_auth_tables import MADE_BY_OTHERS, made_by
from tests.support.databases import connected
from tests.support.factories import Browser, running_on, signed_in

CALLBACK = "http://127.0.0.1:33418/callback"


@dataclass
class Assistant:
    """A client that is given a URL, a person's browser, and what they remember."""

    browser: Browser
    opened: int = 0
    consents: int = 0
    scope: str = ""
    tokens: OAuthToken | None = None
    client: OAuthClientInformationFull | None = None
    auth: OAuthClientProvider | None = None
    returned: list[AuthorizationCodeResult] = field(default_factory=list)

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info

    async def open(self, url: str) -> None:
        """The person is sent to the server and, where asked, allows what is asked for."""
        self.opened += 1
        answer = await self.browser.client.get(url)
        where = answer.headers["location"]
        if urlsplit(where).path == "/consent":
            self.consents += 1
            self.scope = parse_qs(urlsplit(where).query)["scope"][0]
            query = urlsplit(where).query
            allowed = await self.browser.post("oauth2/consent", accept=True, oauth_query=query)
            where = allowed.json()["url"]
        given = parse_qs(urlsplit(where).query)
        assert where.startswith(CALLBACK)
        values = {name: given[name][0] for name in ("code", "state", "iss")}
        self.returned.append(AuthorizationCodeResult(**values))

    async def come_back(self) -> AuthorizationCodeResult:
        return self.returned.pop()

    @asynccontextmanager
    async def connected(self, app: FastAPI) -> AsyncIterator[Client]:
        metadata = OAuthClientMetadata.model_validate(
            {
                "client_name": "An assistant",
                "redirect_uris": [CALLBACK],
                "grant_types": ["authorization_code", "refresh_token"],
                "token_endpoint_auth_method": "none",
            }
        )
        url = f"{BASE_URL}/mcp"
        self.auth = auth = OAuthClientProvider(url, metadata, self, self.open, self.come_back)
        async with (
            httpx2.AsyncClient(transport=httpx2.ASGITransport(app), auth=auth) as http,
            Client(streamable_http_client(url, http_client=http)) as client,
        ):
            yield client


async def test_one_url_leads_to_the_users_own_tasks(app: FastAPI) -> None:
    async with signed_in(app) as browser:
        assistant = Assistant(browser)
        async with assistant.connected(app) as client:
            added = await client.call_tool("add_task", {"title": "From afar"})
            assert not added.is_error
        assert assistant.consents == 1
        assert {"tasks:read", "tasks:write"} <= {*assistant.scope.split()}
        token = app.state.better_auth.tokens.issue(browser.user["id"])
        headers = {"Authorization": f"Bearer {token}"}
        [task] = (await browser.client.get("/api/tasks", headers=headers)).json()
        assert task["title"] == "From afar"


async def test_a_token_that_is_over_is_renewed_without_anybody_being_asked(app: FastAPI) -> None:
    async with signed_in(app) as browser:
        assistant = Assistant(browser)
        async with assistant.connected(app) as client:
            await client.call_tool("add_task", {"title": "t"})
            assert assistant.tokens is not None
            first = assistant.tokens
            assert first.refresh_token, "offline_access is advertised, so it is asked for"
            assert assistant.auth is not None
            assistant.auth.context.token_expiry_time = 1.0  # as the client's clock has it
            listed = await client.call_tool("list_tasks", {})
            assert (listed.structured_content or {})["total"] == 1
        assert assistant.opened == 1
        assert assistant.tokens.access_token != first.access_token
        assert assistant.tokens.refresh_token != first.refresh_token


@pytest.mark.parametrize("name", ["prisma-uuid", "drizzle-serial"])
async def test_the_way_is_the_same_in_tables_that_another_tool_has_made(
    create_database: CreateDatabase, name: str
) -> None:
    url = await create_database()
    async with connected(DatabaseURL.parse(url)) as connection:
        await connection.execute(made_by(name))
    async with running_on(url, **MADE_BY_OTHERS[name]) as app:
        transport, headers = httpx.ASGITransport(app), {"origin": BASE_URL}
        async with httpx.AsyncClient(
            transport=transport, base_url=BASE_URL, headers=headers
        ) as client:
            body = {"email": new_email(), "password": PASSWORD, "name": "Ada"}
            signed_up = await client.post("/api/auth/sign-up/email", json=body)
            assistant = Assistant(Browser(client, body["email"], signed_up.json()["user"]))
            async with assistant.connected(app) as connected_client:
                for _ in range(2):
                    await connected_client.call_tool("add_task", {"title": "t"})
                    assert assistant.auth is not None
                    assistant.auth.context.token_expiry_time = 1.0  # so it is renewed
            gone = await client.post("/api/auth/delete-user", json={"password": PASSWORD})
            assert gone.status_code == 200, gone.text
