"""POST /delete-user."""

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
)
from tests.conftest import PASSWORD

from .lists import created

PATH: Final = "/delete-user"


def delete(name: str, body: Any = None, **more: Any) -> Call:
    sent = {} if body is None else body
    return post(PATH, name, json=sent, **{"cookie": "<<ada.cookie>>", **more})


AFTER: Final = (
    session(name="no session"),
    session("other", "no other session"),
    sign_in(name="no sign-in"),
    get("/token", "no token", cookie="<<other.cookie>>"),
    signed_up("bob"),
    session("bob", "others stay"),
    signed_up(),
)

SCENARIOS = [
    scenario(
        "delete-user with the password deletes everything",
        signed_up(),
        sign_in(save="other"),
        delete("with the password", {"password": PASSWORD}),
        AFTER,
    ),
    scenario(
        "delete-user with a fresh session needs no password",
        signed_up(),
        sign_in(save="other"),
        delete("without a password"),
        AFTER,
    ),
    scenario(
        "delete-user with an old session needs the password",
        signed_up(),
        created("23 hours 58 minutes"),
        delete("a wrong password, almost a day", {"password": "not the password"}),
        created("2 days"),
        delete("two days, no password"),
        delete("two days, an empty password", {"password": ""}),
        delete("two days, a wrong password", {"password": "not the password"}),
        session(name="still there"),
        delete("two days, the password", {"password": PASSWORD}),
        session(name="gone"),
    ),
    scenario(
        "delete-user refuses wrong passwords",
        signed_up(),
        delete("wrong", {"password": "not the password"}),
        delete("too long", {"password": TOO_LONG}),
        delete("a space", {"password": " "}),
        session(),
    ),
    *(
        scenario(
            f"delete-user checks the type of {field}",
            signed_up(),
            created("2 days"),
            *(delete(f"{field} is {kind}", {field: value}) for kind, value in WRONG_TYPES.items()),
            session(),
        )
        for field in ("password", "callbackURL", "token", "unknown")
    ),
    scenario(
        "delete-user refuses unknown tokens",
        signed_up(),
        delete("a token", {"token": "unknown"}),
        delete("a token and the password", {"token": "unknown", "password": PASSWORD}),
        delete("a token and a wrong password", {"token": "unknown", "password": "wrong"}),
        session(),
        delete("an empty token", {"token": ""}),
        session(name="deleted"),
    ),
    scenario(
        "delete-user checks its body",
        signed_up(),
        created("2 days"),
        *(
            delete(f"{kind} as the body", value)
            for kind, value in WRONG_TYPES.items()
            if kind not in {"null", "an object"}
        ),
        post(PATH, "null", body=b"null", cookie="<<ada.cookie>>"),
        post(PATH, "no body", cookie="<<ada.cookie>>"),
        post(PATH, "broken", body=b"{", cookie="<<ada.cookie>>"),
        post(PATH, "text", body=b"x", content_type="text/plain", cookie="<<ada.cookie>>"),
        delete("an evil callbackURL", {"callbackURL": "//evil.example"}),
        delete("an evil Origin", origin="https://evil.example"),
        session(),
    ),
    scenario(
        "delete-user needs a session",
        delete("nobody", cookie=None),
        delete("nobody, a password", {"password": PASSWORD}, cookie=None),
        delete("nobody, a wrong type", {"password": 5}, cookie=None),
        delete("nonsense", cookie="better-auth.session_token=x"),
    ),
    scenario(
        "delete-user with a callbackURL answers all the same",
        signed_up(),
        delete("a callbackURL", {"callbackURL": "/bye", "password": PASSWORD}),
    ),
    scenario(
        "delete-user of a user without a password",
        signed_up(),
        Sql('delete from account where "userId" = $1', ("<<ada.id>>",)),
        delete("a password", {"password": PASSWORD}),
        delete("no password"),
        session(),
    ),
    scenario(
        "delete-user of a session that is not remembered",
        signed_up(),
        sign_in(save="short", rememberMe=False),
        delete("delete", {"password": PASSWORD}, cookie="<<short.cookies>>"),
    ),
]
