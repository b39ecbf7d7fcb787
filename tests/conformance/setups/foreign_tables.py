"""Tables with other names, and ids that are uuids or numbers of the database's own."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from authward import BetterAuthOptions
from authward.options import (
    AccountOptions,
    DatabaseOptions,
    EmailAndPasswordOptions,
    SessionOptions,
    UserOptions,
    VerificationOptions,
)
from authward.schema import DBField
from tests.conformance.model import (
    Step,
    email,
    get,
    mails,
    post,
    scenario,
    session,
    sign_in,
    sign_up,
)
from tests.conformance.setup import Collect, Setup
from tests.conftest import PASSWORD

OTHER: Final = "another good password"
RENAMED: Final = "renamed tables"
SERIAL: Final = "serial ids"
WRONG_IDS: Final = ("x", "", "00000000-0000-0000-0000-000000000000", "9" * 12, "1 or 1=1", "-1")


def renamed(base: BetterAuthOptions, collect: Collect) -> BetterAuthOptions:
    optional = DBField(type="string", required=False)
    return replace(
        base,
        user=UserOptions(
            model_name="people",
            fields={"email": "email_address", "emailVerified": "is_verified", "createdAt": "made"},
            additional_fields={
                "nickname": replace(optional, field_name="nick"),
                "tags": DBField(type="string[]", required=False),
            },
        ),
        session=SessionOptions(
            model_name="visits",
            fields={"userId": "person_id", "expiresAt": "ends", "ipAddress": "address"},
            additional_fields={"theme": replace(optional, default_value="light")},
        ),
        account=AccountOptions(
            model_name="ways_in",
            fields={"userId": "person_id", "accountId": "number", "password": "secret_hash"},
            additional_fields={
                "note": DBField(type="string", default_value="none"),
                "hidden": replace(optional, default_value="x", returned=False),
                "rank": DBField(type="number", required=False, default_value=3, field_name="place"),
            },
        ),
        verification=VerificationOptions(
            model_name="proofs", fields={"identifier": "about", "expiresAt": "ends"}
        ),
        advanced=replace(base.advanced, database=DatabaseOptions(generate_id="uuid")),
        email_and_password=_with_reset(collect),
    )


def serial(base: BetterAuthOptions, collect: Collect) -> BetterAuthOptions:
    return replace(
        base,
        advanced=replace(base.advanced, database=DatabaseOptions(generate_id="serial")),
        email_and_password=_with_reset(collect),
    )


def _with_reset(collect: Collect) -> EmailAndPasswordOptions:
    return EmailAndPasswordOptions(send_reset_password=collect("reset-password"))


SETUPS = {
    RENAMED: Setup("foreign_tables", renamed),
    SERIAL: Setup("foreign_tables", serial),
}


def everything() -> Iterator[Step]:
    """What touches each of the tables, as reading, writing, and refusing."""
    mine = {"cookie": "<<ada.cookie>>"}
    yield sign_up(nickname="Countess", tags=["a", "b c", 'd"e'])
    yield sign_up(save="nobody")
    yield session()
    yield sign_in(save="phone")
    yield get("/list-sessions", **mine)
    yield post("/update-user", json={"name": "Ada L.", "nickname": None, "tags": []}, **mine)
    yield post("/update-session", json={"theme": "dark"}, **mine)
    yield session("phone")
    yield get("/list-accounts", **mine)
    for wrong in WRONG_IDS:
        yield post("/unlink-account", f"unlink {wrong!r}", json={"accountId": wrong}, **mine)
    yield post("/unlink-account", json={"accountId": "<<ada.id>>"}, **mine)
    yield post("/verify-password", json={"password": PASSWORD}, **mine)
    yield post("/revoke-session", json={"token": "<<phone.token>>"}, **mine)
    yield session("phone", "the phone is out")
    yield get("/token", **mine)
    change = {"currentPassword": PASSWORD, "newPassword": OTHER, "revokeOtherSessions": True}
    yield post("/change-password", json=change, save="ada", **mine)
    yield sign_in(password=OTHER, save="ada", name="with the new password")
    yield post("/request-password-reset", json={"email": email(), "redirectTo": "/reset"})
    yield mails(save="reset")
    body = {"newPassword": PASSWORD, "token": "<<reset.token>>"}
    yield post("/reset-password", json=body)
    yield post("/reset-password", "once more", json=body)
    yield sign_in(save="ada")
    yield post("/sign-out", cookie="<<ada.cookie>>")
    yield sign_in(save="ada", name="again")
    yield post("/delete-user", json={"password": PASSWORD}, cookie="<<ada.cookie>>")
    yield sign_in(name="there is nobody")


SCENARIOS = [
    scenario("a life in renamed tables with uuids", everything(), setting=RENAMED),
    scenario("a life with ids that the database counts", everything(), setting=SERIAL),
]
