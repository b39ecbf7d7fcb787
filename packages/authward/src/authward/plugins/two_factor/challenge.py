"""Between the password and the second factor: the challenge, a cookie and records of it.

The records are verification values: whose challenge it is, and how many wrong codes it has seen.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from authward.core.account_changes import consume, keep, take
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.plugins.two_factor.codes import TwoFactorCode
from authward.plugins.two_factor.devices import TrustedDevices
from authward.plugins.two_factor.options import TwoFactorOptions
from authward.plugins.two_factor.secrets import random_text
from authward.plugins.two_factor.store import find as find_row
from authward.storage.rows import AuthSession, AuthUser
from authward.storage.verification import Kept
from authward.timestamps import now

PLUGIN_ID = "two-factor"
SIGN_IN_PATHS = ("/sign-in/email", "/sign-in/username", "/sign-in/phone-number")
ALLOWED_ATTEMPTS = 5
_COOKIE = "two_factor"


@dataclass(frozen=True, slots=True)
class Verifier:
    """Who verifies a code: somebody signed in, or somebody who has given the password.

    `key` names what is kept for them; `remember` is what they wanted at the password.
    """

    user: AuthUser
    session: AuthSession | None
    key: str
    remember: bool = True

    @property
    def signs_in(self) -> bool:
        """Whether there is no session yet."""
        return self.session is None


@dataclass(frozen=True, slots=True)
class SignIn:
    """What became of a password: a challenge, or, on a trusted device, a session."""

    user_id: str
    remember: bool
    trusted: bool


class Challenges:
    """Begins challenges, and tells whose they are."""

    def __init__(self, options: TwoFactorOptions, devices: TrustedDevices) -> None:
        self._options = options
        self._devices = devices

    async def is_passed(self, ctx: EndpointContext, user_id: str, remember: bool) -> bool:
        """Whether a sign-in needs no second factor, for the device is trusted."""
        if ctx.path not in SIGN_IN_PATHS:
            return False
        trusted = await self._devices.claim(ctx, user_id)
        ctx.extensions[PLUGIN_ID] = SignIn(user_id, remember, trusted)
        return trusted

    async def after_sign_in(self, ctx: EndpointContext) -> dict[str, Any] | None:
        """Ask for the second factor, or trust the device on, after a password."""
        found: SignIn | None = ctx.extensions.get(PLUGIN_ID)
        if found is None:
            return None
        if not found.trusted:
            return await self._begin(ctx, found)
        if ctx.signed_in_user_id == found.user_id:
            await self._devices.trust(ctx, found.user_id)
        return None

    async def _begin(self, ctx: EndpointContext, found: SignIn) -> dict[str, Any]:
        if not found.remember:
            ctx.set_signed_cookie(ctx.auth.cookies.dont_remember, "true", None)
        elif not ctx.remember_me:
            ctx.expire_cookie(ctx.auth.cookies.dont_remember)
        if callback_url := ctx.callback_url:
            ctx.set_location(callback_url)
        self._devices.forget_cookie(ctx)
        ctx.delete_session_cookies(but_dont_remember=True)
        age = self._options.two_factor_cookie_max_age
        identifier, lifetime = f"2fa-{random_text(20)}", timedelta(seconds=age)
        await keep(ctx, identifier, found.user_id, lifetime)
        await keep(ctx, _attempts(identifier), "0", lifetime)
        ctx.set_signed_cookie(_cookie(ctx), identifier, age)
        return {
            "twoFactorRedirect": True,
            "twoFactorMethods": await self._methods(ctx, found.user_id),
        }

    async def _methods(self, ctx: EndpointContext, user_id: str) -> list[str]:
        options, methods = self._options, []
        if not options.totp_options.disable:
            row = await find_row(ctx, user_id)
            if row is not None and row["verified"] is not False:
                methods.append("totp")
        return [*methods, "otp"] if options.otp_options.send_otp else methods

    async def verifier(self, ctx: EndpointContext) -> Verifier:
        """Return who verifies a code.

        Raises:
            APIError: 401, nobody has given a password lately.
        """
        current = await ctx.load_session()
        if current is not None:
            key = f"{current.user.id}!{current.session.id}"
            return Verifier(current.user, current.session, key)
        identifier = ctx.signed_cookie(_cookie(ctx))
        find = ctx.auth.verifications.find
        kept = await find(ctx.database, identifier) if identifier else None
        user = await ctx.auth.users.find(ctx.database, kept.value) if kept else None
        if not identifier or user is None:
            raise APIError(TwoFactorCode.INVALID_TWO_FACTOR_COOKIE)
        return Verifier(user, None, identifier, ctx.remember_me)

    async def attempt(self, ctx: EndpointContext, who: Verifier) -> "Attempt | None":
        """Begin to check a code; of several at once for one challenge, one may go on.

        Raises:
            APIError: 401 for those, 400 after too many wrong codes, which end the challenge.
        """
        if not who.signs_in:
            return None
        found = await take(ctx, _attempts(who.key))
        if found is None:
            raise APIError(TwoFactorCode.INVALID_TWO_FACTOR_COOKIE)
        count = int(found.value) if found.value.isdecimal() else ALLOWED_ATTEMPTS
        if count >= ALLOWED_ATTEMPTS:
            await consume(ctx, who.key)
            ctx.expire_cookie(_cookie(ctx))
            raise APIError(TwoFactorCode.TOO_MANY_ATTEMPTS_REQUEST_NEW_CODE)
        return Attempt(ctx, who.key, count, found)

    async def finish(self, ctx: EndpointContext, who: Verifier) -> dict[str, Any]:
        """Return who is signed in now: sign them in, if they were not, and end the challenge.

        Raises:
            APIError: 401, somebody else was faster.
        """
        if who.session is not None:
            return answer(ctx, who.session.token, who.user)
        if await consume(ctx, who.key) != who.user.id:
            ctx.expire_cookie(_cookie(ctx))
            raise APIError(TwoFactorCode.INVALID_TWO_FACTOR_COOKIE)
        session = await ctx.create_session(who.user.id, remember=who.remember)
        if session is None:
            raise APIError(TwoFactorCode.INVALID_TWO_FACTOR_COOKIE)
        ctx.start_session(session, remember=None)
        ctx.expire_cookie(_cookie(ctx))
        if ctx.body.get("trustDevice"):
            await self._devices.trust(ctx, who.user.id)
            ctx.expire_cookie(ctx.auth.cookies.dont_remember)
        return answer(ctx, session.token, who.user)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One code for one challenge; nobody else can try another before it is over."""

    _ctx: EndpointContext
    _key: str
    _count: int
    _record: Kept

    async def failed(self) -> None:
        """Count it."""
        await self._keep(self._count + 1)

    async def undone(self) -> None:
        """Do not count it: nobody could have had a right code."""
        await self._keep(self._count)

    async def _keep(self, count: int) -> None:
        left = self._record.expires_at - now()
        await keep(self._ctx, _attempts(self._key), str(count), left)


def answer(ctx: EndpointContext, token: str, user: AuthUser) -> dict[str, Any]:
    """Return the content of the answer to a right code."""
    return {"token": token, "user": ctx.auth.output.user(user)}


def _attempts(identifier: str) -> str:
    return f"2fa-attempts-{identifier}"


def _cookie(ctx: EndpointContext) -> str:
    return ctx.auth.cookies.of(_COOKIE)
