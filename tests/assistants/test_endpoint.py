"""`/mcp` before the protocol: methods, hosts, origins, tokens, scopes, media types and sizes."""

import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import jwt
import pytest
from fastapi import FastAPI

from tests.assistants.rpc import MODERN, Assistant, envelope
from tests.conftest import BASE_URL, TRUSTED_ORIGIN, User
from tests.support.factories import running_on

METADATA = f'resource_metadata="{BASE_URL}/.well-known/oauth-protected-resource/mcp"'
WITHOUT_TOKEN = f'Bearer {METADATA}, scope="tasks:read tasks:write"'
BAD_TOKEN = WITHOUT_TOKEN + ', error="invalid_token", error_description="{}"'
ASKS = {"MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/list"}
RESOURCE = f"{BASE_URL}/mcp"


def challenge(answer: httpx.Response) -> str:
    """The one value of `WWW-Authenticate`."""
    [value] = answer.headers.get_list("www-authenticate")
    return str(value)


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "PUT", "PATCH", "BREW"])
async def test_nothing_but_post_is_allowed(
    client: httpx.AsyncClient, alice: User, method: str
) -> None:
    """The protocol's server would hold a GET open."""
    for headers in ({}, alice.headers | {"Accept": "text/event-stream"}):
        answer = await client.request(method, "/mcp", headers=headers)
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
        assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("path", ["/mcp", "/mcp/"])
async def test_a_browser_learns_what_it_may_send(client: httpx.AsyncClient, path: str) -> None:
    headers = {
        "Origin": TRUSTED_ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, x-anything",
    }
    answer = await client.options(path, headers=headers)
    assert (answer.status_code, answer.content) == (204, b"")
    allowed = answer.headers["access-control-allow-headers"].split(", ")
    assert {*allowed} == {
        *("authorization", "content-type", "accept"),
        *("mcp-protocol-version", "mcp-method", "mcp-name"),
    }
    assert answer.headers["access-control-allow-methods"] == "POST"
    assert answer.headers["access-control-allow-origin"] == TRUSTED_ORIGIN
    exposed = answer.headers["access-control-expose-headers"].lower().split(", ")
    assert {"www-authenticate", "x-request-id"} <= {*exposed}


async def test_options_need_neither_token_nor_origin(client: httpx.AsyncClient) -> None:
    assert (await client.options("/mcp")).status_code == 204


@pytest.mark.parametrize("method", ["OPTIONS", "POST", "GET"])
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:8001", ""])
async def test_a_page_of_a_stranger_is_refused(
    client: httpx.AsyncClient, alice: User, origin: str, method: str
) -> None:
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST", **alice.headers, **ASKS}
    answer = await client.request(method, "/mcp", headers=headers, json=envelope("tools/list"))
    assert answer.status_code == 403
    assert answer.json() == {"detail": "Origin not allowed"}
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("origin", [BASE_URL, "http://127.0.0.1:8000", TRUSTED_ORIGIN])
async def test_our_own_pages_and_trusted_ones_may_ask(
    client: httpx.AsyncClient, alice: User, origin: str
) -> None:
    headers = {"Origin": origin, **alice.headers, **ASKS}
    answer = await client.post("/mcp", headers=headers, json=envelope("tools/list"))
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == origin


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost", "localhost:8001", "localhost:8000.evil.example", ""]
)
async def test_another_name_of_the_server_is_misdirected(
    client: httpx.AsyncClient, alice: User, host: str
) -> None:
    headers = {"Host": host, **alice.headers, **ASKS}
    answer = await client.post("/mcp", headers=headers, json=envelope("tools/list"))
    assert (answer.status_code, answer.json()) == (421, {"detail": "This server has another name"})


