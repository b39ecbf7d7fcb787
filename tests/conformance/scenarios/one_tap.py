"""`/one-tap/callback`: ID tokens that a page has from Google's One Tap."""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

from joserfc import jws

from tests.conformance.model import (
    WRONG_TYPES,
    Derive,
    Step,
    get,
    post,
    scenario,
    session,
    signed_up,
)
from tests.support.fake_provider import keys

from .social import LIST, verified

PATH: Final = "/one-tap/callback"
TAP: Final = "one tap"
OWN: Final = "one tap of one's own"
DOMAIN: Final = "one tap for a domain"
HOUR: Final = 3600
_TIMES: Final = ("iat", "exp")
"""Claims that are given in seconds from now."""


def token(save: str, who: str = "ada", sign: str = "RS256", **claims: Any) -> Derive:
    """What Google would have signed for somebody; None takes a claim out."""

    def made(variables: Mapping[str, str]) -> str:
        here, now = variables["here"], int(time.time())
        told = {
            "iss": "https://accounts.google.com",
            "aud": "google-id",
            "iat": now,
            "exp": now + HOUR,
            "sub": f"{who}-{here}",
            "email_verified": True,
            "name": who.title(),
            "email": f"{who}.{here}@example.com",
            "picture": "https://p/1",
            **{name: now + at if at and name in _TIMES else at for name, at in claims.items()},
        }
        key = keys()[sign == "stranger"]
        header = {"alg": "PS256" if sign == "PS256" else "RS256", "kid": key.kid or ""}
        header |= {"kid": "another"} if sign == "unknown" else {}
        if sign == "unnamed":
            del header["kid"]
        payload = json.dumps({name: value for name, value in told.items() if value is not None})
        return jws.serialize_compact(header, payload, key, algorithms=[header["alg"]])

    return Derive(save, made)


def tap(who: str = "ada", label: str = "", sign: str = "RS256", **claims: Any) -> Iterator[Step]:
    """Somebody taps, and asks for what it led to."""
    yield token("token", who, sign, **claims)
    yield post(PATH, label or f"{who} taps", json={"idToken": "<<token>>"}, save=who)


def tap_and_look(who: str = "ada", **more: Any) -> Iterator[Step]:
    yield from tap(who, **more)
    yield session(who)
    yield get(LIST, f"{who}'s accounts", cookie=f"<<{who}.cookie>>")


_WRONG: Final[dict[str, dict[str, Any]]] = {
    "of another issuer": {"iss": "https://accounts.google.com.evil.example"},
    "for another site": {"aud": "tap-id"},
    "for several sites": {"aud": ["x", "y"]},
    "for nobody": {"aud": None},
    "of nobody": {"sub": None},
    "of an empty subject": {"sub": ""},
    "without an address": {"email": None},
    "with a number for an address": {"email": 5},
    "over": {"exp": -60},
    "too old": {"iat": -HOUR - 60},
    "without a time": {"iat": None},
}

SCENARIOS = [
    scenario(
        "somebody taps, and again",
        tap_and_look(),
        tap_and_look(name="Other", picture=None),
        tap_and_look("bob", email_verified="true", iss="accounts.google.com", name=None),
        tap_and_look("cleo", email_verified=False, picture=5, name=""),
        tap_and_look("cleo"),
        setting=TAP,
    ),
    scenario(
        "tokens that open nothing",
        *(step for name, claims in _WRONG.items() for step in tap("eve", name, **claims)),
        *(step for sign in ("stranger", "PS256", "unknown") for step in tap("eve", sign, sign)),
        tap("eve", "without a name of its key", "unnamed"),
        setting=TAP,
    ),
    scenario(
        "one tap checks its body",
        *(
            post(PATH, f"idToken is {kind}", json={"idToken": value})
            for kind, value in WRONG_TYPES.items()
        ),
        *(post(PATH, f"the body is {kind}", json=value) for kind, value in WRONG_TYPES.items()),
        *(
            post(PATH, f"callbackURL is {kind}", json={"idToken": "x", "callbackURL": value})
            for kind, value in WRONG_TYPES.items()
        ),
        *(
            post(PATH, page, json={"idToken": "x", "callbackURL": page})
            for page in ("/in", "https://evil.example", "//evil.example", "http://localhost:3000/x")
        ),
        post(PATH, "no body"),
        get(PATH, "GET"),
        post(PATH, "from elsewhere", json={"idToken": "x"}, cookie="a=b", origin="https://e.vil"),
        setting=TAP,
    ),
    scenario(
        "a tap of somebody who is there already",
        signed_up(),
        tap(label="whose address nobody has verified here"),
        verified(),
        tap(label="whom Google has not verified", email_verified=False),
        tap_and_look(),
        tap_and_look(label="another account at the same address", sub="other"),
        setting=TAP,
    ),
    scenario(
        "a tap where nobody signs up",
        tap("ada", aud="tap-id"),
        signed_up(),
        verified(),
        tap_and_look("ada", aud="tap-id"),
        tap_and_look("ada", aud=["another", "other-id"], label="for several"),
        tap("ada", "for another", aud="google-id"),
        setting=OWN,
    ),
    scenario(
        "a tap of one domain's people",
        tap("ada", "of no domain"),
        tap("ada", "of another domain", hd="evil.example"),
        tap("ada", "of a list", hd=["example.com"]),
        tap_and_look(hd="example.com"),
        tap_and_look(hd="example.com", name="Another"),
        setting=DOMAIN,
    ),
]
