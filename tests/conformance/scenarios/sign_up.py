"""POST /sign-up/email."""

from collections.abc import Iterator
from typing import Any, Final

from tests.conformance.model import (
    TOO_LONG,
    WRONG_TYPES,
    Call,
    Step,
    email,
    get,
    post,
    scenario,
    session,
    sign_in,
    sign_up,
    without,
)
from tests.conftest import PASSWORD

PATH: Final = "/sign-up/email"
GOOD: Final = {"name": "Ada", "email": email(), "password": PASSWORD}
FIELDS: Final = ("name", "email", "password", "image", "callbackURL", "rememberMe")
UNTIDY: Final = "only trimmed, printable names of a sane length are kept"


def attempt(name: str, body: Any, **more: Any) -> Call:
    return post(PATH, name, json=body, **more)


def wrong_types(field: str) -> Iterator[Call]:
    # A password too long is refused at the very end: values that pass do not sign anybody up.
    base = {**GOOD, "password": TOO_LONG}
    for kind, value in WRONG_TYPES.items():
        yield attempt(f"{field} is {kind}", {**base, field: value})
    yield attempt(f"{field} is an empty string", {**base, field: ""})


def extra(name: str, **fields: Any) -> tuple[Step, ...]:
    address = f"{name}.<<here>>@example.com"
    return (
        attempt(f"extra field {name}", {**GOOD, "email": address, **fields}, save="a"),
        get("/get-session", f"afterwards: {name}", cookie="better-auth.session_token=<<a.signed>>"),
    )


def password(name: str, text: str, **more: Any) -> Call:
    body = {"name": "P", "email": f"{name}.<<here>>@example.com", "password": text}
    return attempt(f"password: {name}", body, **more)


def named(label: str, name: str, **more: Any) -> Call:
    body = {**GOOD, "email": f"{label}.<<here>>@example.com", "name": name}
    return attempt(f"name: {label}", body, **more)


SUCCESS = (
    scenario(
        "sign-up gives a session, and the session works",
        sign_up(),
        session(),
        get("/token", cookie="<<ada.cookie>>"),
        sign_in(),
        session(),
    ),
    scenario(
        "sign-up may be remembered or not",
        attempt("remembered", {**GOOD, "rememberMe": True}, save="a"),
        session("a"),
        attempt("not remembered", {**GOOD, "email": email("b"), "rememberMe": False}, save="b"),
        session("b"),
        get("/get-session", "with both cookies", cookie="<<b.cookies>>"),
    ),
    scenario(
        "sign-up takes an image",
        attempt("an image", {**GOOD, "image": "https://example.com/a.png"}, save="a"),
        session("a"),
        attempt("no address at all", {**GOOD, "email": email("b"), "image": "just words"}),
        attempt("an empty image", {**GOOD, "email": email("c"), "image": ""}),
        attempt("a data URL", {**GOOD, "email": email("d"), "image": "data:image/png;base64,AA=="}),
    ),
    scenario(
        "sign-up keeps odd names",
        named("unicode", "Žofie 李 🦊 e\u0301"),
        named("empty", ""),
        named("markup", "<script>alert(1)</script>"),
        named("quotes", 'Robert\'); DROP TABLE "user";--'),
        named("spaces", "  Ada  "),
        named("line-breaks", "Ada\nLovelace\t"),
        named("long", "n" * 255),
        named("very-long", "n" * 5000, refusable=UNTIDY),
        named("nul", "a\x00b"),
    ),
)

REFUSALS = (
    scenario(
        "sign-up with an address that is taken is refused",
        sign_up(),
        attempt("the same address", {**GOOD, "password": "another password"}),
        attempt("in capitals", {**GOOD, "email": "ADA.<<here>>@EXAMPLE.COM"}),
        attempt("with a short password", {**GOOD, "password": "short"}),
        attempt("with a space", {**GOOD, "email": f" {email()}"}),
        sign_in(),
    ),
    scenario(
        "sign-up needs every field",
        attempt("nothing", {}),
        *(attempt(f"no {name}", without(GOOD, name)) for name in GOOD),
        *(attempt(f"only {name}", {name: GOOD[name]}) for name in GOOD),
        attempt("no name and a taken type", {"email": 5, "password": None}),
    ),
    *(scenario(f"sign-up checks the type of {field}", wrong_types(field)) for field in FIELDS),
    scenario(
        "sign-up counts a password's UTF-16 units",
        password("empty", ""),
        password("seven", "1234567"),
        password("eight", "12345678"),
        password("most", "p" * 128),
        password("too-many", "p" * 129),
        password("three-emoji-and-one", "🦊🦊🦊1"),
        password("four-emoji", "🦊🦊🦊🦊"),
        password("sixty-four-emoji", "🦊" * 64),
        password("sixty-five-emoji", "🦊" * 65),
        password("eight-spaces", " " * 8),
        password("accents", "pässwörd"),
        password("nul", "pass\x00word"),
        password("huge", "p" * 20000),
    ),
    scenario(
        "sign-up reports every problem at once",
        attempt("three problems", {"name": 1, "email": "no", "password": ""}),
        attempt("all six", dict.fromkeys(FIELDS, 5)),
        attempt("in another order", {"rememberMe": "x", "password": 1, "email": "no"}),
    ),
)

EXTRAS = (
    scenario(
        "sign-up does not let the client choose what is the server's",
        extra("id", id="chosen-by-the-client"),
        extra("email-verified", emailVerified=True),
        extra("email-not-verified", emailVerified=False),
        extra("created-at", createdAt="2020-01-01T00:00:00.000Z"),
        extra("updated-at", updatedAt="2020-01-01T00:00:00.000Z"),
        extra("role", role="admin"),
        extra("user-id", userId="other"),
        extra("token", token="t" * 32),
        extra("nested", user={"id": "x"}),
        extra("snake", email_verified=True),
    ),
    scenario(
        "sign-up survives keys with a meaning in JavaScript",
        *(
            post(
                PATH,
                f"the key {key}",
                body=b'{"name":"K","email":"%s.<<here>>@example.com","password":"a good password",'
                b'"%s":{"isAdmin":true}}' % (key.strip("_").encode(), key.encode()),
            )
            for key in ("__proto__", "constructor", "prototype", "toString", "hasOwnProperty")
        ),
    ),
)

SCENARIOS = [*SUCCESS, *REFUSALS, *EXTRAS]
