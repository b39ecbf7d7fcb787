"""What `/get-session` answers is made by the application."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from authward import APIError, BetterAuthOptions
from authward.cookie_options import CookieCacheOptions
from authward.plugins import (
    CustomSessionOptions,
    custom_session,
    last_login_method,
    multi_session,
)
from authward.plugins.custom_session import SessionEvent
from tests.conformance.model import Scenario, Sql, get, scenario, session, sign_up, signed_up
from tests.conformance.setup import Collect, Setup
from tests.conformance.setups.guests import _own, cookies, devices

CUSTOM: Final = "custom session"
BROWSER: Final = "custom sessions of a browser"


async def _with_roles(event: SessionEvent) -> dict[str, Any]:
    user = event.user
    if user["name"] == "Eve":
        raise APIError(403, message="Not you")
    agent = event.ctx.request.headers.get("x-agent")
    greeted = {**user, "greeting": f"Hello {user['name']}"}
    return {"roles": ["reader"], "user": greeted, "session": event.session, "agent": agent}


async def _only_the_name(event: SessionEvent) -> dict[str, Any]:
    return {"only": event.user["name"]}


def _custom(base: BetterAuthOptions, _: Collect) -> BetterAuthOptions:
    added = (custom_session(_with_roles), multi_session())
    cached = replace(
        base.session, cookie_cache=CookieCacheOptions(enabled=True, max_age=300), update_age=0
    )
    return replace(base, session=cached, plugins=(*(base.plugins or ()), *added))


def _browser(base: BetterAuthOptions, _: Collect) -> BetterAuthOptions:
    options = CustomSessionOptions(should_mutate_list_device_sessions_endpoint=True)
    added = (custom_session(_only_the_name, options), multi_session(), last_login_method())
    return replace(base, plugins=(*(base.plugins or ()), *added))


SETUPS: Final = {
    CUSTOM: Setup("custom_session", _custom),
    BROWSER: Setup("custom_session", _browser),
}


def _scenarios(setting: str) -> Iterator[Scenario]:
    yield scenario(
        f"{setting}: the application says what a session is",
        signed_up(),
        session(),
        session(headers=(("x-agent", "smith"),), name="a header"),
        session(name="again"),
        get("/get-session?disableCookieCache=true", "not from the cache", cookie="<<ada.cookie>>"),
        get("/get-session?disableRefresh=true", "not extended", cookie="<<ada.cookie>>"),
        get("/get-session", "nobody"),
        get("/get-session", "a forged cookie", cookie="better-auth.session_token=x.y"),
        signed_up("eve"),
        session("eve", "who is refused"),
        Sql(
            "update session set \"expiresAt\" = now() + interval '1 h' where token = $1",
            ("<<ada.token>>",),
        ),
        session(name="a session that is extended"),
        Sql(
            "update session set \"expiresAt\" = now() - interval '1 h' where token = $1",
            ("<<ada.token>>",),
        ),
        session(name="a session that is over"),
        setting=setting,
    )
    yield scenario(
        f"{setting}: the sessions of a browser",
        sign_up("ada"),
        _own("ada"),
        sign_up("bob"),
        _own("bob"),
        session("bob"),
        devices("both", "ada", "bob"),
        get("/multi-session/list-device-sessions", "none"),
        get("/get-session", "with all cookies", cookie=cookies("ada", "bob")),
        setting=setting,
    )


SCENARIOS: Final = [*_scenarios(CUSTOM), *_scenarios(BROWSER)]
