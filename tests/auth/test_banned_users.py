"""What another server's plugins have written beside a user holds here too: bans, second factors.

The original has made the database, with its plugins admin and twoFactor, and runs on it.
"""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import anyio.to_thread
import httpx
import pytest
from fastapi import FastAPI

from taskward.database.url import DatabaseURL
from tests.conftest import PASSWORD, CreateDatabase, settings_for, url_text
from tests.support.databases import connected
from tests.support.factories import Browser, create_user, rows_of, running_on, signed_in
from tests.support.fake_provider import FakeProvider
from tests.support.mailing import mailing_site
from tests.support.servers import ORIGIN, OriginalServer, auth_settings
from tests.support.social_site import Visitor, generic, profile, site

MESSAGE = (
    "You have been banned from this application. "
    "Please contact support if you believe this is an error."
)
BANNED = {"message": MESSAGE, "code": "BANNED_USER"}
BANS = {
    "banned": "banned = true",
    "banned for a reason": "banned = true, \"banReason\" = 'spam'",
    "banned until tomorrow": "banned = true, \"banExpires\" = now() + interval '1 day'",
}
NO_BANS = {
    "never banned": "banned = NULL",
    "not banned": "banned = false",
    "banned until yesterday": (
        "banned = true, \"banReason\" = 'spam', \"banExpires\" = now() - interval '1 day'"
    ),
    "not banned, until tomorrow": "banned = false, \"banExpires\" = now() + interval '1 day'",
    "no second factor": '"twoFactorEnabled" = false',
}


@pytest.fixture(scope="module")
async def original(create_database: CreateDatabase) -> AsyncIterator[OriginalServer]:
    settings = auth_settings(await create_database()) | {"PLUGINS": "admin,twoFactor"}
    server = OriginalServer(settings)
    await anyio.to_thread.run_sync(server.__enter__)
    yield server
    await anyio.to_thread.run_sync(server.__exit__, None, None, None)


@pytest.fixture(scope="module")
def shared_url(original: OriginalServer) -> str:
    return original.settings["DATABASE_URL"]


@pytest.fixture(scope="module")
async def shared(shared_url: str) -> AsyncIterator[FastAPI]:
    """Ours on the database that the original has made."""
    async with running_on(shared_url) as app:
        yield app


@dataclass(frozen=True)
class StoredUser:
    app: FastAPI
    email: str

    async def become(self, columns: str) -> None:
        change = f'UPDATE "user" SET {columns} WHERE email = $1'
        await self.app.state.database.fetch(change, self.email)

    async def post(self, path: str, password: str = PASSWORD) -> httpx.Response:
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as http:
            body = {"email": self.email, "password": password}
            return await http.post(f"/api/auth/{path}", json=body, headers={"origin": ORIGIN})

    async def rows(self) -> dict[str, list[dict[str, Any]]]:
        return await rows_of(self.app, self.email)


@pytest.fixture
async def stored_user(shared: FastAPI) -> StoredUser:
    email, _ = await create_user(shared.state.database, shared.state.better_auth)
    await shared.state.database.fetch(
        'DELETE FROM session USING "user" WHERE "userId" = "user".id AND email = $1', email
    )
    return StoredUser(shared, email)


def at_the_original(original: OriginalServer, who: StoredUser, password: str) -> httpx.Response:
    body = {"email": who.email, "password": password}
    url = f"{original.url}/api/auth/sign-in/email"
    return httpx.post(url, json=body, headers={"origin": ORIGIN}, timeout=30)


@pytest.mark.parametrize("columns", BANS.values(), ids=BANS)
@pytest.mark.parametrize("password", [PASSWORD, "a wrong password"])
async def test_a_banned_user_is_answered_as_by_the_original(
    original: OriginalServer, stored_user: StoredUser, columns: str, password: str
) -> None:
    await stored_user.become(columns)
    before = await stored_user.rows()
    theirs = await anyio.to_thread.run_sync(at_the_original, original, stored_user, password)
    ours = await stored_user.post("sign-in/email", password)
    assert (ours.status_code, ours.json()) == (theirs.status_code, theirs.json())
    assert ours.json() == BANNED or password != PASSWORD
    plain = await stored_user.post("login", password)
    assert (plain.status_code, plain.json()["detail"]) == (ours.status_code, ours.json()["message"])
    assert not {"set-cookie", "set-auth-jwt"} & {*ours.headers, *plain.headers}
    assert await stored_user.rows() == before


