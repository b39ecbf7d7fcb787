"""The setups, and what every conversation about passkeys has."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from authward import APIError, BetterAuthOptions
from authward.plugins import PasskeyOptions, passkey
from authward.plugins.passkey import (
    AuthenticationVerified,
    AuthenticatorSelection,
    ExtensionsWanted,
    PasskeyAdvancedOptions,
    PasskeyAuthenticationOptions,
    PasskeyRegistrationOptions,
    RegistrationResult,
    RegistrationUser,
    RegistrationVerified,
    ResolveUser,
)
from authward.plugins.schema_options import TableOptions
from tests.conformance.model import (
    WRONG_TYPES,
    Call,
    Derive,
    Step,
    get,
    post,
)
from tests.conformance.setup import Collect, Setup
from tests.support.authenticator import Authenticator

STRICT: Final = "strict passkey"


CREATE: Final = "/passkey/generate-register-options"


VERIFY: Final = "/passkey/verify-registration"


ASK: Final = "/passkey/generate-authenticate-options"


SIGN_IN: Final = "/passkey/verify-authentication"


COOKIE: Final = "<<asked.set.better-auth.better-auth-passkey>>"


STRICT_COOKIE: Final = "<<asked.set.better-auth.ceremony>>"


ORIGIN: Final = "http://localhost:3000"


UNVERIFIED: Final = "a credential that another has is refused, as WebAuthn asks"


@dataclass(frozen=True)
class Registered:
    """What the hook was told."""

    id: str
    name: str
    context: str | None


def _strict(collect: Collect) -> PasskeyOptions:
    async def resolve_user(event: ResolveUser) -> RegistrationUser | None:
        context = event.context
        name = "" if context == "nameless" else f"Name of {context}"
        return RegistrationUser(context, name) if context else None

    async def after_registration(event: RegistrationVerified) -> RegistrationResult:
        told = Registered(event.user.id, event.user.name, event.context)
        await collect("registered")(told)
        return RegistrationResult(name="A name by default")

    async def after_authentication(event: AuthenticationVerified) -> None:
        if event.client_data.get("refused"):
            raise APIError(403, message="Not today")

    async def extensions(_: ExtensionsWanted) -> Mapping[str, Any]:
        return {"uvm": True}

    return PasskeyOptions(
        rp_id="tasks.example",
        rp_name="Tasks & Co",
        origin=["https://tasks.example", "https://app.tasks.example"],
        authenticator_selection=AuthenticatorSelection(
            authenticator_attachment="platform",
            resident_key="required",
            user_verification="required",
        ),
        registration=PasskeyRegistrationOptions(
            require_session=False,
            resolve_user=resolve_user,
            after_verification=after_registration,
            extensions={"minPinLength": True},
        ),
        authentication=PasskeyAuthenticationOptions(
            after_verification=after_authentication, extensions=extensions
        ),
        advanced=PasskeyAdvancedOptions(web_authn_challenge_cookie="ceremony"),
        schema={"passkey": TableOptions(model_name="keys", fields={"publicKey": "public_key"})},
    )


def _options(base: BetterAuthOptions, _: Collect) -> BetterAuthOptions:
    return replace(base, plugins=(*(base.plugins or ()), passkey()))


def _strict_options(base: BetterAuthOptions, collect: Collect) -> BetterAuthOptions:
    return replace(base, plugins=(*(base.plugins or ()), passkey(_strict(collect))))


SETUPS: Final = {
    "passkey": Setup("passkey", _options),
    STRICT: Setup("passkey", _strict_options),
}


Make = Callable[[Authenticator, str], dict[str, Any]]


def made(make: Make, device: str = "phone", **about: Any) -> Derive:
    """What the browser sends of a device: the variable `response`, which is JSON."""

    def derive(known: Mapping[str, str]) -> str:
        authenticator = Authenticator(f"{device} {known['here']}", **about)
        return json.dumps(make(authenticator, known["asked.challenge"]))

    return Derive("response", derive)


def created(
    device: str = "phone", *, change: Mapping[str, Any] | None = None, **more: Any
) -> Derive:
    """A new credential; `change` replaces properties of what is sent."""
    about = {name: more.pop(name) for name in ("rp_id", "flags") if name in more}
    return made(lambda a, c: a.attestation(c, **more) | dict(change or {}), device, **about)


def signed(
    device: str = "phone", *, change: Mapping[str, Any] | None = None, **more: Any
) -> Derive:
    """A challenge signed with a credential."""
    about = {name: more.pop(name) for name in ("rp_id", "flags") if name in more}
    return made(lambda a, c: a.assertion(c, **more) | dict(change or {}), device, **about)


def send(
    path: str,
    name: str,
    *,
    cookie: str,
    save: str = "",
    more: str = "",
    origin: Any = ORIGIN,
    **kw: Any,
) -> Call:
    body = f'{{"response": <<response>>{more}}}'.encode()
    return post(path, name, body=body, cookie=cookie, save=save, origin=origin, **kw)


def to_create(who: str = "ada", query: str = "", **more: Any) -> Call:
    return get(f"{CREATE}{query}", cookie=f"<<{who}.cookie>>", save="asked", **more)


def registered(who: str = "ada", device: str = "phone") -> list[Step]:
    """Somebody has a passkey."""
    cookie = f"<<{who}.cookie>>; {COOKIE}"
    return [
        to_create(who),
        created(device),
        send(VERIFY, f"{who} has a passkey", cookie=cookie, save=f"{who}_key"),
    ]


def ask(cookie: str | None = None, name: str = "") -> Call:
    return get(ASK, name, cookie=cookie, save="asked")


def refused_creation(name: str, made_by: Derive, **kw: Any) -> list[Step]:
    return [to_create(), made_by, send(VERIFY, name, cookie=f"<<ada.cookie>>; {COOKIE}", **kw)]


def refused_sign_in(name: str, made_by: Derive, **kw: Any) -> list[Step]:
    return [ask(name=f"before {name}"), made_by, send(SIGN_IN, name, **{"cookie": COOKIE, **kw})]


def wrong_bodies(path: str, body: dict[str, Any], cookie: str) -> list[Step]:
    steps: list[Step] = []
    for field in body:
        rest = {name: value for name, value in body.items() if name != field}
        steps.append(post(path, f"no {field}", json=rest, cookie=cookie))
        for kind, value in WRONG_TYPES.items():
            changed = {**body, field: value}
            steps.append(post(path, f"{field} is {kind}", json=changed, cookie=cookie))
    for kind, value in WRONG_TYPES.items():
        steps.append(post(path, f"the body is {kind}", json=value, cookie=cookie))
    return [*steps, post(path, "no body", cookie=cookie)]
