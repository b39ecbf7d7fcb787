"""What a client still has when a session ends, of that session and of others."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime

import asyncpg
import pytest
from fastapi import FastAPI

from authward import BetterAuth
from authward.options import SessionOptions
from authward.secondary_storage import InMemoryStorage
from taskward.database.url import DatabaseURL
from tests.conftest import BASE_URL, PASSWORD, CreateDatabase
from tests.support.oauth_logout import ask, confirm, kept, leaving
from tests.support.oauth_site import (
    Client,
    OAuthSite,
    Person,
    oauth_site,
    registered,
    server_options,
)

OPAQUE = {"resource": None, "scope": "openid offline_access"}
WITHOUT_REFRESH = {"resource": None, "scope": "openid"}
LONG_AGO = "2020-01-01 00:00:00+00"


@pytest.fixture(scope="module")
async def site(create_database: CreateDatabase) -> AsyncIterator[OAuthSite]:
    async with oauth_site(await create_database()) as made:
        yield made


async def revoked(site: OAuthSite, table: str, client: Client) -> dict[str, datetime | None]:
    """When the token of each user was revoked."""
    rows = await site.pool.fetch(
        f'SELECT "userId", revoked FROM "{table}" WHERE "clientId" = $1', client.id
    )
    assert len({row[0] for row in rows}) == len(rows), "each has one"
    return {row["userId"]: row["revoked"] for row in rows}


async def for_the_session_alone(site: OAuthSite, client: Client) -> None:
    """As refresh tokens are that other servers issued, which do without offline access."""
    query = 'UPDATE "oauthRefreshToken" SET scopes = $2 WHERE "clientId" = $1'
    await site.pool.execute(query, client.id, json.dumps(["openid"]))


async def test_a_refresh_token_without_offline_access_ends_with_its_session_alone(
    site: OAuthSite,
) -> None:
    client, people = await registered(site), [await site.person() for _ in range(2)]
    for person in people:
        await client.tokens(person, **OPAQUE)
    await for_the_session_alone(site, client)
    await people[0].browser.post("/sign-out", json={})
    ended = await revoked(site, "oauthRefreshToken", client)
    assert ended[people[0].id] is not None
    assert ended[people[1].id] is None


async def test_one_with_offline_access_stays(site: OAuthSite) -> None:
    client, person = await registered(site), await site.person()
    await client.tokens(person, **OPAQUE)
    await person.browser.post("/sign-out", json={})
    assert await revoked(site, "oauthRefreshToken", client) == {person.id: None}


async def test_an_access_token_ends_with_its_session_alone(site: OAuthSite) -> None:
    client, people = await registered(site), [await site.person() for _ in range(2)]
    for person in people:
        await client.tokens(person, **WITHOUT_REFRESH)
    await people[0].browser.post("/sign-out", json={})
    ended = await revoked(site, "oauthAccessToken", client)
    assert ended[people[0].id] is not None
    assert ended[people[1].id] is None


@pytest.mark.parametrize("table", ["oauthRefreshToken", "oauthAccessToken"])
async def test_what_was_revoked_before_was_so_then(site: OAuthSite, table: str) -> None:
    client, person = await registered(site), await site.person()
    await client.tokens(person, **OPAQUE)
    await for_the_session_alone(site, client)
    query = f'UPDATE "{table}" SET revoked = \'{LONG_AGO}\' WHERE "clientId" = $1'
    await site.pool.execute(query, client.id)
    await person.browser.post("/sign-out", json={})
    assert await revoked(site, table, client) == {person.id: datetime.fromisoformat(LONG_AGO)}


# A sign-out that failed when the session was gone from the storage already


@pytest.fixture
async def stored(create_database: CreateDatabase) -> AsyncIterator[OAuthSite]:
    """Sessions are in a storage; their rows are never deleted."""
    arguments = DatabaseURL.parse(await create_database()).connect_arguments()
    options = replace(
        server_options(),
        secondary_storage=InMemoryStorage(),
        session=SessionOptions(store_session_in_database=True, preserve_session_in_database=True),
    )
    async with asyncpg.create_pool(**arguments, min_size=1, max_size=5) as pool:
        app = FastAPI(redirect_slashes=False)
        auth = BetterAuth(options, pool)
        await auth.migrate()
        auth.install(app)
        yield OAuthSite(auth, pool, app)


async def signed_up(site: OAuthSite) -> Person:
    email = "ada@example.com"
    browser = site.client(headers={"origin": BASE_URL})
    body = {"name": "Ada", "email": email, "password": PASSWORD}
    answer = await browser.post("/sign-up/email", json=body)
    cookie = answer.headers["set-cookie"].partition(";")[0]
    person = site.client(headers={"origin": BASE_URL, "cookie": cookie})
    return Person(person, email, answer.json()["user"]["id"])


REFUSED_ENDS = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE 'not now' USING ERRCODE = '57014'; END $$;
CREATE TRIGGER refuse BEFORE UPDATE ON session FOR EACH ROW EXECUTE FUNCTION refuse();
"""


async def test_who_confirms_again_ends_what_the_first_time_left(stored: OAuthSite) -> None:
    client, person = await leaving(stored), await signed_up(stored)
    tokens = await client.tokens(person, **WITHOUT_REFRESH)
    signed = kept(await ask(person, client_id=client.id))
    await stored.pool.execute(REFUSED_ENDS)
    with pytest.raises(asyncpg.QueryCanceledError):
        await confirm(person, signed)
    await stored.pool.execute("DROP FUNCTION refuse CASCADE")
    assert (await confirm(person, signed)).status_code == 200
    bearer = {"authorization": f"Bearer {tokens['access_token']}"}
    assert (await client.http.get("/oauth2/userinfo", headers=bearer)).status_code == 401
