"""A site whose Better Auth server has hooks, and a box that keeps what they were given."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from fastapi import FastAPI

from authward import BetterAuth
from authward.callbacks import EmailLink, PasswordReset
from taskward.app import auth_options
from taskward.http import errors
from taskward.settings import Settings
from tests.conftest import BASE_URL, PASSWORD, TRUSTED_ORIGIN, new_email
from tests.support.auth_options import with_options
from tests.support.quick_passwords import QUICK

API = "/api/auth"


@dataclass
class Site:
    """The site, somebody's browser on it, and all links mailed so far."""

    app: FastAPI
    browser: httpx.AsyncClient
    links: list[EmailLink] = field(default_factory=list)
    resets: list[PasswordReset] = field(default_factory=list)

    async def keep(self, link: EmailLink) -> None:
        self.links.append(link)

    async def note(self, event: PasswordReset) -> None:
        self.resets.append(event)

    async def post(self, path: str, /, **body: Any) -> httpx.Response:
        return await self.browser.post(API + path, json=body)

    async def get(self, path: str, /, **query: str) -> httpx.Response:
        return await self.browser.get(API + path, params=query)

    async def sign_up(self) -> str:
        """Somebody new; the browser has their session."""
        email = new_email()
        body = {"name": "Ada", "email": email, "password": PASSWORD}
        answer = await self.post("/sign-up/email", **body)
        assert answer.status_code == 200, answer.text
        return email

    async def can_sign_in(self, email: str, password: str = PASSWORD) -> bool:
        answer = await self.post("/sign-in/email", email=email, password=password)
        return answer.status_code == 200

    def another_browser(self) -> httpx.AsyncClient:
        """A browser with the same cookies, for requests at the same time."""
        return _browser(self.app, self.browser.cookies)


def _browser(app: FastAPI, cookies: httpx.Cookies | None = None) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url=BASE_URL,
        headers={"origin": TRUSTED_ORIGIN},
        cookies=cookies,
    )


@asynccontextmanager
async def mailing_site(app: FastAPI, settings: Settings, **options: Any) -> AsyncIterator[Site]:
    """A second site on the database of `app`; every hook fills the box unless it is given."""
    second = FastAPI(redirect_slashes=False)
    errors.install(second)
    async with _browser(second) as browser:
        site = Site(second, browser)
        hooks: dict[str, Any] = {
            "send_reset_password": site.keep,
            "send_verification_email": site.keep,
            "send_change_email_confirmation": site.keep,
            "send_delete_account_verification": site.keep,
            "on_password_reset": site.note,
            "change_email__enabled": True,
            "email_and_password__password": QUICK,
        }
        chosen = with_options(auth_options(settings), **(hooks | options))
        BetterAuth(chosen, app.state.database).install(second)
        yield site
