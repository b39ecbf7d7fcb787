"""A server behind https: secure cookies under another name."""

from typing import Final

from tests.conformance.model import (
    TOO_LONG,
    email,
    get,
    post,
    scenario,
    session,
    sign_in,
    sign_up,
)
from tests.conftest import PASSWORD

from .session import aged, expired

NAME: Final = "better-auth.session_token"
CHEAP: Final = {"email": email("x"), "password": TOO_LONG}

SCENARIOS = [
    scenario(
        "https: sign-up, sign-in, sign-out",
        sign_up(),
        session(),
        sign_in(save="short", rememberMe=False),
        get("/get-session", "not remembered", cookie="<<short.cookies>>"),
        get("/token", cookie="<<ada.cookie>>"),
        get("/list-sessions", cookie="<<ada.cookie>>"),
        post("/update-user", json={"name": "S"}, cookie="<<ada.cookie>>"),
        post("/sign-out", cookie="<<short.cookies>>"),
        post("/delete-user", json={"password": PASSWORD}, cookie="<<ada.cookie>>"),
        setting="secure",
    ),
    scenario(
        "https: the cookie without its prefix is none",
        sign_up(),
        get("/get-session", "without", cookie=f"{NAME}=<<ada.signed>>"),
        get("/get-session", "with", cookie=f"__Secure-{NAME}=<<ada.signed>>"),
        get("/get-session", "both", cookie=f"{NAME}=x; __Secure-{NAME}=<<ada.signed>>"),
        get("/get-session", "host", cookie=f"__Host-{NAME}=<<ada.signed>>"),
        get("/get-session", "a bearer", headers=(("authorization", "Bearer <<ada.token>>"),)),
        setting="secure",
    ),
    scenario(
        "https: sessions slide and end",
        sign_up(),
        aged("2 days"),
        session(),
        expired(),
        session(),
        setting="secure",
    ),
    scenario(
        "https: only the public origin and the trusted ones may call",
        *(
            post("/sign-in/email", f"Origin {origin!r}", json=CHEAP, cookie="x=y", origin=origin)
            for origin in (
                "https://tasks.example.com",
                "https://tasks.example.com:443",
                "https://tasks.example.com/x",
                "http://tasks.example.com",
                "https://evil.example",
                "http://localhost:3000",
                "https://sub.tasks.example.com",
            )
        ),
        *(
            post("/sign-in/email", f"callbackURL {url!r}", json={**CHEAP, "callbackURL": url})
            for url in ("https://tasks.example.com/x", "http://tasks.example.com/x", "/x")
        ),
        setting="secure",
    ),
]
