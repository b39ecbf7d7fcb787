"""Ours with hooks that collect what an application would mail; `GET /mails/{text}` hands it out.

Environment: as for Taskward, and MAIL, the JSON object of `mail.py`.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from taskward import errors
from taskward.app import auth_options
from taskward.auth import BetterAuth, BetterAuthOptions
from taskward.auth.hooks import ChangeEmailLetter, HookUser, Letter, LetterHook, PasswordReset
from taskward.config import Settings
from taskward.database import Database
from taskward.database_url import DatabaseURL
from taskward.migrations import migrate

NAMES: Final = {
    "requireEmailVerification": "require_email_verification",
    "sendOnSignUp": "send_on_sign_up",
    "sendOnSignIn": "send_on_sign_in",
    "autoSignInAfterVerification": "auto_sign_in_after_verification",
    "changeEmail": "change_email_enabled",
    "updateEmailWithoutVerification": "update_email_without_verification",
    "revokeSessionsOnPasswordReset": "revoke_sessions_on_password_reset",
}
mails: list[dict[str, Any]] = []
database = Database()


class Quiet:
    """Knows whether requests are being worked on, which they are until their hooks have run."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.in_flight = 0
        self.changed = asyncio.Condition()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/mails/"):
            await self.app(scope, receive, send)
            return
        self.in_flight += 1
        try:
            await self.app(scope, receive, send)
        finally:
            async with self.changed:
                self.in_flight -= 1
                self.changed.notify_all()

    async def wait(self) -> None:
        async with self.changed:
            await self.changed.wait_for(lambda: self.in_flight == 0)


def _about(kind: str, user: HookUser) -> dict[str, Any]:
    verified = user.email_verified
    return {"kind": kind, "id": user.id, "to": user.email, "name": user.name, "verified": verified}


def _collect(kind: str) -> LetterHook:
    async def hook(letter: Letter) -> None:
        new = {"newEmail": letter.new_email} if isinstance(letter, ChangeEmailLetter) else {}
        mails.append({**_about(kind, letter.user), **new, "url": letter.url, "token": letter.token})

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
    chosen = {NAMES[name]: value for name, value in mail.items() if name != "hooks"}
    return replace(auth_options(Settings()), **chosen, **(hooks if mail["hooks"] else {}))


@asynccontextmanager
async def _lifespan(_: FastAPI) -> AsyncIterator[None]:
    url = DatabaseURL.parse(os.environ["DATABASE_URL"])
    await migrate(url.connect_arguments())
    await database.open(url.connect_arguments())
    yield
    await database.close()


async def take_mails(text: str) -> dict[str, Any]:
    """What was sent since the last time, and mentions `text`."""
    await app.wait()
    taken = [mail for mail in mails if text in json.dumps(mail)]
    mails[:] = [mail for mail in mails if mail not in taken]
    return {"mails": taken, "token": taken[-1].get("token") if taken else None}


def _app() -> FastAPI:
    site = FastAPI(redirect_slashes=False, lifespan=_lifespan)
    errors.install(site)
    site.add_api_route("/mails/{text}", take_mails)
    BetterAuth(_options(), database).install(site)
    return site


app = Quiet(_app())
