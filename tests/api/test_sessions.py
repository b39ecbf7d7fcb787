"""Sessions: how long they last, who may see and end them, and that a used-up one is gone."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.conftest import BASE_URL, PASSWORD
from tests.support.factories import Browser, rows_of, running_on, signed_in

DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
COOKIE = "better-auth.session_token"
WEEK, DAY, MINUTE = timedelta(days=7), timedelta(days=1), timedelta(minutes=1)


async def sessions(app: FastAPI, browser: Browser) -> list[dict[str, Any]]:
    return (await rows_of(app, browser.email))["session"]


async def let_end(app: FastAPI, browser: Browser, left: timedelta) -> None:
    """Turn the clock: the browser's sessions have this much time left."""
    change = 'UPDATE session SET "expiresAt" = now() + $1 WHERE "userId" = $2'
    await app.state.database.fetch(change, left, browser.user["id"])


async def sign_in_again(browser: Browser, **changes: Any) -> httpx.Response:
    """Another sign-in of the same person, in the same browser."""
    response = await browser.post(
        "sign-in/email", email=browser.email, password=PASSWORD, **changes
    )
    assert response.status_code == 200
    return response


def set_cookies(response: httpx.Response) -> dict[str, str]:
    cookies = response.headers.get_list("set-cookie")
    return {cookie.partition("=")[0]: cookie.partition("=")[2] for cookie in cookies}


def is_about(moment: datetime, expected: datetime) -> bool:
    return abs(moment - expected) < MINUTE


async def test_a_new_session_lasts_a_week_and_brings_a_token_for_the_tasks(
    app: FastAPI, ada: Browser
) -> None:
    response = await ada.get("get-session")
    found = response.json()
    dates = [found["session"][k] for k in ("createdAt", "updatedAt", "expiresAt")]
    assert all(DATE.fullmatch(d) for d in [*dates, found["user"]["createdAt"]])
    assert found["session"]["userId"] == found["user"]["id"] == ada.user["id"]
    assert is_about(datetime.fromisoformat(dates[2]), datetime.now(UTC) + WEEK)
    headers = {"Authorization": f"Bearer {response.headers['set-auth-jwt']}"}
    assert (await ada.client.get("/api/tasks", headers=headers)).json() == []
    assert response.headers["cache-control"] == "no-store"


async def test_a_session_that_is_used_slides_once_a_day(app: FastAPI, ada: Browser) -> None:
    await let_end(app, ada, WEEK - DAY + MINUTE)
    [before] = await sessions(app, ada)
    assert "set-cookie" not in (await ada.get("get-session")).headers
    assert await sessions(app, ada) == [before]

    await let_end(app, ada, WEEK - DAY - MINUTE)
    response = await ada.get("get-session")
    [after] = await sessions(app, ada)
    assert is_about(after["expiresAt"], datetime.now(UTC) + WEEK)
    assert after["updatedAt"] > before["updatedAt"]
    assert (after["token"], after["createdAt"]) == (before["token"], before["createdAt"])
    assert "Max-Age=604800" in set_cookies(response)[COOKIE]
    shown = datetime.fromisoformat(response.json()["session"]["expiresAt"])
    assert shown == after["expiresAt"]


@pytest.mark.parametrize(
    ("lifetime", "update_age", "after"),
    [
        (3600, None, 1800),
        (3600, 600, 600),
        (3600, 0, 0),
        (3600, 3600, 3600),
        (172_800, None, 86_400),
    ],
)
async def test_a_session_that_is_used_slides_as_the_settings_say(
    database_url: str, lifetime: int, update_age: int | None, after: int
) -> None:
    changes = {"session_expires_in": lifetime, "session_update_age": update_age}
    async with running_on(database_url, **changes) as app, signed_in(app) as ada:
        expected = timedelta(seconds=lifetime)
        for age, slides in ((after - 30, False), (after + 30, True)):
            if 0 < age < lifetime:
                await let_end(app, ada, expected - timedelta(seconds=age))
                [before] = await sessions(app, ada)
                response = await ada.get("get-session")
                [now] = await sessions(app, ada)
                assert (now["expiresAt"] > before["expiresAt"]) is slides
                assert (f"Max-Age={lifetime}" in str(set_cookies(response))) is slides
        await let_end(app, ada, -MINUTE)
        assert (await ada.get("get-session")).json() is None


