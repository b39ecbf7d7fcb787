"""POST /sign-in/email."""

from collections.abc import Iterator
from typing import Any, Final

from tests.conformance.model import (
    TOO_LONG,
    WRONG_TYPES,
    Call,
    Sql,
    email,
    get,
    post,
    scenario,
    session,
    sign_in,
    sign_up,
    signed_up,
    without,
)
from tests.conftest import PASSWORD

PATH: Final = "/sign-in/email"
GOOD: Final = {"email": email(), "password": PASSWORD}
FIELDS: Final = ("email", "password", "callbackURL", "rememberMe")
OF_ADA: Final = (email(),)
PASSWORD_OF_ADA: Final = (
    'update account set password = $2 from "user" u where u.id = account."userId" and u.email = $1'
)


def attempt(name: str, body: Any, **more: Any) -> Call:
    return post(PATH, name, json=body, **more)


def wrong_types(field: str) -> Iterator[Call]:
    base = {**GOOD, "password": TOO_LONG}
    for kind, value in WRONG_TYPES.items():
        yield attempt(f"{field} is {kind}", {**base, field: value})
    yield attempt(f"{field} is an empty string", {**base, field: ""})


def stored(what: str) -> tuple[Sql, Call]:
    """Signing in while the database holds this as the password's hash."""
    return Sql(PASSWORD_OF_ADA, (email(), what)), sign_in(name=f"the hash {what[:40]!r}")


SUCCESS = (
    scenario(
        "sign-in gives a session of its own each time",
        signed_up(),
        sign_in(save="one"),
        sign_in(save="two"),
        session("ada"),
        session("one"),
        session("two"),
        get("/list-sessions", cookie="<<two.cookie>>"),
    ),
    scenario(
        "sign-in may be remembered or not",
        signed_up(),
        sign_in(rememberMe=True, save="long"),
        sign_in(rememberMe=False, save="short"),
        session("long"),
        get("/get-session", "not remembered, session cookie only", cookie="<<short.cookie>>"),
        get("/get-session", "not remembered, all cookies", cookie="<<short.cookies>>"),
        attempt("remembered again", {**GOOD, "rememberMe": True}, cookie="<<short.cookies>>"),
        attempt("not remembered again", {**GOOD, "rememberMe": False}, cookie="<<short.cookies>>"),
        attempt("nothing said", GOOD, cookie="<<short.cookies>>"),
    ),
    scenario(
        "sign-in while signed in gives another session",
        signed_up(),
        signed_up("bob"),
        attempt("ada, with bob's cookie", GOOD, cookie="<<bob.cookie>>", save="new"),
        session("new"),
        session("bob"),
    ),
    scenario(
        "sign-in normalises a password's unicode as the original does",
        sign_up(password="ﬁne pässwörd ①"),
        sign_in(password="ﬁne pässwörd ①", name="as it was typed"),
        sign_in(password="fine pa\u0308sswo\u0308rd 1", name="its compatibility form"),
        sign_in(password="fine password 1", name="without accents"),
        sign_in(password="FINE PÄSSWÖRD 1", name="in capitals"),
    ),
    scenario(
        "sign-in takes passwords of every kind",
        sign_up(password="pass\x00word with a nul"),
        sign_in(password="pass\x00word with a nul", name="with the NUL"),
        sign_in(password="pass", name="up to the NUL"),
        sign_up("bob", password="p" * 128),
        sign_in("bob", password="p" * 128),
        sign_in("bob", password="p" * 127, name="one character less"),
    ),
)

REFUSALS = (
    scenario(
        "sign-in refuses wrong passwords and unknown addresses in the same words",
        signed_up(),
        sign_in(password="not the password", name="a wrong password"),
        sign_in(password=f"{PASSWORD} ", name="with a space behind"),
        sign_in(password=PASSWORD.upper(), name="in capitals"),
        sign_in(password="x", name="a short one"),
        sign_in(password="", name="an empty one"),
        sign_in(password=TOO_LONG, name="a long one"),
        sign_in("nobody", name="an unknown address"),
        sign_in("nobody", password="", name="an unknown address, no password"),
        sign_in(email=f" {email()}", name="a space before the address"),
        sign_in(email=f"{email()}\n", name="a line break behind the address"),
    ),
    scenario(
        "sign-in needs every field",
        attempt("nothing", {}),
        *(attempt(f"no {name}", without(GOOD, name)) for name in GOOD),
        attempt("both wrong", {"email": 1, "password": []}),
        attempt("all wrong", dict.fromkeys(FIELDS, 5)),
    ),
    *(scenario(f"sign-in checks the type of {field}", wrong_types(field)) for field in FIELDS),
    scenario(
        "sign-in ignores fields that it does not know",
        signed_up(),
        sign_in(id="x", emailVerified=True, token="t", name="extra fields"),
        sign_in(image="x", user={"id": "y"}, name="more of them"),
    ),
    scenario(
        "sign-in refuses a user without a password",
        signed_up(),
        Sql(
            'update account set "providerId" = \'github\' from "user" u'
            ' where u.id = account."userId" and u.email = $1',
            OF_ADA,
        ),
        sign_in(name="no credential account"),
    ),
    scenario(
        "sign-in refuses an account whose password was taken away",
        signed_up(),
        Sql(
            'update account set password = null from "user" u'
            ' where u.id = account."userId" and u.email = $1',
            OF_ADA,
        ),
        sign_in(name="no password in the account"),
    ),
    scenario(
        "sign-in refuses a hash that it cannot read",
        signed_up(),
        stored(""),
        stored("nonsense"),
        stored("a:b"),
        stored(":"),
        stored("00:"),
        stored("$2b$10$abcdefghijklmnopqrstuv"),
        stored("zz" * 16 + ":" + "zz" * 64),
        stored("00" * 16 + ":" + "00" * 64),
        stored("00" * 16 + ":" + "00" * 64 + ":more"),
    ),
    scenario(
        "sign-in verifies a hash made by the original",
        signed_up(),
        stored(
            # scrypt of "a good password" under the salt 000102…0f
            "000102030405060708090a0b0c0d0e0f:"
            "86570a17480abf2b289cff224b202974d6ed54a70f9970de93d4335dcaa598cb"
            "e56ce6b8dea9907ce925da89fba0cfb55154f44d7079fad8caf67726b1ed9935"
        ),
    ),
)

SCENARIOS = [*SUCCESS, *REFUSALS]
