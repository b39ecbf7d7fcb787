"""Hooks, and rules of the application about who may come and how passwords are kept."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from authward import BetterAuthOptions, plugins
from authward.callbacks import DeletedUser, Refused, UserInfo
from authward.codes import ErrorCode
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.options import (
    DeleteUserOptions,
    EmailAndPasswordOptions,
    HooksOptions,
    OnAPIError,
    UserOptions,
)
from authward.password_options import PasswordOptions
from tests.conformance.model import (
    Sql,
    Step,
    call,
    email,
    get,
    mails,
    post,
    scenario,
    session,
    sign_in,
    sign_up,
)
from tests.conformance.setup import Collect, Setup
from tests.conformance.wanted import only_wanted

OWN: Final = "own rules"
QUIET: Final = "quiet sign-up"
CHOOSY: Final = "choosy plugins"
PASSWORDS: Final = EmailAndPasswordOptions(
    min_password_length=3,
    max_password_length=40,
    password=PasswordOptions(
        hash=lambda password: f"plain:{password}",
        verify=lambda stored, password: stored == f"plain:{password}",
    ),
)


@dataclass(frozen=True)
class _Message:
    message: str


class _Rule(ErrorCode):
    NO_SUCH_NAME = 400, "not"


async def _wanted(info: UserInfo) -> Refused | None:
    address = str(info.user["email"])
    if address.startswith("broken"):
        raise ValueError
    if address.startswith("silent"):
        return Refused("silent")
    refused = Refused("not_wanted", f"{info.action} by {info.method}")
    return refused if address.startswith("refused") else None


async def _before(ctx: EndpointContext) -> None:
    name = ctx.body.get("name") if ctx.path == "/update-user" and isinstance(ctx.body, dict) else 0
    if not isinstance(name, str):
        return
    if name.startswith("forbidden"):
        raise APIError(_Rule.NO_SUCH_NAME, message=f"not {name}")
    ctx.body["name"] = f"{name}!"


async def _after(ctx: EndpointContext) -> Any:
    return {**ctx.returned, "hooked": True} if ctx.path == "/ok" else None


def _own(base: BetterAuthOptions, collect: Collect) -> BetterAuthOptions:
    async def before_delete(event: DeletedUser) -> None:
        if event.user.name == "Stays":
            raise APIError(400, message="stays")
        await collect("before")(event)

    async def on_error(event: Any) -> None:
        await collect("error")(_Message(event.error.message))

    return replace(
        base,
        email_and_password=PASSWORDS,
        user=UserOptions(
            validate_user_info=_wanted,
            delete_user=DeleteUserOptions(
                before_delete=before_delete, after_delete=collect("after")
            ),
        ),
        hooks=HooksOptions(before=_before, after=_after),
        disabled_paths=("/list-sessions", "/callback/fake", "/sign-out"),
        on_api_error=OnAPIError(on_error=on_error),
    )


def _quiet(base: BetterAuthOptions, collect: Collect) -> BetterAuthOptions:
    told = collect("existing")
    passwords = replace(PASSWORDS, auto_sign_in=False, on_existing_user_sign_up=told)
    return replace(base, email_and_password=passwords, user=UserOptions(validate_user_info=_wanted))


def _with_plugins(base: BetterAuthOptions, collect: Collect) -> BetterAuthOptions:
    numbers = plugins.SignUpOnVerification(
        get_temp_email=lambda number: f"p{number[1:]}@phones.example",
        get_temp_name=lambda number: "Refused" if number.startswith("+49") else "Welcome",
    )
    phones = plugins.PhoneNumberOptions(send_otp=collect("otp"), sign_up_on_verification=numbers)
    chosen = (
        plugins.magic_link(plugins.MagicLinkOptions(send_magic_link=collect("magic-link"))),
        plugins.email_otp(plugins.EmailOTPOptions(send_verification_otp=collect("otp"))),
        plugins.phone_number(phones),
        plugins.anonymous(),
        plugins.admin(),
    )
    user = UserOptions(validate_user_info=only_wanted)
    return replace(base, user=user, plugins=(*(base.plugins or ()), *chosen))


SETUPS: Final = {
    OWN: Setup("own_rules", _own),
    QUIET: Setup("own_rules", _quiet),
    CHOOSY: Setup("own_rules", _with_plugins),
}
BY_ADA: Final = {"cookie": "<<ada.cookie>>"}


def _by_plugins(who: str) -> Iterator[Step]:
    """Somebody comes by a link, by a code, and by whoever may make users."""
    to = email(f"{who}link")
    yield post("/sign-in/magic-link", json={"email": to, "errorCallbackURL": "/oops"})
    yield mails("the link", save="sent")
    yield get(
        "/magic-link/verify?token=<<sent.mails.0.token>>&callbackURL=/in&errorCallbackURL=/oops"
    )
    yield post("/sign-in/magic-link", "once more", json={"email": to})
    yield mails("the second link", save="sent")
    yield get("/magic-link/verify?token=<<sent.mails.0.token>>")
    code = {"email": email(f"{who}code"), "type": "sign-in"}
    yield post("/email-otp/send-verification-otp", json=code)
    yield mails("the code", save="sent")
    entered = {"email": code["email"], "otp": "<<sent.mails.0.otp>>"}
    yield post("/sign-in/email-otp", json=entered)
    yield sign_up("boss")
    yield Sql("update \"user\" set role = 'admin' where email = $1", (email("boss"),))
    user = {"email": email(f"{who}made"), "name": "Made", "password": "secret password"}
    yield post("/admin/create-user", json=user, cookie="<<boss.cookie>>")


def _by_number(number: str) -> Iterator[Step]:
    yield post("/phone-number/send-otp", json={"phoneNumber": number})
    yield mails("the code", save="sent")
    sent = {"phoneNumber": number, "code": "<<sent.mails.0.code>>"}
    yield post("/phone-number/verify", json=sent)


def _lengths(setting: str) -> list[Any]:
    return [
        sign_up(f"p{length}", password="x" * length) for length in (0, 1, 2, 3, 40, 41, 129)
    ] + [sign_in("p3", password="x" * length) for length in (0, 1, 3, 40, 41, 129)]


SCENARIOS = [
    *(
        scenario(f"whom plugins would make a user: {who}", _by_plugins(who), setting=CHOOSY)
        for who in ("welcome", "refused", "silent", "broken")
    ),
    scenario(
        "numbers and guests that are not wanted",
        *(step for country in ("+49", "+41") for step in _by_number(f"{country}<<here>>")),
        post("/sign-in/anonymous", json={}),
        setting=CHOOSY,
    ),
    *(
        scenario(f"own lengths and hashes of passwords ({name})", _lengths(name), setting=name)
        for name in (OWN, QUIET)
    ),
    *(
        scenario(
            f"users whom the application does not want ({name})",
            *(
                [sign_up(who), sign_in(who, name=f"{who} is not there")]
                for who in ("refused", "silent", "broken", "REFUSED", "welcome")
            ),
            setting=name,
        )
        for name in (OWN, QUIET)
    ),
    scenario(
        "an address that is taken, without a session for new users",
        sign_up(),
        mails("nobody is told of a new user"),
        sign_up(name="Eve", password="another password"),
        mails("of the second one"),
        sign_up(name="Eve", email="ADA.<<here>>@example.com"),
        mails("of the third"),
        sign_in(),
        sign_in(name="the second one's password", password="another password"),
        session(),
        setting=QUIET,
    ),
    scenario(
        "own hashes when a password changes",
        sign_up(),
        post(
            "/change-password",
            json={"currentPassword": "wrong", "newPassword": "abc"},
            **BY_ADA,
        ),
        post(
            "/change-password",
            json={"currentPassword": "correct horse battery", "newPassword": "ab"},
            **BY_ADA,
        ),
        post("/verify-password", json={"password": "correct horse battery"}, **BY_ADA),
        post("/verify-password", json={"password": "x" * 41}, **BY_ADA),
        setting=OWN,
    ),
    scenario(
        "hooks around endpoints",
        sign_up(),
        get("/ok", "a result is replaced"),
        post("/update-user", "a body is changed", json={"name": "Ada <<here>>"}, **BY_ADA),
        session(),
        post("/update-user", "a hook refuses", json={"name": "forbidden <<here>>"}, **BY_ADA),
        post("/update-user", "without a session", json={"name": "forbidden <<here>>"}),
        post("/update-user", "no object", json=[], **BY_ADA),
        session(),
        mails("errors"),
        setting=OWN,
    ),
    scenario(
        "paths that are disabled",
        sign_up(),
        get("/list-sessions", **BY_ADA),
        get("/list-sessions/", "with a slash", **BY_ADA),
        get("/list-sessions?a=b", "with a query", **BY_ADA),
        get("/callback/fake?state=x", "one of many"),
        get("/callback/other?state=x", "another of many"),
        post("/sign-out", json={}, **BY_ADA),
        call("GET", "/sign-out", "another method", cookie="<<ada.cookie>>"),
        session(),
        setting=OWN,
    ),
    scenario(
        "hooks around the deletion of a user",
        sign_up("ada", name="Stays"),
        post("/delete-user", "refused by a hook", json={}, **BY_ADA),
        session(),
        mails("nothing but the error"),
        sign_up("bob"),
        post("/delete-user", json={}, cookie="<<bob.cookie>>"),
        mails("before and after"),
        sign_in("bob", name="gone"),
        setting=OWN,
    ),
]
