"""Refresh tokens: rotated at each use, for what was granted and no more, and what a thief gains."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import httpx
import jwt
import pytest

from authward.plugins.oauth_provider.options import Prefix
from tests.conftest import CreateDatabase
from tests.support.oauth_site import (
    RESOURCE,
    Client,
    OAuthSite,
    Person,
    oauth_site,
    registered,
)

REFUSED: Final = (400, "invalid_grant")
SCOPES: Final = "offline_access tasks:read tasks:write"
OPAQUE: Final[dict[str, Any]] = {"resource": None, "scope": "openid offline_access"}
WITH_SECRET: Final = {"token_endpoint_auth_method": "client_secret_post"}


@pytest.fixture(scope="module")
async def site(create_database: CreateDatabase) -> AsyncIterator[OAuthSite]:
    async with oauth_site(await create_database()) as made:
        yield made


@pytest.fixture(scope="module")
async def strict(create_database: CreateDatabase) -> AsyncIterator[OAuthSite]:
    """A server that answers no token twice, and marks its tokens."""
    more: dict[str, Any] = {
        "refresh_token_reuse_interval": 0,
        "prefix": Prefix(refresh_token="rt_"),
    }
    async with oauth_site(await create_database(), **more) as made:
        yield made


async def granted(
    site: OAuthSite, metadata: dict[str, Any] | None = None, **more: Any
) -> tuple[Client, Person, str]:
    """A client, a person who allowed it something, and the refresh token that it has for that."""
    client, person = await registered(site, **(metadata or {})), await site.person()
    return client, person, (await client.tokens(person, **more))["refresh_token"]


def error(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("error")


async def rows(site: OAuthSite, client: Client) -> int:
    count = 'SELECT count(*) FROM "oauthRefreshToken" WHERE "clientId" = $1'
    found: int = await site.pool.fetchval(count, client.id)
    return found


async def change(site: OAuthSite, client: Client, assignment: str, *values: Any) -> None:
    """Change the client's refresh tokens."""
    await site.pool.execute(
        f'UPDATE "oauthRefreshToken" SET {assignment} WHERE "clientId" = $1', client.id, *values
    )


# For what was granted, and no more


@pytest.mark.parametrize("scope", ["tasks:read openid", "tasks:delete", "TASKS:READ", " ", ""])
async def test_a_refresh_gives_no_scope_that_was_not_granted(site: OAuthSite, scope: str) -> None:
    client, _, token = await granted(site, scope=SCOPES)
    assert error(await client.refresh(token, scope=scope)) == (400, "invalid_scope")
    assert await rows(site, client) == 1
    assert (await client.refresh(token)).status_code == 200, "nothing was used up"


async def test_a_refresh_for_fewer_scopes_is_not_undone_by_the_next(site: OAuthSite) -> None:
    client, _, token = await granted(site, scope=SCOPES)
    less = (await client.refresh(token, scope="offline_access tasks:read")).json()
    claims = jwt.decode(less["access_token"], options={"verify_signature": False})
    assert (less["scope"], claims["scope"]) == ("offline_access tasks:read",) * 2
    wider = await client.refresh(less["refresh_token"], scope=SCOPES)
    assert error(wider) == (400, "invalid_scope")
    same = (await client.refresh(less["refresh_token"])).json()
    assert same["scope"] == "offline_access tasks:read"


async def test_a_refresh_is_for_the_resources_that_were_granted(site: OAuthSite) -> None:
    client, _, token = await granted(site)
    for resource in ("https://other.example/mcp", [RESOURCE, "https://other.example/mcp"]):
        assert error(await client.refresh(token, resource=resource)) == (400, "invalid_target")
    answer = await client.refresh(token, resource=RESOURCE)
    assert answer.status_code == 200, answer.text
    again = await client.refresh(answer.json()["refresh_token"])
    for tokens in (answer.json(), again.json()):
        claims = jwt.decode(tokens["access_token"], options={"verify_signature": False})
        assert claims["aud"] == RESOURCE


async def test_who_signed_in_when_is_still_said_after_a_refresh(site: OAuthSite) -> None:
    client, person, token = await granted(site, scope="openid offline_access")
    created = await site.pool.fetchval(
        'SELECT "createdAt" FROM session WHERE "userId" = $1', person.id
    )
    answer = (await client.refresh(token)).json()
    claims = jwt.decode(answer["id_token"], options={"verify_signature": False})
    assert (claims["sub"], claims["auth_time"]) == (person.id, int(created.timestamp()))
    await change(site, client, '"authTime" = NULL')
    answer = (await client.refresh(answer["refresh_token"])).json()
    claims = jwt.decode(answer["id_token"], options={"verify_signature": False})
    assert "auth_time" not in claims


