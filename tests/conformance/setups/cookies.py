"""Options of cookies: other names and attributes, and the cookie cache in its three forms."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from authward import (
    AdvancedOptions,
    AuthSession,
    AuthUser,
    BetterAuthOptions,
    CookieAttributes,
    CookieCacheOptions,
    CookieOptions,
    CrossSubDomainCookies,
    DBField,
    SessionOptions,
    UserOptions,
)
from authward.oauth import social_provider
from tests.conformance.model import (
    Derive,
    Scenario,
    Sql,
    Step,
    get,
    post,
    scenario,
    session,
    sign_in,
    sign_up,
)
from tests.conformance.setup import Collect, MakeOptions, Setup
from tests.conftest import PASSWORD

ELSEWHERE: Final = "cookies for other sites"
NEVER: Final = "sessions that are never extended"
FIELDS: Final = "cookie cache with more fields"
COMPACT, SIGNED, ENCRYPTED = (f"{form} cookie cache" for form in ("compact", "signed", "encrypted"))
TWO_MINUTES: Final = 120
LONG_URL: Final = f"https://pictures.example.com/{'very-long/' * 700}"
ALL: Final = "<<ada.cookies>>"
END_IN: Final = 'UPDATE session SET "expiresAt" = now() + $2::text::interval WHERE token = $1'


async def _by_name(session: AuthSession, user: AuthUser) -> str:
    return f"v-{user.name}" if session.user_id == user.id else "nobody's"


_CACHES: Final = {
    COMPACT: SessionOptions(
        cookie_cache=CookieCacheOptions(enabled=True, max_age=TWO_MINUTES),
    ),
    SIGNED: SessionOptions(
        cookie_cache=CookieCacheOptions(
            enabled=True, max_age=TWO_MINUTES, strategy="jwt", version="7"
        ),
        defer_session_refresh=True,
    ),
    ENCRYPTED: SessionOptions(
        cookie_cache=CookieCacheOptions(
            enabled=True,
            max_age=TWO_MINUTES,
            strategy="jwe",
            version=_by_name,
            refresh_cache=True,
        ),
    ),
}
_WITH_FIELDS: Final = UserOptions(
    additional_fields={
        "nick": DBField(type="string", required=False),
        "hidden": DBField(type="string", required=False, returned=False, default_value="not shown"),
        "score": DBField(type="number", required=False, default_value=7),
        "born": DBField(type="date", required=False),
        "tags": DBField(type="string[]", required=False),
    }
)
_KNOWN_BY_NAME: Final = SessionOptions(
    cookie_cache=CookieCacheOptions(enabled=True, max_age=TWO_MINUTES),
    additional_fields={
        "device": DBField(type="string", required=False, default_value="unknown"),
        "internal": DBField(type="boolean", required=False, returned=False, default_value=True),
    },
)
_ELSEWHERE: Final = AdvancedOptions(
    use_secure_cookies=True,
    cookie_prefix="shop",
    cross_sub_domain_cookies=CrossSubDomainCookies(enabled=True),
    default_cookie_attributes=CookieAttributes(same_site="none", partitioned=True),
    cookies={
        "session_token": CookieOptions(
            name="sid", attributes=CookieAttributes(path="/api", same_site="strict")
        ),
        "state": CookieOptions(
            name="of.oauth", attributes=CookieAttributes(http_only=False, max_age=77)
        ),
        "dont_remember": CookieOptions(attributes=CookieAttributes(max_age=99)),
    },
)


def _with(**changed: Any) -> MakeOptions:
    github = social_provider("github", client_id="its-id", client_secret="its-secret")

    def options(base: BetterAuthOptions, _: Collect) -> BetterAuthOptions:
        return replace(base, social_providers=(github,), on_user_deleted=(), **changed)

    return options


SETUPS: Final = {
    ELSEWHERE: Setup("cookies", _with(advanced=_ELSEWHERE)),
    FIELDS: Setup("cookies", _with(session=_KNOWN_BY_NAME, user=_WITH_FIELDS)),
    NEVER: Setup("cookies", _with(session=SessionOptions(disable_session_refresh=True))),
    **{name: Setup("cookies", _with(session=options)) for name, options in _CACHES.items()},
}
SID: Final = "<<ada.set.__Secure-sid>>"
KEPT: Final = "<<ada.set.__Secure-shop.dont_remember>>"


def _elsewhere() -> Iterator[Scenario]:
    yield scenario(
        "cookies have other names and attributes",
        sign_up(),
        get("/get-session", "with the cookie", cookie=SID),
        get("/get-session", "the usual name is nothing", cookie=SID.replace("__Secure-sid", "x")),
        sign_in(rememberMe=False),
        get("/get-session", "not remembered", cookie=f"{SID}; {KEPT}"),
        post("/update-user", json={"name": "Ada L."}, cookie=f"{SID}; {KEPT}"),
        post("/sign-in/social", json={"provider": "github"}, save="at"),
        post("/sign-out", "signs out", cookie=f"{SID}; {KEPT}"),
        get("/get-session", "is out", cookie=SID),
        setting=ELSEWHERE,
    )


def _ask(name: str, cookie: str = ALL, query: str = "") -> Step:
    return get(f"/get-session{query}", name, cookie=cookie)


def _shared(setting: str) -> Iterator[Scenario]:
    def case(name: str, *steps: Any) -> Scenario:
        return scenario(f"{setting}: {name}", *steps, setting=setting)

    only_data = "<<ada.set.better-auth.session_data>>"
    gone = Sql("DELETE FROM session WHERE token = $1", ("<<ada.token>>",))
    yield case(
        "the session comes out of the cookie",
        sign_up(),
        _ask("out of the cookie"),
        _ask("past the cookie", query="?disableCookieCache=true"),
        _ask("no value is no wish", query="?disableCookieCache="),
        _ask("without the session's token", only_data),
        _ask("without the cookie", "<<ada.cookie>>"),
        _ask("without refresh", "<<ada.cookie>>", "?disableRefresh=true"),
        get("/list-accounts", cookie=ALL),
        get("/token", cookie=ALL),
        gone,
        _ask("out of the cookie, though it is gone"),
        _ask("past the cookie, where it is gone", query="?disableCookieCache=true"),
        _ask("gone, without the cookie", "<<ada.cookie>>"),
    )
    yield case(
        "a cookie that is wrong is cleared",
        sign_up(),
        sign_up("eve"),
        _ask("somebody else's", "<<ada.cookie>>; <<eve.set.better-auth.session_data>>"),
        Derive("tampered", lambda known: _tampered(known["ada.set.better-auth.session_data"])),
        _ask("tampered with", "<<ada.cookie>>; <<tampered>>"),
        *(
            _ask(f"nonsense {value[:9]}", f"<<ada.cookie>>; better-auth.session_data={value}")
            for value in ("x", "e30", "bnVsbA", "a.b.c", "%00", "W10", "eyJzZXNzaW9uIjp7fX0")
        ),
        _ask("empty", "<<ada.cookie>>; better-auth.session_data="),
    )
    yield case(
        "not remembered",
        sign_up(),
        sign_in(rememberMe=False),
        _ask("out of the cookie"),
        _ask("without the cookie", "<<ada.cookie>>; <<ada.remember>>"),
    )
    yield case(
        "a large session is several cookies",
        sign_up(),
        post("/update-user", "long", json={"image": LONG_URL}, cookie=ALL, save="ada"),
        _ask("out of the chunks"),
        _ask("one is missing", "<<ada.cookie>>; <<ada.set.better-auth.session_data.1>>"),
        post("/update-user", "short", json={"image": "https://a.example"}, cookie=ALL, save="ada"),
        _ask("out of one cookie"),
    )
    yield case("what ends the session clears the cookie", *_endings())
    yield case(
        "what others see of changes",
        sign_up(),
        post("/change-password", "to another", cookie=ALL, save="ada", json=_new_password()),
        _ask("out of the new cookie"),
        post("/verify-password", json={"password": PASSWORD}, cookie=ALL),
        post("/revoke-other-sessions", cookie=ALL, json={}),
        Sql(END_IN, ("<<ada.token>>", "-1 minute")),
        _ask("over, but cached"),
        _ask("over", query="?disableCookieCache=1"),
    )
    yield case(
        "an older session is extended",
        sign_up(),
        Sql(END_IN, ("<<ada.token>>", "1 day")),
        session(name="is extended, or could be"),
        session(name="and again"),
        post("/get-session", cookie="<<ada.cookie>>", json={}),
        session(name="is as it was left"),
        Sql(END_IN, ("<<ada.token>>", "-1 minute")),
        session(name="is over"),
    )


def _tampered(cookie: str) -> str:
    """Another character in the middle, of the same alphabet."""
    middle = len(cookie) // 2
    return cookie[:middle] + ("B" if cookie[middle] == "A" else "A") + cookie[middle + 1 :]


def _new_password() -> dict[str, Any]:
    new = f"{PASSWORD}-new"
    return {"currentPassword": PASSWORD, "newPassword": new, "revokeOtherSessions": True}


def _endings() -> Iterator[Step]:
    yield sign_up()
    yield post("/revoke-session", json={"token": "<<ada.token>>"}, cookie=ALL)
    yield sign_in()
    yield post("/revoke-sessions", json={}, cookie=ALL)
    yield post("/revoke-sessions", "again", json={}, cookie=ALL)
    yield sign_in()
    yield post("/sign-out", json={}, cookie=ALL)
    yield sign_in()
    yield post("/delete-user", json={"password": PASSWORD}, cookie=ALL)


def _cached() -> Iterator[Scenario]:
    for setting in _CACHES:
        yield from _shared(setting)


def _with_fields() -> Iterator[Scenario]:
    given: dict[str, Any] = {"nick": "A", "born": "1815-12-10T00:00:00.000Z", "tags": ["x", "y"]}
    yield scenario(
        FIELDS,
        sign_up(**given),
        _ask("out of the cookie"),
        _ask("past the cookie", query="?disableCookieCache=true"),
        post("/update-user", json={"nick": "Countess", "tags": []}, cookie=ALL, save="ada"),
        _ask("changed, out of the cookie"),
        setting=FIELDS,
    )


def _never() -> Iterator[Scenario]:
    yield scenario(
        NEVER,
        sign_up(),
        Sql(END_IN, ("<<ada.token>>", "1 day")),
        session(name="could be extended"),
        get("/list-sessions", "as it was left", cookie="<<ada.cookie>>"),
        setting=NEVER,
    )


SCENARIOS: Final = (*_elsewhere(), *_cached(), *_with_fields(), *_never())