@pytest.mark.parametrize("host", ["LOCALHOST:8000", "127.0.0.1:8000", "[::1]:8000"])
async def test_the_names_of_this_machine_are_one(
    client: httpx.AsyncClient, alice: User, host: str
) -> None:
    headers = {"Host": host, **alice.headers, **ASKS}
    answer = await client.post("/mcp", headers=headers, json=envelope("tools/list"))
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("base_url", "right", "wrong"),
    [
        ("https://tasks.example", ["tasks.example", "tasks.example:443"], ["tasks.example:80"]),
        ("https://tasks.example:8443", ["tasks.example:8443"], ["tasks.example"]),
    ],
)
async def test_a_port_that_goes_without_saying_may_be_said(
    database_url: str, base_url: str, right: list[str], wrong: list[str]
) -> None:
    async with running_on(database_url, better_auth_url=base_url) as app:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=base_url) as client:
            for host in right + wrong:
                answer = await client.get("/mcp", headers={"Host": host})
                assert answer.status_code == (405 if host in right else 421), host


# Tokens


@pytest.mark.parametrize("sent", [{}, {"Authorization": "Basic YTpi"}, {"Authorization": ""}])
async def test_without_a_token_the_way_to_one_is_named(
    client: httpx.AsyncClient, sent: dict[str, str]
) -> None:
    answer = await client.post("/mcp", headers=sent | ASKS, json=envelope("tools/list"))
    assert (answer.status_code, answer.json()) == (401, {"detail": "Not authenticated"})
    assert challenge(answer) == WITHOUT_TOKEN


async def test_authentication_comes_before_the_body_is_looked_at(client: httpx.AsyncClient) -> None:
    answer = await client.post("/mcp", content=b"{", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 401


def forged(app: FastAPI, **claims: Any) -> str:
    """A JWT under the server's secret; a claim of None is left out."""
    all_claims = {
        "sub": "user_1",
        "iat": int(time.time()),
        "exp": int(time.time()) + 60,
        "iss": BASE_URL,
        "aud": BASE_URL,
        **claims,
    }
    secret = app.state.better_auth.options.secret
    return jwt.encode({k: v for k, v in all_claims.items() if v is not None}, secret, "HS256")


async def asked_with(client: httpx.AsyncClient, token: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}", **ASKS}
    return await client.post("/mcp", headers=headers, json=envelope("tools/list"))


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": None},
        {"aud": []},
        {"aud": "https://other.example"},
        {"aud": TRUSTED_ORIGIN},
        {"aud": f"{BASE_URL}/mcp/"},
        {"aud": f"{BASE_URL}/api"},
        {"iss": "https://other.example"},
        {"sub": None},
        {"sub": "a b"},
        {"exp": None},
        {"nbf": 2**40},
    ],
    ids=str,
)
async def test_a_jwt_for_nobody_or_for_something_else_is_refused(
    app: FastAPI, client: httpx.AsyncClient, claims: dict[str, Any]
) -> None:
    answer = await asked_with(client, forged(app, **claims))
    assert (answer.status_code, challenge(answer)) == (401, BAD_TOKEN.format("Invalid token"))


