"""/request-password-reset and /reset-password: from the mail to the new password, and abuses."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

from tests.conformance.model import (
    TOO_LONG,
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

NEW: Final = "another good password"
REQUEST: Final = "/request-password-reset"
RESET: Final = "/reset-password"
PAGES: Final = (
    "/reset",
    "/reset?lang=en&x=a%20b#form",
    "/reset?token=old&token=older&error=none",
    "/reset?",
    "/ä?ö=ü",
    "http://localhost:3000",
    "http://localhost:3000/reset?x=~*+-._",
    "<<base>>/x",
    "https://a.trusted.example/#/reset?x",
    "",
    "https://evil.example",
    "//evil.example",
    "reset",
    "javascript:alert(1)",
    "myapp://reset",
)


def request(name: str = "ada forgets the password", who: str = "ada", **fields: Any) -> Call:
    return post(REQUEST, name, json={"email": email(who), **fields})


def follow(token: str, query: str = "callbackURL=%2Freset", name: str = "") -> Call:
    return get(f"{RESET}/{token}?{query}", name or f"follows the link {token} {query}"[:90])


def leading_to(page: str) -> str:
    return f"callbackURL={quote(page, safe='<>')}"


def choose(token: Any, name: str = "a new password", password: Any = NEW) -> Call:
    return post(RESET, name, json={"newPassword": password, "token": token})


def expire(prefix: str) -> Sql:
    return Sql(
        "update verification set \"expiresAt\" = now() - interval '1 s' where identifier = $1",
        (prefix,),
    )


def bodies(path: str, body: dict[str, Any]) -> Iterator[Call]:
    for field in body:
        yield post(path, f"no {field}", json={k: v for k, v in body.items() if k != field})
        for kind, value in WRONG_TYPES.items():
            yield post(path, f"{field} is {kind}", json={**body, field: value})
    for kind, value in WRONG_TYPES.items():
        yield post(path, f"the body is {kind}", json=value)
    yield post(path, "no body")
    yield post(path, "broken JSON", body=b"{")
    yield post(path, "a form", body=b"a=b", content_type="application/x-www-form-urlencoded")
    yield post(path, "GET", json=body)


def refusals(setting: str) -> Iterator[Scenario]:
    yield scenario(
        f"request-password-reset checks its body ({setting})",
        bodies(REQUEST, {"email": email(), "redirectTo": "/reset"}),
        request("a NUL in the address", who="a\0"),
        post(REQUEST, "not an address", json={"email": "ada"}),
        get(REQUEST, "GET"),
        post(REQUEST, "an evil Origin", json={"email": email()}, origin="https://evil.example"),
        post(
            REQUEST,
            "an evil Origin and a cookie",
            json={"email": email()},
            cookie="a=b",
            origin="https://evil.example",
        ),
        [mails()] if setting != "plain" else [],
        setting=setting,
    )
    yield scenario(
        f"request-password-reset checks redirectTo ({setting})",
        (request(f"redirectTo {page!r}", redirectTo=page) for page in PAGES),
        (request(f"callbackURL {page!r}", callbackURL=page) for page in PAGES),
        setting=setting,
    )
    yield scenario(
        f"reset-password checks its body and token ({setting})",
        bodies(RESET, {"newPassword": NEW, "token": "unknown"}),
        choose("unknown", "too short", password="short"),
        choose("unknown", "too long", password=TOO_LONG),
        choose("", "an empty token"),
        choose("nul\0", "a NUL in the token"),
        choose("\ud800", "half a character in the token"),
        choose("x" * 3000, "a long token"),
        post(f"{RESET}?token=unknown", "in the query", json={"newPassword": NEW}),
        post(f"{RESET}?token=a&token=b", "twice in the query", json={"newPassword": NEW}),
        post(f"{RESET}?token=", "empty in the query", json={"newPassword": NEW}),
        post(f"{RESET}?token=a", "wrong types in both", json={"newPassword": 5, "token": 5}),
        get(RESET, "GET"),
        setting=setting,
    )


LINKS: Final = (
    "unknown",
    "a%20b",
    "a%2Fb",
    "a%00b",
    "%ff",
    "%",
    "a+b",
    "a.b",
    ".",
    "..",
    "%2e",
    "%2E%2e",
    "a/b",
    "a/",
    "a\\b",
    "a|b",
    "{token}",
    "x" * 3000,
)
QUERIES: Final = (
    "",
    "callbackURL",
    "callbackURL=",
    "callbackURL=/a&callbackURL=/b",
    "callbackURL=/a&callbackURL=https://evil.example",
    "callbackurl=/a",
    "x=1",
)
ASKED: Final = (signed_up(), request(redirectTo="/reset"), mails(save="mail"))

SCENARIOS = [
    *refusals("plain"),
    *refusals("mail"),
    scenario(
        "a link to reset a password is checked",
        (follow(link) for link in LINKS),
        (follow("unknown", query) for query in QUERIES),
        (follow("unknown", leading_to(page)) for page in PAGES[4:]),
        post(f"{RESET}/unknown", "POST", json={"newPassword": NEW}),
    ),
    scenario(
        "a forgotten password is replaced",
        *ASKED,
        follow("<<mail.token>>"),
        follow("<<mail.token>>", name="follows it again"),
        choose("<<mail.token>>", "too short", password="short"),
        choose("<<mail.token>>"),
        choose("<<mail.token>>", "once more"),
        follow("<<mail.token>>", name="follows it afterwards"),
        mails("the notice"),
        sign_in(name="the old password"),
        sign_in(name="the new password", save="new", password=NEW),
        session("new"),
        session(name="the session from before"),
        setting="mail",
    ),
    scenario(
        "a reset may end all sessions",
        sign_up(),
        Sql('update "user" set "emailVerified" = true where email = $1', (email(),)),
        sign_in(),
        sign_in(save="second"),
        mails(),
        request(),
        mails(save="mail"),
        choose("<<mail.token>>"),
        session(),
        session("second"),
        sign_in(name="the new password", password=NEW),
        setting="strict mail",
    ),
    scenario(
        "a reset takes the token from the query",
        *ASKED,
        post(f"{RESET}?token=<<mail.token>>", "in the query", json={"newPassword": NEW}),
        sign_in(password=NEW),
        setting="mail",
    ),
    scenario(
        "the token in the body comes before the one in the query",
        *ASKED,
        post(f"{RESET}?token=unknown", "good in body", json={"newPassword": NEW, "token": "x"}),
        post(f"{RESET}?token=<<mail.token>>", "bad", json={"newPassword": NEW, "token": "x"}),
        post(f"{RESET}?token=<<mail.token>>", "empty", json={"newPassword": NEW, "token": ""}),
        setting="mail",
    ),
    scenario(
        "links lead where they were told to",
        signed_up(),
        *(
            step
            for page in PAGES
            for step in (
                request(f"page {page!r}", redirectTo=page),
                mails(f"mail for {page!r}", save="mail"),
                follow("<<mail.token>>", leading_to(page), f"to {page}"),
            )
        ),
        setting="mail",
    ),
    scenario(
        "a reset link expires",
        *ASKED,
        expire("reset-password:<<mail.token>>"),
        follow("<<mail.token>>"),
        choose("<<mail.token>>"),
        sign_in(name="the old password"),
        setting="mail",
    ),
    scenario(
        "an unknown address gets the same answer and no mail",
        signed_up(),
        request("unknown", who="nobody"),
        mails(),
        request("in capitals", who="ADA"),
        mails("one mail"),
        request("signed in", who="ada"),
        post(REQUEST, "with a cookie", json={"email": email()}, cookie="<<ada.cookie>>"),
        mails("two mails"),
        setting="mail",
    ),
    scenario(
        "every link works until one is used",
        *ASKED,
        request(),
        mails(save="second"),
        choose("<<second.token>>", "the second", password=PASSWORD),
        sign_in(),
        replace(
            choose("<<mail.token>>", "the first"),
            refusable="a link that was mailed before the password was chosen gives another",
        ),
        setting="mail",
    ),
    scenario(
        "a user without a password gets one",
        signed_up(),
        Sql('delete from account where "userId" = $1', ("<<ada.id>>",)),
        request(),
        mails(save="mail"),
        choose("<<mail.token>>"),
        sign_in(password=NEW),
        setting="mail",
    ),
    scenario(
        "a user who is gone gets none",
        *ASKED,
        Sql('delete from "user" where id = $1', ("<<ada.id>>",)),
        choose("<<mail.token>>"),
        choose("<<mail.token>>", "again"),
        request(),
        mails(),
        setting="mail",
    ),
]
