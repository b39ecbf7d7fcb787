"""/send-verification-email and /verify-email, sign-up and sign-in that need a verified address."""

import time
from collections.abc import Iterator
from typing import Any, Final

import jwt

from tests.conformance.model import (
    TRUSTED,
    Call,
    Scenario,
    Sql,
    email,
    get,
    mails,
    post,
    scenario,
    session,
    sign_in,
    sign_up,
    signed_up,
)
from tests.support.servers import SECRET

from .password_reset import PAGES, bodies, leading_to

SEND: Final = "/send-verification-email"
FORGED: Final = "forged@example.com"
FORGED_ID: Final = "f0000000-0000-4000-8000-00000000000f"
TAKEN_ID: Final = "f0000000-0000-4000-8000-00000000000e"
LEGACY_ID: Final = "f0000000-0000-4000-8000-00000000000d"
HOUR: Final = 3600
NO_EMAIL_TOKEN: Final = "no Better Auth server makes such a token for an e-mail, front ends may"


def send(name: str = "sends a mail", who: str = "ada", **fields: Any) -> Call:
    return post(SEND, name, json={"email": email(who), **fields})


def send_as(cookie: str, name: str, who: str = "ada") -> Call:
    return post(SEND, name, json={"email": email(who)}, cookie=cookie)


def verify(token: str, name: str = "follows the link", query: str = "", **more: Any) -> Call:
    return get(f"/verify-email?token={token}{query}", name, **more)


def minted(secret: str = SECRET, **claims: Any) -> str:
    """A token as whoever has the secret can make it."""
    return jwt.encode(claims, secret, "HS256", headers={"typ": None})


def verified(who: str = "ada") -> Sql:
    return Sql('update "user" set "emailVerified" = true where email = $1', (email(who),))


def refusals(setting: str) -> Iterator[Scenario]:
    yield scenario(
        f"send-verification-email checks its body ({setting})",
        bodies(SEND, {"email": email(), "callbackURL": "/welcome"}),
        # The original takes half a second for each that it sends: a few are enough.
        (send(f"callbackURL {page!r}", callbackURL=page) for page in PAGES[::6]),
        get(SEND, "GET"),
        [mails()] if setting != "plain" else [],
        setting=setting,
    )
    yield scenario(
        f"verify-email checks its query ({setting})",
        get("/verify-email"),
        get("/verify-email?token="),
        get("/verify-email?token=a&token=b"),
        get("/verify-email?callbackURL=/x"),
        get("/verify-email?callbackURL=/x&callbackURL=/y"),
        get("/verify-email?token=a&callbackURL=/x&callbackURL=/y"),
        (verify("x", f"to {page}", f"&{leading_to(page)}") for page in PAGES),
        post("/verify-email?token=x", "POST"),
        verify("%00"),
        verify("a.b.c"),
        verify("eyJhbGciOiJub25lIn0.eyJlbWFpbCI6ImFAYi5jbyJ9."),
        setting=setting,
    )


EXP: Final = int(time.time()) + 7 * 24 * HOUR
GOOD: Final[dict[str, Any]] = {"email": FORGED, "iat": EXP - HOUR, "exp": EXP}
TOKENS: Final[dict[str, str]] = {
    "expired": minted(**{**GOOD, "exp": 1}),
    "expired, of nobody": minted(email="nobody@example.com", exp=1),
    "of nobody": minted(**{**GOOD, "email": "nobody@example.com"}),
    "not yet": minted(**GOOD, nbf=EXP),
    "by another secret": minted("x" * 40, **GOOD),
    "by another secret and expired": minted("x" * 40, email=FORGED, exp=1),
    "HS512": jwt.encode(GOOD, SECRET * 2, "HS512"),
    "for another user": minted(**GOOD, userId="user_1"),
    "without an address": minted(userId=FORGED_ID, exp=EXP),
    "with half an address": minted(**{**GOOD, "email": "forged"}),
    "with a number for an address": minted(**{**GOOD, "email": 5}),
    "with a number for a user": minted(**GOOD, userId=5),
    "with a NUL for a user": minted(**GOOD, userId="a\0"),
    "to change, without a user": minted(**GOOD, updateTo="x@example.com"),
    "to change, of nobody": minted(**GOOD, updateTo="x@example.com", userId="nobody"),
    "to change, from another": minted(
        **{**GOOD, "email": "other@example.com"}, updateTo="x@example.com", userId=FORGED_ID
    ),
    "to change, to a taken one": minted(
        **GOOD, updateTo="taken@example.com", userId=FORGED_ID,
        requestType="change-email-verification",
    ),
}  # fmt: skip
_NEW_USER: Final = (
    'insert into "user" (id, name, email, "emailVerified") values ($1, $2, $2, false)'
)
FORGING: Final = (
    Sql(_NEW_USER + " on conflict do nothing", (FORGED_ID, FORGED)),
    Sql(_NEW_USER + " on conflict do nothing", (TAKEN_ID, "taken@example.com")),
)

