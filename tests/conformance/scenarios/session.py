"""GET and POST /get-session, GET /token, GET /ok: reading sessions, their sliding and their end."""

from collections.abc import Iterator
from typing import Any, Final

from tests.conformance.model import Call, Sql, get, post, scenario, session, sign_in, signed_up

EXPIRE: Final = "update session set \"expiresAt\" = now() - interval '1 minute' where token = $1"
# Signed in this long ago, and not used since.
AGE: Final = (
    'update session set "createdAt" = "createdAt" - $2::text::interval,'
    ' "updatedAt" = "updatedAt" - $2::text::interval,'
    ' "expiresAt" = "expiresAt" - $2::text::interval where token = $1'
)
QUERY_VALUES: Final = ("true", "false", "", "1", "0", "null", "x", "%00", "%ff", "a%20b")


def aged(age: str, who: str = "ada") -> Sql:
    return Sql(AGE, (f"<<{who}.token>>", age))


def expired(who: str = "ada") -> Sql:
    return Sql(EXPIRE, (f"<<{who}.token>>",))


def queries(name: str) -> Iterator[Call]:
    for value in QUERY_VALUES:
        yield get(f"/get-session?{name}={value}", cookie="<<ada.cookie>>")
    yield get(f"/get-session?{name}", cookie="<<ada.cookie>>")
    yield get(f"/get-session?{name}=true&{name}=false", f"{name} twice", cookie="<<ada.cookie>>")
    yield get(f"/get-session?{name}[]=true", cookie="<<ada.cookie>>")


def agent(name: str, *headers: tuple[str, str]) -> tuple[Call, ...]:
    body = {"email": "ada.<<here>>@example.com", "password": "a good password"}
    return (
        post("/sign-in/email", f"sign in with {name}", json=body, headers=headers, save="other"),
        session("other", f"the session of {name}"),
    )


def token(cookie: str | None, name: str, **more: Any) -> Call:
    return get("/token", name, cookie=cookie, **more)


SCENARIOS = [
    scenario(
        "without a session there is null",
        get("/get-session"),
        get("/get-session?disableCookieCache=true"),
        get("/get-session", "with a body", body=b"{", content_type="application/json"),
        get("/token"),
        get("/list-sessions"),
        get("/ok"),
        get("/ok?x=y"),
    ),
    scenario(
        "POST /get-session is refused",
        post("/get-session"),
        post("/get-session", "a body", json={}),
        post("/get-session", "a broken body", body=b"{"),
        post("/get-session", "a strange type", body=b"x", content_type="image/png"),
        signed_up(),
        post("/get-session", "with a session", cookie="<<ada.cookie>>"),
        post("/get-session", "with a bearer", headers=(("authorization", "Bearer <<ada.token>>"),)),
    ),
    scenario("disableRefresh is read", signed_up(), queries("disableRefresh")),
    scenario("disableCookieCache is read", signed_up(), queries("disableCookieCache")),
    scenario(
        "unknown queries are ignored",
        signed_up(),
        get("/get-session?x=1&__proto__=2&constructor=3", cookie="<<ada.cookie>>"),
        get("/get-session?token=<<ada.token>>", "a token in the query"),
        get("/get-session?%", "a lone percent sign", cookie="<<ada.cookie>>"),
        get("/get-session?=&&=x", "odd separators", cookie="<<ada.cookie>>"),
    ),
    scenario(
        "an expired session ends, and its cookie too",
        signed_up(),
        sign_in(save="other"),
        expired(),
        session(),
        session(name="once more"),
        token("<<ada.cookie>>", "a token for it"),
        session("other", "the other session stays"),
        get("/list-sessions", "the expired one is gone", cookie="<<other.cookie>>"),
    ),
    scenario(
        "an expired session opens nothing",
        signed_up(),
        expired(),
        token("<<ada.cookie>>", "no token"),
        get("/list-sessions", cookie="<<ada.cookie>>"),
        post("/update-user", json={"name": "X"}, cookie="<<ada.cookie>>"),
        post("/delete-user", json={}, cookie="<<ada.cookie>>"),
        get(
            "/get-session",
            "as a bearer",
            headers=(("authorization", "Bearer <<ada.token>>"),),
        ),
    ),
    *(
        scenario(
            f"a session of {age} is asked for",
            signed_up(),
            aged(age),
            session(),
            session(name="and again"),
            get("/list-sessions", cookie="<<ada.cookie>>"),
        )
        for age in ("1 hour", "23 hours 58 minutes", "24 hours 2 minutes", "3 days", "6 days 23:58")
    ),
    scenario(
        "sliding can be declined",
        signed_up(),
        aged("2 days"),
        get("/get-session?disableRefresh=true", cookie="<<ada.cookie>>"),
        get("/get-session?disableRefresh=", "an empty value slides", cookie="<<ada.cookie>>"),
        session(),
    ),
    scenario(
        "any use slides an old session",
        signed_up(),
        aged("2 days"),
        token("<<ada.cookie>>", "a token"),
        session(),
    ),
    scenario(
        "update-user slides an old session",
        signed_up(),
        aged("2 days"),
        post("/update-user", json={"name": "Old"}, cookie="<<ada.cookie>>"),
        session(),
    ),
    scenario(
        "a bearer slides an old session",
        signed_up(),
        aged("2 days"),
        get("/get-session", headers=(("authorization", "Bearer <<ada.token>>"),)),
        session(),
    ),
    scenario(
        "a session that is not remembered lasts a day and does not slide",
        signed_up(),
        sign_in(save="short", rememberMe=False),
        get("/get-session", cookie="<<short.cookies>>"),
        aged("12 hours", "short"),
        get("/get-session", "after half a day", cookie="<<short.cookies>>"),
        get("/get-session", "without dont_remember", cookie="<<short.cookie>>"),
        get("/get-session", "and then", cookie="<<short.cookies>>"),
    ),
    scenario(
        "a session of a deleted user is none",
        signed_up(),
        Sql('delete from "user" where id = $1', ("<<ada.id>>",)),
        session(),
        token("<<ada.cookie>>", "no token"),
        get("/get-session", "as a bearer", headers=(("authorization", "Bearer <<ada.token>>"),)),
    ),
    scenario(
        "the session keeps the browser's name",
        signed_up(),
        agent("no name"),
        agent("a name", ("user-agent", "Mozilla/5.0 (X11; Linux x86_64)")),
        agent("an empty name", ("user-agent", "")),
        agent("markup", ("user-agent", "<script>alert(1)</script>")),
        agent("two names", ("user-agent", "one"), ("user-agent", "two")),
        agent("Latin-1", ("user-agent", "caf\xe9")),
        agent("a long name", ("user-agent", "u" * 1000)),
    ),
    scenario(
        "what the database says of the user is what the session says",
        signed_up(),
        Sql(
            "update \"user\" set \"emailVerified\" = true, image = 'x', name = 'N' where id = $1",
            ("<<ada.id>>",),
        ),
        session(),
        token("<<ada.cookie>>", "a token"),
    ),
]
