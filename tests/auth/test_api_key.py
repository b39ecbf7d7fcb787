"""The plugin `api_key` beyond the comparison with the original: races, hosts, other people."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from authward import ConfigurationError, CurrentUser
from authward.plugins import ApiKeyOptions, admin, api_key, bearer, jwt
from authward.plugins.api_key import KeyExpirationOptions, KeyRateLimitOptions, hash_key
from tests.conftest import BASE_URL, CreateDatabase
from tests.support.factories import Browser
from tests.support.plugin_site import site_with

KEYS = ApiKeyOptions(
    enable_session_for_api_keys=True,
    enable_metadata=True,
    rate_limit=KeyRateLimitOptions(max_requests=50),
)


@pytest.fixture(scope="module")
async def app(create_database: CreateDatabase) -> AsyncIterator[FastAPI]:
    chosen = (jwt(), bearer(), admin(), api_key(KEYS))
    async with site_with(await create_database(), chosen) as app:

        @app.get("/me")
        async def me(user_id: CurrentUser) -> str:
            return user_id

        yield app


def api(app: FastAPI) -> Any:
    return app.state.better_auth.api


async def by_key(app: FastAPI, path: str, key: str) -> httpx.Response:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        return await client.get(path, headers={"x-api-key": key})


async def made(app: FastAPI, who: Browser, **more: Any) -> dict[str, Any]:
    created: dict[str, Any] = await api(app).create_api_key(user_id=who.user["id"], **more)
    return created


async def test_a_key_is_kept_as_its_hash(app: FastAPI, ada: Browser) -> None:
    created = (await ada.post("api-key/create")).json()
    rows = await app.state.database.fetch("SELECT key FROM apikey WHERE id = $1", created["id"])
    assert rows[0]["key"] == hash_key(created["key"])
    listed = (await ada.get("api-key/list")).text
    assert created["key"] not in listed
    assert rows[0]["key"] not in listed


async def test_of_many_uses_at_once_only_those_that_remain_count(
    app: FastAPI, ada: Browser
) -> None:
    key = (await made(app, ada, remaining=3))["key"]
    found = await asyncio.gather(*(api(app).verify_api_key(key=key) for _ in range(8)))
    assert sum(each["valid"] for each in found) == 3


async def test_of_many_uses_at_once_only_those_within_the_rate_limit_count(
    app: FastAPI, ada: Browser
) -> None:
    key = (await made(app, ada, rate_limit_max=4))["key"]
    found = await asyncio.gather(*(api(app).verify_api_key(key=key) for _ in range(8)))
    assert sum(each["valid"] for each in found) == 4
    codes = {each["error"]["code"] for each in found if each["error"]}
    assert codes == {"RATE_LIMITED"}


async def test_of_many_uses_at_once_only_one_refills(app: FastAPI, ada: Browser) -> None:
    created = await made(app, ada, remaining=1, refill_amount=2, refill_interval=3_600_000)
    await app.state.database.fetch(
        "UPDATE apikey SET \"createdAt\" = now() - interval '2 hours' WHERE id = $1", created["id"]
    )
    verifying = (api(app).verify_api_key(key=created["key"]) for _ in range(8))
    found = await asyncio.gather(*verifying)
    assert sum(each["valid"] for each in found) in {2, 3}  # one may count before the refill
    assert not (await api(app).verify_api_key(key=created["key"]))["valid"]


async def test_nobody_touches_the_keys_of_others(app: FastAPI, ada: Browser, eve: Browser) -> None:
    created = (await ada.post("api-key/create", name="mine")).json()
    answers = [
        await eve.get(f"api-key/get?id={created['id']}"),
        await eve.post("api-key/update", keyId=created["id"], name="stolen"),
        await eve.post("api-key/update", keyId=created["id"], userId=ada.user["id"], name="x"),
        await eve.post("api-key/delete", keyId=created["id"]),
    ]
    assert [answer.status_code for answer in answers] == [404, 404, 401, 404]
    assert (await eve.get("api-key/list")).json()["total"] == 0
    assert (await ada.get(f"api-key/get?id={created['id']}")).json()["name"] == "mine"
    forged = await eve.post("api-key/create", userId=ada.user["id"])
    assert forged.status_code == 401


async def test_a_key_is_good_for_current_user_where_the_host_says_so(
    app: FastAPI, ada: Browser
) -> None:
    key = (await made(app, ada))["key"]
    answer = await by_key(app, "/me", key)
    assert (answer.status_code, answer.json()) == (200, ada.user["id"])
    assert (await by_key(app, "/me", "x" * 64)).status_code == 401
    assert (await by_key(app, "/me", "")).status_code == 401


async def test_the_key_of_a_banned_user_stands_for_nothing(app: FastAPI, ada: Browser) -> None:
    key = (await made(app, ada))["key"]
    await app.state.database.fetch('UPDATE "user" SET banned = true WHERE id = $1', ada.user["id"])
    answers = [await by_key(app, path, key) for path in ("/me", "/api/auth/get-session")]
    assert [answer.status_code for answer in answers] == [403, 403]


async def test_the_host_deletes_keys_that_are_over(app: FastAPI, ada: Browser) -> None:
    created = await made(app, ada)
    await app.state.database.fetch(
        "UPDATE apikey SET \"expiresAt\" = now() - interval '1 hour' WHERE id = $1", created["id"]
    )
    assert (await api(app).delete_all_expired_api_keys())["success"]
    assert not await app.state.database.fetch("SELECT 1 FROM apikey WHERE id = $1", created["id"])


async def test_metadata_may_not_be_nested_without_end(ada: Browser) -> None:
    deep: Any = {}
    for _ in range(300):
        deep = {"a": deep}
    answer = await ada.post("api-key/create", metadata=deep)
    assert answer.status_code == 400


MISTAKES: dict[str, Callable[[], Any]] = {
    "references is user": lambda: api_key(
        ApiKeyOptions(enable_current_user_for_api_keys=True, references="organization")
    ),
    "config_id": lambda: api_key([ApiKeyOptions()]),
    "one config_id": lambda: api_key([ApiKeyOptions(config_id="a"), ApiKeyOptions(config_id="a")]),
    "default_key_length": lambda: api_key(ApiKeyOptions(default_key_length=0)),
    "minimum_name_length": lambda: api_key(ApiKeyOptions(minimum_name_length=99)),
    "max_requests": lambda: api_key(ApiKeyOptions(rate_limit=KeyRateLimitOptions(max_requests=0))),
    "min_expires_in": lambda: api_key(
        ApiKeyOptions(key_expiration=KeyExpirationOptions(min_expires_in=9, max_expires_in=1))
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_options_that_cannot_work_are_refused_by_name(name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        MISTAKES[name]()