@pytest.mark.parametrize("fields", [{}, {"token": "x"}, {"userId": "x", "expiresAt": "2099-01-01"}])
async def test_a_session_has_no_field_that_its_user_may_change(
    ada: Browser, fields: dict[str, str]
) -> None:
    answer = await ada.post("update-session", **fields)
    assert (answer.status_code, answer.json()) == (400, {"message": "No fields to update"})


async def test_a_session_can_be_read_without_extending_it(app: FastAPI, ada: Browser) -> None:
    await let_end(app, ada, DAY)
    before = await sessions(app, ada)
    response = await ada.get("get-session?disableRefresh=true")
    assert response.json() is not None
    assert "set-cookie" not in response.headers
    assert await sessions(app, ada) == before


async def test_many_requests_at_once_extend_a_session_without_harm(
    app: FastAPI, ada: Browser
) -> None:
    await let_end(app, ada, DAY)
    responses = await asyncio.gather(*(ada.get("get-session") for _ in range(10)))
    assert all(response.json() is not None for response in responses)
    [session] = await sessions(app, ada)
    assert is_about(session["expiresAt"], datetime.now(UTC) + WEEK)


async def test_a_session_that_is_over_is_none_and_leaves_the_table_and_the_browser(
    app: FastAPI, ada: Browser
) -> None:
    await let_end(app, ada, timedelta(seconds=-1))
    assert (await ada.get("token")).status_code == 401
    assert await sessions(app, ada) == []
    assert COOKIE not in ada.client.cookies


async def test_get_session_of_an_ended_session_is_null(app: FastAPI, ada: Browser) -> None:
    await let_end(app, ada, timedelta(seconds=-1))
    response = await ada.get("get-session")
    assert (response.status_code, response.json()) == (200, None)
    assert "Max-Age=0" in set_cookies(response)[COOKIE]
    assert "set-auth-jwt" not in response.headers
    assert await sessions(app, ada) == []


async def test_a_session_not_to_be_remembered_ends_with_the_browser_or_after_a_day(
    app: FastAPI, ada: Browser
) -> None:
    response = await sign_in_again(ada, rememberMe=False)
    cookies = set_cookies(response)
    assert "Max-Age" not in cookies[COOKIE]
    assert "Max-Age" not in cookies["better-auth.dont_remember"]
    [_, session] = await sessions(app, ada)
    assert is_about(session["expiresAt"], datetime.now(UTC) + DAY)

    await let_end(app, ada, timedelta(hours=1))
    assert (await ada.get("get-session")).json()["session"]["id"] == session["id"]
    [_, later] = await sessions(app, ada)
    assert is_about(later["expiresAt"], datetime.now(UTC) + timedelta(hours=1))


async def test_a_forged_dont_remember_cookie_changes_nothing(app: FastAPI, ada: Browser) -> None:
    await let_end(app, ada, DAY)
    ada.client.cookies.set("better-auth.dont_remember", "true.forged")
    await ada.get("get-session")
    [session] = await sessions(app, ada)
    assert is_about(session["expiresAt"], datetime.now(UTC) + WEEK)


async def test_signing_out_ends_this_session_for_good_and_no_other(
    app: FastAPI, ada: Browser
) -> None:
    [first] = await sessions(app, ada)
    await sign_in_again(ada)
    cookie = f"{COOKIE}={ada.client.cookies[COOKIE]}"
    response = await ada.post("sign-out")
    assert response.json() == {"success": True}
    assert "Max-Age=0" in set_cookies(response)[COOKIE]
    assert COOKIE not in ada.client.cookies
    assert await sessions(app, ada) == [first]
    replayed = await ada.client.get("/api/auth/get-session", headers={"cookie": cookie})
    assert replayed.json() is None
    assert (await ada.post("sign-out")).json() == {"success": True}


