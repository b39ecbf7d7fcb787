"""The plugin `phone_number`: numbers that are verified by codes, and sign in."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from authward import BetterAuthOptions
from authward.plugins import PhoneNumberOptions, SignUpOnVerification, phone_number
from authward.plugins.schema_options import TableOptions
from tests.conformance.model import (
    WRONG_TYPES,
    Call,
    Scenario,
    Sql,
    email,
    mails,
    post,
    scenario,
    session,
    signed_up,
    without,
)
from tests.conformance.setup import Collect, MakeOptions, Setup
from tests.conftest import PASSWORD

PHONES: Final = "phones"
STRICT: Final = "strict phones"
SILENT: Final = "phones without a sender"
NUMBER: Final = "+49<<here>>"
CODE: Final = "<<sent.mails.0.code>>"
NEW_PASSWORD: Final = "another password"


async def _has_plus(number: str) -> bool:
    return number.startswith("+")


def _usual(collect: Collect) -> PhoneNumberOptions:
    return PhoneNumberOptions(
        send_otp=collect("otp"),
        send_password_reset_otp=collect("reset"),
        callback_on_verification=collect("verified"),
        sign_up_on_verification=SignUpOnVerification(
            get_temp_email=lambda number: f"p{number[1:]}@phones.example"
        ),
    )


def _strict(collect: Collect) -> PhoneNumberOptions:
    return PhoneNumberOptions(
        send_otp=collect("otp"),
        send_password_reset_otp=collect("reset"),
        otp_length=8,
        expires_in=60,
        allowed_attempts=1,
        require_verification=True,
        phone_number_validator=_has_plus,
        schema={"user": TableOptions(fields={"phoneNumber": "phone"})},
    )


def _silent(_: Collect) -> PhoneNumberOptions:
    return PhoneNumberOptions()


def _with(make: Any) -> MakeOptions:
    def options(base: BetterAuthOptions, collect: Collect) -> BetterAuthOptions:
        return replace(base, plugins=(*(base.plugins or ()), phone_number(make(collect))))

    return options


SETUPS: Final = {
    name: Setup("phones", _with(make))
    for name, make in {PHONES: _usual, STRICT: _strict, SILENT: _silent}.items()
}


def send(name: str = "a code is asked for", number: str = NUMBER) -> list[Call]:
    return [
        post("/phone-number/send-otp", name, json={"phoneNumber": number}),
        mails("the code", save="sent"),
    ]


def verify(name: str, *, code: str = CODE, who: str = "", save: str = "", **more: Any) -> Call:
    body = {"phoneNumber": NUMBER, "code": code, **more}
    cookie = f"<<{who}.cookie>>" if who else None
    return post("/phone-number/verify", name, json=body, cookie=cookie, save=save)


def enter(name: str, password: str = PASSWORD, **more: Any) -> Call:
    body = {"phoneNumber": NUMBER, "password": password, **more}
    return post("/sign-in/phone-number", name, json=body)


def reset(name: str, *, otp: str = CODE, password: str = NEW_PASSWORD) -> Call:
    body = {"phoneNumber": NUMBER, "otp": otp, "newPassword": password}
    return post("/phone-number/reset-password", name, json=body)


def ask_reset(name: str = "a reset is asked for") -> list[Call]:
    return [
        post("/phone-number/request-password-reset", name, json={"phoneNumber": NUMBER}),
        mails("the code", save="sent"),
    ]


def numbered(column: str = "phoneNumber", *, verified: bool = True) -> list[Any]:
    """Somebody has a number."""
    return [
        signed_up("ada"),
        Sql(
            f'update "user" set "{column}" = $1, "phoneNumberVerified" = {verified} where id = $2',
            (NUMBER, "<<ada.id>>"),
        ),
    ]


BODIES: Final[dict[str, dict[str, Any]]] = {
    "/sign-in/phone-number": {"phoneNumber": "+1", "password": PASSWORD, "rememberMe": True},
    "/phone-number/send-otp": {"phoneNumber": "+1<<here>>"},
    "/phone-number/verify": {
        "phoneNumber": "+1",
        "code": "1",
        "disableSession": True,
        "updatePhoneNumber": True,
    },
    "/phone-number/request-password-reset": {"phoneNumber": "+1"},
    "/phone-number/reset-password": {
        "otp": "1",
        "phoneNumber": "+1",
        "newPassword": NEW_PASSWORD,
    },
}


def bodies(path: str, body: dict[str, Any]) -> Iterator[Call]:
    for field in body:
        yield post(path, f"{path}: no {field}", json=without(body, field))
        for kind, value in WRONG_TYPES.items():
            yield post(path, f"{path}: {field} is {kind}", json={**body, field: value})
    for kind, value in WRONG_TYPES.items():
        yield post(path, f"{path}: the body is {kind}", json=value)
    yield post(path, f"{path}: no body")
    yield post(path, f"{path}: elsewhere", json=body, cookie="a=b", origin="https://evil.example")


def _scenarios() -> Iterator[Scenario]:
    yield scenario(
        "a number signs up, and its code works once",
        send(),
        verify("a wrong code", code="x"),
        verify("the code", save="ada"),
        mails("the callback"),
        session(),
        verify("again"),
        send(),
        verify("the number is known", save="ada"),
        send(),
        verify("without a session", disableSession=True),
        setting=PHONES,
    )
    yield scenario(
        "codes for numbers are not guessed",
        send(),
        [verify(f"guess {n}", code="x") for n in range(5)],
        verify("the right one is void"),
        setting=PHONES,
    )
    yield scenario(
        "somebody who is signed in gets a number",
        signed_up("ada"),
        send(),
        verify("nobody", updatePhoneNumber=True),
        send(),
        verify("ada", who="ada", updatePhoneNumber=True),
        session(),
        signed_up("bob"),
        send(),
        verify("bob gets ada's", who="bob", updatePhoneNumber=True),
        post(
            "/update-user",
            "a number without a code",
            json={"phoneNumber": "+2"},
            cookie="<<ada.cookie>>",
        ),
        post("/update-user", "no number", json={"phoneNumber": None}, cookie="<<ada.cookie>>"),
        session("ada", "the number is gone"),
        post(
            "/sign-up/email",
            "a number at sign-up",
            json={
                "name": "Eve",
                "email": email("eve"),
                "password": PASSWORD,
                "phoneNumber": NUMBER,
            },
        ),
        setting=PHONES,
    )
    yield scenario(
        "a number and a password sign in",
        numbered(),
        enter("right"),
        enter("a wrong password", "wrong-password"),
        enter("too long", "x" * 129),
        enter("not remembered", rememberMe=False),
        post("/sign-in/phone-number", "nobody", json={"phoneNumber": "+0", "password": PASSWORD}),
        ask_reset(),
        reset("a wrong code", otp="x"),
        reset("too short", password="short"),
        reset("the code"),
        reset("again"),
        enter("the new password", NEW_PASSWORD),
        setting=PHONES,
    )
    yield scenario(
        "a number that is not verified does not sign in",
        numbered("phone", verified=False),
        enter("a code is sent instead"),
        mails("the code", save="sent"),
        ask_reset(),
        enter("no number", number="x"),
        send("no number", "x"),
        post("/sign-in/phone-number", "no plus", json={"phoneNumber": "1", "password": PASSWORD}),
        send(),
        verify("a wrong code", code="x"),
        verify("one attempt was one too many"),
        send(),
        verify("the code"),
        enter("now it signs in"),
        setting=STRICT,
    )
    yield scenario(
        "a number that nobody has makes no user",
        send(),
        verify("the code"),
        setting=STRICT,
    )
    yield scenario(
        "codes for numbers are only good for their time",
        send(),
        Sql(
            "update verification set \"expiresAt\" = now() - interval '1 s' where identifier = $1",
            (f"phone-number-otp-{NUMBER}",),
        ),
        verify("too late"),
        verify("later still"),
        setting=PHONES,
    )
    yield scenario("nobody sends codes to numbers", send(), setting=SILENT)
    for path, body in BODIES.items():
        yield scenario(f"bodies for {path}", bodies(path, body), setting=PHONES)


SCENARIOS: Final = [*_scenarios()]
