"""What is kept of a social sign-in, and what happens when several things happen at once."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest
from fastapi import FastAPI

from taskward.database.url import DatabaseURL
from tests.support.fake_provider import FakeProvider, Script
from tests.support.social_site import Begun, Visitor, generic, profile, site


@pytest.fixture(scope="module")
async def app(database_url: str, provider: FakeProvider) -> AsyncIterator[FastAPI]:
    providers = [generic(provider), generic(provider, "other")]
    async with site(database_url, generic=providers) as app:
        yield app


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(**DatabaseURL.parse(database_url).connect_arguments())
    yield connection
    await connection.close()


@pytest.fixture
def name() -> str:
    return f"u{secrets.token_hex(6)}"


async def accounts(database: asyncpg.Connection, account_id: str) -> list[asyncpg.Record]:
    return await database.fetch('SELECT * FROM account WHERE "accountId" = $1', account_id)


def granting(name: str, **token: Any) -> Script:
    return Script(claims=profile(name).claims, token=token)


async def test_tokens_are_kept_as_the_original_keeps_them(
    visitor: Visitor, database: asyncpg.Connection, name: str
) -> None:
    lasting = {"expires_in": 3600, "refresh_token": "refresh", "refresh_token_expires_in": "7200"}
    await visitor.sign_in(granting(name, **lasting, scope="openid  email"))
    (account,) = await accounts(database, name)
    now = datetime.now(UTC)
    assert account["refreshToken"] == "refresh"
    assert account["scope"] == "openid,email"
    assert account["idToken"].count(".") == 2
    assert account["accessToken"]
    assert account["password"] is None
    assert 3500 < (account["accessTokenExpiresAt"] - now).total_seconds() <= 3600
    assert 7100 < (account["refreshTokenExpiresAt"] - now).total_seconds() <= 7200


async def test_a_later_sign_in_renews_tokens_but_not_scopes(
    visitor: Visitor, database: asyncpg.Connection, name: str
) -> None:
    await visitor.sign_in(granting(name, refresh_token="first", scope="a", expires_in=60))
    (first,) = await accounts(database, name)
    await visitor.sign_in(granting(name, access_token="second", scope="b"))
    (second,) = await accounts(database, name)
    assert (second["accessToken"], second["refreshToken"]) == ("second", "first")
    assert (second["scope"], second["id"]) == ("a", first["id"])
    assert second["accessTokenExpiresAt"] == first["accessTokenExpiresAt"]
    assert second["updatedAt"] > first["updatedAt"]


@pytest.mark.parametrize(
    "token",
    [
        {"expires_in": -1},
        {"expires_in": 10**30},
        {"expires_in": "soon"},
        {"expires_in": [1]},
        {"expires_in": "1e3"},
        {"scope": 5},
        {"scope": ["a", 5, None, " b "]},
        {"refresh_token": {"a": 1}},
        {"refresh_token": "a\x00b"},
    ],
)
async def test_odd_answers_do_no_harm(visitor: Visitor, name: str, token: dict[str, Any]) -> None:
    assert await visitor.sign_in(granting(name, **token)) == "/done"


@pytest.mark.parametrize(
    "claims",
    [
        {"name": "a\x00b"},
        {"name": "x" * 20_000},
        {"name": "\ud800"},
        {"name": 5},
        {"name": {"a": 1}},
        {"picture": "x" * 20_000},
        {"picture": ["x"]},
        {"email_verified": "yes"},
        {"email_verified": 1},
    ],
)
async def test_odd_profiles_do_no_harm(visitor: Visitor, name: str, claims: dict[str, Any]) -> None:
    assert await visitor.sign_in(profile(name, **claims)) == "/done"
    user = await visitor.user()
    assert user is not None
    assert len(user["name"]) <= 255
    assert user["emailVerified"] is ("email_verified" not in claims)


async def test_an_address_that_no_index_can_hold_is_an_error(visitor: Visitor, name: str) -> None:
    long = f"{secrets.token_hex(8000)}@example.com"
    answer = await visitor.sign_in(profile(name, email=long))
    assert answer == "/oops?error=unable_to_create_user"


async def test_ten_callbacks_of_somebody_new_make_one_user(
    app: FastAPI, database: asyncpg.Connection, name: str
) -> None:
    visitors = [Visitor(app) for _ in range(10)]
    answers = await asyncio.gather(*(each.sign_in(profile(name)) for each in visitors))
    assert answers == ["/done"] * 10
    assert len(await accounts(database, name)) == 1
    assert len({str(await each.user()) for each in visitors}) == 1


async def test_two_providers_at_once_make_one_user(
    app: FastAPI, database: asyncpg.Connection, name: str
) -> None:
    visitors = [Visitor(app), Visitor(app, "other")]
    answers = await asyncio.gather(*(each.sign_in(profile(name)) for each in visitors))
    assert answers == ["/done"] * 2
    found = await accounts(database, name)
    assert {each["providerId"] for each in found} == {"fake", "other"}
    assert len({each["userId"] for each in found}) == 1


async def test_one_state_lets_in_once_even_at_once(
    app: FastAPI, database: asyncpg.Connection, name: str
) -> None:
    visitor = Visitor(app)
    begun = await visitor.begin()
    callbacks = (visitor.back(begun, profile(name)) for _ in range(5))
    answers = await asyncio.gather(*callbacks)
    assert sorted(each.endswith("?error=state_mismatch") for each in answers) == [
        False,
        *[True] * 4,
    ]
    assert "/done" in answers
    (account,) = await accounts(database, name)
    sessions = await database.fetch('SELECT 1 FROM session WHERE "userId" = $1', account["userId"])
    assert len(sessions) == 1


async def test_a_failed_sign_in_leaves_nothing_behind(
    visitor: Visitor, database: asyncpg.Connection, name: str
) -> None:
    users = await database.fetchval('SELECT count(*) FROM "user"')
    await visitor.sign_in(profile(name, nonce="wrong"))
    await visitor.sign_in(Script(answer="denied"))
    assert await database.fetchval('SELECT count(*) FROM "user"') == users
    left = await database.fetchval(
        "SELECT count(*) FROM verification WHERE value LIKE '%' || $1 || '%'", name
    )
    assert left == 0


async def test_somebody_elses_unverified_address_is_not_taken_over(
    app: FastAPI, database: asyncpg.Connection, name: str
) -> None:
    """Who signs up with your address before you must not be in your account afterwards."""
    squatter, owner = Visitor(app), Visitor(app)
    body = {"name": "S", "email": f"{name}@example.com", "password": "a good password"}
    assert (await squatter.post("sign-up/email", **body)).status_code == 200
    assert await owner.sign_in(profile(name)) == "/oops?error=account_not_linked"
    assert await accounts(database, name) == []


async def test_of_two_accounts_unlinked_at_once_one_stays(
    visitor: Visitor, database: asyncpg.Connection, name: str
) -> None:
    await visitor.sign_in(profile(name))
    link = await visitor.begin("link-social")
    await visitor.back(link, profile(name, sub=f"{name}-2"))
    found = await visitor.get("list-accounts")
    assert len(found) == 2
    answers = await asyncio.gather(
        *(visitor.post("unlink-account", accountId=each["id"]) for each in found)
    )
    assert sorted(answer.status_code for answer in answers) == [200, 400]
    assert len(await visitor.get("list-accounts")) == 1


async def test_deleting_a_user_deletes_the_accounts(
    visitor: Visitor, database: asyncpg.Connection, name: str
) -> None:
    await visitor.sign_in(profile(name))
    assert (await visitor.post("delete-user")).status_code == 200
    assert await accounts(database, name) == []
    assert await visitor.sign_in(profile(name)) == "/done"


REDIRECTS = ("https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)")


@pytest.mark.parametrize("url", REDIRECTS)
@pytest.mark.parametrize("field", ["callbackURL", "errorCallbackURL", "newUserCallbackURL"])
async def test_nobody_is_sent_elsewhere(visitor: Visitor, url: str, field: str) -> None:
    answer = await visitor.post("sign-in/social", provider="fake", **{field: url})
    assert answer.status_code == 403


async def test_additional_data_cannot_change_where_the_browser_goes(
    visitor: Visitor, database: asyncpg.Connection, name: str
) -> None:
    names = ("callbackURL", "errorURL", "newUserURL", "link", "codeVerifier", "expiresAt")
    evil = dict.fromkeys((*names, "requestSignUp", "serverContext"), "https://evil.example")
    begun = await visitor.begin(additionalData={**evil, "kept": 1})
    value = await database.fetchval(
        "SELECT value FROM verification WHERE identifier = $1",
        f"auth-state:{begun.query['state']}",
    )
    assert "evil.example" not in value
    assert '"kept": 1' in value
    assert await visitor.back(begun, profile(name)) == "/done"


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        ({"a": "\x7f" * 65_000}, 413, "PAYLOAD_TOO_LARGE"),
        ({"a": [[]] * 40_000}, 413, "PAYLOAD_TOO_LARGE"),
        ({"a": [[]] * 10_000}, 413, "PAYLOAD_TOO_LARGE"),
        ({"a": [0.1] * 3_000, "b": "x" * 51_000}, 400, "VALIDATION_ERROR"),
    ],
    ids=["long", "large", "many", "grown"],
)
async def test_too_much_additional_data_is_refused(
    visitor: Visitor, data: dict[str, Any], status: int, code: str
) -> None:
    content = json.dumps(data, separators=(",", ":"))
    answer = await visitor.http.post(
        "sign-in/social",
        content=f'{{"provider":"fake","additionalData":{content}}}',
        headers={"content-type": "application/json"},
    )
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_states_that_are_over_are_removed(
    visitor: Visitor, database: asyncpg.Connection
) -> None:
    begun: Begun = await visitor.begin()
    identifier = f"auth-state:{begun.query['state']}"
    statement = (
        "UPDATE verification SET \"expiresAt\" = now() - interval '1 s' WHERE identifier = $1"
    )
    await database.execute(statement, identifier)
    await visitor.begin()
    found = "SELECT count(*) FROM verification WHERE identifier = $1"
    assert await database.fetchval(found, identifier) == 0
