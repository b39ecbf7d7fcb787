"""One database that Prisma or Drizzle has made, and both servers on it, in another zone."""

from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Any, Final

import anyio
import asyncpg
import pytest

from taskward.database.url import DatabaseURL
from tests.auth.test_one_database import PASSWORD, Browsers, Site, both_know, done, neither_knows
from tests.conftest import BASE_URL, CreateDatabase
from tests.database.better_auth_tables import IN_NEPAL, MADE_BY_OTHERS, made_by
from tests.support.servers import OriginalServer, TaskwardServer, auth_settings, node

pytestmark = pytest.mark.long
OTHER: Final = "another good password"


@pytest.fixture(scope="module", params=["drizzle-serial", "prisma-uuid"])
async def site(request: Any, create_database: CreateDatabase) -> AsyncIterator[Site]:
    """The two servers on one database."""
    node()
    name, site = request.param, Site(await create_database(), {})
    connection = await asyncpg.connect(**DatabaseURL.parse(site.database_url).connect_arguments())
    # By Kysely, the original's plugin for keys would have to be told of other names too.
    await connection.execute(f"{made_by(name)} DROP TABLE jwks {IN_NEPAL}")
    await connection.close()
    settings = auth_settings(site.database_url) | {"BETTER_AUTH_URL": BASE_URL}
    original = OriginalServer(settings | {"ORIGINAL": "foreign_database", "SETUP": name})
    own = {setting.upper(): str(value) for setting, value in MADE_BY_OTHERS[name].items()}
    own["MCP_ENABLED"] = "false"  # which would bring that table back
    with ExitStack() as running:
        for key, server in {"ours": TaskwardServer(settings | own), "original": original}.items():
            site.servers[key] = await anyio.to_thread.run_sync(running.enter_context, server)
        yield site


@pytest.mark.parametrize("first", ["original", "ours"])
async def test_what_one_server_does_holds_at_the_other(site: Site, first: str) -> None:
    """A user, sessions, a password, and times to the millisecond, both ways."""
    one = site.servers[first]
    other = next(server for name, server in site.servers.items() if name != first)
    async with Browsers() as browsers:
        browser = await browsers.signed_up(one)
        await both_know(browser, site)
        assert await browser.session(one) == await browser.session(other)
        phone = await browsers.signed_in(other)
        listed = [await browser.get(server, "list-sessions") for server in (one, other)]
        assert sorted(listed[0], key=repr) == sorted(listed[1], key=repr)
        accounts = [await browser.get(server, "list-accounts") for server in (one, other)]
        assert accounts[0] == accounts[1]
        assert (await browser.post(other, "update-user", name="Ada L.")).status_code == 200
        assert (await browser.session(one))["user"]["name"] == "Ada L."
        token = (await phone.session(one))["session"]["token"]
        await done(browser.post(other, "revoke-session", token=token))
        await neither_knows(phone, site)
        change = {"currentPassword": PASSWORD, "newPassword": OTHER}
        await done(browser.post(other, "change-password", **change))
        again = await browsers.open()
        assert (await again.sign_in(one, OTHER)).status_code == 200
        await both_know(again, site)
        await done(again.post(other, "delete-user", password=OTHER))
        await neither_knows(browser, site)
