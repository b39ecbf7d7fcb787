"""The rows of `twoFactor`, and the count of wrong codes in them."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.plugins.two_factor.codes import TwoFactorCode
from authward.plugins.two_factor.options import AccountLockoutOptions
from authward.storage.adapter import Increment, Row
from authward.storage.where import Where
from authward.timestamps import now

MODEL = "twoFactor"
_UNLOCKED: Mapping[str, Any] = {"failedVerificationCount": 0, "lockedUntil": None}


async def find(ctx: EndpointContext, user_id: str) -> Row | None:
    """Return a user's row."""
    return await ctx.auth.adapter.find_one(ctx.database, MODEL, {"userId": user_id})


async def change(ctx: EndpointContext, row: Row, values: Mapping[str, Any]) -> None:
    """Change a row."""
    await ctx.auth.adapter.update(ctx.database, MODEL, {"id": row["id"]}, values)


class Lockout:
    """Wrong codes in a row, over all challenges and factors, lock the second factor."""

    def __init__(self, options: AccountLockoutOptions) -> None:
        self._options = options

    async def check(self, ctx: EndpointContext, row: Row) -> None:
        """Refuse a row that is locked; unlock one whose time is over.

        Raises:
            APIError: 429.
        """
        until = row["lockedUntil"]
        if not self._options.enabled or until is None:
            return
        moment = now()
        if until > moment:
            raise APIError(TwoFactorCode.ACCOUNT_TEMPORARILY_LOCKED)
        still = [Where("id", row["id"]), Where("lockedUntil", moment, "lte")]
        await ctx.auth.adapter.update(ctx.database, MODEL, still, _UNLOCKED)

    async def count_failure(self, ctx: EndpointContext, row: Row) -> None:
        """Count a wrong code, and lock when there were too many."""
        options, adapter = self._options, ctx.auth.adapter
        if not options.enabled:
            return
        name, most = "failedVerificationCount", options.max_failed_attempts
        first = [Where("id", row["id"]), Where(name, None)]
        more: Mapping[str, Any] = {name: Increment()}
        found = await adapter.update(ctx.database, MODEL, {"id": row["id"]}, more)
        if found and found[0][name] is None:  # a row from before there was a count
            found = await adapter.update(ctx.database, MODEL, first, {name: 1})
        if found and found[0][name] >= most:
            until = now() + timedelta(seconds=options.duration_seconds)
            many = [Where("id", row["id"]), Where(name, most, "gte")]
            await adapter.update(ctx.database, MODEL, many, {"lockedUntil": until})

    async def forget_failures(self, ctx: EndpointContext, row: Row) -> None:
        """Begin to count anew, after a right code."""
        if self._options.enabled:
            await change(ctx, row, _UNLOCKED)
