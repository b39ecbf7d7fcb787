"""The plugins `anonymous`, `one_time_token`, `last_login_method` and `multi_session`."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from authward import BetterAuthOptions
from authward.plugins import (
    AnonymousOptions,
    LastLoginMethodOptions,
    MultiSessionOptions,
    OneTimeTokenOptions,
    anonymous,
    last_login_method,
    multi_session,
    one_time_token,
)
from authward.plugins.anonymous import LinkedAccount
from authward.plugins.schema_options import TableOptions
from authward.storage.rows import AuthUser
from tests.conformance.model import (
    WRONG_TYPES,
    Call,
    Derive,
    Scenario,
    Sql,
    get,
    mails,
    post,
    scenario,
    session,
    sign_in,
    sign_up,
    signed_up,
)
from tests.conformance.setup import Collect, Setup

GUESTS: Final = "guests"
STAY: Final = "guests who stay"
MANY: Final = "many sessions"


@dataclass(frozen=True)
class Linked:
    anonymous_user: AuthUser
    new_user: AuthUser


async def _guest() -> str:
    return "Guest"


def _guests(base: BetterAuthOptions, collect: Collect) -> BetterAuthOptions:
    keep = collect("linked")

    async def linked(event: LinkedAccount) -> None:
        await keep(Linked(event.anonymous_user.user, event.new_user.user))

    added = (
        anonymous(AnonymousOptions(on_link_account=linked)),
        one_time_token(),
        last_login_method(),
    )
    return replace(base, on_user_deleted=(), plugins=(*(base.plugins or ()), *added))


def _stay(base: BetterAuthOptions, _: Collect) -> BetterAuthOptions:
    guests = AnonymousOptions(
        email_domain_name="guests.example",
        generate_name=_guest,
        disable_delete_anonymous_user=True,
        schema={"user": TableOptions(fields={"isAnonymous": "is_anonymous"})},
    )
    tokens = OneTimeTokenOptions(
        store_token="hashed", disable_set_session_cookie=True, expires_in=1
    )
    methods = LastLoginMethodOptions(
        store_in_database=True,
        cookie_name="last",
        max_age=60,
        custom_resolve_method=lambda ctx: "guest" if ctx.path == "/sign-in/anonymous" else None,
    )
    added = (anonymous(guests), one_time_token(tokens), last_login_method(methods))
    return replace(base, on_user_deleted=(), plugins=(*(base.plugins or ()), *added))


def _many(base: BetterAuthOptions, _: Collect) -> BetterAuthOptions:
    added = (
        multi_session(MultiSessionOptions(maximum_sessions=2)),
        one_time_token(OneTimeTokenOptions(disable_client_request=True)),
    )
    return replace(base, on_user_deleted=(), plugins=(*(base.plugins or ()), *added))


SETUPS: Final = {
    GUESTS: Setup("guests", _guests),
    STAY: Setup("guests", _stay),
    MANY: Setup("guests", _many),
}


def come(save: str = "guest", name: str = "a guest comes", **more: Any) -> Call:
    return post("/sign-in/anonymous", name, save=save, **more)


def leave(who: str, name: str = "", **more: Any) -> Call:
    label = name or f"{who} deletes the guest"
    return post("/delete-anonymous-user", label, cookie=f"<<{who}.cookie>>", **more)


def everybody(kind: str) -> Sql:
    """All sessions of somebody become as old as that."""
    when = {
        "over": "\"expiresAt\" = now() - interval '1 s'",
        "old": "\"createdAt\" = now() - interval '2 d'",
    }
    return Sql(f'update session set {when[kind]} where "userId" = $1', ("<<ada.id>>",))


def _anonymous() -> Iterator[Scenario]:
    yield scenario(
        "guests come and go",
        come(),
        session("guest"),
        come("again", "twice", cookie="<<guest.cookie>>"),
        leave("guest"),
        session("guest", "a guest who is gone"),
        leave("guest", "again"),
        post("/delete-anonymous-user", "nobody"),
        signed_up("ada"),
        leave("ada", "ada is no guest"),
        come("other", "ada comes as a guest", cookie="<<ada.cookie>>"),
        leave("other", "from elsewhere", origin="https://evil.example"),
        come("x", "from elsewhere", cookie="<<ada.cookie>>", origin="https://evil.example"),
        [come(name=f"the body is {kind}", json=value) for kind, value in WRONG_TYPES.items()],
        come("late", "somebody whose session is old"),
        setting=GUESTS,
    )
    yield scenario(
        "what a guest had goes to whoever signs in",
        signed_up("ada"),
        come(),
        replace_cookie(sign_in("ada"), "guest"),
        mails("the hook"),
        session("guest", "the guest is gone"),
        come("second"),
        replace_cookie(sign_up("bob"), "second"),
        mails("the hook for a new user"),
        session("second", "the second guest is gone"),
        come("third"),
        replace_cookie(sign_in("ada", name="a wrong password", password="wrong-one"), "third"),
        session("third", "the third guest stays"),
        setting=GUESTS,
    )
    yield scenario(
        "guests stay where nobody deletes them",
        come(),
        leave("guest"),
        signed_up("ada"),
        replace_cookie(sign_in("ada"), "guest"),
        session("guest", "the guest is still there"),
        session(),
        setting=STAY,
    )


def replace_cookie(step: Call, who: str) -> Call:
    """The same with somebody's cookie."""
    more = (("cookie", f"<<{who}.cookie>>"), ("origin", "http://localhost:3000"))
    return replace(step, headers=(*step.headers, *more))


