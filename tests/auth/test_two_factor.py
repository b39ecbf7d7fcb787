"""The plugin `two_factor` beyond the comparison with the original: races, secrets, options."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pyotp
import pytest
from fastapi import FastAPI

from authward import ConfigurationError
from authward.plugins import TwoFactorOptions, bearer, jwt, token_login, two_factor
from authward.plugins.schema_options import TableOptions
from authward.plugins.two_factor import (
    AccountLockoutOptions,
    BackupCodeOptions,
    HashedBy,
    OTPOptions,
    TOTPOptions,
    TwoFactorOTP,
)
from authward.security.encryption import symmetric_decrypt, symmetric_encrypt
from authward.security.rate_limit import rule_for
from tests.conftest import BASE_URL, PASSWORD, CreateDatabase
from tests.support.factories import Browser
from tests.support.plugin_site import site_with

AT_ONCE = 8
SENT: list[TwoFactorOTP] = []


async def keep_otp(event: TwoFactorOTP) -> None:
    SENT.append(event)


@pytest.fixture(scope="module")
async def app(create_database: CreateDatabase) -> AsyncIterator[FastAPI]:
    options = TwoFactorOptions(otp_options=OTPOptions(send_otp=keep_otp))
    plugins = (jwt(), bearer(), token_login(), two_factor(options))
    async with site_with(await create_database(), plugins) as app:
        yield app


def code_of(uri: str) -> str:
    return pyotp.TOTP(parse_qs(urlsplit(uri).query)["secret"][0]).now()


async def enable(who: Browser) -> dict[str, Any]:
    """Give somebody an app; what `enable` has said."""
    given = (await who.post("two-factor/enable", password=PASSWORD)).json()
    verified = await who.post("two-factor/verify-totp", code=code_of(given["totpURI"]))
    assert verified.status_code == 200, verified.text
    return dict(given)


@asynccontextmanager
async def signing_in(app: FastAPI, who: Browser) -> AsyncIterator[Browser]:
    """Somebody on another device, who has given the password."""
    transport, headers = httpx.ASGITransport(app), {"origin": BASE_URL}
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL, headers=headers) as client:
        browser = Browser(client, who.email, who.user)
        answer = await browser.post("sign-in/email", email=who.email, password=PASSWORD)
        assert answer.json()["twoFactorRedirect"] is True
        yield browser


async def statuses(*requests: Any) -> list[int]:
    return sorted(answer.status_code for answer in await asyncio.gather(*requests))


async def test_of_many_guesses_at_once_one_is_looked_at(app: FastAPI, ada: Browser) -> None:
    await enable(ada)
    async with signing_in(app, ada) as device:
        guesses = (device.post("two-factor/verify-totp", code=str(n)) for n in range(AT_ONCE))
        answers = await asyncio.gather(*guesses)
    codes = [answer.json()["code"] for answer in answers]
    looked_at = codes.count("INVALID_CODE")
    row = await app.state.database.fetchrow(
        'SELECT "failedVerificationCount" AS count FROM "twoFactor" WHERE "userId" = $1',
        ada.user["id"],
    )
    assert set(codes) <= {"INVALID_CODE", "INVALID_TWO_FACTOR_COOKIE"} | {
        "TOO_MANY_ATTEMPTS_REQUEST_NEW_CODE"
    }
    assert 1 <= looked_at <= 5
    assert row["count"] == looked_at


async def test_a_right_code_sent_many_times_at_once_begins_one_session(
    app: FastAPI, ada: Browser
) -> None:
    code = code_of((await enable(ada))["totpURI"])
    async with signing_in(app, ada) as device:
        given = [device.post("two-factor/verify-totp", code=code) for _ in range(AT_ONCE)]
        assert (await statuses(*given)).count(200) == 1
    sessions = 'SELECT count(*) FROM session WHERE "userId" = $1'
    row = await app.state.database.fetchrow(sessions, ada.user["id"])
    assert row["count"] == 2, "the one with which the factor was enabled, and this one"


async def test_a_backup_code_is_good_for_one_of_many_sign_ins_at_once(
    app: FastAPI, ada: Browser
) -> None:
    code = (await enable(ada))["backupCodes"][0]
    async with (
        signing_in(app, ada) as one,
        signing_in(app, ada) as two,
        signing_in(app, ada) as six,
    ):
        tries = [each.post("two-factor/verify-backup-code", code=code) for each in (one, two, six)]
        assert (await statuses(*tries)).count(200) == 1


async def test_a_code_that_was_sent_is_good_for_once(app: FastAPI, ada: Browser) -> None:
    await enable(ada)
    async with signing_in(app, ada) as device:
        await device.post("two-factor/send-otp")
        otp = next(each.otp for each in reversed(SENT) if each.user.id == ada.user["id"])
        given = [device.post("two-factor/verify-otp", code=otp) for _ in range(AT_ONCE)]
        assert (await statuses(*given)).count(200) == 1


async def test_a_trusted_device_is_trusted_once_for_each_cookie(app: FastAPI, ada: Browser) -> None:
    code = code_of((await enable(ada))["totpURI"])
    content = {"email": ada.email, "password": PASSWORD}
    async with signing_in(app, ada) as device:
        await device.post("two-factor/verify-totp", code=code, trustDevice=True)
        answers = await asyncio.gather(*(device.post("sign-in/email", **content) for _ in range(4)))
    assert sum("token" in answer.json() for answer in answers) == 1


async def test_two_who_enable_at_once_leave_one_secret(app: FastAPI, ada: Browser) -> None:
    given = [ada.post("two-factor/enable", password=PASSWORD) for _ in range(4)]
    assert await statuses(*given) == [200] * 4
    rows = await app.state.database.fetch(
        'SELECT id FROM "twoFactor" WHERE "userId" = $1', ada.user["id"]
    )
    assert len(rows) == 1


async def test_enabling_makes_no_session_of_one_that_has_ended(app: FastAPI, ada: Browser) -> None:
    given = (await ada.post("two-factor/enable", password=PASSWORD)).json()
    code = code_of(given["totpURI"])
    ended, enabled = await asyncio.gather(
        ada.post("revoke-sessions"), ada.post("two-factor/verify-totp", code=code)
    )
    assert ended.status_code == 200
    rows = await app.state.database.fetch(
        'SELECT token FROM session WHERE "userId" = $1', ada.user["id"]
    )
    assert len(rows) == (1 if enabled.status_code == 200 and rows else 0)


async def test_what_a_user_does_changes_nobody_elses_second_factor(
    app: FastAPI, ada: Browser, eve: Browser
) -> None:
    given = await enable(ada)
    look = 'SELECT * FROM "twoFactor" WHERE "userId" = $1'
    before = await app.state.database.fetchrow(look, ada.user["id"])
    code = code_of(given["totpURI"])
    bodies: dict[str, dict[str, Any]] = {
        "enable": {"password": PASSWORD},
        "get-totp-uri": {"password": PASSWORD},
        "verify-totp": {"code": code},
        "send-otp": {},
        "verify-otp": {"code": code},
        "verify-backup-code": {"code": given["backupCodes"][0]},
        "generate-backup-codes": {"password": PASSWORD},
        "disable": {"password": PASSWORD},
    }
    for path, body in bodies.items():
        answer = await eve.post(f"two-factor/{path}", **body, userId=ada.user["id"])
        assert given["totpURI"] not in answer.text, path
    assert await app.state.database.fetchrow(look, ada.user["id"]) == before


async def test_plain_sign_in_for_a_token_is_refused_where_there_is_a_second_factor(
    app: FastAPI, ada: Browser
) -> None:
    await enable(ada)
    answer = await ada.client.post(
        "/api/auth/login", json={"email": ada.email, "password": PASSWORD}
    )
    assert answer.status_code == 403
    assert "token" not in answer.json()


async def test_a_password_alone_leaves_no_session_behind(app: FastAPI, ada: Browser) -> None:
    await enable(ada)
    count = 'SELECT count(*) FROM session WHERE "userId" = $1'
    before = await app.state.database.fetchrow(count, ada.user["id"])
    async with signing_in(app, ada) as device:
        assert not any("session_token" in name for name in device.client.cookies)
        assert (await device.get("get-session")).json() is None
    assert await app.state.database.fetchrow(count, ada.user["id"]) == before


async def test_a_sign_in_by_the_old_password_ends_with_it(app: FastAPI, ada: Browser) -> None:
    code = code_of((await enable(ada))["totpURI"])
    async with signing_in(app, ada) as device:
        new = {"currentPassword": PASSWORD, "newPassword": "another good password"}
        assert (await ada.post("change-password", **new)).status_code == 200
        answer = await device.post("two-factor/verify-totp", code=code)
    assert answer.json()["code"] == "INVALID_TWO_FACTOR_COOKIE"


async def test_the_database_holds_no_secret_and_no_backup_code_as_it_is(
    app: FastAPI, ada: Browser
) -> None:
    given = await enable(ada)
    row = await app.state.database.fetchrow(
        'SELECT * FROM "twoFactor" WHERE "userId" = $1', ada.user["id"]
    )
    assert re.fullmatch(r"[0-9a-f]+", row["secret"] + row["backupCodes"])
    secret = symmetric_decrypt([app.state.better_auth.options.secret], row["secret"])
    assert secret is not None
    assert secret not in str(dict(row))
    assert given["backupCodes"][0] not in str(dict(row))


async def test_a_secret_that_was_made_elsewhere_can_be_taken_over(
    app: FastAPI, ada: Browser
) -> None:
    await enable(ada)
    adopted = pyotp.random_base32(32)
    sealed = symmetric_encrypt(app.state.better_auth.options.secret, f"base32:{adopted.lower()}")
    await app.state.database.fetch(
        'UPDATE "twoFactor" SET secret = $2 WHERE "userId" = $1', ada.user["id"], sealed
    )
    async with signing_in(app, ada) as device:
        answer = await device.post("two-factor/verify-totp", code=pyotp.TOTP(adopted).now())
    assert answer.status_code == 200


async def test_digits_of_other_scripts_are_no_code(app: FastAPI, ada: Browser) -> None:
    code = code_of((await enable(ada))["totpURI"])
    wide = code.translate({ord("0") + n: 0xFF10 + n for n in range(10)})
    async with signing_in(app, ada) as device:
        answer = await device.post("two-factor/verify-totp", code=wide)
    assert answer.json()["code"] == "INVALID_CODE"


async def test_the_application_makes_codes_and_sees_backup_codes(
    app: FastAPI, ada: Browser
) -> None:
    given = await enable(ada)
    api = app.state.better_auth.api
    seen = await api.view_backup_codes(user_id=ada.user["id"])
    assert seen == {"status": True, "backupCodes": given["backupCodes"]}
    made = await api.generate_totp(secret="a secret")
    assert re.fullmatch(r"\d{6}", made["code"])


MISTAKES: dict[str, tuple[Callable[[], TwoFactorOptions], str]] = {
    "digits": (lambda: TwoFactorOptions(totp_options=TOTPOptions(digits=9)), "totp_options.digits"),
    "period": (lambda: TwoFactorOptions(otp_options=OTPOptions(period=0)), "otp_options.period"),
    "many codes": (
        lambda: TwoFactorOptions(backup_code_options=BackupCodeOptions(amount=1_000)),
        "backup_code_options.amount",
    ),
    "a plain hook": (
        lambda: TwoFactorOptions(otp_options=OTPOptions(send_otp=print_code)),
        "send_otp is no async function",
    ),
    "no lockout": (
        lambda: TwoFactorOptions(account_lockout=AccountLockoutOptions(max_failed_attempts=0)),
        "max_failed_attempts",
    ),
    "a storage": (
        lambda: TwoFactorOptions(otp_options=OTPOptions(store_otp=unknown("secret"))),
        "store_otp is one of",
    ),
    "hashed backup codes": (
        lambda: TwoFactorOptions(
            backup_code_options=BackupCodeOptions(store_backup_codes=unknown(HashedBy(hashed)))
        ),
        "backup codes cannot be hashed",
    ),
    "an unknown field": (
        lambda: TwoFactorOptions(schema={"user": TableOptions(fields={"x": "y"})}),
        "no field of it",
    ),
}


def unknown(value: Any) -> Any:
    return value


def print_code(event: TwoFactorOTP) -> Any:
    return event


async def hashed(text: str) -> str:
    return text


@pytest.mark.parametrize("name", MISTAKES)
def test_options_that_cannot_work_are_refused_by_name(name: str) -> None:
    make, message = MISTAKES[name]
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        two_factor(make())


def test_requests_about_second_factors_are_limited_as_the_originals_are() -> None:
    rule = rule_for("/two-factor/verify-totp", two_factor().rate_limit)
    assert (rule.window, rule.max_requests) == (10, 3)
