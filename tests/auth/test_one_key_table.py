"""One table `jwks` and both servers on it: each signs with, shows and verifies the other's keys."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import anyio.to_thread
import asyncpg
import httpx
import jwt as pyjwt
import pytest
from fastapi import FastAPI

from authward import BetterAuth, BetterAuthOptions
from authward.plugins import bearer, jwt
from taskward.database.url import DatabaseURL
from tests.conformance.setups.jwks import jwt_options
from tests.conftest import BASE_URL, PASSWORD, CreateDatabase, new_email
from tests.support.auth_options import UNLIMITED
from tests.support.servers import ORIGIN, SECRET, OriginalServer, auth_settings, node

ALGORITHMS = ("EdDSA", "ES256", "ES512", "RS256", "PS256", "ES256 in clear")


@pytest.fixture
def running() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def _ours(pool: Any, setup: str) -> tuple[BetterAuth, httpx.AsyncClient]:
    options = BetterAuthOptions(
        secret=SECRET,
        base_url=BASE_URL,
        trusted_origins=(ORIGIN,),
        plugins=(jwt(jwt_options(setup)), bearer()),
        rate_limit=UNLIMITED,
    )
    server, app = BetterAuth(options, pool), FastAPI()
    server.install(app)
    transport = httpx.ASGITransport(app)
    return server, httpx.AsyncClient(transport=transport, base_url=f"{BASE_URL}/api/auth/")


async def _token(client: httpx.AsyncClient, cookie: str) -> str:
    answer = await client.get("token", headers={"cookie": cookie})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["token"])


async def _is_verified(client: httpx.AsyncClient, token: str) -> bool:
    shown = {key["kid"]: key for key in (await client.get("jwks")).json()["keys"]}
    header = pyjwt.get_unverified_header(token)
    public = pyjwt.PyJWK(shown[header["kid"]])
    audience = "https://two.example"
    claims = pyjwt.decode(token, public, [header["alg"]], audience=audience)
    times = claims["exp"] - claims["iat"]
    return bool(claims["iss"] == "https://issuer.example" and times == 300)


@pytest.mark.parametrize("setup", ALGORITHMS)
async def test_either_server_uses_and_verifies_what_the_other_has_made(
    create_database: CreateDatabase, running: ExitStack, setup: str
) -> None:
    node()
    url = await create_database()
    settings = auth_settings(url) | {
        "BETTER_AUTH_URL": BASE_URL,
        "ORIGINAL": "jwks",
        "SETUP": setup,
    }
    theirs = await anyio.to_thread.run_sync(running.enter_context, OriginalServer(settings))
    arguments = DatabaseURL.parse(url).connect_arguments()
    async with (
        asyncpg.create_pool(**arguments, min_size=1, max_size=3) as pool,
        httpx.AsyncClient(base_url=f"{theirs.url}/api/auth/", timeout=30) as original,
    ):
        server, ours = _ours(pool, setup)
        body = {"name": "Ada", "email": new_email(), "password": PASSWORD}
        answer = await ours.post("sign-up/email", json=body, headers={"origin": ORIGIN})
        cookie = answer.headers["set-cookie"].split(";")[0]
        for first, second in ((original, ours), (ours, original)):
            await pool.execute("DELETE FROM jwks")
            tokens = [await _token(first, cookie), await _token(second, cookie)]
            kids = {pyjwt.get_unverified_header(token)["kid"] for token in tokens}
            assert kids == {row["id"] for row in await pool.fetch("SELECT id FROM jwks")}
            for token in tokens:
                assert await _is_verified(ours, token)
                assert await _is_verified(original, token)
                found = await original.post("verify", json={"token": token})
                assert found.json()["email"] == body["email"], found.text
                key_set = server.context.key_set
                assert key_set is not None
                key_set._read_at = float("-inf")  # the rows were removed behind its back
                _, claims = await key_set.verify(token, issuer="https://issuer.example")
                assert claims["email"] == body["email"]
