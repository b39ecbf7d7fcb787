"""Passkeys with every option."""

from typing import Final

from tests.conformance.model import (
    Scenario,
    get,
    mails,
    scenario,
    session,
    signed_up,
)

from .common import CREATE, SIGN_IN, STRICT, STRICT_COOKIE, VERIFY, ask, created, send, signed

SCENARIOS: Final[list[Scenario]] = [
    scenario(
        "strict passkey: by somebody with a session",
        signed_up(),
        get(CREATE, cookie="<<ada.cookie>>", save="asked"),
        created(rp_id="tasks.example", origin="https://app.tasks.example"),
        send(VERIFY, "ada has one", cookie=f"<<ada.cookie>>; {STRICT_COOKIE}"),
        mails("the hook was told"),
        ask(),
        signed(rp_id="tasks.example", origin="https://tasks.example"),
        send(SIGN_IN, "and uses it", cookie=STRICT_COOKIE, save="in"),
        session("in"),
        ask(),
        signed(rp_id="tasks.example", origin="https://tasks.example", change={"refused": True}),
        send(SIGN_IN, "a hook refuses", cookie=STRICT_COOKIE),
        ask(),
        signed(rp_id="tasks.example", origin="https://evil.example"),
        send(SIGN_IN, "another origin", cookie=STRICT_COOKIE),
        setting=STRICT,
    ),
    scenario(
        "strict passkey: by somebody whom the application names",
        signed_up(),
        get(CREATE, "nobody is named", save="asked"),
        get(f"{CREATE}?context=nameless", "a name is missing", save="asked"),
        get(f"{CREATE}?context=<<ada.id>>", "ada is named", save="asked"),
        created(rp_id="tasks.example", origin="https://tasks.example"),
        send(
            VERIFY,
            "and signed in",
            cookie=STRICT_COOKIE,
            more=', "createSession": true, "name": "Own"',
            save="in",
        ),
        mails("the hook was told"),
        session("in"),
        get(f"{CREATE}?context=nobody<<here>>", "a user who is not there", save="asked"),
        created("tablet", rp_id="tasks.example", origin="https://tasks.example"),
        send(VERIFY, "has no passkey", cookie=STRICT_COOKIE),
        setting=STRICT,
    ),
]