async def test_claims_that_were_asked_for_one_by_one_stay_after_a_refresh(site: OAuthSite) -> None:
    asked: dict[str, Any] = {"claims": '{"userinfo":{"email":null}}', **OPAQUE}
    client, person, token = await granted(site, **asked)
    access = (await client.refresh(token)).json()["access_token"]
    headers = {"authorization": f"Bearer {access}"}
    shown = await client.http.get("/oauth2/userinfo", headers=headers)
    assert shown.json() == {"sub": person.id, "email": person.email}
    other, _, plain = await granted(site, **OPAQUE)
    headers["authorization"] = f"Bearer {(await other.refresh(plain)).json()['access_token']}"
    assert (await client.http.get("/oauth2/userinfo", headers=headers)).json().keys() == {"sub"}


async def test_a_refresh_token_ends_when_it_says(site: OAuthSite) -> None:
    client, _, token = await granted(site)
    await change(site, client, "\"expiresAt\" = now() - interval '1 second'")
    assert error(await client.refresh(token)) == REFUSED
    assert await rows(site, client) == 1
    await change(site, client, "\"expiresAt\" = now() + interval '1 minute'")
    assert (await client.refresh(token)).status_code == 200


async def test_what_is_no_refresh_token_refreshes_nothing(site: OAuthSite) -> None:
    client, person = await registered(site), await site.person()
    tokens = await client.tokens(person, **OPAQUE)
    for other in (tokens["access_token"], tokens["id_token"], "x", tokens["refresh_token"] + "x"):
        assert error(await client.refresh(other)) == REFUSED
    assert error(await client.refresh("")) == (400, "invalid_request")


# Who shows it


async def test_another_clients_thief_learns_nothing_and_ends_nothing(site: OAuthSite) -> None:
    client, _, token = await granted(site)
    thief, _, _ = await granted(site)
    used = (await client.refresh(token)).json()["refresh_token"]
    await change(site, client, "\"rotationReplayExpiresAt\" = now() - interval '1 second'")
    for stolen in (token, used):
        assert error(await thief.refresh(stolen)) == REFUSED
    assert (await rows(site, client), await rows(site, thief)) == (2, 1)
    assert (await client.refresh(used)).status_code == 200


async def test_who_does_not_know_the_clients_secret_neither_refreshes_nor_ends_anything(
    site: OAuthSite,
) -> None:
    client, _, token = await granted(site, WITH_SECRET)
    next_token = (await client.refresh(token)).json()["refresh_token"]
    stranger = Client(client.http, client.id)
    for secret in (None, "wrong", ""):
        stranger.secret = secret
        for shown in (token, next_token):
            assert (await stranger.refresh(shown)).status_code in {400, 401}
    await change(site, client, "\"rotationReplayExpiresAt\" = now() - interval '1 second'")
    assert (await stranger.refresh(token)).status_code in {400, 401}
    assert await rows(site, client) == 2
    assert (await client.refresh(next_token)).status_code == 200


@pytest.mark.parametrize(
    ("assignment", "reason"),
    [
        ("disabled = true", "invalid_client"),
        ("scopes = '[\"openid\"]'", "invalid_scope"),
        ('"grantTypes" = \'["client_credentials"]\'', "unauthorized_client"),
    ],
)
async def test_a_client_refreshes_only_what_it_may_still_have(
    site: OAuthSite, assignment: str, reason: str
) -> None:
    client, _, token = await granted(site)
    statement = 'UPDATE "oauthClient" SET {} WHERE "clientId" = $1'
    await site.pool.execute(statement.format(assignment), client.id)
    assert error(await client.refresh(token)) == (400, reason)
    assert await rows(site, client) == 1


async def test_nobody_refreshes_for_a_user_who_is_gone(site: OAuthSite) -> None:
    client, person, token = await granted(site)
    async with site.pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")  # no foreign keys
        await connection.execute('DELETE FROM "user" WHERE id = $1', person.id)
    assert error(await client.refresh(token)) == (400, "invalid_request")
    assert await rows(site, client) == 1


# Once


