"""Challenges, trusted devices, and the other ways to sign in."""

from dataclasses import replace
from typing import Final

from tests.conformance.model import (
    Derive,
    Scenario,
    get,
    post,
    scenario,
    session,
    sign_in,
    sign_up,
    signed_up,
)
from tests.conftest import PASSWORD

from .common import ALL_PATHS, PENDING, TRUSTED, asked, code, enabled, expired, pending, to

SCENARIOS: Final[list[Scenario]] = [
    scenario(
        "two factor: cookies that are not the challenge's",
        enabled(),
        asked(),
        *[
            pending(path, f"{path}: {kind}", cookie=cookie, code="<<code>>")
            for path in ("verify-totp", "verify-otp", "verify-backup-code", "send-otp")
            for kind, cookie in {
                "none": "a=b",
                "unsigned": "better-auth.two_factor=2fa-abc",
                "another signature": PENDING[:-2] + ">>x",
                "the session's value": "better-auth.two_factor=<<ada.signed>>",
            }.items()
        ],
        pending("verify-totp", "another origin", code="<<code>>"),
        post(
            "/two-factor/verify-totp",
            "a foreign page",
            json={"code": "<<code>>"},
            cookie=PENDING,
            origin="https://evil.example",
        ),
        setting="two factor",
    ),
    scenario(
        "two factor: somebody else's code",
        enabled("bob"),
        enabled(),
        Derive("ada2", lambda known: known["code"]),
        sign_in("bob", save="other"),
        pending(
            "verify-totp",
            "ada's code for bob",
            code="<<ada2>>",
            cookie="<<other.set.better-auth.two_factor>>",
        ),
        pending(
            "verify-backup-code",
            "ada's backup code for bob",
            code="<<enabled.backupCodes.0>>",
            cookie="<<other.set.better-auth.two_factor>>",
        ),
        setting="two factor",
    ),
    scenario(
        "two factor: trusted devices",
        enabled(),
        asked(),
        pending("verify-totp", code="<<code>>", trustDevice=True, save="trusted"),
        _signs := post(
            "/sign-in/email",
            "trusted: the password is enough",
            json={"email": "<<ada.email>>", "password": PASSWORD},
            cookie=TRUSTED,
            save="again",
        ),
        replace(_signs, name="the cookie before", save=""),
        post(
            "/sign-in/email",
            "the newer cookie",
            json={"email": "<<ada.email>>", "password": PASSWORD, "callbackURL": "/there"},
            cookie="<<again.set.better-auth.trust_device>>",
            save="newest",
        ),
        expired("trust-device-"),
        post(
            "/sign-in/email",
            "when its time is over",
            json={"email": "<<ada.email>>", "password": PASSWORD},
            cookie="<<newest.set.better-auth.trust_device>>",
        ),
        post(
            "/sign-in/email",
            "a cookie with a wrong signature",
            json={"email": "<<ada.email>>", "password": PASSWORD},
            cookie="<<newest.set.better-auth.trust_device>>x",
        ),
        post(
            "/sign-in/email",
            "a cookie of another kind",
            json={"email": "<<ada.email>>", "password": PASSWORD},
            cookie="better-auth.trust_device=<<ada.signed>>",
        ),
        setting="two factor",
    ),
    scenario(
        "two factor: a device is trusted for one user",
        enabled("bob"),
        enabled(),
        asked(),
        pending("verify-totp", code="<<code>>", trustDevice=True, save="trusted"),
        post(
            "/sign-in/email",
            "another user on it",
            json={"email": "<<bob.email>>", "password": PASSWORD},
            cookie=TRUSTED,
        ),
        setting="two factor",
    ),
    scenario(
        "two factor: what the password's request wanted",
        enabled(),
        asked("not remembered", rememberMe=False),
        pending(
            "verify-totp",
            "and so not remembered",
            cookie=f"{PENDING}; <<pending.set.better-auth.dont_remember>>",
            code="<<code>>",
            save="in",
        ),
        session("in", cookie="<<in.cookies>>"),
        asked("not remembered, again", rememberMe=False),
        pending(
            "verify-totp",
            "but trusted",
            cookie=f"{PENDING}; <<pending.set.better-auth.dont_remember>>",
            code="<<code>>",
            trustDevice=True,
        ),
        post(
            "/sign-in/email",
            "remembered this time",
            json={"email": "<<ada.email>>", "password": PASSWORD, "rememberMe": True},
            cookie="<<pending.set.better-auth.dont_remember>>",
        ),
        asked("with a page to go to", callbackURL="/there"),
        asked("with a foreign page", callbackURL="https://evil.example"),
        post(
            "/sign-in/email",
            "with a session already",
            json={"email": "<<ada.email>>", "password": PASSWORD},
            cookie="<<ada.cookie>>; better-auth.session_data=x",
        ),
        sign_in("ada", name="a wrong password", password="not the password"),
        setting="two factor",
    ),
    scenario(
        "two factor: by username",
        sign_up(username="u<<here>>"),
        to("enable", password=PASSWORD, save="enabled"),
        code(),
        to("verify-totp", code="<<code>>", save="ada"),
        post(
            "/sign-in/username",
            json={"username": "u<<here>>", "password": PASSWORD, "callbackURL": "/there"},
            save="pending",
        ),
        pending("verify-totp", code="<<code>>", trustDevice=True, save="trusted"),
        post(
            "/sign-in/username",
            "on the trusted device",
            json={"username": "u<<here>>", "password": PASSWORD, "rememberMe": False},
            cookie=TRUSTED,
        ),
        setting="two factor",
    ),
    scenario(
        "two factor: as a bearer",
        enabled(),
        post(
            "/two-factor/get-totp-uri",
            "with a token",
            json={"password": PASSWORD},
            headers=(("authorization", "Bearer <<ada.unquoted>>"),),
        ),
        post(
            "/two-factor/disable",
            "which is replaced",
            json={"password": PASSWORD},
            headers=(("authorization", "Bearer <<ada.unquoted>>"),),
            save="ada",
        ),
        session("ada"),
        setting="two factor",
    ),
    scenario(
        "two factor: other methods and paths",
        signed_up(),
        *[get(f"/two-factor/{path}", cookie="<<ada.cookie>>") for path in ALL_PATHS],
        post("/two-factor/view-backup-codes", json={"userId": "<<ada.id>>"}),
        post("/two-factor/generate-totp", json={"secret": "x"}),
        post("/update-user", json={"twoFactorEnabled": True}, cookie="<<ada.cookie>>"),
        sign_up("bob", twoFactorEnabled=True),
        setting="two factor",
    ),
]
