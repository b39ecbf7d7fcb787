"""Sessions in a secondary storage: alone, beside the table, and with rows that stay there.

Both servers write to the same Redis, below prefixes of their own, and what is there at the end of
a conversation is compared key by key.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from authward import (
    BetterAuthOptions,
    CookieCacheOptions,
    DBField,
    SessionOptions,
    UserOptions,
)
from authward.plugins import admin, multi_session, organization, two_factor
from authward.timestamps import to_json
from tests.conformance.model import (
    Call,
    Edit,
    ExistingUser,
    Scenario,
    Sql,
    Step,
    Stored,
    call,
    get,
    post,
    scenario,
    session,
    sign_in,
    sign_up,
)
from tests.conformance.scenarios import (
    delete_user,
    lists,
    passwords,
    revoking,
    sign_out,
    update_user,
)
from tests.conformance.scenarios import session as sessions
from tests.conformance.setup import Collect, MakeOptions, Setup
from tests.conformance.store import ORIGINAL, redis_storage
from tests.conftest import PASSWORD

ALONE: Final = "sessions in redis"
TABLE: Final = "sessions in redis and in the table"
PRESERVED: Final = "sessions in redis, preserved in the table"
CACHED: Final = "sessions in redis and in a cookie"
PLUGINS: Final = "sessions in redis, with plugins"
_SETTINGS: Final = (ALONE, TABLE, PRESERVED, CACHED)
_REPLAYED: Final = (sessions, lists, sign_out, revoking, update_user, passwords, delete_user)

_OF_SESSION: Final = {
    "theme": DBField(type="string", required=False, default_value="light"),
    "note": DBField(type="string", required=False, returned=False),
    "since": DBField(type="date", required=False),
}
_OF_USER: Final = {
    "city": DBField(type="string", required=False),
    "hidden": DBField(type="string", required=False, returned=False, default_value="secret"),
}


def _with(setting: str) -> MakeOptions:
    def options(base: BetterAuthOptions, _: Collect) -> BetterAuthOptions:
        of = base.verification
        in_table: Any = {f.name: True for f in fields(of) if f.name == "store_in_database"}
        plugins = (admin(), multi_session(), organization(), two_factor())
        return replace(
            base,
            secondary_storage=redis_storage(),
            verification=replace(of, **in_table),
            user=UserOptions(additional_fields=_OF_USER),
            session=SessionOptions(
                additional_fields=_OF_SESSION,
                store_session_in_database="table" in setting,
                preserve_session_in_database="preserved" in setting,
                cookie_cache=CookieCacheOptions(enabled="cookie" in setting, max_age=300),
            ),
            plugins=(*(base.plugins or ()), *(plugins if "plugins" in setting else ())),
        )

    return options


SETUPS: Final = {each: Setup(ORIGINAL, _with(each)) for each in (*_SETTINGS, PLUGINS)}


def _edited(**times: timedelta) -> Callable[[str | None], str | None]:
    """Other times of a session."""

    def change(text: str | None) -> str:
        payload = json.loads(text or "{}")
        for name, distance in times.items():
            payload["session"][name] = to_json(datetime.now(UTC) + distance)
        return json.dumps(payload)

    return change


def _of(who: str, **times: timedelta) -> Edit:
    return Edit(f"<<{who}.token>>", _edited(**times))


_DAY: Final = timedelta(days=1)
_DUE: Final = {"expiresAt": 4 * _DAY, "updatedAt": -3 * _DAY}
_LIST: Final = "active-sessions-<<ada.id>>"
_CHANGE: Final = {"currentPassword": PASSWORD, "newPassword": "another good password"}


def _ada(method: str, path: str, name: str = "", **more: Any) -> Call:
    return call(method, path, name, **{"cookie": "<<ada.cookie>>", **more})


def _list(who: str = "ada") -> Call:
    return get("/list-sessions", f"{who}'s list", cookie=f"<<{who}.cookie>>")


def _own() -> Iterator[tuple[str, Iterable[Step]]]:
    """Conversations in every setting, with what is compared in the end."""
    yield "sign-up", [sign_up(city="Turin"), session()]
    yield "sign-in, twice", [sign_up(), sign_in(save="second"), session("second"), _list()]
    yield "a session of a day", [sign_up(), sign_in(save="short", rememberMe=False), _list()]
    yield "sign-out", [sign_up(), sign_in(save="b"), _ada("POST", "/sign-out", json={}), session()]
    yield "sign-out of the only one", [sign_up(), _ada("POST", "/sign-out", json={}), session()]
    yield (
        "revoking one",
        [
            *(sign_up(), sign_in(save="b")),
            _ada("POST", "/revoke-session", json={"token": "<<b.token>>"}),
            *(session("b"), session(), _list()),
        ],
    )
    yield (
        "revoking somebody else's",
        [
            *(sign_up(), sign_up("bob")),
            _ada("POST", "/revoke-session", json={"token": "<<bob.token>>"}),
            session("bob"),
        ],
    )
    # Of several others the original ends all at once, and loses some of the changes to the list.
    yield (
        "revoking the others",
        [
            *(sign_up(), sign_in(save="b")),
            _ada("POST", "/revoke-other-sessions"),
            *(session("b"), session(), _list()),
        ],
    )
    revoked = [sign_up(), sign_in(save="b"), sign_in(save="c")]
    yield (
        "revoking all",
        [*revoked, _ada("POST", "/revoke-sessions"), session("b"), session(), sign_in(save="d")],
    )
    yield (
        "a user changes",
        [
            *(sign_up(), sign_in(save="b")),
            _ada("POST", "/update-user", json={"name": "Countess", "city": "London"}),
            *(session("b", "the other session shows it"), session()),
        ],
    )
    yield (
        "a password changes",
        [
            *(sign_up(), sign_in(save="b")),
            _ada("POST", "/change-password", json=_CHANGE),
            *(session(), session("b")),
        ],
    )
    yield (
        "a password changes, and the others end",
        [
            *(sign_up(), sign_in(save="b")),
            _ada(
                "POST", "/change-password", json={**_CHANGE, "revokeOtherSessions": True}, save="c"
            ),
            *(session("b"), session(), get("/get-session", "the new one", cookie="<<c.cookie>>")),
        ],
    )
    yield (
        "a user is deleted",
        [
            *(sign_up(), sign_in(save="b")),
            _ada("POST", "/delete-user", json={"password": PASSWORD}),
            *(session("b"), session()),
        ],
    )
    yield (
        "fields of a session",
        [
            sign_up(),
            _ada(
                "POST",
                "/update-session",
                json={"theme": "dark", "note": "hidden", "since": "2026-01-08T10:30:00.123Z"},
            ),
            *(session(), _ada("POST", "/update-session", json={"theme": "blue"}), session()),
        ],
    )
    yield "an extension is due", [sign_up(), _of("ada", **_DUE), session(), session(), _list()]
    yield (
        "an extension is due that is not wanted",
        [
            sign_up(),
            _of("ada", **_DUE),
            get("/get-session?disableRefresh=true", cookie="<<ada.cookie>>"),
        ],
    )
    yield "no longer fresh", [sign_up(), _of("ada", createdAt=-2 * _DAY), _list(), session()]
    yield "there is no list", [sign_up(), Edit(_LIST, lambda _: None), session(), _list()]
    yield (
        "there is no list at sign-out",
        [sign_up(), Edit(_LIST, lambda _: None), _ada("POST", "/sign-out", json={}), session()],
    )
    yield "the list is no JSON", [sign_up(), Edit(_LIST, lambda _: "no json"), _list(), sign_in()]
    yield "nobody's cookie", [sign_up(), get("/get-session", cookie="<<ada.cookie>>x")]


def _in_store_alone() -> Iterator[tuple[str, Iterable[Step]]]:
    """What the table would still know."""
    yield "a session that is over", [sign_up(), _of("ada", expiresAt=-_DAY), session(), session()]
    yield "no JSON", [sign_up(), Edit("<<ada.token>>", lambda _: "no json"), session(), _list()]
    yield "an empty text", [sign_up(), Edit("<<ada.token>>", lambda _: ""), session()]
    yield "a session that is gone", [sign_up(), Edit("<<ada.token>>", lambda _: None), session()]


def _named(setting: str, name: str, steps: Iterable[Step]) -> Scenario:
    return scenario(f"{setting}: {name}", *steps, Stored("the storage"), setting=setting)


def _replayed(setting: str) -> Iterator[Scenario]:
    """The core's own conversations about sessions, as far as they change no rows themselves."""
    for each in (s for module in _REPLAYED for s in module.SCENARIOS if s.setting == "plain"):
        if any(isinstance(step, Sql) or _has_nul(step) for step in each.steps):
            continue
        steps = [sign_up(s.who) if isinstance(s, ExistingUser) else s for s in each.steps]
        is_same = not any(isinstance(step, Call) and step.refusable for step in each.steps)
        steps += [Stored("the storage")] if is_same else []
        yield replace(each, name=f"{setting}: {each.name}", steps=tuple(steps), setting=setting)