async def test_the_same_answer_comes_again_for_the_same_question_only(site: OAuthSite) -> None:
    client, _, token = await granted(site, scope=SCOPES)
    first = (await client.refresh(token, scope="tasks:read offline_access")).json()
    for other in ({}, {"scope": "offline_access"}, {"scope": SCOPES}):
        assert error(await client.refresh(token, **other)) == REFUSED
    again = (await client.refresh(token, scope="offline_access tasks:read")).json()
    assert again["refresh_token"] == first["refresh_token"]
    assert 0 <= again["expires_in"] <= first["expires_in"]
    assert await rows(site, client) == 2
    assert (await client.refresh(first["refresh_token"])).status_code == 200


async def test_with_or_without_its_resource_is_another_question(site: OAuthSite) -> None:
    client, _, token = await granted(site, **OPAQUE)
    first = await client.refresh(token, resource=RESOURCE)
    assert first.status_code == 200, first.text
    assert error(await client.refresh(token)) == REFUSED
    again = await client.refresh(token, resource=RESOURCE)
    assert again.json()["access_token"] == first.json()["access_token"]


async def test_the_answer_is_kept_where_only_the_server_can_read_it(site: OAuthSite) -> None:
    client, _, token = await granted(site)
    answer = (await client.refresh(token)).json()
    stored = await site.pool.fetchval(
        'SELECT to_jsonb(t)::text FROM "oauthRefreshToken" t '
        'WHERE "clientId" = $1 AND revoked IS NOT NULL',
        client.id,
    )
    assert '"rotationReplayResponse": "' in stored
    for secret in (answer["refresh_token"], answer["access_token"], token):
        assert secret not in stored


@pytest.mark.parametrize("kept", [None, "", "00", "x"])
async def test_an_answer_that_cannot_be_read_is_not_given_again(
    site: OAuthSite, kept: str | None
) -> None:
    client, _, token = await granted(site)
    left = (await client.refresh(token)).json()["refresh_token"]
    await change(site, client, '"rotationReplayResponse" = $2', kept)
    assert error(await client.refresh(token)) == REFUSED
    assert (await client.refresh(left)).status_code == 200, "it was in time, so nobody stole it"


async def test_a_refresh_token_that_was_given_back_is_stolen_if_it_comes_again(
    site: OAuthSite,
) -> None:
    client, person, token = await granted(site)
    other = (await client.tokens(person))["refresh_token"]
    await client.http.post("/oauth2/revoke", data={"token": token, "client_id": client.id})
    assert await rows(site, client) == 2
    assert error(await client.refresh(token)) == REFUSED
    assert await rows(site, client) == 0
    assert error(await client.refresh(other)) == REFUSED


async def test_without_an_interval_a_second_use_is_a_theft_at_once(strict: OAuthSite) -> None:
    client, _, token = await granted(strict)
    left = (await client.refresh(token)).json()["refresh_token"]
    kept = 'SELECT "rotationReplayResponse" FROM "oauthRefreshToken" WHERE revoked IS NOT NULL'
    assert await strict.pool.fetchval(kept) is None
    assert error(await client.refresh(token)) == REFUSED
    assert await rows(strict, client) == 0
    assert error(await client.refresh(left)) == REFUSED


async def test_a_token_without_the_servers_mark_is_none_of_its_tokens(strict: OAuthSite) -> None:
    client, _, token = await granted(strict)
    assert token.startswith("rt_")
    assert error(await client.refresh(token.removeprefix("rt_"))) == (400, "invalid_token")
    assert error(await client.refresh("RT_" + token.removeprefix("rt_"))) == (400, "invalid_token")
    assert (await client.refresh(token)).status_code == 200