async def test_a_jwt_that_is_over_is_refused_as_that(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    answer = await asked_with(client, forged(app, exp=int(time.time()) - 1))
    assert (answer.status_code, answer.json()) == (401, {"detail": "Token expired"})
    assert challenge(answer) == BAD_TOKEN.format("Token expired")


@pytest.mark.parametrize("aud", [BASE_URL, RESOURCE, [BASE_URL], ["https://o.example", RESOURCE]])
async def test_our_own_jwt_for_this_server_or_for_its_tools_is_taken(
    app: FastAPI, client: httpx.AsyncClient, aud: Any
) -> None:
    assert (await asked_with(client, forged(app, aud=aud))).status_code == 200


@pytest.mark.parametrize(
    "token",
    ["", "x", "a.b.c", "e30.e30.", "x" * 9000, "eyJ0eXAiOiJhdCtqd3QifQ.e30.AAAAAAAAAAAAAAAA"],
)
async def test_what_is_no_token_is_refused(client: httpx.AsyncClient, token: str) -> None:
    answer = await asked_with(client, token)
    assert answer.status_code == 401
    assert 'error="invalid_token"' in challenge(answer)
    assert not token or token not in answer.text + challenge(answer)


async def test_a_jwt_of_another_secret_or_none_is_refused(client: httpx.AsyncClient) -> None:
    claims = {"sub": "user_1", "exp": int(time.time()) + 60, "aud": BASE_URL}
    for token in (
        jwt.encode(claims, "another-secret-of-32-characters-or-more", "HS256"),
        jwt.encode(claims, "", "none"),
    ):
        assert (await asked_with(client, token)).status_code == 401


async def test_two_tokens_are_none(client: httpx.AsyncClient, alice: User) -> None:
    several = [("Authorization", alice.headers["Authorization"])] * 2
    headers = [*several, *ASKS.items()]
    answer = await client.post("/mcp", headers=headers, json=envelope("tools/list"))
    assert (answer.status_code, challenge(answer)) == (401, BAD_TOKEN.format("Invalid token"))


async def test_a_session_is_no_token(app: FastAPI, client: httpx.AsyncClient) -> None:
    client.cookies.set("better-auth.session_token", "x.y")
    answer = await client.post("/mcp?access_token=x", headers=ASKS, json=envelope("tools/list"))
    assert challenge(answer) == WITHOUT_TOKEN


async def test_a_user_who_is_denied_has_no_tools(
    app: FastAPI, client: httpx.AsyncClient, alice: User
) -> None:
    app.state.better_auth.tokens.deny_user(alice.id)
    answer = await client.post("/mcp", headers=alice.headers | ASKS, json=envelope("tools/list"))
    assert answer.status_code == 401


async def test_a_token_for_the_tools_opens_nothing_else(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    headers = {"Authorization": f"Bearer {forged(app, aud=RESOURCE)}"}
    assert (await client.get("/api/tasks", headers=headers)).status_code == 401


@pytest.fixture(scope="module")
async def strict(database_url: str) -> AsyncIterator[FastAPI]:
    async with running_on(database_url, mcp_first_party_tokens=False) as app:
        yield app


async def test_our_own_jwt_can_be_kept_out(strict: FastAPI) -> None:
    transport = httpx.ASGITransport(strict)
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        assert (await asked_with(client, forged(strict))).status_code == 401
        assert (await asked_with(client, forged(strict, aud=RESOURCE))).status_code == 200


async def test_without_mcp_there_is_no_such_path(database_url: str) -> None:
    async with running_on(database_url, mcp_enabled=False) as app:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
            for method in ("GET", "POST", "OPTIONS"):
                assert (await client.request(method, "/mcp")).status_code == 404


# Bodies


@pytest.mark.parametrize("kind", ["text/plain", "", "application/x-www-form-urlencoded"])
async def test_what_is_not_json_is_415(assistant: Assistant, kind: str) -> None:
    answer = await assistant.send(envelope("tools/list"), {"Content-Type": kind})
    assert (answer.status_code, answer.headers["accept"]) == (415, "application/json")


async def test_what_is_compressed_is_415(assistant: Assistant) -> None:
    answer = await assistant.send(b"\x1f\x8b", {"Content-Encoding": "gzip"})
    assert (answer.status_code, answer.headers["accept-encoding"]) == (415, "identity")


@pytest.mark.parametrize("chunked", [False, True])
async def test_what_is_too_large_is_413(assistant: Assistant, chunked: bool) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 65_536

    headers = {**assistant.headers, "Content-Type": "application/json"}
    content = pieces() if chunked else b" " * 1_100_000
    answer = await assistant.client.post("/mcp", content=content, headers=headers)
    assert answer.status_code == 413
    assert [*answer.json()] == ["detail"]


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "text/event-stream", "x/y"])
async def test_every_answer_is_json_whatever_is_accepted(
    assistant: Assistant, accept: str | None
) -> None:
    assistant.client.headers.pop("accept", None)
    assistant.headers = {**assistant.headers, **({} if accept is None else {"Accept": accept})}
    answer = await assistant.ask("tools/list")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"


async def test_an_answer_has_what_every_answer_has(assistant: Assistant) -> None:
    assistant.headers = {**assistant.headers, "X-Request-ID": "mine"}
    answer = await assistant.ask("tools/list")
    assert answer.headers["x-request-id"] == "mine"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert "mcp-session-id" not in answer.headers


async def test_a_slash_at_the_end_changes_nothing(assistant: Assistant) -> None:
    headers = {**assistant.headers, **ASKS, "Content-Type": "application/json"}
    content = json.dumps(envelope("tools/list"))
    answer = await assistant.client.post("/mcp/", content=content, headers=headers)
    assert len(answer.json()["result"]["tools"]) == 7
