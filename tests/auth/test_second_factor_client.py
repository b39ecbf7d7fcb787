"""The stock client's plugins for passkeys and second factors, and both servers on one database."""

import json
import secrets
import subprocess
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio.to_thread
import httpx
import pyotp
import pytest

from tests.auth.test_better_auth_client import Round, assert_passed
from tests.conftest import PASSWORD, CreateDatabase
from tests.support.authenticator import Authenticator
from tests.support.both_servers import both_servers
from tests.support.browser_stories import FRONTEND, browser_program
from tests.support.process_environment import clean_environment
from tests.support.servers import (
    JS,
    ORIGIN,
    OriginalServer,
    Server,
    TaskwardServer,
    auth_settings,
    free_port,
    node,
)

pytestmark = pytest.mark.long

PLUGINS = {"BETTER_AUTH_PLUGINS": "two-factor,passkey", "ORIGINAL": "second_factors"}
BOTH_WAYS = pytest.mark.parametrize(
    "order", [(0, 1), (1, 0)], ids=["theirs to ours", "ours to theirs"]
)
SECONDS = 120


def hold_round(server: Server, port: int) -> Round:
    more = {"SERVER_URL": server.url, "PORT": str(port), "FRONTEND": str(FRONTEND)}
    ended = subprocess.run(
        [node(), str(JS / "passkey-round.mjs")],
        env=clean_environment({"CHROMIUM": browser_program(), **more}),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    steps = tuple(json.loads(line) for line in ended.stdout.splitlines())
    return Round(steps, ended.returncode, ended.stderr)


@pytest.mark.parametrize(
    "kind", [pytest.param(OriginalServer, marks=pytest.mark.slow), TaskwardServer]
)
async def test_the_stock_client_passes_its_round_in_a_browser(
    create_database: CreateDatabase, kind: type[Server]
) -> None:
    browser_program()
    port = free_port()
    public = {"BETTER_AUTH_URL": f"http://localhost:{port}"}
    with kind(auth_settings(await create_database()) | PLUGINS | public) as server:
        held = await anyio.to_thread.run_sync(hold_round, server, port)
    assert_passed(held, at_least=15)


@pytest.fixture(scope="module")
async def servers(create_database: CreateDatabase) -> AsyncIterator[list[Server]]:
    settings = auth_settings(await create_database()) | PLUGINS
    async with both_servers(settings) as servers:
        yield servers


class Visitor:
    """A browser that one server knows as well as the other."""

    def __init__(self) -> None:
        self.email = f"{secrets.token_hex(8)}@example.com"
        self.client = httpx.AsyncClient(headers={"origin": ORIGIN}, timeout=30)

    async def post(self, server: Server, path: str, **body: Any) -> dict[str, Any]:
        answer = await self.client.post(f"{server.url}/api/auth/{path}", json=body)
        assert answer.status_code == 200, f"{path}: {answer.text}"
        return dict(answer.json())

    async def get(self, server: Server, path: str) -> dict[str, Any]:
        answer = await self.client.get(f"{server.url}/api/auth/{path}")
        return dict(answer.json())

    async def signs_up(self, server: Server) -> None:
        await self.post(server, "sign-up/email", name="Ada", email=self.email, password=PASSWORD)

    async def gives_the_password(self, server: Server) -> dict[str, Any]:
        return await self.post(server, "sign-in/email", email=self.email, password=PASSWORD)

    def forgets_the_session(self) -> None:
        self.client.cookies.delete("better-auth.session_token")


@pytest.fixture
async def ada() -> AsyncIterator[Visitor]:
    visitor = Visitor()
    yield visitor
    await visitor.client.aclose()


def code_of(uri: str) -> str:
    return pyotp.TOTP(parse_qs(urlsplit(uri).query)["secret"][0]).now()


@BOTH_WAYS
async def test_a_second_factor_of_one_server_counts_at_the_other(
    servers: list[Server], order: tuple[int, int], ada: Visitor
) -> None:
    first, second = (servers[index] for index in order)
    await ada.signs_up(first)
    given = await ada.post(first, "two-factor/enable", password=PASSWORD)
    code = code_of(given["totpURI"])
    await ada.post(second, "two-factor/verify-totp", code=code)
    ada.forgets_the_session()
    assert (await ada.gives_the_password(second))["twoFactorRedirect"] is True
    signed_in = await ada.post(first, "two-factor/verify-totp", code=code, trustDevice=True)
    assert signed_in["user"]["twoFactorEnabled"] is True
    ada.forgets_the_session()
    assert "token" in await ada.gives_the_password(second)
    uri = await ada.post(second, "two-factor/get-totp-uri", password=PASSWORD)
    assert uri["totpURI"] == given["totpURI"]


@BOTH_WAYS
async def test_backup_codes_of_one_server_count_at_the_other_and_are_used_up_at_both(
    servers: list[Server], order: tuple[int, int], ada: Visitor
) -> None:
    first, second = (servers[index] for index in order)
    await ada.signs_up(first)
    given = await ada.post(first, "two-factor/enable", password=PASSWORD)
    await ada.post(first, "two-factor/verify-totp", code=code_of(given["totpURI"]))
    used = given["backupCodes"][0]
    await ada.post(second, "two-factor/verify-backup-code", code=used)
    path = f"{first.url}/api/auth/two-factor/verify-backup-code"
    again = await ada.client.post(path, json={"code": used})
    assert (again.status_code, again.json()["code"]) == (401, "INVALID_BACKUP_CODE")
    new = await ada.post(second, "two-factor/generate-backup-codes", password=PASSWORD)
    await ada.post(first, "two-factor/verify-backup-code", code=new["backupCodes"][0])


@BOTH_WAYS
async def test_a_passkey_of_one_server_signs_in_at_the_other(
    servers: list[Server], order: tuple[int, int], ada: Visitor
) -> None:
    first, second = (servers[index] for index in order)
    device = Authenticator(ada.email, rp_id="localhost", origin=ORIGIN)
    await ada.signs_up(first)
    challenge = (await ada.get(first, "passkey/generate-register-options"))["challenge"]
    made = await ada.post(
        second, "passkey/verify-registration", response=device.attestation(challenge)
    )
    ada.forgets_the_session()
    challenge = (await ada.get(second, "passkey/generate-authenticate-options"))["challenge"]
    signed_in = await ada.post(
        first, "passkey/verify-authentication", response=device.assertion(challenge)
    )
    assert signed_in["user"]["email"] == ada.email
    assert signed_in["user"]["id"] == made["userId"]
    challenge = (await ada.get(first, "passkey/generate-authenticate-options"))["challenge"]
    await ada.post(second, "passkey/verify-authentication", response=device.assertion(challenge))
