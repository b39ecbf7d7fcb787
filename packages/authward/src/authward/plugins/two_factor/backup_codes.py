"""Codes for those who have lost the other factor, each good for once."""

from typing import Any

from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.plugins.kept_secrets import same
from authward.plugins.two_factor.challenge import Challenges, Verifier
from authward.plugins.two_factor.codes import TwoFactorCode
from authward.plugins.two_factor.enabling import ENABLED, lock_password, require_password
from authward.plugins.two_factor.options import TwoFactorOptions
from authward.plugins.two_factor.secrets import (
    new_backup_codes,
    read_backup_codes,
    stored_backup_codes,
)
from authward.plugins.two_factor.store import MODEL, Lockout, change, find
from authward.storage.adapter import Row

_TAKEN = "Failed to verify backup code. Please try again."


class BackupCodes:
    """The endpoints, with the plugin's options."""

    def __init__(self, options: TwoFactorOptions, challenges: Challenges, lockout: Lockout) -> None:
        self._all = options
        self._options = options.backup_code_options
        self._challenges = challenges
        self._lockout = lockout

    async def verify(self, ctx: EndpointContext) -> dict[str, Any]:
        """Use a code up: it ends a sign-in."""
        who = await self._challenges.verifier(ctx)
        row = await find(ctx, who.user.id)
        if row is None:
            raise APIError(TwoFactorCode.BACKUP_CODES_NOT_ENABLED)
        left = await self._check(ctx, who, row)
        await self._replace(ctx, row, left)
        if who.signs_in:
            await self._lockout.forget_failures(ctx, row)
        if not ctx.body.get("disableSession"):
            return await self._challenges.finish(ctx, who)
        token = {} if who.session is None else {"token": who.session.token}
        return {**token, "user": ctx.auth.output.user(who.user)}

    async def _check(self, ctx: EndpointContext, who: Verifier, row: Row) -> list[str]:
        """Return the codes that are left."""
        if who.signs_in:
            await self._lockout.check(ctx, row)
        attempt = await self._challenges.attempt(ctx, who)
        codes = await read_backup_codes(ctx.auth, self._options, row["backupCodes"]) or []
        wrong = [not same(code, ctx.body["code"]) for code in codes]
        if all(wrong):
            if attempt is not None:
                await attempt.failed()
                await self._lockout.count_failure(ctx, row)
            raise APIError(TwoFactorCode.INVALID_BACKUP_CODE)
        return [code for code, is_left in zip(codes, wrong, strict=True) if is_left]

    async def _replace(self, ctx: EndpointContext, row: Row, codes: list[str]) -> None:
        """Keep the codes that are left, unless somebody else has used one meanwhile."""
        stored = await stored_backup_codes(ctx.auth, self._options, codes)
        unchanged = {"id": row["id"], "backupCodes": row["backupCodes"]}
        adapter = ctx.auth.adapter
        if not await adapter.update(ctx.database, MODEL, unchanged, {"backupCodes": stored}):
            raise APIError(409, message=_TAKEN)

    async def generate(self, ctx: EndpointContext) -> dict[str, Any]:
        """Replace all codes by new ones."""
        if not ctx.session.user.fields[ENABLED]:
            raise APIError(TwoFactorCode.TWO_FACTOR_NOT_ENABLED)
        passwordless = self._all.backup_codes_are_passwordless
        verified = await require_password(ctx, passwordless=passwordless)
        codes = new_backup_codes(self._options)
        async with ctx.transaction():
            await lock_password(ctx, verified)
            row = await find(ctx, ctx.session.user.id)
            if row is None:
                raise APIError(TwoFactorCode.TWO_FACTOR_NOT_ENABLED)
            stored = await stored_backup_codes(ctx.auth, self._options, codes)
            await change(ctx, row, {"backupCodes": stored})
        return {"status": True, "backupCodes": codes}

    async def view(self, ctx: EndpointContext) -> dict[str, Any]:
        """Return a user's codes; for the application itself."""
        row = await find(ctx, ctx.body["userId"])
        if row is None:
            raise APIError(TwoFactorCode.BACKUP_CODES_NOT_ENABLED)
        codes = await read_backup_codes(ctx.auth, self._options, row["backupCodes"])
        if not codes and codes != []:
            raise APIError(TwoFactorCode.INVALID_BACKUP_CODE, status=400)
        return {"status": True, "backupCodes": codes}