async def test_of_a_race_without_an_interval_one_wins_and_then_nobody_has_a_token(
    strict: OAuthSite,
) -> None:
    client, _, token = await granted(strict)
    answers = await asyncio.gather(*(client.refresh(token) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200, *[400] * 5]
    (won,) = [answer.json() for answer in answers if answer.status_code == 200]
    assert error(await client.refresh(won["refresh_token"])) == REFUSED
    assert await rows(strict, client) == 0


# Ended while it is refreshed


PAUSE: Final = 0x7061757365
PAUSED_INSERTS: Final = f"""
CREATE OR REPLACE FUNCTION pause() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_advisory_xact_lock_shared({PAUSE}); RETURN NEW; END $$;
CREATE OR REPLACE TRIGGER pause BEFORE INSERT ON "oauthRefreshToken"
FOR EACH ROW EXECUTE FUNCTION pause();
"""


async def waiting(watcher: Any, blocking: int, request: asyncio.Task[httpx.Response]) -> int:
    """Until the request waits for what a backend holds; the backend that waits."""
    query = (
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
        "AND wait_event_type = 'Lock' AND $1 = ANY(pg_blocking_pids(pid))"
    )
    while not request.done():
        if found := await watcher.fetchval(query, blocking):
            return int(found)
    raise AssertionError(f"it did not wait: {request.result().text}")


async def at_once(
    site: OAuthSite,
    under_way: Callable[[], Awaitable[httpx.Response]],
    end: Callable[[], Awaitable[httpx.Response]],
) -> list[httpx.Response]:
    """Begin to end something when a request is about to insert a refresh token; both answers."""
    pool = site.pool
    await pool.execute(PAUSED_INSERTS)
    async with pool.acquire() as watcher, pool.acquire() as holder, holder.transaction():
        await holder.execute(f"SELECT pg_advisory_xact_lock({PAUSE})")
        first = asyncio.ensure_future(under_way())
        backend = await waiting(watcher, holder.get_server_pid(), first)
        second = asyncio.ensure_future(end())
        await waiting(watcher, backend, second)
    return [await first, await second]


@pytest.mark.parametrize("way", ["disconnected", "stolen", "given back", "code used twice"])
async def test_a_refresh_under_way_does_not_outlive_what_ends_its_family(
    site: OAuthSite, way: str
) -> None:
    client, person = await registered(site), await site.person()
    code = await client.code(person, **OPAQUE)
    old = (await client.redeem(code)).json()["refresh_token"]
    token = (await client.refresh(old)).json()["refresh_token"]
    await change(site, client, "\"rotationReplayExpiresAt\" = now() - interval '1 second'")
    (consent,) = (await person.browser.get("/oauth2/get-consents")).json()
    returned = {"token": old, "client_id": client.id, "token_type_hint": "refresh_token"}
    ends = {
        "disconnected": lambda: person.browser.post(
            "/oauth2/delete-consent", json={"id": consent["id"]}
        ),
        "stolen": lambda: client.refresh(old),
        "given back": lambda: client.http.post("/oauth2/revoke", data=returned),
        "code used twice": lambda: client.redeem(code),
    }
    won = (await at_once(site, lambda: client.refresh(token), ends[way]))[0].json()
    assert await rows(site, client) == 0
    assert error(await client.refresh(won["refresh_token"])) == REFUSED
    headers = {"authorization": f"Bearer {won['access_token']}"}
    assert (await client.http.get("/oauth2/userinfo", headers=headers)).status_code == 401


@pytest.mark.parametrize("what", ["user", "session", "sessions", "client"])
@pytest.mark.parametrize("by", ["refresh", "code"])
async def test_tokens_under_way_and_the_end_of_what_they_name_do_not_block_each_other(
    site: OAuthSite, by: str, what: str
) -> None:
    client, person = await registered(site), await site.person()
    token = (await client.tokens(person, **OPAQUE))["refresh_token"]
    await site.pool.execute(
        'UPDATE "oauthClient" SET "userId" = $2 WHERE "clientId" = $1', client.id, person.id
    )
    code = await client.code(person, **OPAQUE)
    use = {"refresh": lambda: client.refresh(token), "code": lambda: client.redeem(code)}
    ends = {
        "user": ("/delete-user", {}),
        "session": ("/sign-out", {}),
        "sessions": ("/revoke-sessions", {}),
        "client": ("/oauth2/delete-client", {"client_id": client.id}),
    }
    path, body = ends[what]
    answers = await at_once(site, use[by], lambda: person.browser.post(path, json=body))
    assert [answer.status_code for answer in answers] == [200, 200]
    left = {"user": 0, "client": 0}.get(what, 2)
    assert await rows(site, client) == left


@pytest.mark.parametrize("path", ["/sign-out", "/revoke-sessions"])
@pytest.mark.parametrize("by", ["refresh", "code"])
async def test_a_token_under_way_does_not_outlive_its_session(
    site: OAuthSite, by: str, path: str
) -> None:
    client, person = await registered(site), await site.person()
    token = (await client.tokens(person, **OPAQUE))["refresh_token"]
    code = await client.code(person, **OPAQUE)
    use = {"refresh": lambda: client.refresh(token), "code": lambda: client.redeem(code)}
    won, _ = await at_once(site, use[by], lambda: person.browser.post(path, json={}))
    headers = {"authorization": f"Bearer {won.json()['access_token']}"}
    assert (await client.http.get("/oauth2/userinfo", headers=headers)).status_code == 401
