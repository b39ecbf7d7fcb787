"""The plugins `magic_link` and `email_otp`: whoever reads the mail is the user."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from authward import BetterAuthOptions
from authward.options import EmailVerificationOptions
from authward.plugins import (
    ChangeEmailByOTPOptions,
    EmailOTPOptions,
    HashedBy,
    MagicLinkOptions,
    email_otp,
    magic_link,
)
from tests.conformance.model import (
    WRONG_TYPES,
    Call,
    Scenario,
    Sql,
    Step,
    email,
    get,
    mails,
    post,
    scenario,
    session,
    sign_in,
    sign_up,
    signed_up,
    without,
)
from tests.conformance.setup import Collect, Setup
from tests.conftest import PASSWORD

MAIL: Final = "by mail"
STRICT: Final = "strict by mail"
AGAIN: Final = "codes sent again"
NEW_PASSWORD: Final = "another password"


async def _shifted(text: str) -> str:
    return "".join(chr(ord(each) + 1) for each in text)


def _usual(base: BetterAuthOptions, collect: Collect) -> BetterAuthOptions:
    codes = EmailOTPOptions(
        send_verification_otp=collect("otp"),
        send_verification_on_sign_up=True,
        change_email=ChangeEmailByOTPOptions(enabled=True),
    )
    link = magic_link(MagicLinkOptions(send_magic_link=collect("magic-link")))
    return replace(base, plugins=(*(base.plugins or ()), link, email_otp(codes)))


def _strict(base: BetterAuthOptions, collect: Collect) -> BetterAuthOptions:
    link = MagicLinkOptions(
        send_magic_link=collect("magic-link"),
        disable_sign_up=True,
        store_token="hashed",
        expires_in=60,
    )
    codes = EmailOTPOptions(
        send_verification_otp=collect("otp"),
        disable_sign_up=True,
        store_otp="hashed",
        otp_length=8,
        expires_in=60,
        allowed_attempts=1,
        override_default_email_verification=True,
        change_email=ChangeEmailByOTPOptions(enabled=True, verify_current_email=True),
    )
    return replace(
        base,
        plugins=(*(base.plugins or ()), magic_link(link), email_otp(codes)),
        email_verification=EmailVerificationOptions(
            auto_sign_in_after_verification=True, send_on_sign_up=True
        ),
    )


def _again(base: BetterAuthOptions, collect: Collect) -> BetterAuthOptions:
    link = MagicLinkOptions(send_magic_link=collect("magic-link"), store_token=HashedBy(_shifted))
    codes = EmailOTPOptions(
        send_verification_otp=collect("otp"), store_otp="encrypted", resend_strategy="reuse"
    )
    return replace(base, plugins=(*(base.plugins or ()), magic_link(link), email_otp(codes)))


SETUPS: Final = {
    MAIL: Setup("by_mail", _usual),
    STRICT: Setup("by_mail", _strict),
    AGAIN: Setup("by_mail", _again),
}


def send_link(who: str = "ada", name: str = "a link is asked for", **more: Any) -> list[Call]:
    return [
        post("/sign-in/magic-link", name, json={"email": email(who), **more}),
        mails("the link", save="sent"),
    ]


def follow(name: str = "the link", token: str = "<<sent.token>>", **more: Any) -> Call:
    query = "".join(f"&{key}={value}" for key, value in more.items() if key != "save")
    save = more.get("save", "")
    return get(f"/magic-link/verify?token={token}{query}", name, save=save)


def send_code(kind: str = "sign-in", who: str = "ada") -> list[Call]:
    body = {"email": email(who), "type": kind}
    return [
        post("/email-otp/send-verification-otp", f"a code for {kind}", json=body),
        mails("the code", save="sent"),
    ]


CODE: Final = "<<sent.mails.0.otp>>"
WRONG_CODE: Final = "not-a-code"


def with_code(path: str, name: str = "", *, save: str = "", who: str = "ada", **body: Any) -> Call:
    given = {"email": email(who), "otp": CODE, **body}
    return post(path, name or f"{path} with the code", json=given, save=save)


def later(identifier: str) -> Sql:
    return Sql(
        "update verification set \"expiresAt\" = now() - interval '1 s' "
        "where starts_with(identifier, $1)",
        (identifier,),
    )


def bodies(path: str, body: dict[str, Any], cookie: str | None = None) -> Iterator[Call]:
    for field in body:
        yield post(path, f"{path}: no {field}", json=without(body, field), cookie=cookie)
        for kind, value in WRONG_TYPES.items():
            wrong = {**body, field: value}
            yield post(path, f"{path}: {field} is {kind}", json=wrong, cookie=cookie)
    for kind, value in WRONG_TYPES.items():
        yield post(path, f"{path}: the body is {kind}", json=value, cookie=cookie)
    yield post(path, f"{path}: no body", cookie=cookie)
    yield post(path, f"{path}: broken JSON", body=b"{", cookie=cookie)
    form, kind = b"email=a%40b.example", "application/x-www-form-urlencoded"
    yield post(path, f"{path}: a form", body=form, content_type=kind, cookie=cookie)
    elsewhere = {"cookie": cookie or "a=b", "origin": "https://evil.example"}
    yield post(path, f"{path}: from elsewhere", json=body, **elsewhere)


SEND_LINK: Final[dict[str, Any]] = {
    "email": "nobody.<<here>>@example.com",
    "name": "Nobody",
    "callbackURL": "/there",
    "newUserCallbackURL": "/new",
    "errorCallbackURL": "/error",
    "metadata": {"a": 1},
}
OTP_BODIES: Final[dict[str, dict[str, Any]]] = {
    "/email-otp/send-verification-otp": {"email": "nobody@example.com", "type": "sign-in"},
    "/email-otp/check-verification-otp": {"email": "n@example.com", "type": "sign-in", "otp": "1"},
    "/email-otp/verify-email": {"email": "nobody@example.com", "otp": "1"},
    "/sign-in/email-otp": {"email": "nobody@example.com", "otp": "1", "name": "n", "image": "i"},
    "/email-otp/request-password-reset": {"email": "nobody@example.com"},
    "/forget-password/email-otp": {"email": "nobody@example.com"},
    "/email-otp/reset-password": {"email": "n@example.com", "otp": "1", "password": NEW_PASSWORD},
}
OWN_BODIES: Final[dict[str, dict[str, Any]]] = {
    "/email-otp/request-email-change": {"newEmail": "nobody.<<here>>@example.com", "otp": "1"},
    "/email-otp/change-email": {"newEmail": "nobody.<<here>>@example.com", "otp": "1"},
}


def change(path: str, name: str, **body: Any) -> Call:
    return post(f"/email-otp/{path}", name, json=body, cookie="<<ada.cookie>>")


def _links() -> Iterator[Scenario]:
    yield scenario(
        "a link signs up, and works once",
        send_link(name="of somebody new"),
        follow(save="ada"),
        session(),
        follow("the link again"),
        send_link(name="of somebody who is there"),
        follow(callbackURL="/there", newUserCallbackURL="/new"),
        setting=MAIL,
    )
    yield scenario(
        "a link leads where it is told",
        send_link(**without(SEND_LINK, "email", "metadata")),
        follow("to the page for new users", callbackURL="/there?a=b", newUserCallbackURL="/new"),
        follow("to the page for errors", callbackURL="/there", errorCallbackURL="/error?a=b"),
        follow("to the page", callbackURL="/there"),
        follow("to a trusted origin", callbackURL="http://localhost:3000/a"),
        follow("elsewhere", callbackURL="https://evil.example"),
        follow("elsewhere for new users", newUserCallbackURL="https://evil.example"),
        follow("elsewhere for errors", errorCallbackURL="https://evil.example"),
        follow("no token", token=""),
        get("/magic-link/verify", "no query"),
        setting=MAIL,
    )
    yield scenario(
        "a link ends what was there before the address was proven",
        sign_up("ada"),
        mails("of the sign-up"),
        send_link(),
        follow(save="owner"),
        session("ada", "the session from before"),
        sign_in("ada", name="the password from before"),
        get("/list-accounts", "the accounts", cookie="<<owner.cookie>>"),
        setting=MAIL,
    )
    yield scenario(
        "a link is only good for its time",
        send_link(),
        later("magic-link:"),
        follow("too late"),
        setting=MAIL,
    )
    yield scenario(
        "a link needs a user where nobody signs up by it",
        send_link(),
        follow("nobody"),
        signed_up("ada"),
        send_link(),
        follow("somebody", callbackURL="/there"),
        setting=STRICT,
    )
    yield scenario(
        "a link whose token is hashed by a function of the application",
        send_link(),
        follow(),
        setting=AGAIN,
    )
    yield scenario("bodies for links", bodies("/sign-in/magic-link", SEND_LINK), setting=MAIL)


def _codes() -> Iterator[Scenario]:
    yield scenario(
        "a code signs up, and works once",
        send_code(),
        with_code("/sign-in/email-otp", "a wrong one", otp=WRONG_CODE),
        with_code("/sign-in/email-otp", name="signs up", save="ada"),
        session(),
        with_code("/sign-in/email-otp", "the same again"),
        send_code(),
        with_code("/sign-in/email-otp", "the next one", save="ada"),
        setting=MAIL,
    )
    yield scenario(
        "a user who signs up by a code has a name",
        send_code(),
        post(
            "/sign-in/email-otp",
            json={"email": email(), "otp": CODE, "name": "Ada", "image": "x", "more": 1},
        ),
        setting=MAIL,
    )
    yield scenario(
        "codes are not guessed",
        send_code(),
        [with_code("/sign-in/email-otp", f"guess {n}", otp=WRONG_CODE) for n in range(5)],
        with_code("/sign-in/email-otp", "the right one is void"),
        setting=MAIL,
    )
    yield scenario(
        "a code ends what was there before the address was proven",
        sign_up("ada"),
        mails("of the sign-up"),
        send_code(),
        with_code("/sign-in/email-otp", save="owner"),
        session("ada", "the session from before"),
        sign_in("ada", name="the password from before"),
        setting=MAIL,
    )
    yield scenario(
        "a code verifies an address",
        sign_up("ada"),
        mails("the code of the sign-up", save="sent"),
        with_code("/email-otp/check-verification-otp", "asked", type="email-verification"),
        with_code("/email-otp/check-verification-otp", "for another", type="sign-in"),
        with_code("/email-otp/verify-email", "a wrong one", otp=WRONG_CODE),
        with_code("/email-otp/verify-email"),
        with_code("/email-otp/verify-email", "again"),
        session(),
        send_code("email-verification", "nobody"),
        send_code("change-email"),
        setting=MAIL,
    )
    yield scenario(
        "a code sets a password",
        signed_up("ada"),
        post("/email-otp/request-password-reset", json={"email": email()}),
        mails("the code", save="sent"),
        with_code("/email-otp/reset-password", "too short", password="short"),
        with_code("/email-otp/reset-password", "too long", password="x" * 129),
        with_code("/email-otp/reset-password", "wrong", otp=WRONG_CODE, password=NEW_PASSWORD),
        with_code("/email-otp/reset-password", password=NEW_PASSWORD),
        with_code("/email-otp/reset-password", "again", password=PASSWORD),
        sign_in("ada", name="the old password"),
        sign_in("ada", name="the new password", password=NEW_PASSWORD),
        post("/forget-password/email-otp", json={"email": email("nobody")}),
        mails("nobody is sent a code"),
        post("/forget-password/email-otp", "the old path", json={"email": email()}),
        mails("a code by the old path"),
        setting=MAIL,
    )
    yield scenario(
        "a code changes an address",
        signed_up("ada"),
        signed_up("bob"),
        change("request-email-change", "the same", newEmail=email()),
        change("request-email-change", "no address", newEmail="x"),
        change("request-email-change", "a taken one", newEmail=email("bob")),
        mails("to nobody"),
        change("request-email-change", "a new one", newEmail=email("new")),
        mails("the code", save="sent"),
        change("change-email", "a wrong code", newEmail=email("new"), otp=WRONG_CODE),
        change("change-email", "another address", newEmail=email("other"), otp=CODE),
        change("change-email", "the code", newEmail=email("new"), otp=CODE),
        session(),
        setting=MAIL,
    )
    yield scenario(
        "an address changes only with codes from both",
        signed_up("ada"),
        change("request-email-change", "no code", newEmail=email("new")),
        change("request-email-change", "a wrong code", newEmail=email("new"), otp=WRONG_CODE),
        send_code("email-verification"),
        change("request-email-change", "the code", newEmail=email("new"), otp=CODE),
        mails("the code to the new address", save="sent"),
        change("change-email", "the code from there", newEmail=email("new"), otp=CODE),
        session(),
        setting=STRICT,
    )
    yield scenario(
        "codes are sent in the place of links",
        sign_up("ada"),
        mails("a code for whoever signs up", save="sent"),
        with_code("/email-otp/verify-email", save="ada"),
        session(),
        setting=STRICT,
    )
    yield scenario(
        "one attempt, and no sign-up, where the options say so",
        send_code("sign-in", "nobody"),
        signed_up("ada"),
        send_code(),
        with_code("/sign-in/email-otp", "wrong", otp=WRONG_CODE),
        with_code("/sign-in/email-otp", "too late"),
        send_code(),
        with_code("/sign-in/email-otp", "the right one"),
        setting=STRICT,
    )
    yield scenario(
        "the same code is sent again",
        send_code(),
        with_code("/sign-in/email-otp", "wrong", otp=WRONG_CODE),
        post("/email-otp/send-verification-otp", json={"email": email(), "type": "sign-in"}),
        mails("again"),
        with_code("/sign-in/email-otp", "the first one is still good"),
        setting=AGAIN,
    )
    yield scenario(
        "codes are only good for their time",
        send_code(),
        later("sign-in-otp-ada.<<here>>"),
        with_code("/sign-in/email-otp", "too late"),
        with_code("/sign-in/email-otp", "later still"),
        setting=MAIL,
    )
    yield scenario(
        "addresses do not change where they may not",
        signed_up("ada"),
        change("request-email-change", "ask", newEmail=email("new")),
        change("change-email", "do", newEmail=email("new"), otp="1"),
        setting=AGAIN,
    )


def _wrong_bodies() -> Iterator[Scenario]:
    for path, body in OTP_BODIES.items():
        yield scenario(f"bodies for {path}", bodies(path, body), setting=MAIL)
    for path, body in OWN_BODIES.items():
        steps: list[Step] = [signed_up("ada"), *bodies(path, body, "<<ada.cookie>>")]
        yield scenario(f"bodies for {path}", steps, post(path, json=body), setting=MAIL)


SCENARIOS: Final = [*_links(), *_codes(), *_wrong_bodies()]
