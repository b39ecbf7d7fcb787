"""Ours with hooks that collect what an application would mail; `GET /mails/{text}` hands it out.

Environment: as for Taskward, and MAIL, the JSON object of `mail.py`.
"""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final

from fastapi import FastAPI

from authward import BetterAuth, BetterAuthOptions
from authward.callbacks import (
    ChangeEmailLink,
    EmailLink,
    EmailLinkCallback,
    PasswordReset,
)
from authward.plugins import bearer, jwt, username
from authward.storage.rows import AuthUser
from taskward.app import auth_options
from taskward.auth_plugins import added_schema
from taskward.database.database import Database
from taskward.database.url import DatabaseURL
from taskward.http import errors
from taskward.migrations import migrate
from taskward.settings import Settings
from tests.support.auth_options import with_options

from .outbox import Quiet

NAMES: Final = {
    "requireEmailVerification": "require_email_verification",
    "sendOnSignUp": "send_on_sign_up",
    "sendOnSignIn": "send_on_sign_in",
    "autoSignInAfterVerification": "auto_sign_in_after_verification",
    "changeEmail": "change_email__enabled",
    "updateEmailWithoutVerification": "update_email_without_verification",
    "revokeSessionsOnPasswordReset": "revoke_sessions_on_password_reset",
}
mails: list[dict[str, Any]] = []
database = Database()


def _about(kind: str, user: AuthUser) -> dict[str, Any]:
    verified = user.email_verified
    return {"kind": kind, "id": user.id, "to": user.email, "name": user.name, "verified": verified}


def _collect(kind: str) -> EmailLinkCallback:
    async def hook(link: EmailLink) -> None:
        new = {"newEmail": link.new_email} if isinstance(link, ChangeEmailLink) else {}
        mails.append({**_about(kind, link.user), **new, "url": link.url, "token": link.token})

    return hook


async def _note_reset(event: PasswordReset) -> None:
    mails.append(_about("password-reset", event.user))


def _options() -> BetterAuthOptions:
    mail = json.loads(os.environ["MAIL"])
    hooks: dict[str, Any] = {
        "send_reset_password": _collect("reset-password"),
        "send_verification_email": _collect("verification"),
        "send_change_email_confirmation": _collect("change-email"),
        "send_delete_account_verification": _collect("delete-account"),
        "on_password_reset": _note_reset,
    }
    chosen = {NAMES[name]: value for name, value in mail.items() if name in NAMES}
    options = auth_options(Settings())
    if "username" in mail:
        options = replace(options, plugins=(jwt(), bearer(), username()))
    return with_options(options, **chosen, **(hooks if mail["hooks"] else {}))


@asynccontextmanager
async def _lifespan(_: FastAPI) -> AsyncIterator[None]:
    url = DatabaseURL.parse(os.environ["DATABASE_URL"])
    await migrate(url.connect_arguments(), added_schema(Settings()))
    await database.open(url.connect_arguments())
    await auth.migrate()
    yield
    await database.close()


async def take_mails(text: str) -> dict[str, Any]:
    """What was sent since the last time, and mentions `text`."""
    taken = [mail for mail in mails if text in json.dumps(mail)]
    mails[:] = [mail for mail in mails if mail not in taken]
    return {"mails": taken, "token": taken[-1].get("token") if taken else None}


auth = BetterAuth(_options(), database)


def _app() -> FastAPI:
    site = FastAPI(redirect_slashes=False, lifespan=_lifespan)
    errors.install(site)
    site.add_api_route("/mails/{text}", take_mails)
    auth.install(site)
    return site


app = Quiet(_app())