def ask(who: str = "ada", save: str = "ott", name: str = "a token is asked for") -> Call:
    return get("/one-time-token/generate", name, cookie=f"<<{who}.cookie>>", save=save)


def use(name: str, token: Any = "<<ott.token>>", **more: Any) -> Call:
    return post("/one-time-token/verify", name, json={"token": token}, **more)


def _tokens() -> Iterator[Scenario]:
    yield scenario(
        "a session is taken up elsewhere, once",
        signed_up("ada"),
        ask(),
        use("the token", save="other"),
        session("other"),
        use("again"),
        get("/one-time-token/generate", "nobody asks"),
        ask(),
        Sql("delete from session where token = $1", ("<<ada.token>>",)),
        use("its session is gone"),
        setting=GUESTS,
    )
    yield scenario(
        "tokens do not outlive their time or their session",
        signed_up("ada"),
        ask(),
        Sql(
            "update verification set \"expiresAt\" = now() - interval '1 s' where value = $1",
            ("<<ada.token>>",),
        ),
        use("too late"),
        ask(),
        everybody("over"),
        use("the session is over"),
        setting=STAY,
    )
    yield scenario(
        "a token tells of a session without its cookie",
        signed_up("ada"),
        ask(),
        use("the token"),
        setting=STAY,
    )
    yield scenario(
        "only the application makes tokens",
        signed_up("ada"),
        ask(),
        ask(who="nobody"),
        setting=MANY,
    )
    yield scenario(
        "bodies for one-time tokens",
        [use(f"it is {kind}", value) for kind, value in WRONG_TYPES.items()],
        [
            post("/one-time-token/verify", f"the body is {kind}", json=value)
            for kind, value in WRONG_TYPES.items()
        ],
        post("/one-time-token/verify", "no body"),
        post("/one-time-token/verify", "no token", json={}),
        setting=GUESTS,
    )


def _methods() -> Iterator[Scenario]:
    yield scenario(
        "a cookie has how somebody signed in",
        sign_up("ada"),
        sign_in("ada"),
        sign_in("ada", name="a wrong password", password="wrong-one"),
        session(),
        setting=GUESTS,
    )
    yield scenario(
        "the user has it too",
        sign_up("ada"),
        session(),
        signed_up("bob"),
        sign_in("bob"),
        session("bob"),
        come(),
        session("guest"),
        post(
            "/update-user",
            "nobody sets it",
            json={"lastLoginMethod": "x"},
            cookie="<<ada.cookie>>",
        ),
        setting=STAY,
    )


def cookies(*who: str) -> str:
    """The cookies of a browser in which these have signed in, the last one counting."""
    own = "; ".join(f"<<{each}.own>>" for each in who)
    return f"<<{who[-1]}.cookie>>; {own}"


