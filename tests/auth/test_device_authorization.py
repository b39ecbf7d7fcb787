"""The plugin `device_authorization` beyond the comparison: races, forms, other people."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from authward import ConfigurationError
from authward.plugins import DeviceAuthorizationOptions, bearer, device_authorization, jwt
from tests.conftest import BASE_URL, CreateDatabase
from tests.support.factories import Browser
from tests.support.plugin_site import site_with

GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture(scope="module")
async def app(create_database: CreateDatabase) -> AsyncIterator[FastAPI]:
    chosen = (jwt(), bearer(), device_authorization())
    async with site_with(await create_database(), chosen) as app:
        yield app


@pytest.fixture
async def device(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        yield client


async def codes(device: httpx.AsyncClient) -> dict[str, Any]:
    answer = await device.post("/api/auth/device/code", data={"client_id": "tv"})
    found: dict[str, Any] = answer.json()
    return found


async def poll(device: httpx.AsyncClient, device_code: str) -> httpx.Response:
    given = {"grant_type": GRANT, "device_code": device_code, "client_id": "tv"}
    return await device.post("/api/auth/device/token", data=given)


async def test_a_code_gives_one_session_however_often_the_device_asks_at_once(
    app: FastAPI, ada: Browser, device: httpx.AsyncClient
) -> None:
    given = await codes(device)
    await ada.get(f"device?user_code={given['user_code']}")
    assert (await ada.post("device/approve", userCode=given["user_code"])).status_code == 200
    count = 'SELECT count(*) FROM session WHERE "userId" = $1'
    before = (await app.state.database.fetchrow(count, ada.user["id"]))[0]
    answers = await asyncio.gather(*(poll(device, given["device_code"]) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200, *[400] * 5]
    assert (await app.state.database.fetchrow(count, ada.user["id"]))[0] == before + 1


async def test_a_code_belongs_to_whoever_looked_first_and_to_nobody_else(
    ada: Browser, eve: Browser, device: httpx.AsyncClient
) -> None:
    given = await codes(device)
    path = f"device?user_code={given['user_code']}"
    seen = await asyncio.gather(*(who.get(path) for who in (ada, eve)))
    owners = ["client_id" in each.json() for each in seen]
    assert sum(owners) == 1
    other = eve if owners[0] else ada
    for verb in ("approve", "deny"):
        answer = await other.post(f"device/{verb}", userCode=given["user_code"])
        assert (answer.status_code, answer.json()["error"]) == (403, "access_denied")
    assert (await poll(device, given["device_code"])).json()["error"] == "authorization_pending"


async def test_a_code_that_nobody_looked_at_cannot_be_approved(
    ada: Browser, device: httpx.AsyncClient
) -> None:
    given = await codes(device)
    answer = await ada.post("device/approve", userCode=given["user_code"])
    assert answer.status_code == 400
    assert "not been claimed" in answer.json()["error_description"]


async def test_of_approval_and_denial_at_once_one_counts(
    ada: Browser, device: httpx.AsyncClient
) -> None:
    given = await codes(device)
    await ada.get(f"device?user_code={given['user_code']}")
    verbs = ("approve", "deny", "approve", "deny")
    deciding = (ada.post(f"device/{verb}", userCode=given["user_code"]) for verb in verbs)
    statuses = [answer.status_code for answer in await asyncio.gather(*deciding)]
    assert sorted(statuses) == [200, 400, 400, 400]


async def test_a_device_that_asks_too_often_is_told_so(device: httpx.AsyncClient) -> None:
    given = await codes(device)
    answers = [await poll(device, given["device_code"]) for _ in range(2)]
    errors = [answer.json()["error"] for answer in answers]
    assert errors == ["authorization_pending", "slow_down"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("expires_in", "soon"),
        ("interval", "0s"),
        ("device_code_length", 192),
        ("user_code_length", 0),
        ("verification_uri", "http://"),
    ],
)
def test_options_that_cannot_work_are_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=name):
        device_authorization(DeviceAuthorizationOptions(**{name: value}))
