"""`enable` and `disable`, and what both share with others: the password, and another session."""

from typing import Any

from authward.codes import Code
from authward.core.password_auth import check_password_not_too_long
from authward.core.user_changes import update_user
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.plugins.kept_secrets import encrypt
from authward.plugins.two_factor.codes import TwoFactorCode
from authward.plugins.two_factor.devices import TrustedDevices
from authward.plugins.two_factor.options import TwoFactorOptions
from authward.plugins.two_factor.secrets import (
    SECRET_LENGTH,
    base32,
    new_backup_codes,
    random_text,
    stored_backup_codes,
    totp_uri,
)
from authward.plugins.two_factor.store import MODEL, change, find
from authward.storage.credentials import FIND_CREDENTIAL, LOCK_VERIFIED_PASSWORD
from authward.storage.rows import SessionAndUser

ENABLED = "twoFactorEnabled"


async def require_password(ctx: EndpointContext, *, passwordless: bool) -> str | None:
    """Check the password in the body; returns its hash, for `lock_password`.

    Raises:
        APIError: 400, it is wrong or missing; with `passwordless` those who have none need none.
    """
    password = ctx.body.get("password")
    if password:
        check_password_not_too_long(password)
    account = await FIND_CREDENTIAL.fetchrow(ctx.auth.pool, user_id=ctx.session.user.id)
    stored = account["password"] if account else None
    if passwordless and not stored:
        return None
    if not (stored and password and await ctx.auth.passwords.verify(password, stored)):
        raise APIError(Code.INVALID_PASSWORD)
    return str(stored)


async def lock_password(ctx: EndpointContext, verified: str | None) -> None:
    """Lock the user, and refuse a password that was replaced meanwhile; in a transaction.

    Raises:
        APIError: 400.
    """
    user_id = ctx.session.user.id
    await ctx.auth.users.lock(ctx.database, user_id)
    values = {"user_id": user_id, "verified": verified}
    if verified and not await LOCK_VERIFIED_PASSWORD.fetchrow(ctx.database, **values):
        raise APIError(Code.INVALID_PASSWORD)


async def set_enabled(
    ctx: EndpointContext, current: SessionAndUser, *, enabled: bool
) -> SessionAndUser:
    """Note whether a user has a second factor, and give another session; in a transaction.

    Raises:
        APIError: 401, the session has ended meanwhile.
    """
    old = current.session
    user = await update_user(ctx, current.user.id, {ENABLED: enabled})
    ended = await ctx.delete_session(old.token)
    if user is None or not ended:
        raise APIError(Code.UNAUTHORIZED)
    defaults = ctx.auth.defaults("session")
    kept = {name: value for name, value in old.fields.items() if name not in defaults}
    given = {"ipAddress": old.ip_address, "userAgent": old.user_agent, **kept}
    session = await ctx.create_session(user.id, given=given)
    if session is None:
        raise APIError(Code.UNAUTHORIZED)
    ctx.set_session_cookies(session.token)
    return SessionAndUser(session, user)


class Enabling:
    """The endpoints, with the plugin's options."""

    def __init__(self, options: TwoFactorOptions, devices: TrustedDevices) -> None:
        self._options = options
        self._devices = devices

    async def enable(self, ctx: EndpointContext) -> dict[str, Any]:
        """Give the user a secret for an authenticator app, or let codes be sent from now on."""
        options, method = self._options, ctx.body.get("method", "totp")
        verified = await require_password(ctx, passwordless=options.allow_passwordless)
        if method == "otp" and options.otp_options.send_otp is None:
            raise APIError(TwoFactorCode.OTP_NOT_CONFIGURED)
        if method == "totp" and options.totp_options.disable:
            raise APIError(TwoFactorCode.TOTP_NOT_CONFIGURED)
        async with ctx.transaction():
            await lock_password(ctx, verified)
            if method == "totp":
                return await self._give_secret(ctx)
            await set_enabled(ctx, ctx.session, enabled=True)
        return {"method": "otp"}

    async def _give_secret(self, ctx: EndpointContext) -> dict[str, Any]:
        options, user = self._options, ctx.session.user
        known = await find(ctx, user.id)
        if known is not None and known["verified"] is not False:
            raise APIError(TwoFactorCode.TOTP_ALREADY_ENABLED)
        secret, codes = random_text(SECRET_LENGTH), new_backup_codes(options.backup_code_options)
        row = {
            "secret": encrypt(ctx.auth, secret),
            "backupCodes": await stored_backup_codes(ctx.auth, options.backup_code_options, codes),
            "verified": options.skip_verification_on_enable,
        }
        if options.skip_verification_on_enable:
            await set_enabled(ctx, ctx.session, enabled=True)
        if known is not None:
            await change(ctx, known, row)
        else:
            await ctx.auth.adapter.create(ctx.database, MODEL, {**row, "userId": user.id})
        issuer = ctx.body.get("issuer") or options.issuer or ctx.auth.options.app_name
        uri = totp_uri(base32(secret), options.totp_options, issuer, user.email)
        return {"method": "totp", "totpURI": uri, "backupCodes": codes}

    async def disable(self, ctx: EndpointContext) -> dict[str, Any]:
        """Take the second factor away, and trust this device no more."""
        passwordless = self._options.allow_passwordless
        verified = await require_password(ctx, passwordless=passwordless)
        async with ctx.transaction():
            await lock_password(ctx, verified)
            user_id = ctx.session.user.id
            await set_enabled(ctx, ctx.session, enabled=False)
            await ctx.auth.adapter.delete(ctx.database, MODEL, {"userId": user_id})
            await self._devices.forget(ctx, user_id)
        return {"status": True}
