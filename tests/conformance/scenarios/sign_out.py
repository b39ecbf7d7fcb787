"""POST /sign-out."""

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

PATH: Final = "/sign-out"


def out(name: str, **more: Any) -> Call:
    return post(PATH, name, **more)


SCENARIOS = [
    scenario(
        "sign-out ends this session and no other",
        signed_up(),
        sign_in(save="other"),
        out("sign out", cookie="<<ada.cookie>>"),
        session(),
        session("other", "the other session"),
        out("once more", cookie="<<ada.cookie>>"),
    ),
    scenario(
        "sign-out succeeds without a session",
        out("nothing"),
        out("an empty object", json={}),
        out("nonsense", cookie="better-auth.session_token=x"),
        out("a foreign cookie", cookie="x=y"),
        out("a dont_remember cookie", cookie="better-auth.dont_remember=x"),
    ),
    scenario(
        "sign-out of a session that is not remembered",
        signed_up(),
        sign_in(save="short", rememberMe=False),
        out("sign out", cookie="<<short.cookies>>"),
        get("/get-session", cookie="<<short.cookies>>"),
    ),
    *(
        scenario(
            f"sign-out checks the type of {field}",
            (
                out(f"{field} is {kind}", json={field: value}, origin=TRUSTED)
                for kind, value in WRONG_TYPES.items()
            ),
        )
        for field in ("callbackURL", "disableRedirect", "state", "unknown")
    ),
    scenario(
        "sign-out checks its body",
        *(out(f"{kind} as the body", json=value) for kind, value in WRONG_TYPES.items()),
        out("broken", body=b"{"),
        out("empty", body=b""),
        out("text", body=b"x", content_type="text/plain"),
        out("no type", body=b"{}", content_type=None),
    ),
    scenario(
        "a refused sign-out ends nothing",
        signed_up(),
        out("a broken body", body=b"{", cookie="<<ada.cookie>>"),
        out("a wrong type", json={"state": 5}, cookie="<<ada.cookie>>"),
        out("an evil Origin", cookie="<<ada.cookie>>", origin="https://evil.example"),
        out("an evil callbackURL", json={"callbackURL": "//evil.example"}, cookie="<<ada.cookie>>"),
        session(),
    ),
    scenario(
        "sign-out does not send the browser anywhere",
        signed_up(),
        out("a callbackURL", json={"callbackURL": "/bye"}, cookie="<<ada.cookie>>"),
    ),
]
