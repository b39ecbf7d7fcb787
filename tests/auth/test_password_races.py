"""A password that is replaced opens nothing any more, whatever was under way with it."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import cycle
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from authward.password_options import PasswordOptions
from taskward.app import create_app
from taskward.settings import Settings
from tests.conftest import PASSWORD, TRUSTED_ORIGIN
from tests.fuzz.sizes import size
from tests.support.factories import Browser, rows_of, signed_in
from tests.support.mailing import mailing_site

NEW_PASSWORD = "tr0ub4dor and three"
ATTACKERS = size(8, 20)
ROUNDS = size(1, 10)
SLOW: dict[str, Any] = {"email_and_password__password": PasswordOptions()}
"""Passwords are hashed as the application does: much happens meanwhile."""
CREDENTIALS = {"password": PASSWORD, "currentPassword": PASSWORD, "newPassword": NEW_PASSWORD}


async def under_attack(
    client: httpx.AsyncClient, email: str, change: Awaitable[httpx.Response]
) -> httpx.Response:
    """Make the change while many sign in with the old password, from before it until after it."""
    one_is_in = asyncio.Event()

    async def make_the_change() -> httpx.Response:
        await one_is_in.wait()
        return await change

    async def keep_signing_in() -> set[int]:
        statuses = set()
        while not changed.done():
            path = next(paths)
            body = {"email": email, "password": PASSWORD}
            answer = await client.post(path, json=body, headers={"origin": TRUSTED_ORIGIN})
            one_is_in.set()
            statuses.add(answer.status_code)
        return statuses

    paths = cycle(("/api/auth/sign-in/email", "/api/auth/login"))
    changed = asyncio.create_task(make_the_change())
    tried = await asyncio.gather(*(keep_signing_in() for _ in range(ATTACKERS)))
    assert set().union(*tried) == {200, 401}  # some came before the change, others too late
    return await changed


@pytest.mark.parametrize("_", range(ROUNDS))
async def test_no_sign_in_under_way_survives_a_change_that_ends_the_other_sessions(
    app: FastAPI, ada: Browser, client: httpx.AsyncClient, _: int
) -> None:
    content = {**CREDENTIALS, "revokeOtherSessions": True}
    changed = await under_attack(client, ada.email, ada.post("change-password", **content))
    assert changed.status_code == 200
    tokens = [session["token"] for session in (await rows_of(app, ada.email))["session"]]
    assert tokens == [changed.json()["token"]]


@pytest.mark.parametrize("_", range(ROUNDS))
async def test_no_sign_in_under_way_survives_a_reset_that_ends_the_sessions(
    app: FastAPI, settings: Settings, client: httpx.AsyncClient, _: int
) -> None:
    options = {"revoke_sessions_on_password_reset": True, **SLOW}
    async with mailing_site(app, settings, **options) as site:
        email = await site.sign_up()
        await site.post("/request-password-reset", email=email)
        reset = site.post("/reset-password", token=site.links[-1].token, newPassword=NEW_PASSWORD)
        assert (await under_attack(client, email, reset)).status_code == 200
        assert (await rows_of(app, email))["session"] == []
        assert await site.can_sign_in(email, NEW_PASSWORD)


async def has_to_wait(database: asyncpg.Connection, request: "asyncio.Task[Any]") -> None:
    """Until the request waits for a lock, or is over without that."""
    waits = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND wait_event_type = 'Lock' AND $1 = ANY(pg_blocking_pids(pid))"
    )
    mine = await database.fetchval("SELECT pg_backend_pid()")
    while not request.done() and not await database.fetchval(waits, mine):
        pass


ACTS = {
    "sign-in/email": 401,
    "login": 401,
    "login/email": 401,
    "change-password": 400,
    "verify-password": 400,
    "delete-user": 400,
}


async def during(
    database_url: str,
    statement: str,
    user_id: str,
    act: Callable[[], Awaitable[httpx.Response]],
) -> httpx.Response:
    """What the act is answered when somebody else changes the rows after it has read them."""
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction():
            await connection.execute(statement, user_id)
            request = asyncio.ensure_future(act())
            await has_to_wait(connection, request)
        return await request
    finally:
        await connection.close()


@pytest.mark.parametrize("change", ["UPDATE account SET password = 'a:b'", "DELETE FROM account"])
@pytest.mark.parametrize("path", ACTS)
async def test_a_password_that_was_replaced_after_it_was_read_opens_nothing(
    app: FastAPI, ada: Browser, database_url: str, path: str, change: str
) -> None:
    body = {"email": ada.email, **CREDENTIALS}
    before = await rows_of(app, ada.email)
    answer = await during(
        database_url,
        f'{change} WHERE "userId" = $1',
        ada.user["id"],
        lambda: ada.post(path, **body),
    )
    assert answer.status_code == ACTS[path], answer.text
    assert not {"set-cookie", "set-auth-jwt", "set-auth-token"} & set(answer.headers)
    after = await rows_of(app, ada.email)
    assert (after["user"], after["session"]) == (before["user"], before["session"])
    passwords = [account["password"] for account in after["account"]]
    assert passwords == (["a:b"] if change.startswith("UPDATE") else [])


async def test_a_user_who_is_deleted_after_the_password_was_read_is_not_signed_in(
    ada: Browser, database_url: str
) -> None:
    answer = await during(
        database_url,
        'DELETE FROM "user" WHERE id = $1',
        ada.user["id"],
        lambda: ada.post("sign-in/email", email=ada.email, password=PASSWORD),
    )
    assert answer.json()["code"] == "INVALID_EMAIL_OR_PASSWORD"


async def test_users_are_changed_and_deleted_in_any_order_without_a_deadlock(
    app: FastAPI, settings: Settings
) -> None:
    """Everything that locks more than one row of a user, all at once."""
    async with mailing_site(app, settings, **SLOW) as site, signed_in(app) as ada:
        await site.post("/request-password-reset", email=ada.email)
        token = site.links[-1].token
        credentials = {"email": ada.email, "password": PASSWORD}
        answers = await asyncio.gather(
            *(ada.post("sign-in/email", **credentials) for _ in range(10)),
            *(ada.post("change-password", **CREDENTIALS) for _ in range(3)),
            *(site.post("/reset-password", token=token, newPassword=PASSWORD) for _ in range(3)),
            ada.post("delete-user", password=PASSWORD),
        )
        assert {answer.status_code for answer in answers} <= {200, 400, 401}


async def test_a_sign_in_takes_two_statements(settings: Settings) -> None:
    app = create_app(settings)
    asked: list[str] = []
    app.state.database.on_statement = lambda logged: asked.append(logged.query)
    async with app.router.lifespan_context(app), signed_in(app) as ada:
        asked.clear()
        answer = await ada.post("sign-in/email", email=ada.email, password=PASSWORD)
        assert answer.status_code == 200
        assert len([query for query in asked if "session" in query or "account" in query]) == 2
