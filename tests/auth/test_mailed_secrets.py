"""Links, codes and tokens that sign in: each works once, and wrong guesses are counted."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from fastapi import FastAPI

from authward import ConfigurationError, plugins
from authward.plugins.have_i_been_pwned import count_of
from taskward.settings import Settings
from tests.conftest import PASSWORD, new_email
from tests.support.mailing import Site, mailing_site

BREACHED = "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8"
"""The SHA-1 of `password`."""


@dataclass
class Box:
    """What was sent."""

    sent: list[Any] = field(default_factory=list)

    async def keep(self, event: Any) -> None:
        self.sent.append(event)


@pytest.fixture
def box() -> Box:
    return Box()


@pytest.fixture
async def site(app: FastAPI, settings: Settings, box: Box) -> AsyncIterator[Site]:
    chosen = (
        plugins.magic_link(plugins.MagicLinkOptions(send_magic_link=box.keep)),
        plugins.email_otp(plugins.EmailOTPOptions(send_verification_otp=box.keep)),
        plugins.one_time_token(),
    )
    async with mailing_site(app, settings, plugins=chosen) as site:
        yield site


async def test_of_many_uses_of_a_link_at_once_one_signs_in(site: Site, box: Box) -> None:
    await site.post("/sign-in/magic-link", email=new_email())
    token = box.sent[0].token
    answers = await asyncio.gather(*(site.get("/magic-link/verify", token=token) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 302, 302, 302, 302]


async def test_of_many_uses_of_a_code_at_once_one_signs_in(site: Site, box: Box) -> None:
    email = new_email()
    await site.post("/email-otp/send-verification-otp", email=email, type="sign-in")
    otp = box.sent[0].otp
    answers = await asyncio.gather(
        *(site.post("/sign-in/email-otp", email=email, otp=otp) for _ in range(5))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400, 400]


async def test_of_many_guesses_at_once_each_counts(site: Site, box: Box) -> None:
    email = new_email()
    await site.post("/email-otp/send-verification-otp", email=email, type="sign-in")
    answers = await asyncio.gather(
        *(site.post("/sign-in/email-otp", email=email, otp="x") for _ in range(4))
    )
    assert sorted(answer.status_code for answer in answers) == [400, 400, 400, 403]
    right = await site.post("/sign-in/email-otp", email=email, otp=box.sent[0].otp)
    assert right.status_code == 400


async def test_of_many_uses_of_a_one_time_token_at_once_one_gives_the_session(site: Site) -> None:
    await site.sign_up()
    token = (await site.get("/one-time-token/generate")).json()["token"]
    answers = await asyncio.gather(
        *(site.post("/one-time-token/verify", token=token) for _ in range(5))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400, 400]


async def test_the_application_makes_and_reads_codes(site: Site, box: Box) -> None:
    email = new_email()
    body = {"email": email, "type": "sign-in"}
    for path in ("create-verification-otp", "get-verification-otp"):
        answer = await site.browser.post(f"/api/auth/email-otp/{path}", json=body)
        assert answer.status_code == 404
    assert box.sent == []


@pytest.mark.parametrize(
    "make",
    [
        lambda: plugins.email_otp(
            plugins.EmailOTPOptions(send_verification_otp=Box().keep, otp_length=0)
        ),
        lambda: plugins.magic_link(
            plugins.MagicLinkOptions(send_magic_link=Box().keep, store_token="x")  # type: ignore[arg-type]
        ),
        lambda: plugins.multi_session(plugins.MultiSessionOptions(maximum_sessions=0)),
        lambda: plugins.one_time_token(plugins.OneTimeTokenOptions(expires_in=0)),
        lambda: plugins.anonymous(plugins.AnonymousOptions(email_domain_name="a b")),
        lambda: plugins.phone_number(plugins.PhoneNumberOptions(otp_length=0)),
        lambda: plugins.last_login_method(plugins.LastLoginMethodOptions(cookie_name="a;b")),
    ],
)
def test_options_that_cannot_work_are_refused(make: Any) -> None:
    with pytest.raises(ConfigurationError):
        make()


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (f"{BREACHED[5:]}:9", 400),
        (f"{BREACHED[5:]}:0", 200),
        ("0" * 35 + ":7", 200),
        (f"{BREACHED[5:]}:many", 500),
        (None, 500),
    ],
)
async def test_a_password_from_a_breach_is_refused(
    app: FastAPI, settings: Settings, answer: str | None, status: int
) -> None:
    asked: list[str] = []

    async def fetch(url: str) -> str:
        asked.append(url)
        if answer is None:
            raise OSError
        return answer

    options = plugins.HaveIBeenPwnedOptions(fetch=fetch)
    async with mailing_site(app, settings, plugins=(plugins.have_i_been_pwned(options),)) as site:
        body = {"name": "Ada", "email": new_email(), "password": "password"}
        got = await site.post("/sign-up/email", **body)
        assert got.status_code == status, got.text
        assert not await site.can_sign_in(new_email(), PASSWORD)
    assert asked == [f"https://api.pwnedpasswords.com/range/{BREACHED[:5]}"]


def test_a_line_that_is_not_a_number_is_no_answer() -> None:
    with pytest.raises(ValueError, match="no number"):
        count_of("A:-1", "A")
