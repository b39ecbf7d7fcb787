"""The setups, and what every conversation about second factors has."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import pyotp

from authward import BetterAuthOptions
from authward.plugins import TwoFactorOptions, two_factor, username
from authward.plugins.schema_options import TableOptions
from authward.plugins.two_factor import (
    AccountLockoutOptions,
    BackupCodeOptions,
    EncryptedBy,
    OTPOptions,
    TOTPOptions,
)
from tests.conformance.model import (
    WRONG_TYPES,
    Call,
    Derive,
    Sql,
    Step,
    post,
    sign_in,
    signed_up,
    without,
)
from tests.conformance.setup import Collect, MakeOptions, Setup
from tests.conftest import PASSWORD

STRICT: Final = "strict two factor"


BARE: Final = "second factor without an app"


OWN: Final = "second factor by own functions"


PENDING: Final = "<<pending.set.better-auth.two_factor>>"


TRUSTED: Final = "<<trusted.set.better-auth.trust_device>>"


def _shifted(by: int) -> Any:
    async def shift(text: str) -> str:
        return "".join(chr(ord(each) + by) for each in text)

    return shift


def _strict(collect: Collect) -> TwoFactorOptions:
    return TwoFactorOptions(
        issuer="Strict & Co",
        totp_options=TOTPOptions(digits=8, period=60, issuer="Totally strict"),
        otp_options=OTPOptions(
            send_otp=collect("otp"), digits=4, period=1, allowed_attempts=2, store_otp="hashed"
        ),
        backup_code_options=BackupCodeOptions(amount=3, length=6, store_backup_codes="plain"),
        account_lockout=AccountLockoutOptions(max_failed_attempts=3, duration_seconds=120),
        skip_verification_on_enable=True,
        allow_passwordless=True,
        two_factor_cookie_max_age=60,
        trust_device_max_age=3600,
        two_factor_table="second_factors",
        schema={
            "user": TableOptions(fields={"twoFactorEnabled": "has_second"}),
            "twoFactor": TableOptions(fields={"backupCodes": "spare_codes"}),
        },
    )


def _own(collect: Collect) -> TwoFactorOptions:
    kept = EncryptedBy(_shifted(17), _shifted(-17))
    return TwoFactorOptions(
        otp_options=OTPOptions(send_otp=collect("otp"), store_otp=kept),
        backup_code_options=BackupCodeOptions(
            custom_backup_codes_generate=lambda: ["first-spare", "second-spare"],
            store_backup_codes=kept,
        ),
        account_lockout=AccountLockoutOptions(enabled=False),
    )


def _bare(_: Collect) -> TwoFactorOptions:
    return TwoFactorOptions(
        totp_options=TOTPOptions(disable=True),
        otp_options=OTPOptions(store_otp="encrypted"),
        account_lockout=AccountLockoutOptions(enabled=False),
    )


def _usual(collect: Collect) -> TwoFactorOptions:
    return TwoFactorOptions(otp_options=OTPOptions(send_otp=collect("otp")))


def _with(make: Any) -> MakeOptions:
    def options(base: BetterAuthOptions, collect: Collect) -> BetterAuthOptions:
        name = "Tasks & Co" if make is _own else base.app_name
        plugins = (*(base.plugins or ()), username(), two_factor(make(collect)))
        return replace(base, plugins=plugins, app_name=name)

    return options


SETUPS: Final = {
    name: Setup("two_factor", _with(make))
    for name, make in {"two factor": _usual, STRICT: _strict, BARE: _bare, OWN: _own}.items()
}


def totp_code(uri: str, ago: int = 0) -> str:
    """The code that an app would show, or `ago` periods ago would have shown."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(uri).query).items()}
    period = int(query["period"])
    app = pyotp.TOTP(query["secret"], digits=int(query["digits"]), interval=period)
    return app.at(int(time.time()), counter_offset=-ago)


def code(of: str = "enabled", save: str = "code", ago: int = 0) -> Derive:
    return Derive(save, lambda known: totp_code(known[f"{of}.totpURI"], ago))


def wrong_code(of: str = "enabled", save: str = "wrong") -> Derive:
    """A code that no moment near has."""

    def derive(known: Mapping[str, str]) -> str:
        near = {totp_code(known[f"{of}.totpURI"], ago) for ago in range(-3, 4)}
        digits = len(next(iter(near)))
        return next(t for n in range(10) if (t := str(n) * digits) not in near)

    return Derive(save, derive)


def to(path: str, name: str = "", *, who: str = "ada", save: str = "", **body: Any) -> Call:
    """Somebody signed in posts below /two-factor."""
    return post(
        f"/two-factor/{path}",
        name or f"{who}: {path}",
        json=body,
        cookie=f"<<{who}.cookie>>",
        save=save,
    )


def pending(
    path: str, name: str = "", *, cookie: str = PENDING, save: str = "", **body: Any
) -> Call:
    """Somebody who has given the password posts below /two-factor."""
    label = name or f"signing in: {path}"
    return post(f"/two-factor/{path}", label, json=body, cookie=cookie, save=save)


def enabled(who: str = "ada") -> list[Step]:
    """Somebody has an app."""
    return [
        signed_up(who),
        to("enable", who=who, password=PASSWORD, save="enabled"),
        code(),
        to("verify-totp", "the app has the secret", who=who, code="<<code>>", save=who),
    ]


def asked(name: str = "the password", **more: Any) -> Call:
    return sign_in("ada", save="pending", name=name, **more)


def bodies(path: str, body: dict[str, Any], cookie: str) -> Iterator[Call]:
    target = f"/two-factor/{path}"
    for field in body:
        yield post(target, f"{path}: no {field}", json=without(body, field), cookie=cookie)
        for kind, value in WRONG_TYPES.items():
            wrong = {**body, field: value}
            yield post(target, f"{path}: {field} is {kind}", json=wrong, cookie=cookie)
    for kind, value in WRONG_TYPES.items():
        yield post(target, f"{path}: the body is {kind}", json=value, cookie=cookie)
    yield post(target, f"{path}: no body", cookie=cookie)
    yield post(target, f"{path}: broken JSON", body=b"{", cookie=cookie)


ALL_PATHS: Final[dict[str, dict[str, Any]]] = {
    "enable": {"password": PASSWORD, "method": "totp", "issuer": "x"},
    "disable": {"password": PASSWORD},
    "get-totp-uri": {"password": PASSWORD},
    "verify-totp": {"code": "123456", "trustDevice": True},
    "send-otp": {"trustDevice": True},
    "verify-otp": {"code": "123456", "trustDevice": True},
    "verify-backup-code": {"code": "a-b", "disableSession": False, "trustDevice": True},
    "generate-backup-codes": {"password": PASSWORD},
}


def expired(prefix: str) -> Sql:
    """What was kept for somebody is too old."""
    return Sql(
        "update verification set \"expiresAt\" = now() - interval '1 s' "
        "where starts_with(identifier, $1) and value = $2",
        (prefix, "<<ada.id>>"),
    )


def attempts_expired() -> Sql:
    return Sql(
        "update verification set \"expiresAt\" = now() - interval '1 s' where identifier = "
        "(select '2fa-attempts-' || identifier from verification "
        "where starts_with(identifier, '2fa-') and value = $1 order by \"createdAt\" desc limit 1)",
        ("<<ada.id>>",),
    )