@pytest.mark.parametrize("columns", NO_BANS.values(), ids=NO_BANS)
async def test_who_is_not_banned_or_no_longer_signs_in(
    original: OriginalServer, stored_user: StoredUser, columns: str
) -> None:
    await stored_user.become(columns)
    assert (await stored_user.post("sign-in/email")).status_code == 200
    [ours] = (await stored_user.rows())["user"]

    await stored_user.become(columns)
    theirs = await anyio.to_thread.run_sync(at_the_original, original, stored_user, PASSWORD)
    assert theirs.status_code == 200
    [after] = (await stored_user.rows())["user"]
    names = ("banned", "banReason", "banExpires")
    if ours["banExpires"] is None:  # else the column is what `become` has just set
        assert [ours[name] for name in names] == [after[name] for name in names]


KINDS = [
    ("timestamptz", "now() - interval '1 h'", "now() + interval '1 h'"),
    ("timestamp(3)", *(f"now() AT TIME ZONE 'UTC' {s} interval '1 h'" for s in "-+")),
    ("date", None, "current_date + 2"),
    ("bigint", None, "extract(epoch FROM now()) * 1000 + 3600000"),
    ("text", None, "'whenever'"),
    ("timestamptz", None, "'infinity'"),
]


@pytest.fixture(scope="module", params=["Asia/Karachi", "America/New_York"])
async def zoned(
    create_migrated_database: CreateDatabase, request: pytest.FixtureRequest
) -> DatabaseURL:
    """A database with such a time zone and a column for bans."""
    url = DatabaseURL.parse(await create_migrated_database())
    async with connected(url) as connection:
        await connection.execute(
            f"ALTER DATABASE \"{url.database}\" SET timezone = '{request.param}'"
        )
        await connection.execute(
            'ALTER TABLE "user" ADD banned boolean, ADD "banReason" text, ADD "banExpires" text'
        )
    return url


@pytest.mark.parametrize(("kind", "over", "not_over"), KINDS)
async def test_a_ban_lasts_as_long_whatever_the_column_is_and_the_databases_time_zone(
    zoned: DatabaseURL, kind: str, over: str | None, not_over: str
) -> None:
    """Prisma's columns are of UTC and do not say so."""
    async with connected(zoned) as connection:
        await connection.execute(f'ALTER TABLE "user" DROP "banExpires", ADD "banExpires" {kind}')
    async with running_on(url_text(zoned)) as app:
        email, _ = await create_user(app.state.database, app.state.better_auth)
        stored_user = StoredUser(app, email)
        await stored_user.become(f'banned = true, "banExpires" = {not_over}')
        answer = await stored_user.post("sign-in/email")
        assert (answer.status_code, answer.json()) == (403, BANNED)
        if over:
            await stored_user.become(f'banned = true, "banExpires" = {over}')
            assert (await stored_user.post("sign-in/email")).status_code == 200
            [user] = (await stored_user.rows())["user"]
            assert (user["banned"], user["banExpires"]) == (False, None)


async def test_a_ban_that_is_over_is_taken_back(stored_user: StoredUser) -> None:
    await stored_user.become(NO_BANS["banned until yesterday"])
    assert (await stored_user.post("login")).status_code == 200
    [user] = (await stored_user.rows())["user"]
    assert (user["banned"], user["banReason"], user["banExpires"]) == (False, None, None)


async def test_a_session_that_was_there_before_the_ban_stays_as_at_the_original(
    shared: FastAPI, original: OriginalServer
) -> None:
    body = {"name": "Ada", "email": f"{secrets.token_hex(8)}@example.com", "password": PASSWORD}
    async with httpx.AsyncClient(base_url=f"{original.url}/api/auth") as http:
        assert (await http.post("/sign-up/email", json=body)).status_code == 200
        await StoredUser(shared, body["email"]).become("banned = true")
        assert (await http.get("/get-session")).json()["user"]["email"] == body["email"]
    async with signed_in(shared) as ada:
        await StoredUser(shared, ada.email).become("banned = true")
        assert (await ada.get("get-session")).json()["user"]["email"] == ada.email


