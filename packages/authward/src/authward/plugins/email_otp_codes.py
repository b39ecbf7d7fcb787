"""The codes of `email_otp`: how they are made, kept, sent and judged."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Final

from authward.callbacks import EmailLink
from authward.context import AuthContext
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.plugins import one_time_codes
from authward.plugins.email_otp_options import (
    EmailOTP,
    EmailOTPCode,
    EmailOTPOptions,
    OTPRequest,
    OTPType,
)
from authward.plugins.kept_secrets import kept, matches, revealed
from authward.plugins.one_time_codes import Guess, digits

VERIFICATION: Final[OTPType] = "email-verification"


class Codes:
    """Makes, sends and judges codes."""

    def __init__(self, options: EmailOTPOptions) -> None:
        self.options = options
        self.overrides = options.override_default_email_verification

    def override(self, context: AuthContext) -> None:
        """Send a code wherever the core would send a link."""

        async def send(link: EmailLink) -> None:
            email, kind = link.user.email.lower(), VERIFICATION
            otp = await self._make(email, kind)
            value = f"{await kept(context, self.options.store_otp, otp)}:0"
            identifier = identifier_of(kind, email)
            lifetime, kept_in = timedelta(seconds=self.options.expires_in), context.verifications
            await kept_in.forget(context.pool, identifier)
            stored = await kept_in.stored(identifier)
            await kept_in.create(context.pool, stored, value, lifetime)
            await self.options.send_verification_otp(EmailOTP(email, otp, kind))

        verifying = replace(context.options.email_verification, send_verification_email=send)
        context.options = replace(context.options, email_verification=verifying)

    async def after_sign_up(self, ctx: EndpointContext) -> None:
        """Send a code to whoever has signed up."""
        user = ctx.returned.get("user") if isinstance(ctx.returned, dict) else None
        if user:
            ctx.run_in_background(partial(self.send, ctx, user["email"], VERIFICATION))

    async def send(self, ctx: EndpointContext, email: str, kind: OTPType) -> None:
        """Keep a new code and send it."""
        otp = await self.keep(ctx, email, kind, identifier_of(kind, email))
        await self.options.send_verification_otp(EmailOTP(email, otp, kind))

    async def send_if_known(self, ctx: EndpointContext, email: str, kind: OTPType) -> None:
        """Send a code to somebody who may have one.

        Runs after the answer, whose time would else tell whether there is such a user.
        """
        may_sign_up = kind == "sign-in" and not self.options.disable_sign_up
        user = await ctx.auth.users.find_by_email(ctx.auth.pool, email)
        if user is None and not may_sign_up:
            return None
        otp = await self._reused(ctx, identifier_of(kind, email))
        if otp is None:
            return await self.send(ctx, email, kind)
        await self.options.send_verification_otp(EmailOTP(email, otp, kind))
        return None

    async def keep(self, ctx: EndpointContext, email: str, kind: OTPType, identifier: str) -> str:
        """Keep a new code and return it."""
        otp = await self._make(email, kind)
        stored = await kept(ctx.auth, self.options.store_otp, otp)
        await one_time_codes.send(ctx, identifier, stored, self.options.expires_in)
        return otp

    async def read(self, ctx: EndpointContext, identifier: str) -> str | None:
        """Return the code that was sent last."""
        found = await one_time_codes.find(ctx, identifier)
        if found is None:
            return None
        otp = await revealed(ctx.auth, self.options.store_otp, found[0])
        if otp is None:
            raise APIError(400, message="OTP is hashed, cannot return the plain text OTP")
        return otp

    def guess(self, identifier: str, otp: str, *, use_up: bool = True) -> Guess:
        """Return what somebody gives as a code."""
        return Guess(
            identifier=identifier,
            code=otp,
            allowed=self.options.allowed_attempts,
            unknown=EmailOTPCode.INVALID_OTP,
            expired=EmailOTPCode.OTP_EXPIRED,
            wrong=EmailOTPCode.INVALID_OTP,
            too_many=EmailOTPCode.TOO_MANY_ATTEMPTS,
            use_up=use_up,
        )

    async def check(
        self, ctx: EndpointContext, identifier: str, otp: str, *, use_up: bool = True
    ) -> None:
        """Refuse a code that is not the right one.

        Raises:
            APIError: 400, or 403 after too many wrong ones.
        """
        guess = self.guess(identifier, otp, use_up=use_up)
        await one_time_codes.check(ctx, guess, partial(self.judge, ctx))

    async def judge(self, ctx: EndpointContext, stored: str, given: str) -> bool:
        """Whether the code is the one that is kept."""
        return await matches(ctx.auth, self.options.store_otp, stored, given)

    async def _make(self, email: str, kind: OTPType) -> str:
        generate = self.options.generate_otp
        made = await generate(OTPRequest(email, kind)) if generate else None
        return made or digits(self.options.otp_length)

    async def _reused(self, ctx: EndpointContext, identifier: str) -> str | None:
        found = None
        if self.options.resend_strategy == "reuse":
            found = await one_time_codes.find(ctx, identifier)
        if found is None or found[1] >= self.options.allowed_attempts:
            return None
        otp = await revealed(ctx.auth, self.options.store_otp, found[0])
        if otp is not None:
            await one_time_codes.prolong(ctx, identifier, self.options.expires_in)
        return otp


def identifier_of(kind: str, email: str) -> str:
    """Return under which a code is kept."""
    return f"{kind}-otp-{email}"
