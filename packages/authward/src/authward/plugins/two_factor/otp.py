"""Codes that are sent."""

from datetime import timedelta
from typing import Any

from authward.core.account_changes import keep, take
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.plugins.kept_secrets import kept, matches
from authward.plugins.two_factor.challenge import Challenges, Verifier, answer
from authward.plugins.two_factor.codes import TwoFactorCode
from authward.plugins.two_factor.enabling import ENABLED, set_enabled
from authward.plugins.two_factor.options import TwoFactorOptions, TwoFactorOTP
from authward.plugins.two_factor.secrets import random_digits
from authward.plugins.two_factor.store import Lockout, find
from authward.storage.rows import SessionAndUser
from authward.storage.verification import Kept
from authward.timestamps import now

_NOT_CONFIGURED = "otp isn't configured"


class OTP:
    """The endpoints, with the plugin's options."""

    def __init__(self, options: TwoFactorOptions, challenges: Challenges, lockout: Lockout) -> None:
        self._options = options.otp_options
        self._challenges = challenges
        self._lockout = lockout

    async def send(self, ctx: EndpointContext) -> dict[str, bool]:
        """Send a code to whoever signs in, or is signed in."""
        hook = self._options.send_otp
        if hook is None:
            raise APIError(TwoFactorCode.OTP_NOT_CONFIGURED, message=_NOT_CONFIGURED)
        who = await self._challenges.verifier(ctx)
        code = random_digits(self._options.digits)
        stored = f"{await kept(ctx.auth, self._options.store_otp, code)}:0"
        await keep(ctx, _identifier(who), stored, timedelta(minutes=self._options.period))
        event = TwoFactorOTP(who.user, code)
        ctx.run_in_background(lambda: hook(event))
        return {"status": True}

    async def verify(self, ctx: EndpointContext) -> dict[str, Any]:
        """Check the code: it ends a sign-in, or shows that codes reach the user."""
        who = await self._challenges.verifier(ctx)
        row = await find(ctx, who.user.id) if who.signs_in else None
        if row is not None:
            await self._lockout.check(ctx, row)
        sent = await take(ctx, _identifier(who))
        if sent is None:
            raise APIError(TwoFactorCode.OTP_HAS_EXPIRED)
        if not await self._is_right(ctx, who, sent):
            if row is not None:
                await self._lockout.count_failure(ctx, row)
            raise APIError(TwoFactorCode.INVALID_CODE)
        if row is not None:
            await self._lockout.forget_failures(ctx, row)
        if not who.user.fields[ENABLED]:
            return await self._enable(ctx, who)
        return await self._challenges.finish(ctx, who)

    async def _is_right(self, ctx: EndpointContext, who: Verifier, sent: Kept) -> bool:
        stored, _, count = sent.value.rpartition(":")
        attempts = int(count) if count.isdecimal() else 0
        if attempts >= self._options.allowed_attempts:
            raise APIError(TwoFactorCode.TOO_MANY_ATTEMPTS_REQUEST_NEW_CODE)
        if await matches(ctx.auth, self._options.store_otp, stored, ctx.body["code"]):
            return True
        value, left = f"{stored}:{attempts + 1}", sent.expires_at - now()
        await keep(ctx, _identifier(who), value, left)
        return False

    async def _enable(self, ctx: EndpointContext, who: Verifier) -> dict[str, Any]:
        if who.session is None:
            raise APIError(TwoFactorCode.INVALID_TWO_FACTOR_COOKIE)
        async with ctx.transaction() as connection:
            await ctx.auth.users.lock(connection, who.user.id)
            new = await set_enabled(ctx, SessionAndUser(who.session, who.user), enabled=True)
        return answer(ctx, new.session.token, new.user)


def _identifier(who: Verifier) -> str:
    return f"2fa-otp-{who.key}"