def multi(path: str, name: str, token: Any, *who: str, save: str = "") -> Call:
    body = {"sessionToken": token}
    return post(f"/multi-session/{path}", name, json=body, cookie=cookies(*who), save=save)


def devices(name: str, *who: str) -> Call:
    return get("/multi-session/list-device-sessions", name, cookie=cookies(*who))


def _own(who: str) -> Any:
    def derive(known: Any) -> str:
        name = f"better-auth.session_token_multi-{known[f'{who}.token'].lower()}"
        return f"{name}={known[f'{who}.signed']}"

    return Derive(f"{who}.own", derive)


def both() -> list[Any]:
    return [
        sign_up("ada"),
        _own("ada"),
        sign_up("bob"),
        _own("bob"),
    ]


def _sessions() -> Iterator[Scenario]:
    yield scenario(
        "a browser changes between users",
        both(),
        devices("both", "ada", "bob"),
        multi("set-active", "ada", "<<ada.token>>", "ada", "bob", save="active"),
        session("active"),
        multi("set-active", "somebody else's", "<<bob.token>>", "ada"),
        multi("set-active", "no session", "x", "ada"),
        get("/multi-session/list-device-sessions", "no cookies"),
        multi("revoke", "bob's", "<<bob.token>>", "ada", "bob"),
        devices("ada's", "ada", "bob"),
        multi("revoke", "bob's again", "<<ada.token>>", "bob"),
        multi("revoke", "the last one", "<<ada.token>>", "bob", "ada"),
        session(),
        setting=MANY,
    )
    yield scenario(
        "of the session that counts another takes the place",
        both(),
        multi("revoke", "bob's, who counts", "<<bob.token>>", "ada", "bob", save="next"),
        session("next"),
        setting=MANY,
    )
    yield scenario(
        "signing out ends all sessions of a browser",
        both(),
        post("/sign-out", cookie=cookies("ada", "bob")),
        session("ada"),
        session("bob"),
        setting=MANY,
    )
    yield scenario(
        "a forged cookie ends no session",
        both(),
        post(
            "/sign-out",
            cookie="<<bob.cookie>>; better-auth.session_token_multi-x=<<ada.token>>.x",
        ),
        session("ada", "ada is still there"),
        setting=MANY,
    )
    yield scenario(
        "a browser keeps as many sessions as it may, one for each user",
        both(),
        sign_up("eve"),
        Call(
            "eve signs in beside two",
            "POST",
            "/api/auth/sign-in/email",
            (*sign_in("eve").headers, ("cookie", cookies("ada", "bob")), ORIGIN),
            sign_in("eve").body,
        ),
        Call(
            "bob signs in again",
            "POST",
            "/api/auth/sign-in/email",
            (*sign_in("bob").headers, ("cookie", cookies("ada", "bob")), ORIGIN),
            sign_in("bob").body,
        ),
        session("bob", "the session before"),
        setting=MANY,
    )
    yield scenario(
        "sessions that are over are none",
        both(),
        everybody("over"),
        devices("bob's", "ada", "bob"),
        multi("set-active", "ada's", "<<ada.token>>", "ada", "bob"),
        multi("set-active", "again", "<<ada.token>>", "ada", "bob"),
        setting=MANY,
    )
    yield scenario(
        "bodies for sessions of a browser",
        both(),
        [
            multi(path, f"{path}: it is {kind}", value, "ada", "bob")
            for path in ("set-active", "revoke")
            for kind, value in WRONG_TYPES.items()
        ],
        [
            post(f"/multi-session/{path}", f"{path}: the body is {kind}", json=value)
            for path in ("set-active", "revoke")
            for kind, value in WRONG_TYPES.items()
        ],
        post("/multi-session/revoke", "nobody", json={"sessionToken": "<<ada.token>>"}),
        setting=MANY,
    )


ORIGIN: Final = ("origin", "http://localhost:3000")
SCENARIOS: Final = [*_anonymous(), *_tokens(), *_methods(), *_sessions()]