def _has_nul(step: Step) -> bool:
    """What the table of the original breaks at, its storage does not: ours refuses it always."""
    return isinstance(step, Call) and b"\\u0000" in (step.body or b"")


def _promoted(who: str) -> Sql:
    return Sql("UPDATE \"user\" SET role = 'admin' WHERE id = $1", (f"<<{who}.id>>",))


def _boss() -> list[Step]:
    return [sign_up("boss"), _promoted("boss"), sign_in("boss", save="boss")]


def _boss_does(path: str, **body: Any) -> Call:
    return post(path, path, json=body, cookie="<<boss.cookie>>", save="done")


def _with_plugins() -> Iterator[tuple[str, Iterable[Step]]]:
    ada = {"userId": "<<ada.id>>"}
    yield "a ban", [sign_up(), *_boss(), _boss_does("/admin/ban-user", **ada), session(), sign_in()]
    yield "an admin's list", [sign_up(), *_boss(), _boss_does("/admin/list-user-sessions", **ada)]
    yield (
        "an admin ends one",
        [
            *(sign_up(), *_boss()),
            _boss_does("/admin/revoke-user-session", sessionToken="<<ada.token>>"),
            session(),
        ],
    )
    yield (
        "an admin ends all",
        [sign_up(), *_boss(), _boss_does("/admin/revoke-user-sessions", **ada), session()],
    )
    yield (
        "a role",
        [sign_up(), *_boss(), _boss_does("/admin/set-role", **ada, role="admin"), session()],
    )
    yield (
        "an admin removes",
        [sign_up(), *_boss(), _boss_does("/admin/remove-user", **ada), session()],
    )
    yield (
        "impersonation",
        [
            *(sign_up(), *_boss()),
            _boss_does("/admin/impersonate-user", **ada),
            get("/get-session", "as somebody else", cookie="<<done.cookies>>"),
            post("/admin/stop-impersonating", cookie="<<done.cookies>>", json={}),
            session("boss"),
        ],
    )
    yield (
        "an organization is active",
        [
            sign_up(),
            _ada(
                "POST",
                "/organization/create",
                json={"name": "Acme", "slug": "acme-<<here>>"},
                save="o",
            ),
            session(),
            _ada(
                "POST",
                "/organization/set-active",
                json={"organizationId": None},
                cookie="<<ada.cookies>>",
            ),
            session(),
        ],
    )
    yield (
        "two factors",
        [
            sign_up(),
            _ada("POST", "/two-factor/enable", json={"password": PASSWORD}),
            sign_in(save="challenged"),
            session(),
        ],
    )
    yield (
        "several sessions of one browser",
        [
            sign_up(),
            sign_up("bob"),
            get("/multi-session/list-device-sessions", cookie="<<ada.cookies>>; <<bob.cookies>>"),
            post(
                "/multi-session/revoke",
                json={"sessionToken": "<<bob.token>>"},
                cookie="<<ada.cookies>>; <<bob.set.better-auth.session_token_multi-<<bob.token>>>>",
            ),
        ],
    )


SCENARIOS: Final[list[Scenario]] = [
    *(_named(setting, *each) for setting in _SETTINGS for each in _own()),
    *(_named(ALONE, *each) for each in _in_store_alone()),
    *(_named(PLUGINS, *each) for each in _with_plugins()),
    *(each for setting in (ALONE, TABLE, PRESERVED) for each in _replayed(setting)),
]
