"""Sign-up: one e-mail address, one whole user, whatever happens meanwhile or in the middle."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from secrets import token_hex
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.conftest import BASE_URL, PASSWORD, CreateDatabase, new_email
from tests.support.databases import add_trigger_functions, backend_that_waits, trigger
from tests.support.factories import rows_of, running_on

ID = re.compile(r"[A-Za-z0-9]{32}")
SIMILAR = 'SELECT FROM "user" WHERE strpos(email, $1) > 0'
PATHS = ["sign-up/email", "signup"]


async def sign_up(
    client: httpx.AsyncClient, email: str, path: str = "sign-up/email", **changes: Any
) -> httpx.Response:
    content = json.dumps({"name": "Ada", "email": email, "password": PASSWORD, **changes})
    headers = {"content-type": "application/json"}
    response = await client.post(f"/api/auth/{path}", content=content, headers=headers)
    client.cookies.clear()
    return response


@pytest.fixture(scope="module")
async def breakable(create_migrated_database: CreateDatabase) -> AsyncIterator[FastAPI]:
    async with running_on(await create_migrated_database()) as app:
        await add_trigger_functions(app)
        yield app


async def test_the_rows_are_those_that_the_original_writes(app: FastAPI) -> None:
    transport = httpx.ASGITransport(app, client=("203.0.113.9", 50_000))
    email, agent = new_email(), "Mozilla/5.0 (Test)"
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        client.headers["user-agent"] = agent
        response = await sign_up(client, email, image="https://example.com/a.png")
    rows = await rows_of(app, email)
    [user], [account], [session] = rows["user"], rows["account"], rows["session"]
    moment = user["createdAt"]
    assert user == {
        "id": response.json()["user"]["id"],
        "name": "Ada",
        "email": email,
        "emailVerified": False,
        "image": "https://example.com/a.png",
        "createdAt": moment,
        "updatedAt": moment,
    }
    assert re.fullmatch(r"[0-9a-f]{32}:[0-9a-f]{128}", account.pop("password"))
    assert account == {
        "id": account["id"],
        "accountId": user["id"],
        "providerId": "credential",
        "userId": user["id"],
        **dict.fromkeys(["accessToken", "refreshToken", "idToken", "scope"]),
        **dict.fromkeys(["accessTokenExpiresAt", "refreshTokenExpiresAt"]),
        "createdAt": moment,
        "updatedAt": moment,
    }
    assert session == {
        "id": session["id"],
        "expiresAt": moment + timedelta(days=7),
        "token": response.json()["token"],
        "createdAt": moment,
        "updatedAt": moment,
        "ipAddress": "203.0.113.9",
        "userAgent": agent,
        "userId": user["id"],
    }
    secrets = [user["id"], account["id"], session["id"], session["token"]]
    assert all(ID.fullmatch(value) for value in secrets)
    assert len(set(secrets)) == 4
    assert moment.microsecond % 1000 == 0


@pytest.mark.parametrize("path", PATHS)
async def test_of_two_simultaneous_sign_ups_one_wins_and_one_is_told_why(
    app: FastAPI, client: httpx.AsyncClient, path: str
) -> None:
    email = new_email()
    answers = await asyncio.gather(*(sign_up(client, email, path) for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [200 if "/" in path else 201, 422]
    await assert_one_whole_user(app, email)


async def test_of_twenty_simultaneous_sign_ups_in_any_case_and_spelling_one_wins(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    email = new_email()
    spellings = [email, email.upper(), email.title(), email.swapcase()]
    answers = await asyncio.gather(
        *(sign_up(client, spellings[n % 4], PATHS[n % 2]) for n in range(20))
    )
    counts = Counter(answer.status_code for answer in answers)
    assert counts[422] == 19
    assert counts[200] + counts[201] == 1
    losers = [a.json() for a in answers if a.status_code == 422 and "code" in a.json()]
    assert losers
    assert {loser["code"] for loser in losers} == {"USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL"}
    assert all("set-cookie" not in a.headers for a in answers if a.status_code == 422)
    await assert_one_whole_user(app, email)


async def assert_one_whole_user(app: FastAPI, email: str) -> None:
    rows = await rows_of(app, email)
    assert {table: len(found) for table, found in rows.items()} == {
        "user": 1,
        "account": 1,
        "session": 1,
    }
    assert rows["user"][0]["email"] == email.lower()


async def test_an_email_address_is_one_in_any_case(client: httpx.AsyncClient) -> None:
    email = f"Ada.{new_email().upper()}"
    assert (await sign_up(client, email)).json()["user"]["email"] == email.lower()
    assert (await sign_up(client, email.lower())).status_code == 422
    for spelling in (email, email.lower(), email.upper()):
        response = await sign_up(client, spelling, "sign-in/email")
        assert response.status_code == 200
        assert response.json()["user"]["email"] == email.lower()


@pytest.mark.parametrize(
    "address",
    [
        *("{}\n", "\n{}", " {}", "{} ", "{}\0", "{}\r\nBcc: x@y.co", "{},x@y.co", "<{}>", "a b{}"),
        *(
            "ü{}",
            "..{}",
            "a..{}",
            "{}.",
            "{}.c",
            "@{}",
            "{}@x.co",
            "mailto:{}",
            '"a"{}',
            "{}\u200b",
        ),
        *("x" * 300 + "{}", "{}.-x", "\u212a{}", "\ud800{}"),
    ],
    ids=lambda address: ascii(address[:12]),
)
@pytest.mark.parametrize("path", PATHS)
async def test_what_only_resembles_an_email_address_is_no_second_account(
    app: FastAPI, client: httpx.AsyncClient, address: str, path: str
) -> None:
    plain = new_email()
    response = await sign_up(client, address.format(plain), path)
    assert response.status_code in {400, 422}
    assert response.headers["content-type"] == "application/json"
    assert await app.state.database.fetch(SIMILAR, plain.partition("@")[0]) == []


@pytest.mark.parametrize(
    ("length", "code"),
    [(0, 400), (7, 400), (8, 200), (128, 200), (129, 400), (100_000, 400)],
)
async def test_a_password_has_8_to_128_characters_as_javascript_counts_them(
    app: FastAPI, client: httpx.AsyncClient, length: int, code: int
) -> None:
    email = new_email()
    password = ("p" * (length % 2)) + "\U0001f511" * (length // 2)
    assert (await sign_up(client, email, password=password)).status_code == code
    assert len((await rows_of(app, email))["user"]) == (code == 200)


async def test_names_are_kept_as_they_are_but_bounded(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    email, name = new_email(), " <b>Ада</b> O'Neil; DROP TABLE \u202e😀\ud800"
    response = await sign_up(client, email, name=name)
    assert response.json()["user"]["name"] == name.replace("\ud800", "\ufffd")
    assert (await rows_of(app, email))["user"][0]["name"] == name.replace("\ud800", "\ufffd")
    for path in PATHS:
        long = await sign_up(client, new_email(), path, name="n" * 1_000)
        assert long.status_code in {400, 422}
    for field in ("name", "image"):
        refused = await sign_up(client, new_email(), **{field: "NUL \0"})
        assert refused.status_code == 422
        assert refused.json()["code"] == "FAILED_TO_CREATE_USER"


async def test_nothing_but_name_email_password_and_image_can_be_chosen(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    email, chosen = new_email(), token_hex(16)
    await sign_up(
        client,
        email,
        id=chosen,
        userId=chosen,
        emailVerified=True,
        createdAt="2020-01-01T00:00:00.000Z",
        role="admin",
        token=chosen,
    )
    rows = await rows_of(app, email)
    [user], [session] = rows["user"], rows["session"]
    assert chosen not in (user["id"], session["id"], session["token"])
    assert user["emailVerified"] is False
    assert user["createdAt"].year > 2020


@pytest.mark.parametrize("table", ['"user"', "account", "session"])
@pytest.mark.parametrize("path", PATHS)
async def test_a_sign_up_that_fails_in_the_middle_leaves_nothing(
    breakable: FastAPI, path: str, table: str
) -> None:
    email = new_email()
    transport = httpx.ASGITransport(breakable)
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        async with trigger(breakable, table, "refuse"):
            failed = await sign_up(client, email, path)
        assert failed.status_code >= 500
        assert "refused for a test" not in failed.text
        assert failed.headers["content-type"] == "application/json"
        assert await rows_of(breakable, email) == {"user": [], "account": [], "session": []}
        assert (await sign_up(client, email, path)).is_success


@pytest.mark.parametrize("end", ["client gone", "connection lost"])
@pytest.mark.parametrize("path", PATHS)
async def test_a_sign_up_cut_off_in_the_middle_leaves_a_whole_user_or_none(
    breakable: FastAPI, path: str, end: str
) -> None:
    email, database = new_email(), breakable.state.database
    transport = httpx.ASGITransport(breakable)
    async with (
        httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client,
        trigger(breakable, "session", "wait"),
        database.acquire() as holder,
        holder.transaction(),
    ):
        await holder.execute("SELECT pg_advisory_xact_lock(42)")
        request = asyncio.create_task(sign_up(client, email, path))
        backend = await backend_that_waits(breakable)
        if end == "client gone":
            request.cancel()
            await asyncio.gather(request, return_exceptions=True)
        else:
            await holder.execute("SELECT pg_terminate_backend($1::int)", backend)
            assert (await request).status_code == 503
    rows = await rows_of(breakable, email)
    assert len({len(found) for found in rows.values()}) == 1
