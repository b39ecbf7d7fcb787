"""GET /list-sessions."""

from typing import Final

from tests.conformance.model import Sql, get, post, scenario, session, sign_in, signed_up

from .session import aged, expired

LIST: Final = "/list-sessions"
CREATED: Final = 'update session set "createdAt" = now() - $2::text::interval where token = $1'


def created(age: str, who: str = "ada") -> Sql:
    return Sql(CREATED, (f"<<{who}.token>>", age))


SCENARIOS = [
    scenario(
        "list-sessions lists this user's sessions only",
        signed_up(),
        signed_up("bob"),
        sign_in(save="second"),
        sign_in(save="third", rememberMe=False),
        get(LIST, "ada's", cookie="<<ada.cookie>>"),
        get(LIST, "bob's", cookie="<<bob.cookie>>"),
        get(LIST, "from the third", cookie="<<third.cookies>>"),
        post("/sign-out", cookie="<<second.cookie>>"),
        get(LIST, "one less", cookie="<<ada.cookie>>"),
    ),
    scenario(
        "list-sessions leaves expired sessions out",
        signed_up(),
        sign_in(save="old"),
        expired("old"),
        get(LIST, cookie="<<ada.cookie>>"),
    ),
    scenario(
        "list-sessions needs a session",
        get(LIST),
        get(LIST, "nonsense", cookie="better-auth.session_token=x"),
        post(LIST),
        post(LIST, "a body", json={}),
    ),
    scenario(
        "list-sessions needs a fresh session",
        signed_up(),
        created("23 hours 58 minutes"),
        get(LIST, "almost a day", cookie="<<ada.cookie>>"),
        created("24 hours 1 minute"),
        get(LIST, "a day", cookie="<<ada.cookie>>"),
        created("2 days"),
        get(LIST, "two days", cookie="<<ada.cookie>>"),
        get(f"{LIST}?disableRefresh=true", "without refresh", cookie="<<ada.cookie>>"),
        get(LIST, "as a bearer", headers=(("authorization", "Bearer <<ada.token>>"),)),
        session(name="the session is still good"),
        sign_in(save="new"),
        get(LIST, "after signing in again", cookie="<<new.cookie>>"),
    ),
    scenario(
        "list-sessions refuses an old session, and slides it",
        signed_up(),
        aged("2 days"),
        get(LIST, cookie="<<ada.cookie>>"),
        session(),
    ),
    scenario(
        "list-sessions checks its query",
        signed_up(),
        get(f"{LIST}?limit=1", cookie="<<ada.cookie>>"),
        get(f"{LIST}?disableCookieCache=x&disableCookieCache=y", cookie="<<ada.cookie>>"),
    ),
]
