"""POST /verify-password, POST /update-session, GET /jwks."""

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

from .session import expired

VERIFY: Final = "/verify-password"
UPDATE: Final = "/update-session"
NO_PASSWORD: Final = (
    'update account set password = null where "userId" = '
    '(select "userId" from session where token = $1)'
)


def verify(name: str, password: Any, **more: Any) -> Call:
    return post(VERIFY, name, json={"password": password}, **{"cookie": "<<ada.cookie>>", **more})


def update(name: str, body: Any, **more: Any) -> Call:
    return post(UPDATE, name, json=body, **{"cookie": "<<ada.cookie>>", **more})


SCENARIOS = [
    scenario(
        "verify-password tells right from wrong",
        signed_up(),
        verify("right", PASSWORD),
        verify("wrong", "not it at all"),
        verify("empty", ""),
        verify("short", "x"),
        verify("too long", TOO_LONG),
        verify("NUL", "a\0b"),
        session(),
    ),
    scenario(
        "verify-password checks the type",
        signed_up(),
        [verify(f"password is {kind}", value) for kind, value in WRONG_TYPES.items()],
        post(VERIFY, "no password", json={}, cookie="<<ada.cookie>>"),
        post(VERIFY, "no body", cookie="<<ada.cookie>>"),
        post(VERIFY, "an array", json=[], cookie="<<ada.cookie>>"),
    ),
    scenario(
        "verify-password needs a session, and a password",
        signed_up(),
        verify("none", PASSWORD, cookie=None),
        verify("an evil origin", PASSWORD, origin="https://evil.example"),
        get(VERIFY, cookie="<<ada.cookie>>"),
        Sql(NO_PASSWORD, ("<<ada.token>>",)),
        verify("an account without one", PASSWORD),
        expired(),
        verify("expired", PASSWORD),
    ),
    scenario(
        "update-session has nothing to update",
        signed_up(),
        update("nothing", {}),
        update("the token", {"token": "x" * 32}),
        update("the user", {"userId": "x", "id": "y"}),
        update("the time", {"expiresAt": "2100-01-01T00:00:00.000Z"}),
        update("something", {"theme": "dark"}),
        [update(f"the body is {kind}", value) for kind, value in WRONG_TYPES.items()],
        post(UPDATE, "no body", cookie="<<ada.cookie>>"),
        update("no session", {"a": 1}, cookie=None),
        get(UPDATE, cookie="<<ada.cookie>>"),
        session(),
        sign_in(save="short", rememberMe=False),
        update("not remembered", {"a": 1}, cookie="<<short.cookies>>"),
        expired(),
        update("expired", {"a": 1}),
    ),
]
