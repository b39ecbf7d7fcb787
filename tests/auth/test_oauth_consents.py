"""Taking a consent back ends what that client has of that user, and nothing of anybody else's."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.conftest import CreateDatabase
from tests.support.oauth_site import Client, OAuthSite, Person, oauth_site, registered

OPAQUE = {"resource": None, "scope": "openid offline_access"}
WITHOUT_REFRESH = {"resource": None, "scope": "openid"}
Tokens = dict[tuple[str, str], tuple[int, int]]


@pytest.fixture(scope="module")
async def site(create_database: CreateDatabase) -> AsyncIterator[OAuthSite]:
    async with oauth_site(await create_database()) as made:
        yield made


async def everybody(site: OAuthSite) -> tuple[list[Client], list[Person]]:
    """Two clients and two people who allowed both; each pair has tokens of both sorts."""
    clients = [await registered(site) for _ in range(2)]
    people = [await site.person() for _ in range(2)]
    for client in clients:
        for person in people:
            await client.tokens(person, **OPAQUE)
            await client.tokens(person, **WITHOUT_REFRESH)
    return clients, people


async def held(site: OAuthSite, clients: list[Client]) -> Tokens:
    """How many access and refresh tokens there are of each client and user."""
    names = [client.id for client in clients]
    found: dict[tuple[str, str], list[int]] = {}
    for place, table in enumerate(("oauthAccessToken", "oauthRefreshToken")):
        rows = await site.pool.fetch(
            f'SELECT "clientId", "userId" FROM "{table}" WHERE "clientId" = ANY($1)', names
        )
        for client_id, user_id in rows:
            found.setdefault((client_id, user_id), [0, 0])[place] += 1
    return {pair: (counts[0], counts[1]) for pair, counts in found.items()}


async def consent_of(site: OAuthSite, client: Client, person: Person) -> str:
    query = 'SELECT id FROM "oauthConsent" WHERE "clientId" = $1 AND "userId" = $2'
    found: str = await site.pool.fetchval(query, client.id, person.id)
    return found


async def test_what_is_taken_back_is_that_clients_and_that_users(site: OAuthSite) -> None:
    clients, people = await everybody(site)
    before = await held(site, clients)
    assert set(before.values()) == {(2, 1)}
    assert len(before) == 4
    body = {"id": await consent_of(site, clients[0], people[0])}
    gone = await people[0].browser.post("/oauth2/delete-consent", json=body)
    assert gone.status_code == 200
    del before[clients[0].id, people[0].id]
    assert await held(site, clients) == before


async def test_a_stolen_refresh_token_ends_the_family_and_no_other(site: OAuthSite) -> None:
    clients, people = await everybody(site)
    stolen = (await clients[0].tokens(people[0], **OPAQUE))["refresh_token"]
    assert (await clients[0].refresh(stolen)).status_code == 200
    before = await held(site, clients)
    await site.pool.execute(
        'UPDATE "oauthRefreshToken" SET "rotationReplayExpiresAt" = now() - interval \'1 second\' '
        'WHERE "rotationReplayExpiresAt" IS NOT NULL'
    )
    assert (await clients[0].refresh(stolen)).status_code == 400
    after = await held(site, clients)
    assert after.pop((clients[0].id, people[0].id)) == (1, 0), "one has no refresh token"
    del before[clients[0].id, people[0].id]
    assert after == before


@pytest.mark.parametrize("scope", ["openid", "openid offline_access"])
async def test_a_code_that_is_used_twice_ends_its_own_tokens_and_no_others(
    site: OAuthSite, scope: str
) -> None:
    clients, people = await everybody(site)
    before = await held(site, clients)
    code = await clients[0].code(people[0], resource=None, scope=scope)
    for status in (200, 400):
        assert (await clients[0].redeem(code)).status_code == status
    assert await held(site, clients) == before


async def change(person: Person, consent: str, *scopes: str) -> tuple[int, dict[str, Any]]:
    body = {"id": consent, "update": {"scopes": scopes}}
    answer = await person.browser.post("/oauth2/update-consent", json=body)
    return answer.status_code, answer.json()


async def test_a_consent_can_be_changed_to_what_the_client_may_have(site: OAuthSite) -> None:
    client, person = await registered(site), await site.person()
    await client.tokens(person)
    consent = await consent_of(site, client, person)
    status, changed = await change(person, consent, "openid", "tasks:read")
    assert (status, changed["scopes"]) == (200, ["openid", "tasks:read"])
    assert (await change(person, consent, "openid", "nope"))[0] == 400
    update = 'UPDATE "oauthClient" SET {} WHERE "clientId" = $1'
    await site.pool.execute(update.format("scopes = $2"), client.id, json.dumps(["openid"]))
    assert (await change(person, consent, "openid"))[0] == 200
    for columns, owner in (
        ('"userId" = NULL', "null"),
        (f"\"userId\" = '{person.id}'", person.id),
        ("\"referenceId\" = 'team'", "team"),
    ):
        await site.pool.execute(update.format(columns), client.id)
        status, refused = await change(person, consent, "tasks:read")
        assert status == 400
        assert refused["error_description"] == f"unable to provide scopes to {owner}"
    await site.pool.execute(update.format("scopes = NULL"), client.id)
    assert (await change(person, consent, "tasks:read"))[0] == 200
    assert (await change(person, consent, "nope"))[0] == 400
