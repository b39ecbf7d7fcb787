"""An account that the token in a mail deletes: once, by its owner, with all that belongs to it."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI

from authward.callbacks import EmailLink
from authward.storage.statements import Executor
from taskward.settings import Settings
from tests.support.mailing import API, Site, mailing_site

DELETED: list[str] = []


async def remember(_: Executor, user_id: str) -> None:
    DELETED.append(user_id)


@pytest.fixture
async def site(app: FastAPI, settings: Settings) -> AsyncIterator[Site]:
    async with mailing_site(app, settings, on_user_deleted=(remember,)) as site:
        yield site


async def asked(site: Site) -> EmailLink:
    answer = await site.post("/delete-user")
    assert answer.json() == {"success": True, "message": "Verification email sent"}
    return site.links[-1]


async def test_nothing_is_deleted_before_the_link_is_followed(site: Site) -> None:
    email = await site.sign_up()
    link = await asked(site)
    assert link.user.email == email
    assert link.user.id not in DELETED
    assert await site.can_sign_in(email)

    answer = await site.get("/delete-user/callback", token=link.token, callbackURL="/bye")
    assert (answer.status_code, answer.headers["location"]) == (302, "/bye")
    assert DELETED.count(link.user.id) == 1
    assert not await site.can_sign_in(email)


async def test_of_many_confirmations_at_once_one_deletes(site: Site) -> None:
    await site.sign_up()
    link = await asked(site)
    browsers = [site.another_browser() for _ in range(4)]
    path = f"{API}/delete-user/callback?token={link.token}"
    answers = await asyncio.gather(*(browser.get(path) for browser in browsers))
    assert sorted(answer.status_code for answer in answers) == [200, 404, 404, 404]
    assert DELETED.count(link.user.id) == 1


async def test_another_user_cannot_use_the_token(site: Site) -> None:
    email = await site.sign_up()
    link = await asked(site)
    site.browser.cookies.clear()
    await site.sign_up()
    answer = await site.get("/delete-user/callback", token=link.token)
    assert (answer.status_code, answer.json()["code"]) == (404, "INVALID_TOKEN")
    assert await site.can_sign_in(email)


@pytest.mark.parametrize("token", ["nul\0", "", "ä", "x" * 5000], ids=ascii)
async def test_a_token_that_cannot_exist_is_invalid(site: Site, token: str) -> None:
    await site.sign_up()
    answer = await site.get("/delete-user/callback", token=token)
    assert (answer.status_code, answer.json()["code"]) == (404, "INVALID_TOKEN")


async def test_a_link_that_leads_elsewhere_deletes_nothing(site: Site) -> None:
    email = await site.sign_up()
    link = await asked(site)
    query = {"token": link.token, "callbackURL": "https://evil.example"}
    answer = await site.get("/delete-user/callback", **query)
    assert (answer.status_code, answer.json()["code"]) == (403, "INVALID_CALLBACK_URL")
    assert await site.can_sign_in(email)
