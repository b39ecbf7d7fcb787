"""The stock client's plugins `admin` and `organization`, and both servers on one database."""

import secrets
from collections.abc import AsyncIterator

import anyio.to_thread
import asyncpg
import httpx
import pytest

from tests.auth.test_better_auth_client import assert_passed, hold_round
from tests.conftest import PASSWORD, CreateDatabase
from tests.support.both_servers import both_servers
from tests.support.servers import (
    ORIGIN,
    OriginalServer,
    Server,
    TaskwardServer,
    auth_settings,
    node,
)

pytestmark = pytest.mark.long

PLUGINS = {"PLUGINS": "admin,organization", "BETTER_AUTH_PLUGINS": "admin,organization"}
ROUND = "people-round.mjs"


@pytest.mark.parametrize("kind", [OriginalServer, TaskwardServer])
async def test_the_stock_client_passes_its_round(
    create_database: CreateDatabase, kind: type[Server]
) -> None:
    node()
    url = await create_database()
    server = kind(auth_settings(url) | PLUGINS)
    held = await anyio.to_thread.run_sync(
        lambda: hold_round(server, script=ROUND, DATABASE_URL=url)
    )
    assert_passed(held, at_least=11)


@pytest.fixture(scope="module")
async def servers(create_database: CreateDatabase) -> AsyncIterator[list[Server]]:
    settings = auth_settings(await create_database()) | PLUGINS
    async with both_servers(settings) as servers:
        yield servers


def browser(server: Server) -> httpx.AsyncClient:
    base = f"{server.url}/api/auth"
    return httpx.AsyncClient(base_url=base, headers={"origin": ORIGIN}, timeout=30)


def new_person() -> dict[str, str]:
    return {
        "name": "Ada",
        "email": f"{secrets.token_hex(8)}@example.com",
        "password": PASSWORD,
    }


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["theirs to ours", "ours to theirs"])
async def test_an_organization_that_one_server_made_goes_on_at_the_other(
    servers: list[Server], order: tuple[int, int]
) -> None:
    first, second = (servers[index] for index in order)
    ada, bob = new_person(), new_person()
    async with browser(first) as one, browser(second) as other, browser(second) as bobs:
        await one.post("/sign-up/email", json=ada)
        slug = secrets.token_hex(8)
        made = (await one.post("/organization/create", json={"name": "Org", "slug": slug})).json()
        await other.post("/sign-in/email", json=ada)
        chosen = await other.post("/organization/set-active", json={"organizationSlug": slug})
        assert chosen.json()["id"] == made["id"]
        body = {"email": bob["email"], "role": "admin"}
        invitation = (await one.post("/organization/invite-member", json=body)).json()
        await bobs.post("/sign-up/email", json=bob)
        accepted = await bobs.post(
            "/organization/accept-invitation", json={"invitationId": invitation["id"]}
        )
        assert accepted.status_code == 200, accepted.text
        full = (await one.get("/organization/get-full-organization")).json()
        assert sorted(member["role"] for member in full["members"]) == ["admin", "owner"]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["theirs to ours", "ours to theirs"])
async def test_a_ban_that_one_server_made_holds_at_the_other(
    servers: list[Server], order: tuple[int, int]
) -> None:
    first, second = (servers[index] for index in order)
    ada, bob = new_person(), new_person()
    async with browser(first) as one, browser(second) as other:
        bob_id = (await other.post("/sign-up/email", json=bob)).json()["user"]["id"]
        ada_id = (await one.post("/sign-up/email", json=ada)).json()["user"]["id"]
        await _make_admin(first, ada_id)
        banned = await one.post("/admin/ban-user", json={"userId": bob_id})
        assert banned.status_code == 200, banned.text
        assert (await other.get("/get-session")).json() is None
        refused = await other.post("/sign-in/email", json=bob)
        assert (refused.status_code, refused.json()["code"]) == (403, "BANNED_USER")
        impersonated = await one.post("/admin/impersonate-user", json={"userId": bob_id})
        assert impersonated.json()["code"] == "BANNED_USER"
        await one.post("/admin/unban-user", json={"userId": bob_id})
        assert (await other.post("/sign-in/email", json=bob)).status_code == 200


async def _make_admin(server: Server, user_id: str) -> None:
    connection = await asyncpg.connect(server.settings["DATABASE_URL"])
    try:
        await connection.execute("UPDATE \"user\" SET role = 'admin' WHERE id = $1", user_id)
    finally:
        await connection.close()