SCENARIOS = [
    *refusals("plain"),
    *refusals("mail"),
    scenario(
        "tokens that prove nothing",
        *FORGING,
        (verify(token, name) for name, token in TOKENS.items()),
        (verify(token, f"{name}, to /x", "&callbackURL=/x?y%26") for name, token in TOKENS.items()),
        verify(TOKENS["expired"], "with an evil callback", "&callbackURL=https://evil.example"),
        setting="mail",
    ),
    scenario(
        "a token from the other server verifies",
        *FORGING,
        verify(minted(**GOOD, sub=FORGED_ID), "an access token", refusable=NO_EMAIL_TOKEN),
        verify(minted(email=FORGED), "a token without end", refusable=NO_EMAIL_TOKEN),
        verify(minted(**GOOD)),
        verify(minted(**GOOD), "again"),
        verify(minted(**GOOD), "and leads on", "&callbackURL=/x"),
        Sql('update "user" set "emailVerified" = false where id = $1', (FORGED_ID,)),
        verify(minted(**GOOD, userId=FORGED_ID), "with a user, and leads on", "&callbackURL=/x"),
        Sql('delete from "user" where id = $1', (FORGED_ID,)),
    ),
    scenario(
        "a token of the legacy kind changes the address at once",
        Sql(_NEW_USER, (LEGACY_ID, "legacy@example.com")),
        verify(
            minted(
                email="legacy@example.com", updateTo="New@example.com", userId=LEGACY_ID, exp=EXP
            ),
        ),
        mails(),
        setting="mail",
    ),
    scenario(
        "an address is verified",
        sign_up(callbackURL="/unused"),
        mails("none at sign-up"),
        send(callbackURL="/welcome?x=1"),
        mails(save="mail"),
        verify("<<mail.token>>x", "a token with a letter too many"),
        session(name="not verified"),
        verify("<<mail.token>>", "verified", "&callbackURL=/welcome?x=1"),
        session(name="verified"),
        verify("<<mail.token>>", "again"),
        send("already verified"),
        mails("no mail"),
        setting="mail",
    ),
    scenario(
        "whoever is signed in can only ask for their own address",
        signed_up(),
        signed_up("bob"),
        send_as("<<ada.cookie>>", "another's", who="bob"),
        send_as("<<ada.cookie>>", "nobody's", who="nobody"),
        send_as("<<ada.cookie>>", "in capitals", who="ADA"),
        mails(save="mail"),
        verify("<<mail.token>>", cookie="<<bob.cookie>>"),
        send_as("<<ada.cookie>>", "already verified"),
        send_as("better-auth.session_token=nonsense", "with a broken cookie", who="bob"),
        send("nobody's", who="nobody"),
        send("a NUL", who="a\0"),
        mails("one mail"),
        setting="mail",
    ),
    scenario(
        "verification outlives no user",
        signed_up(),
        send(),
        mails(save="mail"),
        Sql('delete from "user" where id = $1', ("<<ada.id>>",)),
        verify("<<mail.token>>"),
        verify("<<mail.token>>", "to /x", "&callbackURL=/x"),
        setting="mail",
    ),
    scenario(
        "who must verify the address cannot sign in before",
        sign_up(callbackURL="/welcome"),
        mails(save="mail"),
        sign_up(),
        mails("none for a second sign-up"),
        sign_in(name="not yet", callbackURL="/home"),
        mails("another mail"),
        sign_in(name="a wrong password", password="not the password"),
        mails("no mail"),
        verify("<<mail.token>>", "verified and signed in", save="in"),
        session("in"),
        verify("<<mail.token>>", "again"),
        sign_in(),
        sign_up(),
        sign_up(name="Mallory", image="https://example.com/m.png"),
        setting="strict mail",
    ),
    scenario(
        "verifying signs in and leads on",
        sign_up(),
        mails(save="mail"),
        verify("<<mail.token>>", "verified", "&callbackURL=/home", save="in"),
        session("in"),
        setting="strict mail",
    ),
    scenario(
        "verifying keeps one's own session",
        sign_up(),
        verified(),
        sign_in(save="mine", rememberMe=False),
        Sql('update "user" set "emailVerified" = false where id = $1', ("<<mine.id>>",)),
        mails(save="mail"),
        verify("<<mail.token>>", "verified", cookie="<<mine.cookies>>"),
        session("mine"),
        setting="strict mail",
    ),
    scenario(
        "verifying replaces another's session",
        sign_up("bob"),
        verified("bob"),
        sign_in("bob"),
        mails(),
        sign_up(),
        mails(save="mail"),
        verify("<<mail.token>>", "ada's", cookie="<<bob.cookie>>", save="in"),
        session("in"),
        session("bob"),
        setting="strict mail",
    ),
    scenario(
        "without a mailer nobody gets in unverified",
        sign_up(),
        sign_up(),
        sign_in(),
        send(),
        post("/sign-in/email", "an unknown one", json={"email": email("x"), "password": "x" * 9}),
        verified(),
        sign_in(name="verified otherwise"),
        session(),
        setting="no mailer",
    ),
    scenario(
        "mails that a request from another site asks for",
        signed_up(),
        post(SEND, "evil", json={"email": email()}, cookie="a=b", origin="https://evil.example"),
        post(SEND, "trusted", json={"email": email()}, cookie="a=b", origin=TRUSTED),
        mails(),
        setting="mail",
    ),
]
