"""Rate limits: shared by all who serve one database, and not to be got round."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from authward import InMemoryStorage
from authward.security.rate_counters import DatabaseCounter, MemoryCounter, StorageCounter
from authward.security.rate_limit import Counter as RequestCounter
from authward.security.rate_limit import Limit, rule_for
from tests.conftest import BASE_URL, PASSWORD, CreateDatabase, new_email
from tests.support.factories import running_on

SIGN_IN = "sign-in/email"
ADDRESSES = (f"198.51.{number // 250}.{number % 250 + 1}" for number in count())


@pytest.fixture(scope="module")
async def limited_url(create_migrated_database: CreateDatabase) -> str:
    return await create_migrated_database()


@pytest.fixture(scope="module")
async def limited(limited_url: str) -> AsyncIterator[FastAPI]:
    async with running_on(limited_url, rate_limit_enabled=True) as app:
        yield app


@pytest.fixture
def address() -> str:
    """An address that no other test comes from."""
    return next(ADDRESSES)


@asynccontextmanager
async def coming_from(app: FastAPI, address: str) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, client=(address, 50_000))
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        yield client


async def knock(client: httpx.AsyncClient, path: str = SIGN_IN, **headers: str) -> httpx.Response:
    """A request that costs no hash: refused for its body, but counted like any other."""
    return await client.post(f"/api/auth/{path}", json={"email": "?"}, headers=headers)


async def try_login(client: httpx.AsyncClient, path: str) -> httpx.Response:
    """The plain endpoints check the body first; this one is right, and has to be hashed."""
    body = {"email": new_email(), "password": PASSWORD}
    response = await client.post(f"/api/auth/{path}", json=body)
    client.cookies.clear()
    return response


async def statuses(
    app: FastAPI, address: str, path: str = SIGN_IN, times: int = 4, **headers: str
) -> list[int]:
    async with coming_from(app, address) as client:
        return [(await knock(client, path, **headers)).status_code for _ in range(times)]


async def age(app: FastAPI, key: str, seconds: float) -> None:
    """Turn the clock: the counter was last moved so many seconds earlier."""
    change = 'UPDATE "rateLimit" SET "lastRequest" = "lastRequest" - $1 WHERE key = $2'
    await app.state.database.fetch(change, int(seconds * 1000), key)


async def counters(app: FastAPI, address: str) -> dict[str, dict[str, Any]]:
    query = 'SELECT * FROM "rateLimit" WHERE starts_with(key, $1)'
    return {row["key"]: dict(row) for row in await app.state.database.fetch(query, address)}


@pytest.mark.parametrize(
    "path", ["sign-in/email", "sign-up/email", "sign-in/social", "change-password", "change-email"]
)
async def test_three_tries_in_ten_seconds_and_then_no_more(
    limited: FastAPI, address: str, path: str
) -> None:
    async with coming_from(limited, address) as client:
        passed = [(await knock(client, path)).status_code for _ in range(3)]
        refused = await knock(client, path)
    assert 429 not in passed
    assert refused.status_code == 429
    assert refused.json() == {"message": "Too many requests. Please try again later."}
    assert 1 <= int(refused.headers["x-retry-after"]) <= 10
    assert refused.headers["retry-after"] == refused.headers["x-retry-after"]


@pytest.mark.parametrize("path", ["request-password-reset", "send-verification-email"])
async def test_what_sends_mail_can_be_asked_three_times_in_a_minute(
    limited: FastAPI, address: str, path: str
) -> None:
    async with coming_from(limited, address) as client:
        passed = [(await knock(client, path)).status_code for _ in range(3)]
        refused = await knock(client, path)
    assert 429 not in passed
    assert refused.status_code == 429
    assert 11 <= int(refused.headers["x-retry-after"]) <= 60


async def test_anything_else_can_be_asked_a_hundred_times(limited: FastAPI, address: str) -> None:
    async with coming_from(limited, address) as client:
        passed = {(await client.get("/api/auth/get-session")).status_code for _ in range(100)}
        assert passed == {200}
        assert (await client.get("/api/auth/get-session")).status_code == 429
        assert (await client.get("/api/tasks")).status_code == 401


def test_the_rules_are_those_of_the_original() -> None:
    for path in ("/sign-in/email", "/sign-in/social", "/sign-up/email", "/change-password"):
        assert (rule_for(path).window, rule_for(path).max_requests) == (10, 3)
    for path in ("/request-password-reset", "/send-verification-email"):
        assert (rule_for(path).window, rule_for(path).max_requests) == (60, 3)
    for path in ("/get-session", "/sign-out", "/ok", "/update-user", "/token"):
        assert (rule_for(path).window, rule_for(path).max_requests) == (10, 100)


async def test_each_path_and_each_client_has_a_counter_of_its_own(
    limited: FastAPI, address: str
) -> None:
    assert (await statuses(limited, address))[-1] == 429
    assert 429 not in await statuses(limited, address, "sign-up/email", times=3)
    assert 429 not in await statuses(limited, next(ADDRESSES), times=3)
    assert (await statuses(limited, address, times=1)) == [429]


@pytest.mark.parametrize("others", [["login"], ["login/email"], ["login", "login/email"]])
async def test_no_other_spelling_of_sign_in_gives_more_tries(
    limited: FastAPI, address: str, others: list[str]
) -> None:
    async with coming_from(limited, address) as client:
        assert (await knock(client)).status_code != 429
        for path in (others * 2)[:2]:
            assert (await try_login(client, path)).status_code == 401
        for path in ("login", "login/email", SIGN_IN):
            refused = await try_login(client, path)
            assert refused.status_code == 429
            assert int(refused.headers["x-retry-after"]) > 0
        assert isinstance((await try_login(client, "login")).json()["detail"], str)


async def test_no_other_spelling_of_sign_up_gives_more_tries(
    limited: FastAPI, address: str
) -> None:
    async with coming_from(limited, address) as client:
        answers = [
            (await knock(client, "sign-up/email")).status_code,
            (await try_login(client, "signup")).status_code,
            (await knock(client, "sign-up/email")).status_code,
        ]
        assert answers == [400, 201, 400]
        assert (await try_login(client, "signup")).status_code == 429
        assert (await knock(client, "sign-up/email")).status_code == 429


async def test_no_spelling_of_the_path_has_a_counter_of_its_own(
    limited: FastAPI, address: str
) -> None:
    assert (await statuses(limited, address))[-1] == 429
    for path in ("sign-in%2Femail", "sign-in/email/", "sign-in//email", "sign-in/email?a=1"):
        assert (await statuses(limited, address, path, times=1))[0] in {404, 429}


async def test_two_servers_on_one_database_count_together(
    limited: FastAPI, limited_url: str, address: str
) -> None:
    async with running_on(limited_url, rate_limit_enabled=True) as other:
        assert 429 not in await statuses(limited, address, times=2)
        assert (await statuses(other, address, times=2))[-1] == 429
        assert (await statuses(limited, address, times=1)) == [429]


async def test_simultaneous_tries_never_get_more_than_three_through(
    limited: FastAPI, limited_url: str, address: str
) -> None:
    async with running_on(limited_url, rate_limit_enabled=True) as other, AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(coming_from(app, address)) for app in (limited, other)
        ]
        answers = await asyncio.gather(*(knock(clients[n % 2]) for n in range(40)))
    found = Counter(answer.status_code for answer in answers)
    assert found == {400: 3, 429: 37}


@pytest.fixture(params=["memory", "database", "secondary storage"])
def counter(request: pytest.FixtureRequest, limited: FastAPI) -> RequestCounter:
    if request.param == "memory":
        return MemoryCounter()
    if request.param == "secondary storage":
        return StorageCounter(InMemoryStorage())
    return DatabaseCounter(limited.state.database, longest_window=60)


async def test_of_any_number_at_once_exactly_as_many_pass_as_the_limit_says(
    counter: RequestCounter, address: str
) -> None:
    limit = Limit(window=60, max=5)
    for _ in range(2):
        waits = await asyncio.gather(*(counter.consume(address, limit) for _ in range(40)))
        passed = [wait for wait in waits if wait is None]
        assert len(passed) in {0, 5}
        assert all(wait is None or 0 < wait <= 60_000 for wait in waits)
    assert not passed


async def test_a_refused_request_leaves_no_room_for_another_when_the_limit_was_lower(
    limited: FastAPI, address: str
) -> None:
    """As a rule that is a function may say it, from one request to the next."""
    for counter in (MemoryCounter(), DatabaseCounter(limited.state.database, longest_window=60)):
        found = [
            await counter.consume(address, Limit(window=60, max=limit))
            for limit in (4, 4, 4, 1, 1, 4, 4)
        ]
        assert [wait is None for wait in found] == [True] * 3 + [False] * 2 + [True, False]


async def test_addresses_of_one_ipv6_network_count_as_one_client(limited: FastAPI) -> None:
    network = f"2001:db8:{next(ADDRESSES).replace('.', '')[-4:]}:1"
    found = [
        (await statuses(limited, f"{network}:{suffix}", times=1))[0]
        for suffix in (":1", ":2", "ffff:1:2:3", ":", "1:2:3:4")
    ]
    assert found == [400, 400, 400, 429, 429]
    assert (await statuses(limited, f"{network[:-1]}2::1", times=1)) == [400]


async def test_a_forwarded_address_gives_no_more_tries_without_a_proxy_of_ours(
    limited: FastAPI, address: str
) -> None:
    found: list[int] = []
    for forged in ("9.9.9.9", address, f"{address}, 9.9.9.8", "127.0.0.1", f"1{address}"):
        found += await statuses(limited, address, times=1, **{"x-forwarded-for": forged})
    for name in ("x-real-ip", "forwarded", "cf-connecting-ip", "x-client-ip", "true-client-ip"):
        found += await statuses(limited, address, times=1, **{name: "9.9.9.7"})
    assert Counter(found) == {400: 3, 429: 7}


@pytest.mark.parametrize("hops", [1, 2])
async def test_behind_proxies_of_ours_the_forwarded_address_counts_and_forged_ones_do_not(
    limited_url: str, address: str, hops: int
) -> None:
    proxies = ", 10.0.0.9" * (hops - 1)
    changes = {"rate_limit_enabled": True, "trusted_proxy_hops": hops}
    async with running_on(limited_url, **changes) as app:
        found: list[int] = []
        for forged in ("", "9.9.9.9, ", "9.9.9.8, 9.9.9.7, ", f"{address}, "):
            header = f"{forged}{address}{proxies}"
            found += await statuses(app, "10.0.0.1", times=1, **{"x-forwarded-for": header})
        assert found == [400, 400, 400, 429]
        other = f"{address}, {next(ADDRESSES)}{proxies}"
        assert await statuses(app, "10.0.0.1", times=1, **{"x-forwarded-for": other}) == [400]


async def test_when_the_window_is_over_one_may_try_again(limited: FastAPI, address: str) -> None:
    key = f"{address}|/sign-in/email"
    assert (await statuses(limited, address))[-1] == 429
    await age(limited, key, 7)
    async with coming_from(limited, address) as client:
        refused = await knock(client)
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["x-retry-after"]) <= 3
        await age(limited, key, 3.1)
        assert [(await knock(client)).status_code for _ in range(4)] == [400, 400, 400, 429]


async def test_refused_tries_do_not_lengthen_the_window(limited: FastAPI, address: str) -> None:
    await statuses(limited, address, times=3)
    [before] = (await counters(limited, address)).values()
    assert set(await statuses(limited, address, times=20)) == {429}
    [after] = (await counters(limited, address)).values()
    assert after == before
    assert after["count"] == 3


async def test_counters_that_no_window_needs_are_removed(limited: FastAPI, address: str) -> None:
    old, recent, current = (next(ADDRESSES) for _ in range(3))
    for one in (old, recent, current):
        await statuses(limited, one, times=1)
    await age(limited, f"{old}|/sign-in/email", 61)
    await age(limited, f"{recent}|/sign-in/email", 50)
    limiter = limited.state.better_auth.rate_limiter._counter
    limiter._pruned_at -= 61
    await statuses(limited, address, times=1)
    assert await counters(limited, old) == {}
    assert await counters(limited, recent)
    assert await counters(limited, current)


async def test_a_counter_row_is_one_that_the_original_understands(
    limited: FastAPI, address: str
) -> None:
    await statuses(limited, address, times=2)
    [row] = (await counters(limited, address)).values()
    assert len(row["id"]) == 32
    assert row["key"] == f"{address}|/sign-in/email"
    assert row["count"] == 2
    assert row["lastRequest"] > 1_700_000_000_000


async def test_nothing_is_counted_where_limits_are_off(app: FastAPI, address: str) -> None:
    assert 429 not in await statuses(app, address, times=10)
    assert await counters(app, address) == {}
