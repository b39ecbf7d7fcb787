"""/change-email, with one confirmation or two; deletion that a mail confirms; /error."""

from collections.abc import Iterator
from typing import Any, Final

from tests.conformance.model import (
    WRONG_TYPES,
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
from tests.conftest import PASSWORD

from .email_verification import verified, verify
from .password_reset import PAGES, expire, leading_to

PATH: Final = "/change-email"
DELETE: Final = "/delete-user"
CALLBACK: Final = "/delete-user/callback"
COOKIE: Final = "<<ada.cookie>>"


def change(name: str = "wants another", to: str = "new", cookie: str = COOKIE, **more: Any) -> Call:
    return post(PATH, name, json={"newEmail": email(to), **more}, cookie=cookie)


def delete(name: str, cookie: str | None = COOKIE, **body: Any) -> Call:
    return post(DELETE, name, json=body, cookie=cookie)


def confirm(
    token: str, name: str = "confirms", query: str = "", cookie: str | None = COOKIE
) -> Call:
    return get(f"{CALLBACK}?token={token}{query}", name, cookie=cookie)


def refusals(setting: str) -> Iterator[Scenario]:
    yield scenario(
        f"change-email checks its body ({setting})",
        signed_up(),
        verified(),
        sign_in(),
        *(
            post(
                PATH, f"{field} is {kind}", json={"newEmail": "x@y.zz", field: value}, cookie=COOKIE
            )
            for field in ("newEmail", "callbackURL")
            for kind, value in WRONG_TYPES.items()
        ),
        post(PATH, "no body", cookie=COOKIE),
        post(PATH, "broken", body=b"{", cookie=COOKIE),
        *(change(f"callbackURL {page!r}", callbackURL=page) for page in PAGES),
        change("an unknown cookie", cookie="better-auth.session_token=x"),
        post(PATH, "nobody", json={"newEmail": email("new")}),
        post(
            PATH, "an evil Origin", json={"newEmail": email("n")}, cookie=COOKIE, origin="http://e"
        ),
        change("the same", to="ada"),
        change("the same in capitals", to="ADA"),
        get(PATH, "GET"),
        [mails()] if setting != "plain" else [],
        setting=setting,
    )


NOWHERE: Final = (
    "",
    "error=access_denied",
    "error=access_denied&error_description=The+user%20said%20%C3%A4h",
    "error=a%20b",
    "error=%3Cscript%3E&error_description=%3Cscript%3Ealert(1)%3C/script%3E",
    "error=it's_bad-1",
    "error=",
    "error",
    "error=a&error=b&error_description=c&error_description=d",
    "error=a%0A&error_description=x%0Ay",
    "error=%FF&error_description=%FF*~",
    "error_description=only",
    "state=x",
)

SCENARIOS = [
    *refusals("plain"),
    *refusals("mail"),
    *refusals("no mailer"),
    scenario(
        "error sends the browser home", (get(f"/error?{query}") for query in NOWHERE), get("/error")
    ),
    scenario(
        "an address that is not verified changes with one confirmation",
        signed_up(),
        change(callbackURL="/changed"),
        mails(save="mail"),
        session(name="still the old one"),
        verify("<<mail.token>>", "confirmed", "&callbackURL=/changed", cookie=COOKIE),
        session(name="the new one"),
        verify("<<mail.token>>", "again"),
        verify("<<mail.token>>", "again, to /x", "&callbackURL=/x"),
        sign_in(name="with the old address"),
        sign_in("new"),
        setting="mail",
    ),
    scenario(
        "a verified address changes with two confirmations",
        signed_up(),
        verified(),
        change(),
        mails("to the old address", save="first"),
        verify("<<first.token>>", "agreed"),
        mails("to the new address", save="second"),
        verify("<<first.token>>", "agreed again, to /x", "&callbackURL=/x"),
        mails("to the new address once more"),
        session(name="still the old one"),
        verify("<<second.token>>", "confirmed without a session"),
        session(name="the new one"),
        verify("<<second.token>>", "again"),
        verify("<<first.token>>", "the first again"),
        setting="mail",
    ),
    scenario(
        "an address that is taken gets the same answer and no mail",
        signed_up(),
        signed_up("bob"),
        change(to="bob"),
        verified(),
        change(to="BOB"),
        mails(),
        setting="mail",
    ),
    scenario(
        "an address that was taken in the meantime is not given away",
        signed_up(),
        change(),
        mails(save="mail"),
        signed_up("new"),
        verify("<<mail.token>>"),
        session(),
        setting="mail",
    ),
    scenario(
        "another user's session does not change my address",
        signed_up(),
        signed_up("bob"),
        change(),
        mails(save="mail"),
        verify("<<mail.token>>", "bob follows", cookie="<<bob.cookie>>"),
        verify("<<mail.token>>", "bob follows, to /x", "&callbackURL=/x", cookie="<<bob.cookie>>"),
        verify("<<mail.token>>", "ada follows", cookie=COOKIE),
        session(),
        setting="mail",
    ),
    scenario(
        "change-email keeps a session that is not remembered",
        signed_up(),
        sign_in(save="short", rememberMe=False),
        change(cookie="<<short.cookies>>"),
        mails(save="mail"),
        verify("<<mail.token>>", cookie="<<short.cookies>>"),
        setting="mail",
    ),
    scenario(
        "an unverified address may change at once",
        sign_up(),
        verified(),
        sign_in(),
        mails(),
        Sql('update "user" set "emailVerified" = false where id = $1', ("<<ada.id>>",)),
        sign_up("bob"),
        change("taken", to="bob"),
        mails("bob's own"),
        change(callbackURL="/welcome"),
        mails(save="mail"),
        session(name="the new one"),
        verify("<<mail.token>>", "verified", cookie=COOKIE),
        change("verified now", to="newer"),
        mails(),
        setting="strict mail",
    ),
    scenario(
        "a user deletes the account with a mail",
        signed_up(),
        delete("asks", callbackURL="/bye"),
        mails(save="mail"),
        session(name="still there"),
        confirm("<<mail.token>>", "without a session", cookie=None),
        confirm("<<mail.token>>", "leads on", "&callbackURL=/bye"),
        session(name="gone"),
        sign_in(),
        setting="mail",
    ),
    scenario(
        "a user deletes the account with the token itself",
        signed_up(),
        delete("a wrong password", password="not the password"),
        delete("asks with the password", password=PASSWORD),
        mails(save="mail"),
        delete("unknown token", token="unknown"),
        delete("a NUL", token="a\0"),
        delete("a wrong password and the token", token="<<mail.token>>", password="not it"),
        delete("the token", token="<<mail.token>>"),
        session(name="gone"),
        setting="mail",
    ),
    scenario(
        "a token to delete is for one user and one use",
        signed_up(),
        signed_up("bob"),
        delete("ada asks"),
        mails(save="mail"),
        confirm("<<mail.token>>", "bob tries", cookie="<<bob.cookie>>"),
        confirm("<<mail.token>>", "which spent it"),
        delete("ada asks again"),
        mails(save="again"),
        expire("delete-account-<<again.token>>"),
        confirm("<<again.token>>", "too late"),
        session(),
        session("bob"),
        setting="mail",
    ),
    scenario(
        "an old session is enough where a mail confirms",
        signed_up(),
        Sql(
            'update session set "createdAt" = now() - interval \'2 days\' where "userId" = $1',
            ("<<ada.id>>",),
        ),
        delete("asks"),
        mails(save="mail"),
        confirm("<<mail.token>>"),
        setting="mail",
    ),
    *(
        scenario(
            f"the link to delete an account is checked ({setting})",
            signed_up(),
            get(CALLBACK, "nothing", cookie=COOKIE),
            get(f"{CALLBACK}?token=a&token=b", "two tokens", cookie=COOKIE),
            get(f"{CALLBACK}?token=a&callbackURL=/a&callbackURL=/b", "two URLs", cookie=COOKIE),
            confirm("", "an empty token"),
            confirm("unknown"),
            confirm("unknown", "nobody", cookie=None),
            confirm("unknown", "a broken cookie", cookie="better-auth.session_token=x"),
            confirm("a%00b", "a NUL"),
            *(confirm("x", f"to {page}", f"&{leading_to(page)}") for page in PAGES),
            post(f"{CALLBACK}?token=x", "POST", cookie=COOKIE),
            session(),
            setting=setting,
        )
        for setting in ("plain", "mail")
    ),
]
