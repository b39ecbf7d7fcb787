"""How long things last that an application made shorter, and where failures lead."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from authward import (
    BetterAuthOptions,
    DeleteUserOptions,
    EmailAndPasswordOptions,
    EmailVerificationOptions,
    SessionOptions,
    UserOptions,
)
from authward.oauth import social_provider
from authward.options import OnAPIError
from tests.conformance.model import Scenario, Sql, get, mails, post, scenario, sign_up
from tests.conformance.setup import Collect, Setup
from tests.conftest import PASSWORD

TIMES: Final = "shorter times"
ERROR_PAGE: Final = "http://localhost:3000/oops?from=auth"
_OLDER: Final = 'UPDATE session SET "createdAt" = "createdAt" - $2::text::interval WHERE token = $1'
_SOONER: Final = """UPDATE verification SET "expiresAt" = "expiresAt" - $2::text::interval
WHERE value = $1"""


def _options(base: BetterAuthOptions, collect: Collect) -> BetterAuthOptions:
    delete = DeleteUserOptions(
        send_delete_account_verification=collect("delete"), delete_token_expires_in=120
    )
    passwords = EmailAndPasswordOptions(
        send_reset_password=collect("reset"), reset_password_token_expires_in=600
    )
    return replace(
        base,
        session=SessionOptions(fresh_age=60),
        email_verification=EmailVerificationOptions(
            send_verification_email=collect("verification"),
            before_email_verification=collect("before"),
            after_email_verification=collect("after"),
        ),
        user=UserOptions(delete_user=delete),
        email_and_password=passwords,
        on_api_error=OnAPIError(error_url=ERROR_PAGE),
        social_providers=(
            social_provider("discord", client_id="its-id", client_secret="its-secret"),
        ),
    )


SETUPS: Final = {TIMES: Setup("times", _options)}
_MINE: Final = {"cookie": "<<ada.cookie>>"}


def _reset(left: str) -> Iterator[Any]:
    yield sign_up()
    asked = {"email": "ada.<<here>>@example.com"}
    yield post("/request-password-reset", json=asked)
    yield mails(save="sent")
    yield Sql(_SOONER, ("<<ada.id>>", left))
    new = {"newPassword": f"{PASSWORD}, new", "token": "<<sent.token>>"}
    yield post("/reset-password", json=new)


def _delete(left: str) -> Iterator[Any]:
    yield sign_up()
    yield post("/delete-user", json={}, **_MINE)
    yield mails(save="sent")
    yield Sql(_SOONER, ("<<ada.id>>", left))
    yield get("/delete-user/callback?token=<<sent.token>>", "the link", **_MINE)
    yield get("/get-session", "who is left", **_MINE)


def _scenarios() -> Iterator[Scenario]:
    def case(name: str, *steps: Any) -> Scenario:
        return scenario(f"{TIMES}: {name}", *steps, setting=TIMES)

    yield case(
        "a session is fresh for a minute",
        sign_up(),
        Sql(_OLDER, ("<<ada.token>>", "50 seconds")),
        get("/list-sessions", "fresh", **_MINE),
        Sql(_OLDER, ("<<ada.token>>", "20 seconds")),
        get("/list-sessions", "no longer", **_MINE),
        post("/delete-user", "for that too", json={}, **_MINE),
    )
    yield case("a link of ten minutes is in time", _reset("9 minutes"))
    yield case("a link of ten minutes is late", _reset("11 minutes"))
    yield case("a user is deleted in time", _delete("1 minute"))
    yield case("a user is not deleted any more", _delete("3 minutes"))
    yield case(
        "the application hears of an address that is verified",
        sign_up(),
        post("/send-verification-email", json={"email": "ada.<<here>>@example.com"}, **_MINE),
        mails(save="sent"),
        get("/verify-email?token=<<sent.token>>", "verified", **_MINE),
        mails("what the application heard"),
        get("/verify-email?token=<<sent.token>>", "again", **_MINE),
        mails("nothing more"),
    )
    yield case(
        "failures lead to the application's page",
        get("/callback/discord?code=x&state=unknown", "an unknown state"),
        get("/callback/discord?error=access_denied", "no state"),
        get("/verify-email?token=x", "a link of a mail"),
        get("/reset-password/unknown", "another one"),
    )


SCENARIOS: Final = tuple(_scenarios())
