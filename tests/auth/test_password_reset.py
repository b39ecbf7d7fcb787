"""A forgotten password: one use of each token, nothing told to strangers, hooks that may fail."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from authward.callbacks import EmailLink
from taskward.settings import Settings
from tests.conftest import PASSWORD, new_email
from tests.support.mailing import API, Site, mailing_site

NEW = "another good password"
UNSTORABLE = ("nul\0", "\ud800", "", "x" * 5000)


@pytest.fixture
async def site(app: FastAPI, settings: Settings) -> AsyncIterator[Site]:
    async with mailing_site(app, settings) as site:
        yield site


@pytest.fixture
async def database(app: FastAPI, database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def link_for(site: Site, email: str) -> EmailLink:
    answer = await site.post("/request-password-reset", email=email, redirectTo="/reset")
    assert answer.status_code == 200
    return site.links[-1]


async def test_of_many_resets_at_once_with_one_token_one_succeeds(site: Site) -> None:
    email = await site.sign_up()
    token = (await link_for(site, email)).token
    passwords = [f"{NEW} {number}" for number in range(5)]

    answers = await asyncio.gather(
        *(site.post("/reset-password", token=token, newPassword=one) for one in passwords)
    )

    statuses = [answer.status_code for answer in answers]
    assert sorted(statuses) == [200, 400, 400, 400, 400]
    assert await site.can_sign_in(email, passwords[statuses.index(200)])
    assert not await site.can_sign_in(email)
    assert [event.user.email for event in site.resets] == [email]


async def test_of_two_tokens_at_once_one_gives_a_user_without_password_one_account(
    site: Site, database: asyncpg.Connection, database_url: str
) -> None:
    email = await site.sign_up()
    tokens = [(await link_for(site, email)).token for _ in range(2)]
    user_id = site.links[0].user.id
    await database.execute('DELETE FROM account WHERE "userId" = $1', user_id)

    other = await asyncpg.connect(database_url)
    async with other.transaction():
        await other.execute("LOCK TABLE account IN SHARE MODE")
        resets = [site.post("/reset-password", token=token, newPassword=NEW) for token in tokens]
        both = asyncio.gather(*resets)
        await asyncio.wait_for(_two_wait(database), 20)
    answers = await both
    await other.close()

    assert sorted(answer.status_code for answer in answers) == [200, 400]
    count = 'SELECT count(*) FROM account WHERE "userId" = $1'
    assert await database.fetchval(count, user_id) == 1
    assert await site.can_sign_in(email, NEW)


async def _two_wait(database: asyncpg.Connection) -> None:
    """Both have come to the point where one of them must let the other go first."""
    waiting = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    while await database.fetchval(waiting) < 2:
        pass


async def test_a_reset_that_cannot_be_written_leaves_token_sessions_and_password(
    app: FastAPI, settings: Settings, database: asyncpg.Connection
) -> None:
    async with mailing_site(app, settings, revoke_sessions_on_password_reset=True) as site:
        email = await site.sign_up()
        link = await link_for(site, email)
        await _refuse_new_passwords(database, link.user.id)

        with pytest.raises(asyncpg.RaiseError):
            await site.post("/reset-password", token=link.token, newPassword=NEW)
        assert (await site.get("/get-session")).json() is not None
        assert await site.can_sign_in(email)

        await database.execute("DROP TRIGGER refuse ON account")
        answer = await site.post("/reset-password", token=link.token, newPassword=NEW)
        assert answer.status_code == 200
        assert (await site.get("/get-session")).json() is None


async def _refuse_new_passwords(database: asyncpg.Connection, user_id: str) -> None:
    await database.execute(
        "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'no'; END $$;"
        "CREATE TRIGGER refuse BEFORE UPDATE ON account FOR EACH ROW"
        f" WHEN (NEW.\"userId\" = '{user_id}') EXECUTE FUNCTION refuse()"
    )


@pytest.mark.parametrize("token", UNSTORABLE, ids=ascii)
async def test_a_token_that_cannot_exist_is_invalid(site: Site, token: str) -> None:
    body = {"token": token, "newPassword": NEW}
    answer = await site.browser.post(
        f"{API}/reset-password",
        content=json.dumps(body),
        headers={"content-type": "application/json"},
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_TOKEN")


async def test_an_unknown_address_gets_the_same_answer_and_leaves_no_trace(
    site: Site, database: asyncpg.Connection
) -> None:
    email = await site.sign_up()
    site.browser.cookies.clear()
    before = await database.fetchval("SELECT count(*) FROM verification")

    unknown = await site.post("/request-password-reset", email=new_email())
    assert await database.fetchval("SELECT count(*) FROM verification") == before
    assert site.links == []

    known = await site.post("/request-password-reset", email=email.upper())
    assert (known.status_code, known.text) == (unknown.status_code, unknown.text)
    assert dict(known.headers) == dict(unknown.headers)
    assert [link.user.email for link in site.links] == [email]


async def test_expired_tokens_are_removed_when_new_ones_are_made(
    site: Site, database: asyncpg.Connection
) -> None:
    email = await site.sign_up()
    expired = (await link_for(site, email)).token
    await database.execute(
        "UPDATE verification SET \"expiresAt\" = now() - interval '1 second' WHERE identifier = $1",
        f"reset-password:{expired}",
    )
    answer = await site.post("/reset-password", token=expired, newPassword=NEW)
    assert answer.json()["code"] == "INVALID_TOKEN"

    await link_for(site, email)
    left = await database.fetchval(
        "SELECT count(*) FROM verification WHERE identifier = $1", f"reset-password:{expired}"
    )
    assert left == 0


async def test_a_hook_that_fails_changes_no_answer_and_logs_no_secret(
    app: FastAPI, settings: Settings
) -> None:
    async def fail(link: EmailLink) -> None:
        raise RuntimeError(link.url)

    async with mailing_site(
        app, settings, send_reset_password=fail, on_password_reset=fail
    ) as site:
        email = await site.sign_up()
        with capture_logs() as lines:
            answer = await site.post("/request-password-reset", email=email)
    assert answer.status_code == 200
    assert [(line["event"], line["error"]) for line in lines] == [("a hook failed", "RuntimeError")]
    assert email not in repr(lines)
    assert "reset-password/" not in repr(lines)


async def test_the_answer_does_not_wait_for_the_mail(app: FastAPI, settings: Settings) -> None:
    answered = asyncio.Event()
    sent: list[EmailLink] = []

    async def send_mail(link: EmailLink) -> None:
        await answered.wait()
        sent.append(link)

    async with mailing_site(app, settings, send_reset_password=send_mail) as site:
        email = await site.sign_up()

        async def announce(scope: Any, receive: Any, send: Any) -> None:
            async def watch(message: Any) -> None:
                await send(message)
                if message["type"] == "http.response.body":
                    answered.set()

            await site.app(scope, receive, watch)

        transport = httpx.ASGITransport(announce)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as browser:
            request = browser.post(f"{API}/request-password-reset", json={"email": email})
            assert (await asyncio.wait_for(request, 10)).status_code == 200
    assert [link.user.email for link in sent] == [email]


async def test_letters_do_not_show_their_secrets(site: Site) -> None:
    link = await link_for(site, await site.sign_up())
    assert link.token in link.url
    assert link.token not in repr(link)


async def test_without_a_mailer_a_reset_is_disabled(
    app: FastAPI, settings: Settings, client: httpx.AsyncClient
) -> None:
    answer = await client.post(f"{API}/request-password-reset", json={"email": new_email()})
    assert (answer.status_code, answer.json()) == (
        400,
        {"message": "Reset password isn't enabled", "code": "RESET_PASSWORD_DISABLED"},
    )


async def test_the_old_password_is_over_after_a_reset(site: Site) -> None:
    email = await site.sign_up()
    token = (await link_for(site, email)).token
    assert (await site.post("/reset-password", token=token, newPassword=NEW)).status_code == 200
    assert not await site.can_sign_in(email, PASSWORD)
    assert await site.can_sign_in(email, NEW)
