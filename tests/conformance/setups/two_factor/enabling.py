"""An app, from its secret to the sign-in; enabling and disabling; bodies."""

from typing import Final

from tests.conformance.model import (
    TOO_LONG,
    Scenario,
    post,
    scenario,
    session,
    sign_in,
    signed_up,
)
from tests.conftest import PASSWORD

from .common import (
    ALL_PATHS,
    PENDING,
    TRUSTED,
    asked,
    bodies,
    code,
    enabled,
    pending,
    to,
    wrong_code,
)

SCENARIOS: Final[list[Scenario]] = [
    scenario(
        "two factor: an app, from the secret to the sign-in",
        enabled(),
        session("ada", "twoFactorEnabled is true"),
        to("enable", "again", password=PASSWORD),
        to("get-totp-uri", password=PASSWORD),
        asked(),
        session("pending", "no session yet", cookie=PENDING),
        wrong_code(),
        pending("verify-totp", "a wrong code", code="<<wrong>>"),
        pending("verify-totp", "a right code", code="<<code>>", save="in"),
        session("in"),
        pending("verify-totp", "the challenge once more", code="<<code>>"),
        setting="two factor",
    ),
    scenario(
        "two factor: the codes before and after count, those beyond do not",
        enabled(),
        *[
            step
            for ago in (-1, 1, 3, -3)
            for step in (
                asked(f"a code {ago} periods old"),
                code(ago=ago),
                pending("verify-totp", f"{ago} periods old", code="<<code>>"),
            )
        ],
        setting="two factor",
    ),
    scenario(
        "two factor: enabling and its refusals",
        signed_up(),
        post("/two-factor/enable", "no session", json={"password": PASSWORD}),
        to("enable", "a wrong password", password="not the password"),
        to("enable", "an empty password", password=""),
        to("enable", "a long password", password=TOO_LONG),
        to("enable", "with an issuer", password=PASSWORD, issuer="Ä & Ö ~*/?", save="enabled"),
        to("enable", "before the app was shown to have it", password=PASSWORD, save="enabled"),
        session("ada", "not enabled yet"),
        sign_in("ada", save="ada"),
        wrong_code(),
        to("verify-totp", "a wrong code", code="<<wrong>>"),
        to("generate-backup-codes", "none before", password=PASSWORD),
        code(),
        to("verify-totp", code="<<code>>", save="new"),
        session("ada", "the old session"),
        session("new"),
        to("verify-totp", "again", who="new", code="<<code>>"),
        to("verify-totp", "again, a wrong one", who="new", code="<<wrong>>"),
        setting="two factor",
    ),
    scenario(
        "two factor: disabled again",
        enabled(),
        asked(),
        pending("verify-totp", code="<<code>>", trustDevice=True, save="trusted"),
        to("disable", "a wrong password", password="not the password"),
        post(
            "/two-factor/disable",
            "on the trusted device",
            json={"password": PASSWORD},
            cookie=f"<<trusted.cookie>>; {TRUSTED}",
            save="ada",
        ),
        session("trusted", "the old session"),
        session("ada"),
        sign_in("ada", name="only the password"),
        to("disable", "when there is none", password=PASSWORD, save="ada"),
        to("get-totp-uri", "when there is none", password=PASSWORD),
        to("verify-totp", "when there is none", code="123456"),
        to("verify-backup-code", "when there is none", code="123456"),
        to("enable", "another secret", password=PASSWORD),
        post("/two-factor/disable", "no session", json={"password": PASSWORD}),
        setting="two factor",
    ),
    *[
        scenario(
            f"two factor: bodies of {path}",
            signed_up(),
            *bodies(path, body, "<<ada.cookie>>"),
            setting="two factor",
        )
        for path, body in ALL_PATHS.items()
        if path not in {"enable", "disable"}
    ],
    scenario(
        "two factor: bodies of enable",
        signed_up(),
        *bodies("enable", {**ALL_PATHS["enable"], "password": "wrong password"}, "<<ada.cookie>>"),
        setting="two factor",
    ),
    scenario(
        "two factor: bodies of disable",
        signed_up(),
        *bodies("disable", {"password": "wrong password"}, "<<ada.cookie>>"),
        setting="two factor",
    ),
]
