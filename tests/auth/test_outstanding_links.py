"""Links that were mailed end with the password, the address, or the user that they are about."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import jwt
import pytest
from fastapi import FastAPI

from taskward.settings import Settings
from tests.conftest import PASSWORD, new_email
from tests.support.mailing import Site, mailing_site

NEW = "another good password"


@pytest.fixture
async def site(app: FastAPI, settings: Settings) -> AsyncIterator[Site]:
    async with mailing_site(app, settings) as site:
        yield site


async def reset_token(site: Site, email: str) -> str:
    await site.post("/request-password-reset", email=email)
    return site.links[-1].token


async def deletion_token(site: Site) -> str:
    await site.post("/delete-user")
    return site.links[-1].token


async def resets(site: Site, email: str) -> None:
    token = await reset_token(site, email)
    await _done(site.post("/reset-password", token=token, newPassword=NEW))


async def changes_password(site: Site, _: str) -> None:
    await _done(site.post("/change-password", currentPassword=PASSWORD, newPassword=NEW))


async def changes_address(site: Site, _: str) -> None:
    await _done(site.post("/change-email", newEmail=new_email()))
    await _done(site.get("/verify-email", token=site.links[-1].token))


async def deletes_the_account(site: Site, _: str) -> None:
    await _done(site.get("/delete-user/callback", token=await deletion_token(site)))


async def _done(answering: Awaitable[Any]) -> None:
    answer = await answering
    assert answer.status_code == 200, answer.text


Event = Callable[[Site, str], Awaitable[None]]


@pytest.mark.parametrize("event", [resets, changes_password, changes_address, deletes_the_account])
async def test_every_link_that_was_mailed_before_is_over(
    app: FastAPI, settings: Settings, site: Site, event: Event
) -> None:
    async with mailing_site(app, settings) as elsewhere:
        another = await elsewhere.sign_up()
        foreign = await reset_token(elsewhere, another)
        email = await site.sign_up()
        tokens = [await reset_token(site, email) for _ in range(3)]
        deletion = await deletion_token(site)

        await event(site, email)

        for token in tokens:
            followed = await site.get(f"/reset-password/{token}", callbackURL="/reset")
            assert followed.headers["location"].endswith("error=INVALID_TOKEN")
            answer = await site.post("/reset-password", token=token, newPassword=PASSWORD)
            assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_TOKEN")
        answer = await site.get("/delete-user/callback", token=deletion)
        assert answer.status_code == 404
        await _done(elsewhere.post("/reset-password", token=foreign, newPassword=NEW))


@pytest.mark.parametrize("event", [resets, changes_password])
@pytest.mark.parametrize("first", [False, True], ids=["another password", "the first password"])
async def test_a_link_to_change_the_address_does_not_outlive_the_password(
    app: FastAPI, site: Site, event: Event, *, first: bool
) -> None:
    email = await _signed_up_an_hour_ago(app, site)
    await _done(site.post("/change-email", newEmail=new_email()))
    token = site.links[-1].token
    if first and event is resets:
        await app.state.database.fetch(
            'DELETE FROM account WHERE "userId" = $1', site.links[-1].user.id
        )
    await event(site, email)

    answer = await site.get("/verify-email", token=token)
    assert (answer.status_code, answer.json().get("code")) == (401, "INVALID_TOKEN")
    assert await site.can_sign_in(email, NEW)


async def test_a_link_to_change_the_address_counts_that_is_newer_than_the_password(
    app: FastAPI, site: Site
) -> None:
    email, wanted = await _signed_up_an_hour_ago(app, site), new_email()
    await changes_password(site, email)
    await app.state.database.fetch(
        'UPDATE account SET "updatedAt" = account."updatedAt" - interval \'5 minutes\''
        ' FROM "user" WHERE "user".id = account."userId" AND "user".email = $1',
        email,
    )
    await _done(site.post("/change-email", newEmail=wanted))
    await _done(site.get("/verify-email", token=site.links[-1].token))
    assert await site.can_sign_in(wanted, NEW)


@pytest.mark.parametrize("time", [{}, {"iat": None}, {"iat": "2099"}, {"iat": 0}])
async def test_a_link_that_does_not_tell_its_time_does_not_outlive_the_password(
    app: FastAPI, settings: Settings, site: Site, time: dict[str, Any]
) -> None:
    email = await _signed_up_an_hour_ago(app, site)
    await _done(site.post("/change-email", newEmail=new_email()))
    claims = jwt.decode(site.links[-1].token, options={"verify_signature": False})
    await changes_password(site, email)
    del claims["iat"]
    token = jwt.encode(claims | time, settings.secrets()[0], "HS256")
    answer = await site.get("/verify-email", token=token)
    assert (answer.status_code, answer.json()["code"]) == (401, "INVALID_TOKEN")


async def _signed_up_an_hour_ago(app: FastAPI, site: Site) -> str:
    email = await site.sign_up()
    await app.state.database.fetch(
        'UPDATE "user" SET "createdAt" = "createdAt" - interval \'1 hour\' WHERE email = $1', email
    )
    return email
