"""What ends by itself: clients that nobody allowed anything."""

from collections.abc import AsyncIterator

import pytest

from authward.plugins.oauth_provider.provider import ID
from tests.conftest import CreateDatabase
from tests.support.oauth_site import CALLBACK, Client, OAuthSite, oauth_site, registered

LIFETIME = 3600


@pytest.fixture(scope="module")
async def site(create_database: CreateDatabase) -> AsyncIterator[OAuthSite]:
    async with oauth_site(await create_database(), unused_client_expires_in=LIFETIME) as made:
        yield made


async def grow_old(site: OAuthSite, *clients: Client) -> None:
    age = f"{LIFETIME + 60} seconds"
    await site.pool.execute(
        f'UPDATE "oauthClient" SET "createdAt" = now() - interval \'{age}\' '
        'WHERE "clientId" = ANY($1)',
        [client.id for client in clients],
    )


async def left(site: OAuthSite, *clients: Client) -> list[bool]:
    """Which of them are there after somebody else has registered, a while later."""
    unused = site.auth.context.extensions[ID].unused_clients
    unused._removed_at = float("-inf")
    await registered(site)  # answered when what it does in the background is done
    rows = await site.pool.fetch('SELECT "clientId" FROM "oauthClient"')
    there = {row["clientId"] for row in rows}
    return [client.id in there for client in clients]


async def test_only_old_clients_go_that_nobody_allowed_anything(site: OAuthSite) -> None:
    person = await site.person()
    unused, young, used = [await registered(site) for _ in range(3)]
    tokens = await used.tokens(person)
    await grow_old(site, unused, used)
    assert await left(site, unused, young, used) == [False, True, True]
    assert (await used.refresh(tokens["refresh_token"])).status_code == 200
    assert (await unused.redeem("code")).status_code in {400, 401}


async def test_what_somebody_allowed_stays_without_a_refresh_token_too(site: OAuthSite) -> None:
    client = await registered(site)
    tokens = await client.tokens(await site.person(), scope="tasks:read")
    assert "refresh_token" not in tokens
    await grow_old(site, client)
    assert await left(site, client) == [True]


async def test_without_a_lifetime_they_stay_for_ever(create_database: CreateDatabase) -> None:
    async with oauth_site(await create_database()) as site:
        client = await registered(site)
        await grow_old(site, client)
        assert await left(site, client) == [True]


async def test_clients_that_somebody_made_or_answers_for_stay(site: OAuthSite) -> None:
    person = await site.person()
    body = {"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none"}
    made = (await person.browser.post("/oauth2/create-client", json=body)).json()
    own = Client(person.browser, made["client_id"])
    trusted, referred = await registered(site), await registered(site)
    change = 'UPDATE "oauthClient" SET {} WHERE "clientId" = $1'
    await site.pool.execute(change.format('"skipConsent" = true'), trusted.id)
    await site.pool.execute(change.format("\"referenceId\" = 'team'"), referred.id)
    await grow_old(site, own, trusted, referred)
    assert await left(site, own, trusted, referred) == [True, True, True]


async def test_a_client_that_still_has_a_refresh_token_stays_until_that_goes(
    site: OAuthSite,
) -> None:
    client = await registered(site)
    await client.tokens(await site.person())
    await grow_old(site, client)
    await site.pool.execute('DELETE FROM "oauthConsent" WHERE "clientId" = $1', client.id)
    assert await left(site, client) == [True]
    await site.pool.execute('DELETE FROM "oauthRefreshToken" WHERE "clientId" = $1', client.id)
    assert await left(site, client) == [False]


async def test_they_are_looked_for_once_a_minute_at_most(site: OAuthSite) -> None:
    await left(site)
    unused = await registered(site)
    await grow_old(site, unused)
    await registered(site)
    count = 'SELECT count(*) FROM "oauthClient" WHERE "clientId" = $1'
    assert await site.pool.fetchval(count, unused.id) == 1
    assert await left(site, unused) == [False]
