"""A social sign-in that the original began is finished by ours, and the other way round."""

import json
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio.to_thread
import httpx
import pytest

from authward.security.encryption import decrypt, encrypt
from tests.conformance.social import SocialServer
from tests.conftest import CreateDatabase
from tests.support.fake_provider import FakeProvider, Script
from tests.support.servers import JS, ORIGIN, SECRET, OriginalServer, Server, auth_settings, node
from tests.support.social_site import generic, profile

pytestmark = pytest.mark.long

BASE_URL = "http://localhost:8000"
PURPOSE = "oauth-link-session-token"
BETTER_AUTH = JS / "node_modules" / "better-auth" / "dist" / "crypto"
PROGRAM = f"""
import {{ symmetricDecrypt, symmetricEncrypt }} from "{BETTER_AUTH}/index.mjs";
import {{ derivePurposeKey }} from "{BETTER_AUTH}/purpose.mjs";
const key = derivePurposeKey("{SECRET}", "{PURPOSE}");
console.log(await symmetricDecrypt({{ key, data: process.argv[1] }}));
console.log(await symmetricEncrypt({{ key, data: "from the original" }}));
"""


@pytest.fixture(scope="module")
def running() -> Iterator[ExitStack]:
    with ExitStack() as running:
        yield running


@pytest.fixture(scope="module")
async def servers(create_database: CreateDatabase, running: ExitStack) -> dict[str, Server]:
    """Both servers on one database, with one secret, behind one name."""
    node()
    provider = running.enter_context(FakeProvider())
    social = json.dumps({"generic": [generic(provider)]})
    settings = auth_settings(await create_database())
    settings |= {"BETTER_AUTH_URL": BASE_URL, "SOCIAL": social}
    original = await anyio.to_thread.run_sync(running.enter_context, OriginalServer(settings))
    ours = await anyio.to_thread.run_sync(running.enter_context, SocialServer(settings))
    return {"original": original, "ours": ours}


def post(client: httpx.Client, server: Server, path: str, body: object) -> httpx.Response:
    return client.post(f"{server.url}/api/auth{path}", json=body, headers={"origin": ORIGIN})


def get(client: httpx.Client, server: Server, path: str) -> Any:
    return client.get(f"{server.url}/api/auth{path}").json()


def begin(client: httpx.Client, server: Server, path: str) -> dict[str, str]:
    answer = post(client, server, path, {"provider": "fake", "callbackURL": "/done"})
    query = parse_qs(urlsplit(answer.json()["url"]).query)
    return {name: values[0] for name, values in query.items()}


def finish(client: httpx.Client, server: Server, begun: dict[str, str], name: str) -> str:
    claims = {**profile(name).claims, "nonce": begun["nonce"]}
    script = Script(claims=claims, challenge=begun["code_challenge"])
    query = {"state": begun["state"], "code": script.code()}
    answer = client.get(f"{server.url}/api/auth/callback/fake", params=query)
    return str(answer.headers["location"])


ORDERS = [("original", "ours"), ("ours", "original")]


@pytest.mark.parametrize(("first", "second"), ORDERS)
async def test_one_server_finishes_what_the_other_began(
    servers: dict[str, Server], first: str, second: str
) -> None:
    name = f"u{secrets.token_hex(6)}"
    with httpx.Client() as client:
        begun = begin(client, servers[first], "/sign-in/social")
        assert finish(client, servers[second], begun, name) == "/done"
        for server in servers.values():
            session = get(client, server, "/get-session")
            assert session["user"]["email"] == f"{name}@example.com"
        again = begin(client, servers[second], "/sign-in/social")
        assert finish(client, servers[first], again, name) == "/done"
        accounts = get(client, servers[first], "/list-accounts")
        assert len(accounts) == 1


@pytest.mark.parametrize(("first", "second"), ORDERS)
async def test_one_server_links_what_the_other_began_to_link(
    servers: dict[str, Server], first: str, second: str
) -> None:
    name = f"u{secrets.token_hex(6)}"
    person = {"name": "N", "email": f"{name}@example.com", "password": "a good password"}
    with httpx.Client() as client:
        post(client, servers[first], "/sign-up/email", person)
        begun = begin(client, servers[first], "/link-social")
        assert finish(client, servers[second], begun, name) == "/done"
        begun = begin(client, servers[first], "/link-social")
        post(client, servers[first], "/sign-out", {})
        assert "unable_to_link_account" in finish(client, servers[second], begun, name)


def test_what_either_seals_the_other_opens() -> None:
    sealed = encrypt(SECRET, PURPOSE, "from ours")
    command = [node(), "--input-type=module", "--eval", PROGRAM, "--", sealed]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    opened, theirs = ended.stdout.splitlines()
    assert opened == "from ours"
    assert decrypt(["another secret", SECRET], PURPOSE, theirs) == "from the original"
    assert decrypt([SECRET], PURPOSE, f"$ba$2${theirs}") == "from the original"


@pytest.mark.parametrize("sealed", ["", "00", "x", "0" * 48, "0" * 200, "$ba$", "$ba$1$", "é"])
def test_what_is_not_sealed_is_not_opened(sealed: str) -> None:
    assert decrypt([SECRET], PURPOSE, sealed) is None
    assert decrypt(["another"], PURPOSE, encrypt(SECRET, PURPOSE, "x")) is None
    assert decrypt([SECRET], "another", encrypt(SECRET, PURPOSE, "x")) is None
