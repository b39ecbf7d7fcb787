"""The plugin `passkey` beyond the comparison with the original: races, owners, options."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from secrets import token_hex
from typing import Any

import pytest
from fastapi import FastAPI

from authward import ConfigurationError
from authward.plugins import PasskeyOptions, bearer, jwt, passkey
from authward.plugins.passkey import PasskeyAdvancedOptions
from tests.conftest import BASE_URL, CreateDatabase
from tests.support.authenticator import Authenticator
from tests.support.factories import Browser
from tests.support.plugin_site import site_with

AT_ONCE = 6
CREATE, REGISTER = "passkey/generate-register-options", "passkey/verify-registration"
ASK, SIGN_IN = "passkey/generate-authenticate-options", "passkey/verify-authentication"


@pytest.fixture(scope="module")
async def app(create_database: CreateDatabase) -> AsyncIterator[FastAPI]:
    async with site_with(await create_database(), (jwt(), bearer(), passkey())) as app:
        yield app


@pytest.fixture
def phone() -> Authenticator:
    return Authenticator(token_hex(8), rp_id="localhost", origin=BASE_URL)


async def register(who: Browser, device: Authenticator) -> Any:
    challenge = (await who.get(CREATE)).json()["challenge"]
    return await who.post(REGISTER, response=device.attestation(challenge))


async def test_a_signature_sent_many_times_at_once_begins_one_session(
    ada: Browser, phone: Authenticator
) -> None:
    assert (await register(ada, phone)).status_code == 200
    signed = phone.assertion((await ada.get(ASK)).json()["challenge"])
    answers = await asyncio.gather(*(ada.post(SIGN_IN, response=signed) for _ in range(AT_ONCE)))
    assert [answer.status_code for answer in answers].count(200) == 1


async def test_a_credential_belongs_to_one_user_whoever_sends_it_at_once(
    ada: Browser, eve: Browser, phone: Authenticator
) -> None:
    answers = await asyncio.gather(register(ada, phone), register(eve, phone))
    assert sorted(answer.status_code for answer in answers) == [200, 400]
    refused = max(answers, key=lambda answer: answer.status_code)
    assert refused.json()["code"] == "PREVIOUSLY_REGISTERED"


async def test_a_counter_that_another_sign_in_has_moved_meanwhile_is_refused(
    app: FastAPI, ada: Browser, phone: Authenticator
) -> None:
    await register(ada, phone)
    challenges = [(await ada.get(ASK)).json()["challenge"]]
    signed = phone.assertion(challenges[0], counter=4)
    await app.state.database.fetch(
        'UPDATE passkey SET counter = 9 WHERE "credentialID" = $1', phone.id
    )
    answer = await ada.post(SIGN_IN, response=signed)
    assert (answer.status_code, answer.json()["code"]) == (400, "AUTHENTICATION_FAILED")


async def test_what_a_user_does_changes_nobody_elses_passkey(
    app: FastAPI, ada: Browser, eve: Browser, phone: Authenticator
) -> None:
    made = (await register(ada, phone)).json()
    look = "SELECT * FROM passkey WHERE id = $1"
    before = await app.state.database.fetchrow(look, made["id"])
    assert (await eve.get("passkey/list-user-passkeys")).json() == []
    for path, body in {
        "update-passkey": {"id": made["id"], "name": "Mine"},
        "delete-passkey": {"id": made["id"]},
    }.items():
        answer = await eve.post(f"passkey/{path}", **body, userId=ada.user["id"])
        assert answer.status_code == 401, path
    signed = phone.assertion((await eve.get(CREATE)).json()["challenge"])
    assert (await eve.post(SIGN_IN, response=signed)).json()["code"] == "CHALLENGE_NOT_FOUND"
    assert await app.state.database.fetchrow(look, made["id"]) == before


async def test_a_passkey_goes_with_its_user(
    app: FastAPI, ada: Browser, phone: Authenticator
) -> None:
    await register(ada, phone)
    await app.state.database.fetch('DELETE FROM "user" WHERE id = $1', ada.user["id"])
    signed = phone.assertion((await ada.get(ASK)).json()["challenge"])
    answer = await ada.post(SIGN_IN, response=signed)
    assert answer.json()["code"] == "PASSKEY_NOT_FOUND"


async def test_what_no_browser_sends_is_refused_and_breaks_nothing(
    ada: Browser, phone: Authenticator
) -> None:
    for wrong in ({"id": "\0"}, {"id": phone.id, "rawId": [], "response": 1}, {}):
        await ada.get(ASK)
        answer = await ada.post(SIGN_IN, response=wrong)
        assert 400 <= answer.status_code < 500, answer.text
    for wrong_name in ("\0", "a\0b"):
        challenge = (await ada.get(CREATE)).json()["challenge"]
        response = phone.attestation(challenge, transports=["\0", 7, {}, "usb"])
        answer = await ada.post(REGISTER, response=response, name=wrong_name)
        assert 400 <= answer.status_code < 500, answer.text


MISTAKES: dict[str, tuple[Callable[[], PasskeyOptions], str]] = {
    "a URL": (lambda: PasskeyOptions(rp_id="https://example.com"), "rp_id is a domain"),
    "a domain": (lambda: PasskeyOptions(origin="example.com"), "origin is like https://"),
    "a cookie": (
        lambda: PasskeyOptions(advanced=PasskeyAdvancedOptions(web_authn_challenge_cookie="")),
        "web_authn_challenge_cookie",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_options_that_cannot_work_are_refused_by_name(name: str) -> None:
    make, message = MISTAKES[name]
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        passkey(make())
