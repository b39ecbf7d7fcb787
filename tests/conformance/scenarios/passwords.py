"""POST /change-password."""

from typing import Any, Final

from tests.conformance.model import (
    TOO_LONG,
    WRONG_TYPES,
    Call,
    Sql,
    get,
    post,
    scenario,
    session,
    sign_in,
    signed_up,
    without,
)
from tests.conftest import PASSWORD

from .lists import created

PATH: Final = "/change-password"
NEW: Final = "another password"
GOOD: Final = {"currentPassword": PASSWORD, "newPassword": NEW}
FIELDS: Final = ("currentPassword", "newPassword", "revokeOtherSessions")


def change(name: str, body: Any = None, **more: Any) -> Call:
    sent = GOOD if body is None else body
    return post(PATH, name, json=sent, **{"cookie": "<<ada.cookie>>", **more})


SCENARIOS = [
    scenario(
        "change-password changes the password and keeps the sessions",
        signed_up(),
        sign_in(save="other"),
        change("a new password"),
        sign_in(save="x", name="the old password"),
        sign_in(save="y", password=NEW, name="the new password"),
        session(),
        session("other"),
        change("not to revoke", {**GOOD, "currentPassword": NEW, "revokeOtherSessions": False}),
        session("other", "still there"),
    ),
    scenario(
        "change-password can end the other sessions",
        signed_up(),
        sign_in(save="other"),
        change("and revoke", {**GOOD, "revokeOtherSessions": True}, save="new"),
        session(name="the old cookie"),
        session("other"),
        session("new"),
        get("/list-sessions", cookie="<<new.cookie>>"),
    ),
    scenario(
        "change-password of a session that is not remembered",
        signed_up(),
        sign_in(save="short", rememberMe=False),
        change(
            "and revoke",
            {**GOOD, "revokeOtherSessions": True},
            cookie="<<short.cookies>>",
            save="new",
        ),
        get("/get-session", cookie="<<new.cookies>>"),
    ),
    scenario(
        "change-password refuses a wrong password",
        signed_up(),
        change("wrong", {**GOOD, "currentPassword": "not the password"}),
        change("empty", {**GOOD, "currentPassword": ""}),
        change("too long", {**GOOD, "currentPassword": TOO_LONG}),
        change(
            "wrong, and revoke",
            {"currentPassword": "x", "newPassword": NEW, "revokeOtherSessions": True},
        ),
        session(),
        sign_in(),
    ),
    scenario(
        "change-password refuses passwords too short or too long",
        signed_up(),
        *(
            change(name, {**GOOD, "newPassword": text})
            for name, text in {
                "empty": "",
                "seven": "1234567",
                "too long": TOO_LONG,
                "three emoji and one": "🦊🦊🦊1",
                "sixty-five emoji": "🦊" * 65,
            }.items()
        ),
        change("short, and the wrong password", {"currentPassword": "x", "newPassword": "y"}),
        change("the same password again", {**GOOD, "newPassword": PASSWORD}),
        change("eight", {**GOOD, "newPassword": "12345678"}),
        change("four emoji", {"currentPassword": "12345678", "newPassword": "🦊🦊🦊🦊"}),
        sign_in(password="🦊🦊🦊🦊"),
    ),
    *(
        scenario(
            f"change-password checks the type of {field}",
            signed_up(),
            *(
                change(f"{field} is {kind}", {**GOOD, "newPassword": "short", field: value})
                for kind, value in WRONG_TYPES.items()
            ),
        )
        for field in FIELDS
    ),
    scenario(
        "change-password needs every field",
        signed_up(),
        change("nothing", {}),
        *(change(f"no {name}", without(GOOD, name)) for name in GOOD),
        *(
            change(f"{kind} as the body", value)
            for kind, value in WRONG_TYPES.items()
            if kind != "null"
        ),
        post(PATH, "null", body=b"null", cookie="<<ada.cookie>>"),
        post(PATH, "no body", cookie="<<ada.cookie>>"),
        post(PATH, "broken", body=b"{", cookie="<<ada.cookie>>"),
    ),
    scenario(
        "change-password needs a session, but checks the body first or not as the original does",
        change("nobody", cookie=None),
        change("nobody, nothing", {}, cookie=None),
        change("nobody, short", {**GOOD, "newPassword": "x"}, cookie=None),
        change("nonsense", cookie="better-auth.session_token=x"),
    ),
    scenario(
        "change-password needs no fresh session",
        signed_up(),
        created("3 days"),
        change("an old session"),
    ),
    scenario(
        "change-password needs an account with a password",
        signed_up(),
        Sql('update account set password = null where "userId" = $1', ("<<ada.id>>",)),
        change("no password"),
        Sql('delete from account where "userId" = $1', ("<<ada.id>>",)),
        change("no account"),
    ),
    scenario(
        "change-password ignores what it does not know",
        signed_up(),
        signed_up("bob"),
        change("another user's id", {**GOOD, "userId": "<<bob.id>>", "email": "<<bob.email>>"}),
        sign_in("bob", name="bob's password is his own"),
    ),
]
