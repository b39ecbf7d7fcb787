"""What is no request of OAuth's, or too much of one: 4xx, and nothing is stored."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from fastapi import FastAPI

from authward import BetterAuth
from authward.options import RateLimitOptions
from authward.plugins.oauth_provider.errors import DESCRIPTION_MAX_LENGTH
from tests.conftest import CreateDatabase
from tests.support.oauth_site import (
    CALLBACK,
    ISSUER,
    OAuthSite,
    oauth_site,
    registered,
    stored_rows,
)


@pytest.fixture(scope="module")
async def site(create_database: CreateDatabase) -> AsyncIterator[OAuthSite]:
    async with oauth_site(await create_database()) as made:
        yield made


def _registration(**metadata: Any) -> bytes:
    return json.dumps({"redirect_uris": [CALLBACK], **metadata}).encode()


HOSTILE: list[Any] = [
    [],
    "x",
    7,
    None,
    {"redirect_uris": [CALLBACK] * 101},
    {"redirect_uris": [CALLBACK], "client_name": "x" * 3000},
    {"redirect_uris": [CALLBACK], "client_name": "a\0b"},
    {"redirect_uris": [CALLBACK + "?" + "x" * 3000]},
    {"redirect_uris": [CALLBACK], "contacts": ["a\0"]},
    {"redirect_uris": [CALLBACK], "jwks": {"keys": [{"kty": "oct", "k": "x"}]}},
    {"redirect_uris": [CALLBACK], "jwks_uri": "http://169.254.169.254/"},
    {"redirect_uris": [CALLBACK], "backchannel_logout_uri": "https://10.0.0.1/"},
    {"redirect_uris": [CALLBACK], "grant_types": ["authorization_code"] * 200},
    {"redirect_uris": [CALLBACK], "skip_consent": True},
    {"redirect_uris": [CALLBACK], "subject_type": "pairwise"},
    {"redirect_uris": [{"a": 1}]},
]


@pytest.mark.parametrize("body", HOSTILE, ids=lambda body: str(body)[:40])
async def test_hostile_registrations_store_nothing(site: OAuthSite, body: Any) -> None:
    before = await stored_rows(site)
    answer = await site.client().post("/oauth2/register", json=body)
    assert answer.status_code == 400, answer.text
    assert await stored_rows(site) == before


@pytest.mark.parametrize(
    "path", ["register", "consent", "continue", "token", "introspect", "revoke"]
)
async def test_huge_and_deep_bodies_are_refused(site: OAuthSite, path: str) -> None:
    person, before = await site.person(), await stored_rows(site)
    form = {"content-type": "application/x-www-form-urlencoded"}
    deep = "[" * 5_000 + "]" * 5_000
    attempts: list[tuple[bytes, dict[str, str]]] = [
        (b"x" * 100_000, {"content-type": "application/json"}),
        (deep.encode(), {"content-type": "application/json"}),
        (json.dumps({"a": "x" * 100_000}).encode(), {"content-type": "application/json"}),
        (b"a=" + b"x" * 100_000, form),
        (b"&".join(b"a=b" for _ in range(5_000)), form),
        (b"token=" + b"%00" * 10 + b"&client_id=%00", form),
        (b"\xff\xfe\x00", form),
    ]
    for content, headers in attempts:
        answer = await person.browser.post(f"/oauth2/{path}", content=content, headers=headers)
        assert 400 <= answer.status_code < 500, (content[:20], answer.text)
    assert await stored_rows(site) == before


@pytest.mark.parametrize("value", ["\0", "\ud800", "x" * 20_000, "%00", "🙂", "\r\nx: y", "'\"--"])
async def test_no_parameter_breaks_the_server(site: OAuthSite, value: str) -> None:
    client, person = await registered(site), await site.person()
    quoted = value.encode("utf-8", "surrogatepass")
    for name in ("client_id", "state", "scope", "nonce", "resource", "prompt", "claims", "x"):
        query = {**client.request(), name: quoted}
        answer = await person.browser.get(f"/oauth2/authorize?{urlencode(query)}")
        assert answer.status_code in {302, 400}, (name, answer.text)
    form = {"content-type": "application/x-www-form-urlencoded"}
    for name in ("grant_type", "client_id", "code", "code_verifier", "refresh_token", "resource"):
        for grant in ("authorization_code", "refresh_token", "client_credentials"):
            given = {"grant_type": grant, "client_id": client.id, "code": "x"}
            body = urlencode({**given, "code_verifier": "x", "refresh_token": "x", name: quoted})
            answer = await client.http.post("/oauth2/token", content=body, headers=form)
            assert 400 <= answer.status_code < 500, (name, grant, answer.text)


@pytest.mark.parametrize(
    ("path", "kind", "body"),
    [
        ("token", "x-www-form-urlencoded", b"grant_type=" + b"\xff" * 64_000),
        ("token", "x-www-form-urlencoded", b"grant_type=a" + b"%01" * 21_000 + b"a"),
        ("register", "json", _registration(token_endpoint_auth_method="\x01" * 10_000)),
        ("register", "json", _registration(grant_types=["\x01" * 10_000])),
    ],
    ids=["bytes", "percent", "authentication", "grant"],
)
async def test_an_answer_repeats_a_large_value_only_in_part(
    site: OAuthSite, path: str, kind: str, body: bytes
) -> None:
    headers = {"content-type": f"application/{kind}"}
    answer = await site.client().post(f"/oauth2/{path}", content=body, headers=headers)
    described = answer.json()["error_description"]
    assert answer.status_code == 400
    assert described.startswith("unsupported ")
    assert len(described) == DESCRIPTION_MAX_LENGTH
    assert len(answer.content) < 64 * 1024


async def test_registrations_have_a_limit(create_database: CreateDatabase) -> None:
    async with oauth_site(await create_database()) as site:
        options = replace(site.auth.options, rate_limit=RateLimitOptions(enabled=True))
        auth, app = BetterAuth(options, site.pool), FastAPI()
        await auth.migrate()
        auth.install(app)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=ISSUER) as client:
            body = {"redirect_uris": [CALLBACK]}
            answers = [await client.post("/oauth2/register", json=body) for _ in range(7)]
        assert [answer.status_code for answer in answers] == [*[201] * 5, 429, 429]
        assert await site.count("oauthClient") == 5