async def test_a_banned_user_gets_no_new_session_for_a_new_password(shared: FastAPI) -> None:
    async with signed_in(shared) as ada:
        await StoredUser(shared, ada.email).become("banned = true")
        before = await rows_of(shared, ada.email)
        content = {"currentPassword": PASSWORD, "newPassword": "another good password"}
        answer = await ada.post("change-password", **content, revokeOtherSessions=True)
        assert (answer.status_code, answer.json()) == (403, BANNED)
        assert await rows_of(shared, ada.email) == before


async def test_a_verified_address_signs_no_banned_user_in(shared: FastAPI, shared_url: str) -> None:
    options = {"auto_sign_in_after_verification": True, "require_email_verification": True}
    async with mailing_site(shared, settings_for(shared_url), **options) as mailing:
        await mailing.sign_up()
        link = mailing.links[-1]
        await StoredUser(shared, link.user.email).become("banned = true")
        answer = await mailing.get("/verify-email", token=link.token)
        assert (answer.status_code, answer.json()) == (403, BANNED)
        assert (await rows_of(shared, link.user.email))["session"] == []


@pytest.fixture(scope="module")
async def social(shared_url: str, provider: FakeProvider) -> AsyncIterator[FastAPI]:
    async with site(shared_url, generic=[generic(provider)]) as app:
        yield app


async def test_a_provider_lets_no_banned_user_in(social: FastAPI, shared: FastAPI) -> None:
    who = profile(f"u{secrets.token_hex(6)}")
    email = who.claims["email"]
    assert await Visitor(social).sign_in(who) == "/done"
    await StoredUser(shared, email).become("banned = true")
    before = (await rows_of(shared, email))["session"]
    visitor = Visitor(social)
    words = "+".join(MESSAGE.split())
    assert await visitor.sign_in(who) == f"/oops?error=BANNED_USER&error_description={words}"
    assert await visitor.user() is None
    assert (await rows_of(shared, email))["session"] == before


@pytest.mark.parametrize("path", ["sign-in/email", "login", "login/email"])
async def test_a_password_alone_does_not_sign_in_a_user_with_a_second_factor(
    stored_user: StoredUser, path: str
) -> None:
    await stored_user.become('"twoFactorEnabled" = true')
    answer = await stored_user.post(path)
    assert answer.status_code == 403
    assert answer.json().get("code", "TWO_FACTOR_REQUIRED") == "TWO_FACTOR_REQUIRED"
    assert "second factor" in answer.text
    assert not {"set-cookie", "set-auth-jwt"} & set(answer.headers)
    assert (await stored_user.rows())["session"] == []
    assert (await stored_user.post(path, "a wrong password")).status_code == 401
    await stored_user.become("banned = true")
    assert MESSAGE in (await stored_user.post(path)).text


async def test_a_provider_stands_for_the_second_factor_as_at_the_original(
    social: FastAPI, shared: FastAPI
) -> None:
    who = profile(f"u{secrets.token_hex(6)}")
    await Visitor(social).sign_in(who)
    await StoredUser(shared, who.claims["email"]).become('"twoFactorEnabled" = true')
    assert await Visitor(social).sign_in(who) == "/done"


async def test_columns_that_come_while_the_server_runs_hold_at_once(
    create_migrated_database: CreateDatabase,
) -> None:
    async with running_on(await create_migrated_database()) as app, signed_in(app) as ada:
        await _signs_in(ada, 200)
        fetch = app.state.database.fetch
        await fetch('ALTER TABLE "user" ADD COLUMN banned boolean')
        await _signs_in(ada, 200)
        await fetch('UPDATE "user" SET banned = true')
        await _signs_in(ada, 403)
        await fetch('ALTER TABLE "user" ADD COLUMN "banExpires" timestamptz DEFAULT now()')
        await _signs_in(ada, 200)
        await fetch('ALTER TABLE "user" DROP COLUMN banned, DROP COLUMN "banExpires"')
        await _signs_in(ada, 200)


async def _signs_in(browser: Browser, status: int) -> None:
    answer = await browser.post("sign-in/email", email=browser.email, password=PASSWORD)
    assert answer.status_code == status, answer.text
