"""Codes of an authenticator app."""

import time
from typing import Any

from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.plugins.two_factor import secrets
from authward.plugins.two_factor.challenge import Challenges, Verifier
from authward.plugins.two_factor.codes import TwoFactorCode
from authward.plugins.two_factor.enabling import ENABLED, require_password, set_enabled
from authward.plugins.two_factor.options import TwoFactorOptions
from authward.plugins.two_factor.store import Lockout, change, find
from authward.storage.adapter import Row
from authward.storage.rows import SessionAndUser

_NOT_CONFIGURED = "totp isn't configured"


class TOTP:
    """The endpoints, with the plugin's options."""

    def __init__(self, options: TwoFactorOptions, challenges: Challenges, lockout: Lockout) -> None:
        self._all = options
        self._options = options.totp_options
        self._challenges = challenges
        self._lockout = lockout

    async def generate(self, ctx: EndpointContext) -> dict[str, str]:
        """Return the current code of a secret; for the application itself."""
        self._require_configured()
        secret = secrets.base32(ctx.body["secret"])
        return {"code": secrets.totp(secret, self._options).now()}

    async def uri(self, ctx: EndpointContext) -> dict[str, str]:
        """Return once more what an authenticator app reads."""
        self._require_configured()
        user = ctx.session.user
        row = await find(ctx, user.id)
        if row is None:
            raise APIError(TwoFactorCode.TOTP_NOT_ENABLED)
        await require_password(ctx, passwordless=self._all.totp_is_passwordless)
        secret = secrets.totp_secret(ctx.auth, row["secret"])
        if secret is None:
            raise APIError(TwoFactorCode.TOTP_NOT_ENABLED)
        issuer = self._options.issuer or ctx.auth.options.app_name
        return {"totpURI": secrets.totp_uri(secret, self._options, issuer, user.email)}

    async def verify(self, ctx: EndpointContext) -> dict[str, Any]:
        """Check a code: it ends a sign-in, or shows that the app has the secret."""
        self._require_configured()
        who = await self._challenges.verifier(ctx)
        row = await find(ctx, who.user.id)
        if row is None or (who.signs_in and row["verified"] is False):
            raise APIError(TwoFactorCode.TOTP_NOT_ENABLED)
        await self._check(ctx, who, row)
        if row["verified"] is not True:
            await self._note_verified(ctx, who, row)
        return await self._challenges.finish(ctx, who)

    async def _check(self, ctx: EndpointContext, who: Verifier, row: Row) -> None:
        if who.signs_in:
            await self._lockout.check(ctx, row)
        attempt = await self._challenges.attempt(ctx, who)
        secret = secrets.totp_secret(ctx.auth, row["secret"])
        if secret is None:
            if attempt is not None:
                await attempt.undone()
            raise APIError(TwoFactorCode.TOTP_NOT_ENABLED)
        if not secrets.is_totp(secret, ctx.body["code"], self._options, time.time()):
            if attempt is not None:
                await attempt.failed()
                await self._lockout.count_failure(ctx, row)
            raise APIError(TwoFactorCode.INVALID_CODE)
        if who.signs_in:
            await self._lockout.forget_failures(ctx, row)

    async def _note_verified(self, ctx: EndpointContext, who: Verifier, row: Row) -> None:
        async with ctx.transaction() as connection:
            await ctx.auth.users.lock(connection, who.user.id)
            if not who.user.fields[ENABLED]:
                if who.session is None:
                    raise APIError(TwoFactorCode.TOTP_NOT_ENABLED)
                await set_enabled(ctx, SessionAndUser(who.session, who.user), enabled=True)
            await change(ctx, row, {"verified": True})

    def _require_configured(self) -> None:
        if self._options.disable:
            raise APIError(TwoFactorCode.TOTP_NOT_CONFIGURED, message=_NOT_CONFIGURED)
