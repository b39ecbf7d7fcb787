"""Keys of `api_key` in a secondary storage: alone, or in front of their table."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from secrets import token_hex
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from authward import (
    BetterAuth,
    BetterAuthOptions,
    ConfigurationError,
    CurrentUser,
    InMemoryStorage,
    SecondaryStorage,
    SessionOptions,
)
from authward.plugins import ApiKeyOptions, api_key, bearer, jwt
from authward.plugins.api_key import KeyRateLimitOptions, hash_key
from tests.conftest import BASE_URL, CreateDatabase, new_email
from tests.support.plugin_site import site_with
from tests.support.secondary import every_storage

ANY: Any = None
LIMIT = KeyRateLimitOptions(max_requests=50)
storage = every_storage


@dataclass
class Site:
    """A server, and what it keeps keys in."""

    app: FastAPI
    storage: SecondaryStorage
    in_table: bool

    @property
    def api(self) -> Any:
        return self.app.state.better_auth.api

    async def user(self) -> str:
        user_id = token_hex(16)
        await self.app.state.database.fetch(
            'INSERT INTO "user" (id, name, email, "emailVerified", "createdAt", "updatedAt")'
            " VALUES ($1, 'Ada', $2, false, now(), now())",
            *(user_id, new_email()),
        )
        return user_id

    async def make(self, **body: Any) -> dict[str, Any]:
        created: dict[str, Any] = await self.api.create_api_key(user_id=await self.user(), **body)
        return created

    async def verify(self, key: str, **body: Any) -> dict[str, Any]:
        found: dict[str, Any] = await self.api.verify_api_key(key=key, **body)
        return found

    async def stored(self, key: str) -> Any:
        return json.loads(await self.storage.get(key) or "null")

    async def rows(self) -> list[str]:
        return [row["id"] for row in await self.app.state.database.fetch("SELECT id FROM apikey")]


def options(*, in_table: bool, **more: Any) -> ApiKeyOptions:
    return ApiKeyOptions(
        storage="secondary-storage",
        fallback_to_database=in_table,
        enable_metadata=True,
        enable_current_user_for_api_keys=True,
        rate_limit=LIMIT,
        **more,
    )


@pytest.fixture(scope="module", params=[False, True], ids=["alone", "with the table"])
async def site(
    create_database: CreateDatabase, storage: SecondaryStorage, request: pytest.FixtureRequest
) -> AsyncIterator[Site]:
    in_table = request.param
    plugins = (jwt(), bearer(), api_key(options(in_table=in_table)))
    in_database = SessionOptions(store_session_in_database=True)
    async with site_with(
        await create_database(), plugins, secondary_storage=storage, session=in_database
    ) as app:

        @app.get("/me")
        async def me(user_id: CurrentUser) -> str:
            return user_id

        yield Site(app, storage, in_table)


async def test_a_key_is_where_and_as_the_original_has_it(site: Site) -> None:
    made = await site.make(name="mine", metadata={"a": [1]}, permissions={"tasks": ["read"]})
    by_hash = await site.stored(f"api-key:{hash_key(made['key'])}")
    assert by_hash == await site.stored(f"api-key:by-id:{made['id']}")
    assert by_hash["metadata"] == {"a": [1]}
    assert by_hash["permissions"] == '{"tasks":["read"]}'
    assert by_hash["key"] == hash_key(made["key"])
    assert by_hash["createdAt"] == made["createdAt"]
    listed = await site.stored(f"api-key:by-ref:{made['referenceId']}")
    assert listed == (None if site.in_table else [made["id"]])
    assert (made["id"] in await site.rows()) is site.in_table


async def test_of_many_uses_at_once_only_those_that_remain_count(site: Site) -> None:
    made = await site.make(remaining=3)
    found = await asyncio.gather(*(site.verify(made["key"]) for _ in range(8)))
    assert sum(each["valid"] for each in found) == 3


async def test_of_many_uses_at_once_only_those_within_the_rate_limit_count(site: Site) -> None:
    made = await site.make(rate_limit_max=4)
    found = await asyncio.gather(*(site.verify(made["key"]) for _ in range(8)))
    assert sum(each["valid"] for each in found) == 4
    assert {each["error"]["code"] for each in found if each["error"]} == {"RATE_LIMITED"}


async def test_a_key_that_is_used_up_is_removed(site: Site) -> None:
    made = await site.make(remaining=1)
    assert [(await site.verify(made["key"]))["valid"] for _ in range(3)] == [True, False, False]
    assert await site.stored(f"api-key:{hash_key(made['key'])}") is None
    assert await site.stored(f"api-key:by-id:{made['id']}") is None
    assert await site.stored(f"api-key:by-ref:{made['referenceId']}") is None
    assert made["id"] not in await site.rows()


async def test_a_key_that_is_due_is_refilled(site: Site) -> None:
    made = await site.make(remaining=1, refill_amount=2, refill_interval=3_600_000)
    assert (await site.verify(made["key"]))["key"]["remaining"] == 0
    assert (await site.verify(made["key"]))["error"]["code"] == "USAGE_EXCEEDED"
    change = {"createdAt": "2020-01-01T00:00:00.000Z"}
    for key in (f"api-key:{hash_key(made['key'])}", f"api-key:by-id:{made['id']}"):
        await site.storage.set(key, json.dumps(await site.stored(key) | change))
    found = await asyncio.gather(*(site.verify(made["key"]) for _ in range(6)))
    assert sum(each["valid"] for each in found) == 2


async def test_a_key_that_is_over_is_removed(site: Site) -> None:
    made = await site.make(expires_in=86_400)
    change = {"expiresAt": "2020-01-01T00:00:00.000Z"}
    for key in (f"api-key:{hash_key(made['key'])}", f"api-key:by-id:{made['id']}"):
        await site.storage.set(key, json.dumps(await site.stored(key) | change))
    assert (await site.verify(made["key"]))["error"]["code"] == "KEY_EXPIRED"
    assert (await site.verify(made["key"]))["error"]["code"] == "INVALID_API_KEY"
    assert made["id"] not in await site.rows()


async def test_a_change_counts_at_the_next_use(site: Site) -> None:
    made = await site.make(remaining=5)
    await site.verify(made["key"])
    who = {"key_id": made["id"], "user_id": made["referenceId"]}
    await site.api.update_api_key(**who, permissions={"tasks": ["read"]})
    found = (await site.verify(made["key"], permissions={"tasks": ["read"]}))["key"]
    assert (found["remaining"], found["permissions"]) == (3, {"tasks": ["read"]})
    await site.api.update_api_key(**who, enabled=False)
    assert (await site.verify(made["key"]))["error"]["code"] == "KEY_DISABLED"


async def test_no_use_is_lost_while_a_key_is_changed(site: Site) -> None:
    made = await site.make(remaining=20)
    who = {"key_id": made["id"], "user_id": made["referenceId"]}
    changes = [site.api.update_api_key(**who, name=f"name {n}") for n in range(5)]
    await asyncio.gather(*(site.verify(made["key"]) for _ in range(5)), *changes)
    assert (await site.verify(made["key"]))["key"]["remaining"] == 14


async def test_no_key_is_missing_in_a_list_of_keys_that_were_made_at_once(site: Site) -> None:
    user = await site.user()
    made = await asyncio.gather(*(site.api.create_api_key(user_id=user) for _ in range(6)))
    if not site.in_table:
        assert {*await site.stored(f"api-key:by-ref:{user}")} == {each["id"] for each in made}


async def test_a_key_is_good_for_current_user(site: Site) -> None:
    made = await site.make()
    transport = httpx.ASGITransport(site.app)
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        answers = [
            await client.get("/me", headers={"x-api-key": key}) for key in (made["key"], "x" * 64)
        ]
    assert [answer.status_code for answer in answers] == [200, 401]
    assert answers[0].json() == made["referenceId"]


@pytest.mark.parametrize("text", ["", "no JSON", "[]", "{}", '{"id": 1, "createdAt": 2}'])
async def test_what_nobody_has_written_is_no_key(site: Site, text: str) -> None:
    key = "x" * 64
    await site.storage.set(f"api-key:{hash_key(key)}", text)
    assert (await site.verify(key))["error"]["code"] == "INVALID_API_KEY"


FAR = "9999-12-31T23:59:59.999-23:59"


@pytest.mark.parametrize(
    ("name", "value"),
    [("remaining", "5"), ("refillInterval", "x"), ("createdAt", None), ("expiresAt", FAR)],
)
async def test_a_key_with_a_value_of_another_kind_is_none(
    site: Site, name: str, value: str | None
) -> None:
    made = await site.make(remaining=5, refill_amount=5, refill_interval=1000)
    key = f"api-key:{hash_key(made['key'])}"
    stored = {**await site.stored(key), name: value}
    if site.in_table:
        await site.app.state.database.fetch("DELETE FROM apikey WHERE id = $1", made["id"])
    await site.storage.set(key, json.dumps(stored))
    assert (await site.verify(made["key"]))["error"]["code"] == "INVALID_API_KEY"


@pytest.mark.parametrize("in_table", [False, True], ids=["alone", "with the table"])
async def test_the_id_of_a_key_is_no_key_where_keys_are_not_hashed(
    create_database: CreateDatabase, *, in_table: bool
) -> None:
    storage, own = InMemoryStorage(), options(in_table=in_table, disable_key_hashing=True)
    more: dict[str, Any] = {"secondary_storage": storage}
    more["session"] = SessionOptions(store_session_in_database=True)
    async with site_with(await create_database(), (api_key(own),), **more) as app:
        site = Site(app, storage, in_table)
        made = await site.make()
        assert (await site.verify(made["key"]))["valid"]
        assert not (await site.verify(f"by-id:{made['id']}"))["valid"]


async def test_the_table_decides_what_a_copy_says(create_database: CreateDatabase) -> None:
    storage = InMemoryStorage()
    plugins = (jwt(), bearer(), api_key(options(in_table=True)))
    async with site_with(await create_database(), plugins, secondary_storage=storage) as app:
        site = Site(app, storage, in_table=True)
        made = await site.make(permissions={"tasks": ["read"]})
        database = app.state.database

        await database.fetch("UPDATE apikey SET permissions = '{}'")
        wanted = {"permissions": {"tasks": ["read"]}}
        assert (await site.verify(made["key"], **wanted))["error"]["code"] == "KEY_NOT_FOUND"

        await database.fetch("UPDATE apikey SET enabled = false")
        text = await site.stored(f"api-key:{hash_key(made['key'])}") | {"enabled": True}
        await storage.set(f"api-key:{hash_key(made['key'])}", json.dumps(text))
        assert (await site.verify(made["key"]))["error"]["code"] == "KEY_DISABLED"

        await database.fetch("DELETE FROM apikey")
        await storage.set(f"api-key:{hash_key(made['key'])}", json.dumps(text))
        assert (await site.verify(made["key"]))["error"]["code"] == "INVALID_API_KEY"


async def test_what_the_storage_has_lost_is_read_from_the_table(
    create_database: CreateDatabase,
) -> None:
    storage = InMemoryStorage()
    plugins = (jwt(), bearer(), api_key(options(in_table=True)))
    async with site_with(await create_database(), plugins, secondary_storage=storage) as app:
        site = Site(app, storage, in_table=True)
        made = await site.make()
        key = f"api-key:{hash_key(made['key'])}"
        await storage.delete(key)
        assert (await site.verify(made["key"]))["valid"]
        assert (await site.stored(key))["id"] == made["id"]


async def test_keys_can_have_a_storage_of_their_own(create_database: CreateDatabase) -> None:
    class Texts:
        """The least that such a storage can do."""

        def __init__(self) -> None:
            self.texts: dict[str, str] = {}

        async def get(self, key: str) -> str | None:
            return self.texts.get(key)

        async def set(self, key: str, value: str, ttl: int | None = None) -> None:
            self.texts[key] = value

        async def delete(self, key: str) -> None:
            self.texts.pop(key, None)

    own, usual = Texts(), InMemoryStorage()
    plugins = (jwt(), bearer(), api_key(options(in_table=False, custom_storage=own)))
    async with site_with(await create_database(), plugins, secondary_storage=usual) as app:
        site = Site(app, usual, in_table=False)
        made = await site.make(remaining=2)
        found = [(await site.verify(made["key"]))["valid"] for _ in range(3)]
        assert found == [True, True, False]
        assert not own.texts
        assert await usual.get(f"api-key:by-id:{made['id']}") is None


async def test_what_removes_keys_can_wait_for_the_answer(create_database: CreateDatabase) -> None:
    deferring = options(in_table=False, defer_updates=True)
    plugins, storage = (jwt(), bearer(), api_key(deferring)), InMemoryStorage()
    async with site_with(await create_database(), plugins, secondary_storage=storage) as app:
        site = Site(app, storage, in_table=False)
        made = await site.make(remaining=2)
        found = await asyncio.gather(*(site.verify(made["key"]) for _ in range(6)))
        assert sum(each["valid"] for each in found) == 2
        assert await site.stored(f"api-key:{hash_key(made['key'])}") is None


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (ApiKeyOptions(storage="secondary-storage"), "needs secondary_storage"),
        (ApiKeyOptions(storage="redis"), "storage is database or"),  # type: ignore[arg-type]
    ],
)
def test_a_storage_that_is_not_there_is_refused(given: ApiKeyOptions, named: str) -> None:
    chosen = BetterAuthOptions(secret="x" * 32, base_url=BASE_URL)
    with pytest.raises(ConfigurationError, match=named):
        BetterAuth(replace(chosen, plugins=(jwt(), api_key(given))), ANY)
