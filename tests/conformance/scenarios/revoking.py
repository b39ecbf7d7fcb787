"""POST /revoke-session, /revoke-sessions, /revoke-other-sessions: sessions end early."""

from typing import Any, Final

from tests.conformance.model import (
    TRUSTED,
    WRONG_TYPES,
    Call,
    get,
    post,
    scenario,
    session,
    sign_in,
    signed_up,
)

from .lists import created
from .session import expired

ONE: Final = "/revoke-session"
ALL: Final = "/revoke-sessions"
OTHERS: Final = "/revoke-other-sessions"


def revoke(name: str, token: Any, **more: Any) -> Call:
    return post(ONE, name, json={"token": token}, **{"cookie": "<<ada.cookie>>", **more})


def of(path: str, name: str, **more: Any) -> Call:
    return post(path, name, **{"cookie": "<<ada.cookie>>", **more})


SCENARIOS = [
    scenario(
        "revoke-session ends another session of one's own",
        signed_up(),
        sign_in(save="phone"),
        sign_in(save="tablet"),
        revoke("the phone's", "<<phone.token>>"),
        session("phone"),
        session("tablet"),
        session(),
        revoke("the phone's again", "<<phone.token>>"),
        get("/list-sessions", cookie="<<ada.cookie>>"),
    ),
    scenario(
        "revoke-session ends the session that asks",
        signed_up(),
        revoke("my own", "<<ada.token>>"),
        session(),
        revoke("my own again", "<<ada.token>>"),
    ),
    scenario(
        "revoke-session leaves other users' sessions alone",
        signed_up(),
        signed_up("bob"),
        revoke("bob's", "<<bob.token>>"),
        session("bob"),
        revoke("bob's signed cookie", "<<bob.signed>>"),
        revoke("nobody's", "n" * 32),
        revoke("empty", ""),
        revoke("white space", " "),
        revoke("a quote", "'; delete from session; --"),
        revoke("NUL", "a\0b"),
        revoke("a lone surrogate", "\ud800"),
        revoke("long", "t" * 5000),
        session("bob", "bob is still here"),
    ),
    scenario(
        "revoke-session ends an expired session",
        signed_up(),
        sign_in(save="old"),
        expired("old"),
        revoke("the old one", "<<old.token>>"),
        session("old"),
    ),
    scenario(
        "revoke-session checks the type of token",
        signed_up(),
        [revoke(f"token is {kind}", value) for kind, value in WRONG_TYPES.items()],
        post(ONE, "no token", json={}, cookie="<<ada.cookie>>"),
        post(ONE, "an array", json=[], cookie="<<ada.cookie>>"),
        post(ONE, "no body", cookie="<<ada.cookie>>"),
        post(ONE, "text", body=b"x", content_type="text/plain", cookie="<<ada.cookie>>"),
        post(ONE, "broken", body=b"{", cookie="<<ada.cookie>>"),
        post(ONE, "no session, no token", json={}),
        post(ONE, "no session", json={"token": "x"}),
        session(),
    ),
    *(
        scenario(
            f"{path} needs a session",
            signed_up(),
            post(path),
            post(path, "an empty object", json={}),
            post(path, "text", body=b"x", content_type="text/plain"),
            of(path, "an evil origin", origin="https://evil.example"),
            of(path, "no origin", origin=None),
            of(path, "broken JSON", body=b"{"),
            of(path, "GET does not do it", origin=TRUSTED, body=None),
            get(path, cookie="<<ada.cookie>>"),
            expired(),
            of(path, "expired"),
        )
        for path in (ONE, ALL, OTHERS)
    ),
    scenario(
        "revoke-sessions ends all of them",
        signed_up(),
        signed_up("bob"),
        sign_in(save="phone"),
        of(ALL, "all", json={}),
        session(),
        session("phone"),
        session("bob"),
        of(ALL, "again"),
    ),
    scenario(
        "revoke-sessions as a bearer, without remembering",
        signed_up(),
        sign_in(save="short", rememberMe=False),
        of(ALL, "all", cookie="<<short.cookies>>"),
        sign_in(save="new"),
        post(ALL, "as a bearer", headers=(("authorization", "Bearer <<new.token>>"),)),
        session("new"),
    ),
    scenario(
        "revoke-other-sessions keeps this one",
        signed_up(),
        signed_up("bob"),
        sign_in(save="phone"),
        sign_in(save="old"),
        expired("old"),
        of(OTHERS, "others", json={}),
        session(),
        session("phone"),
        session("bob"),
        get("/list-sessions", cookie="<<ada.cookie>>"),
        of(OTHERS, "again"),
    ),
    scenario(
        "ending sessions does not need a fresh one",
        signed_up(),
        sign_in(save="phone"),
        created("3 days"),
        of(OTHERS, "others"),
        revoke("nobody's", "x"),
        of(ALL, "all"),
    ),
]
