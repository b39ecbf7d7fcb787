"""Verification values and API keys in a secondary storage: alone, or beside their tables.

Conversations of other setups are had again, and what the storage has after every step of them is
compared key by key. Both servers write to the same Redis, below prefixes of their own.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from authward import (
    BetterAuthOptions,
    SessionOptions,
    StoreIdentifier,
    VerificationOptions,
)
from authward.oauth import social_provider
from authward.options import DeleteUserOptions, EmailAndPasswordOptions, UserOptions
from authward.plugins import ApiKeyOptions, api_key
from tests.conformance.model import (
    Call,
    Scenario,
    Sql,
    Step,
    Stored,
    email,
    get,
    mails,
    post,
    scenario,
    sign_in,
    sign_up,
    signed_up,
)
from tests.conformance.setup import Collect, MakeOptions, Setup
from tests.conformance.store import redis_storage

from . import api_key as keys
from . import by_mail, phones, two_factor
from .api_key.common import with_plugin

_MODULE: Final = "values_in_redis"
_HASHED: Final = StoreIdentifier(default="hashed", overrides={"sign-in-otp-": "plain"})
_LONGEST: Final = 40
_OTHERS: Final[dict[str, Any]] = {"by mail": by_mail, "two factor": two_factor, "phones": phones}
_HOW: Final = ("in redis", "in redis and the table", "in redis, hashed")
_NEW: Final = {"newPassword": "another good password"}


def _keys(how: str) -> MakeOptions:
    in_table = "table" in how
    options = ApiKeyOptions(storage="secondary-storage", fallback_to_database=in_table)
    return with_plugin(api_key(options))


def _core(base: BetterAuthOptions, collect: Collect) -> BetterAuthOptions:
    deleting = DeleteUserOptions(send_delete_account_verification=collect("delete-account"))
    return replace(
        base,
        email_and_password=EmailAndPasswordOptions(send_reset_password=collect("reset-password")),
        user=UserOptions(delete_user=deleting),
        social_providers=(
            social_provider("github", client_id="github-id", client_secret="github-secret"),
        ),
    )


def _stored(make: MakeOptions, how: str) -> MakeOptions:
    values = VerificationOptions(
        store_in_database="table" in how,
        store_identifier=_HASHED if "hashed" in how else "plain",
    )

    def options(base: BetterAuthOptions, collect: Collect) -> BetterAuthOptions:
        return replace(
            make(base, collect),
            secondary_storage=redis_storage(),
            session=SessionOptions(store_session_in_database=True),
            verification=values,
        )

    return options


def _setups() -> Iterator[tuple[str, Setup]]:
    for how in _HOW:
        yield f"values {how}", Setup(_MODULE, _stored(_core, how))
        for name, module in _OTHERS.items():
            yield f"{name} {how}", Setup(_MODULE, _stored(module.SETUPS[name].options, how))
    for how in _HOW[:2]:
        yield f"api keys {how}", Setup(_MODULE, _stored(_keys(how), how))


SETUPS: Final = dict(_setups())


def _looked_at(steps: tuple[Step, ...]) -> Iterator[Step]:
    for number, step in enumerate(steps):
        yield step
        if isinstance(step, Call) and step.method == "POST" and len(steps) < _LONGEST:
            yield Stored(f"what is stored after {number}: {step.name}")


def _again(known: Scenario, setting: str) -> Scenario | None:
    if any(isinstance(step, Sql) for step in known.steps):
        return None
    return scenario(f"{known.name}, {setting}", _looked_at(known.steps), setting=setting)


def _replayed() -> Iterator[Scenario]:
    modules = {**_OTHERS, "api keys": keys}
    for setting in SETUPS:
        name = setting.split(" in redis")[0]
        for known in modules[name].SCENARIOS if name in modules else ():
            found = _again(known, setting) if known.setting == name else None
            if found is not None:
                yield found


def _reset(token: str, name: str) -> Call:
    return post("/reset-password", name, json={**_NEW, "token": token})


def _own(how: str) -> Iterator[Scenario]:
    setting, stored = f"values {how}", Stored("what is stored")
    ask = post("/request-password-reset", json={"email": email(), "redirectTo": "/reset"})
    yield scenario(
        f"a password is reset, {how}",
        sign_up("ada"),
        ask,
        mails(save="reset"),
        stored,
        get("/reset-password/<<reset.token>>?callbackURL=/reset", "the link is followed"),
        get("/reset-password/unknown?callbackURL=/reset", "another is"),
        _reset("<<reset.token>>", "it is used"),
        Stored("what is stored afterwards"),
        _reset("<<reset.token>>", "it is used again"),
        sign_in("ada", name="the old password"),
        setting=setting,
    )
    yield scenario(
        f"an account is deleted by a link, {how}",
        signed_up("ada"),
        post("/delete-user", json={}, cookie="<<ada.cookie>>"),
        mails(save="sent"),
        stored,
        get("/delete-user/callback?token=<<sent.token>>", cookie="<<ada.cookie>>"),
        Stored("what is stored afterwards"),
        setting=setting,
    )
    start = post("/sign-in/social", json={"provider": "github", "callbackURL": "/"}, save="begun")
    callback = "/callback/github?code=x&state=<<begun.url.state>>"
    yield scenario(
        f"a sign-in begins at a provider, {how}",
        signed_up("ada"),
        start,
        stored,
        get(callback, "back in another browser"),
        get("/callback/github?code=x&state=unknown", "back with another state"),
        Stored("what is stored afterwards"),
        setting=setting,
    )


SCENARIOS: Final = [*(each for how in _HOW for each in _own(how)), *_replayed()]