async def test_every_sign_in_is_a_new_session_even_with_the_cookie_of_an_old_one(
    app: FastAPI, ada: Browser
) -> None:
    tokens = [(await sign_in_again(ada)).json()["token"] for _ in range(2)]
    stored = [session["token"] for session in await sessions(app, ada)]
    assert stored[1:] == tokens
    assert len(set(stored)) == 3


async def test_nobody_lists_or_ends_the_sessions_of_others(
    app: FastAPI, ada: Browser, eve: Browser
) -> None:
    await sign_in_again(ada)
    listed = (await ada.get("list-sessions")).json()
    assert {session["userId"] for session in listed} == {ada.user["id"]}
    before = await sessions(app, ada)
    assert {session["token"] for session in listed} == {session["token"] for session in before}
    for session in before:
        response = await eve.post("revoke-session", token=session["token"])
        assert response.status_code == 200
    for path in ("revoke-other-sessions", "revoke-sessions"):
        assert (await eve.post(path)).status_code == 200
    assert await sessions(app, ada) == before
    assert await sessions(app, eve) == []


async def test_of_thousands_of_sessions_and_accounts_a_hundred_are_listed(
    app: FastAPI, ada: Browser
) -> None:
    """As by the original; the sessions that began last, because one of them may be a stranger's."""
    fetch, user_id = app.state.database.fetch, ada.user["id"]
    await fetch(
        'INSERT INTO session (id, token, "userId", "expiresAt", "createdAt", "updatedAt") '
        "SELECT $1 || n, $1 || n, $1, now() + '1 day', now() - n * interval '1 s', now() "
        "FROM generate_series(1, 3000) n",
        user_id,
    )
    await fetch(
        'INSERT INTO account (id, "accountId", "providerId", "userId", "createdAt", "updatedAt") '
        "SELECT $1 || n, n, 'github', $1, now(), now() FROM generate_series(1, 3000) n",
        user_id,
    )
    tokens = [session["token"] for session in (await ada.get("list-sessions")).json()]
    assert tokens[:-1] == [f"{user_id}{n}" for n in range(99, 0, -1)]
    assert len(tokens) == len((await ada.get("list-accounts")).json()) == 100


async def test_ended_sessions_are_not_listed(app: FastAPI, ada: Browser) -> None:
    await let_end(app, ada, timedelta(seconds=-1))
    await sign_in_again(ada)
    assert len((await ada.get("list-sessions")).json()) == 1


async def test_a_revoked_session_is_over_at_once(app: FastAPI, ada: Browser) -> None:
    old = f"{COOKIE}={ada.client.cookies[COOKIE]}"
    [first] = await sessions(app, ada)
    await sign_in_again(ada)
    assert (await ada.post("revoke-session", token=first["token"])).status_code == 200
    assert (await ada.get("get-session")).json() is not None
    replayed = await ada.client.get("/api/auth/get-session", headers={"cookie": old})
    assert replayed.json() is None


async def test_an_access_token_is_no_session(app: FastAPI, ada: Browser) -> None:
    jwt = (await ada.get("token")).json()["token"]
    ada.client.cookies.clear()
    for headers in ({"Authorization": f"Bearer {jwt}"}, {"cookie": f"{COOKIE}={jwt}"}):
        response = await ada.client.get("/api/auth/get-session", headers=headers)
        assert (response.status_code, response.json()) == (200, None)
        refused = await ada.client.get("/api/auth/token", headers=headers)
        assert refused.status_code == 401


async def test_a_session_without_its_user_is_none(app: FastAPI, ada: Browser) -> None:
    await app.state.database.fetch('DELETE FROM "user" WHERE id = $1', ada.user["id"])
    assert (await ada.get("get-session")).json() is None
    for path in ("update-user", "change-password", "delete-user"):
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url=BASE_URL,
            headers={"origin": BASE_URL},
            cookies=ada.client.cookies,
        ) as client:
            body = {"name": "A", "currentPassword": PASSWORD, "newPassword": PASSWORD}
            response = await client.post(f"/api/auth/{path}", json=body)
        assert response.status_code == 401
