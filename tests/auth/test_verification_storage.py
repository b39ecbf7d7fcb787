"""Verification values in a secondary storage: used once, counted, and over when they should be."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from authward import (
    BetterAuth,
    BetterAuthOptions,
    ConfigurationError,
    HashedBy,
    InMemoryStorage,
    SecondaryStorage,
    StoreIdentifier,
    VerificationOptions,
)
from authward.callbacks import EmailLink
from authward.options import (
    ChangeEmailOptions,
    EmailAndPasswordOptions,
    EmailVerificationOptions,
    UserOptions,
)
from authward.plugins import (
    EmailOTPOptions,
    MagicLinkOptions,
    TwoFactorOptions,
    bearer,
    email_otp,
    jwt,
    magic_link,
    two_factor,
)
from authward.plugins.two_factor import OTPOptions
from tests.conftest import BASE_URL, PASSWORD, CreateDatabase, new_email
from tests.support.factories import Browser
from tests.support.plugin_site import site_with
from tests.support.quick_passwords import QUICK
from tests.support.secondary import every_storage

NEW = "another good password"
ANY: Any = None
ALONE = VerificationOptions()
BOTH = VerificationOptions(store_in_database=True)
storage = every_storage


@dataclass
class Box:
    """What was sent, and what was told to send it."""

    sent: list[Any] = field(default_factory=list)

    async def keep(self, event: Any) -> None:
        self.sent.append(event)


@dataclass
class Site:
    """A server, the storage behind it, and what it has sent."""

    app: FastAPI
    storage: SecondaryStorage
    box: Box

    @asynccontextmanager
    async def browser(self) -> AsyncIterator[httpx.AsyncClient]:
        transport, headers = httpx.ASGITransport(self.app), {"origin": BASE_URL}
        async with httpx.AsyncClient(
            transport=transport, base_url=f"{BASE_URL}/api/auth", headers=headers
        ) as client:
            yield client

    async def post(self, path: str, /, **body: Any) -> httpx.Response:
        async with self.browser() as client:
            return await client.post(path, json=body)

    async def get(self, path: str, /, **query: str) -> httpx.Response:
        async with self.browser() as client:
            return await client.get(path, params=query)

    async def sign_up(self) -> str:
        email = new_email()
        answer = await self.post("/sign-up/email", name="Ada", email=email, password=PASSWORD)
        assert answer.status_code == 200, answer.text
        return email

    async def reset_token(self, email: str) -> str:
        await self.post("/request-password-reset", email=email)
        link = self.box.sent[-1]
        assert isinstance(link, EmailLink)
        return link.token

    async def rows(self, sql: str, *args: Any) -> list[Any]:
        return list(await self.app.state.database.fetch(sql, *args))


@asynccontextmanager
async def site_of(
    url: str, storage: SecondaryStorage, verification: VerificationOptions = ALONE
) -> AsyncIterator[Site]:
    box = Box()
    plugins = (
        *(jwt(), bearer()),
        magic_link(MagicLinkOptions(send_magic_link=box.keep)),
        email_otp(EmailOTPOptions(send_verification_otp=box.keep)),
        two_factor(TwoFactorOptions(otp_options=OTPOptions(send_otp=box.keep))),
    )
    more: dict[str, Any] = {
        "email_and_password": EmailAndPasswordOptions(send_reset_password=box.keep, password=QUICK),
        "email_verification": EmailVerificationOptions(send_verification_email=box.keep),
        "user": UserOptions(change_email=ChangeEmailOptions(enabled=True)),
        "secondary_storage": storage,
        "verification": verification,
    }
    async with site_with(url, plugins, **more) as app:
        yield Site(app, storage, box)


@pytest.fixture(scope="module")
async def alone(create_database: CreateDatabase, storage: SecondaryStorage) -> AsyncIterator[Site]:
    async with site_of(await create_database(), storage) as site:
        yield site


@pytest.fixture(scope="module", params=[ALONE, BOTH], ids=["storage", "storage and table"])
async def site(
    create_database: CreateDatabase, storage: SecondaryStorage, request: pytest.FixtureRequest
) -> AsyncIterator[Site]:
    async with site_of(await create_database(), storage, request.param) as site:
        yield site


def statuses(answers: list[httpx.Response]) -> list[int]:
    return sorted(answer.status_code for answer in answers)


async def test_a_value_is_where_and_as_the_original_has_it(alone: Site) -> None:
    token = await alone.reset_token(await alone.sign_up())
    text = await alone.storage.get(f"verification:reset-password:{token}")
    kept = json.loads(text or "")
    assert kept.keys() == {"createdAt", "updatedAt", "value", "identifier", "expiresAt"}
    assert kept["identifier"] == f"reset-password:{token}"
    assert kept["value"] == alone.box.sent[-1].user.id
    assert not await alone.rows("SELECT 1 FROM pg_class WHERE relname = 'verification'")


async def test_a_value_is_in_the_table_too_if_that_is_asked_for(
    create_database: CreateDatabase,
) -> None:
    async with site_of(await create_database(), InMemoryStorage(), BOTH) as site:
        token = await site.reset_token(await site.sign_up())
        kept = json.loads(await site.storage.get(f"verification:reset-password:{token}") or "")
        rows = await site.rows("SELECT id, identifier, value FROM verification")
        assert [tuple(row) for row in rows] == [(kept["id"], kept["identifier"], kept["value"])]

        await site.storage.delete(f"verification:reset-password:{token}")
        assert (await site.post("/reset-password", token=token, newPassword=NEW)).is_success
        assert not await site.rows("SELECT 1 FROM verification")


async def test_a_link_that_is_used_many_times_at_once_counts_once(site: Site) -> None:
    token = await site.reset_token(await site.sign_up())
    uses = (site.post("/reset-password", token=token, newPassword=f"{NEW} {n}") for n in range(6))
    assert statuses(await asyncio.gather(*uses)) == [200, *[400] * 5]


async def test_a_magic_link_that_is_used_many_times_at_once_signs_in_once(site: Site) -> None:
    await site.post("/sign-in/magic-link", email=await site.sign_up())
    token = site.box.sent[-1].token
    answers = await asyncio.gather(*(site.get("/magic-link/verify", token=token) for _ in range(6)))
    assert statuses(answers) == [200, *[302] * 5]


async def test_a_code_that_is_used_many_times_at_once_signs_in_once(site: Site) -> None:
    email = await site.sign_up()
    await site.post("/email-otp/send-verification-otp", email=email, type="sign-in")
    otp = site.box.sent[-1].otp
    uses = (site.post("/sign-in/email-otp", email=email, otp=otp) for _ in range(6))
    assert statuses(await asyncio.gather(*uses)) == [200, *[400] * 5]


async def test_no_wrong_code_goes_without_its_count_however_many_come_at_once(site: Site) -> None:
    email = await site.sign_up()
    await site.post("/email-otp/send-verification-otp", email=email, type="sign-in")
    right = site.box.sent[-1].otp
    wrong = "".join(str(9 - int(digit)) for digit in right)
    guesses = (site.post("/sign-in/email-otp", email=email, otp=wrong) for _ in range(8))
    answers = await asyncio.gather(*guesses)
    # Of the guesses at once some find that another is being judged; none is judged beside it.
    answers += [await site.post("/sign-in/email-otp", email=email, otp=wrong) for _ in range(4)]
    assert statuses(answers) == [*[400] * 11, 403]
    assert (await site.post("/sign-in/email-otp", email=email, otp=right)).status_code == 400


async def test_a_code_that_was_only_checked_is_still_good(site: Site) -> None:
    email = await site.sign_up()
    await site.post("/email-otp/send-verification-otp", email=email, type="sign-in")
    otp = site.box.sent[-1].otp
    for _ in range(2):
        checked = await site.post(
            "/email-otp/check-verification-otp", email=email, type="sign-in", otp=otp
        )
        assert checked.is_success
    assert (await site.post("/sign-in/email-otp", email=email, otp=otp)).is_success


async def test_a_new_code_takes_the_place_of_the_one_before(site: Site) -> None:
    email, codes = await site.sign_up(), []
    for _ in range(2):
        await site.post("/email-otp/send-verification-otp", email=email, type="sign-in")
        codes.append(site.box.sent[-1].otp)
    assert codes[0] != codes[1]
    answers = [await site.post("/sign-in/email-otp", email=email, otp=otp) for otp in codes]
    assert [answer.status_code for answer in answers] == [400, 200]


@pytest.mark.parametrize("event", ["a password", "an address"])
async def test_what_was_mailed_before_a_change_is_over_after_it(site: Site, event: str) -> None:
    async with signed_in_with_password(site) as browser:
        token = await site.reset_token(browser.email)
        if event == "a password":
            body = {"currentPassword": PASSWORD, "newPassword": NEW}
            assert (await browser.post("change-password", **body)).is_success
        else:
            assert (await browser.post("change-email", newEmail=new_email())).is_success
            changed = await browser.get(f"verify-email?token={site.box.sent[-1].token}")
            assert changed.is_success
        assert (
            (await site.get(f"/reset-password/{token}", callbackURL="/"))
            .headers["location"]
            .endswith("error=INVALID_TOKEN")
        )
        answer = await site.post("/reset-password", token=token, newPassword=NEW)
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_TOKEN")


async def test_a_link_that_is_mailed_after_a_change_is_good(site: Site) -> None:
    async with signed_in_with_password(site) as browser:
        body = {"currentPassword": PASSWORD, "newPassword": NEW}
        assert (await browser.post("change-password", **body)).is_success
        token = await site.reset_token(browser.email)
        assert (await site.post("/reset-password", token=token, newPassword=PASSWORD)).is_success


async def test_a_note_that_is_no_time_ends_no_link(site: Site) -> None:
    async with signed_in_with_password(site) as browser:
        await site.storage.set(f"links-ended-before-{browser.user['id']}", "x")
        token = await site.reset_token(browser.email)
        assert (await site.post("/reset-password", token=token, newPassword=NEW)).is_success


@asynccontextmanager
async def signed_in_with_password(site: Site) -> AsyncIterator[Browser]:
    email = await site.sign_up()
    async with site.browser() as client:
        client.base_url = httpx.URL(BASE_URL)
        body = {"email": email, "password": PASSWORD}
        answer = await client.post("/api/auth/sign-in/email", json=body)
        yield Browser(client, email, answer.json()["user"])


async def test_only_one_of_many_codes_at_once_is_tried_for_a_second_factor(site: Site) -> None:
    async with signed_in_with_password(site) as browser:
        assert (await browser.post("two-factor/enable", password=PASSWORD)).is_success
        await browser.post("two-factor/send-otp")
        verified = await browser.post("two-factor/verify-otp", code=site.box.sent[-1].otp)
        assert verified.is_success
        body = {"email": browser.email, "password": PASSWORD}
        assert (await browser.post("sign-in/email", **body)).json()["twoFactorRedirect"]
        await browser.post("two-factor/send-otp")
        right = site.box.sent[-1].otp
        tries = (browser.post("two-factor/verify-otp", code=right) for _ in range(6))
        found = statuses(await asyncio.gather(*tries))
        assert (found[0], {*found[1:]} <= {400, 401}) == (200, True)


async def test_a_value_ends_when_it_should(create_database: CreateDatabase) -> None:
    storage = InMemoryStorage()
    async with site_of(await create_database(), storage) as site:
        token = await site.reset_token(await site.sign_up())
        key = f"verification:reset-password:{token}"
        kept = json.loads(await storage.get(key) or "")
        await storage.set(key, json.dumps({**kept, "expiresAt": "2020-01-01T00:00:00.000Z"}))
        answer = await site.post("/reset-password", token=token, newPassword=NEW)
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_TOKEN")


NO_TIME = '{"value": "x", "expiresAt": "9999-12-31T23:59:59.999-23:59"}'


@pytest.mark.parametrize(
    "text", ["", "no JSON", "[]", "{}", '{"value": 1, "expiresAt": 2}', NO_TIME]
)
async def test_what_nobody_has_written_is_no_value(
    create_database: CreateDatabase, text: str
) -> None:
    storage = InMemoryStorage()
    async with site_of(await create_database(), storage) as site:
        await storage.set("verification:reset-password:x", text)
        answer = await site.post("/reset-password", token="x", newPassword=NEW)
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_TOKEN")


async def _backwards(text: str) -> str:
    return text[::-1]


SOME_HASHED = StoreIdentifier(
    default=HashedBy(_backwards), overrides={"reset-password:": "hashed", "sign-in-otp-": "plain"}
)


@pytest.mark.parametrize("has_storage", [True, False], ids=["storage", "table"])
async def test_identifiers_are_kept_as_the_options_say(
    create_database: CreateDatabase, *, has_storage: bool
) -> None:
    verification = VerificationOptions(store_identifier=SOME_HASHED, store_in_database=True)
    url = await create_database()
    async with site_of(url, InMemoryStorage(), verification) as site:
        email = await site.sign_up()
        token = await site.reset_token(email)
        await site.post("/email-otp/send-verification-otp", email=email, type="sign-in")
        await site.post("/sign-in/magic-link", email=email)
        link = site.box.sent[-1].token
        rows = await site.rows('SELECT identifier FROM verification ORDER BY "createdAt"')
        found = [row["identifier"] for row in rows]
        assert len(found[0]) == 43
        assert token not in found[0]
        assert found[1:] == [f"sign-in-otp-{email}", f"magic-link:{link}"[::-1]]
        if not has_storage:
            for identifier in found:
                await site.storage.delete(f"verification:{identifier}")
        assert (await site.get("/magic-link/verify", token=link)).is_success
        assert (await site.post("/reset-password", token=token, newPassword=NEW)).is_success
        again = await site.post("/reset-password", token=token, newPassword=NEW)
        assert again.status_code == 400


async def test_a_value_that_was_kept_before_its_identifier_was_hashed_is_found_once(
    create_database: CreateDatabase,
) -> None:
    url, storage = await create_database(), InMemoryStorage()
    async with site_of(url, storage) as before:
        token = await before.reset_token(await before.sign_up())
    hashed = VerificationOptions(store_identifier="hashed")
    async with site_of(url, storage, hashed) as after:
        answers = [
            await after.post("/reset-password", token=token, newPassword=NEW) for _ in range(2)
        ]
        assert [answer.status_code for answer in answers] == [200, 400]


async def test_links_end_in_the_table_too_where_nothing_says_what_they_are_for(
    create_database: CreateDatabase,
) -> None:
    hashed = replace(BOTH, store_identifier="hashed")
    async with site_of(await create_database(), InMemoryStorage(), hashed) as site:
        email = await site.sign_up()
        tokens = [await site.reset_token(email) for _ in range(2)]
        answers = [
            await site.post("/reset-password", token=token, newPassword=NEW) for token in tokens
        ]
        assert [answer.status_code for answer in answers] == [200, 400]
        assert not await site.rows("SELECT 1 FROM verification")


@pytest.mark.parametrize("is_cleaned", [True, False])
async def test_what_is_over_stays_in_the_table_only_if_that_is_asked_for(
    create_database: CreateDatabase, *, is_cleaned: bool
) -> None:
    verification = replace(BOTH, disable_cleanup=not is_cleaned)
    async with site_of(await create_database(), InMemoryStorage(), verification) as site:
        email = await site.sign_up()
        await site.reset_token(email)
        await site.rows("UPDATE verification SET \"expiresAt\" = now() - interval '1 minute'")
        await site.reset_token(email)
        assert len(await site.rows("SELECT 1 FROM verification")) == (1 if is_cleaned else 2)


@pytest.mark.parametrize("way", ["md5", StoreIdentifier(overrides={"a": "md5"})])  # type: ignore[dict-item]
def test_another_way_to_keep_identifiers_is_refused(way: Any) -> None:
    given = VerificationOptions(store_identifier=way)
    options = BetterAuthOptions(secret="x" * 32, base_url=BASE_URL, verification=given)
    with pytest.raises(ConfigurationError, match="store_identifier"):
        BetterAuth(options, ANY)
