"""Whether a key is good, and what using it costs: quota and rate limit, atomically."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from authward.context import AuthContext
from authward.errors import APIError, ConfigurationError
from authward.plugins.access import Role
from authward.plugins.api_key.codes import ApiKeyCode, KeyRateLimitError
from authward.plugins.api_key.keys import kind_of, parsed, stored
from authward.plugins.api_key.options import ApiKeyOptions, KeyRequest, same_kind
from authward.plugins.api_key.tables import MODEL
from authward.storage.adapter import Increment, Row
from authward.storage.where import Conditions, Where
from authward.timestamps import now

_MS = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a key must be: of this kind (None: any), with these permissions (None: any)."""

    request: KeyRequest
    lookup: ApiKeyOptions
    config_id: str | None = None
    permissions: Mapping[str, Any] | None = None
    run_validator: bool = False


class Verifier:
    """Verifies keys of all kinds."""

    def __init__(self, kinds: Sequence[ApiKeyOptions]) -> None:
        self.kinds = kinds

    async def verify(self, wanted: Wanted) -> Row:
        """Return the row of a good key, after this use.

        Raises:
            APIError: 401 or 429.
        """
        auth, key = wanted.request.ctx.auth, wanted.request.key
        where = {"key": stored(key, wanted.lookup)}
        row = await auth.adapter.find_one(auth.pool, MODEL, where)
        if row is None or not _is_of(row, wanted.config_id):
            raise APIError(ApiKeyCode.INVALID_API_KEY)
        options = kind_of(self.kinds, row["configId"])
        await _validate(wanted, options)
        await _check(auth, row, wanted.permissions)
        if row["remaining"] is not None:
            row = await _consume(auth, row)
        return await _count(auth, row, options)


def _is_of(row: Row, config_id: str | None) -> bool:
    return config_id is None or same_kind(row["configId"], config_id)


async def _validate(wanted: Wanted, options: ApiKeyOptions) -> None:
    validator = options.custom_api_key_validator if wanted.run_validator else None
    if validator is not None and not await validator(wanted.request):
        raise APIError(ApiKeyCode.KEY_NOT_FOUND, status=401)


async def _check(auth: AuthContext, row: Row, permissions: Mapping[str, Any] | None) -> None:
    if row["enabled"] is False:
        raise APIError(ApiKeyCode.KEY_DISABLED)
    if row["expiresAt"] is not None and now() > row["expiresAt"]:
        await auth.adapter.delete(auth.pool, MODEL, {"id": row["id"]})
        raise APIError(ApiKeyCode.KEY_EXPIRED)
    if permissions is not None and not _allows(row["permissions"], permissions):
        raise APIError(ApiKeyCode.KEY_NOT_FOUND, status=401)
    if row["remaining"] == 0 and row["refillAmount"] is None:
        await auth.adapter.delete(auth.pool, MODEL, {"id": row["id"]})
        raise APIError(ApiKeyCode.USAGE_EXCEEDED)


def _allows(text: str | None, permissions: Mapping[str, Any]) -> bool:
    held = parsed(text)
    if not isinstance(held, dict):
        return False
    try:
        return Role(held).authorize(permissions).success
    except (ConfigurationError, TypeError):
        return False


async def _changed(auth: AuthContext, where: Conditions, values: Mapping[str, Any]) -> Row | None:
    rows = await auth.adapter.update(auth.pool, MODEL, where, values)
    return rows[0] if rows else None


async def _consume(auth: AuthContext, row: Row) -> Row:
    """Take one of the remaining uses; of several at once only one may refill."""
    moment, amount, interval = now(), row["refillAmount"], row["refillInterval"]
    since = moment - (row["lastRefillAt"] or row["createdAt"])
    if interval and amount and since > interval * _MS:
        seen = {"id": row["id"], "lastRefillAt": row["lastRefillAt"]}
        values = {"remaining": amount - 1, "lastRefillAt": moment}
        if refilled := await _changed(auth, seen, values):
            return refilled
    left = [Where("id", row["id"]), Where("remaining", 0, "gt")]
    used = await _changed(auth, left, {"remaining": Increment(-1)})
    if used is None:
        raise APIError(ApiKeyCode.USAGE_EXCEEDED)
    return used


async def _count(auth: AuthContext, row: Row, options: ApiKeyOptions) -> Row:
    """Count a use in its window; whoever loses a race looks again."""
    while True:
        moment = now()
        guard, values = _next_count(row, options, moment)
        same = Where("id", row["id"])
        if counted := await _changed(auth, [same, *guard], {**values, "updatedAt": moment}):
            return counted
        found = await auth.adapter.find_one(auth.pool, MODEL, [same]) if guard else None
        if found is None and row["remaining"] is not None:
            return row  # who came after the last use has removed the key, but this use was one
        if found is None:
            raise APIError(ApiKeyCode.INVALID_API_KEY)
        row = found


def _next_count(
    row: Row, options: ApiKeyOptions, moment: datetime
) -> tuple[list[Where], dict[str, Any]]:
    """Return what must still hold when a use is counted, and what is written.

    Raises:
        KeyRateLimitError: there were too many.
    """
    last, window, most = row["lastRequest"], row["rateLimitTimeWindow"], row["rateLimitMax"]
    if options.rate_limit.enabled is False or row["rateLimitEnabled"] is False:
        return [], {"lastRequest": moment}
    if window is None or most is None:
        return [], {}
    first = {"requestCount": 1, "lastRequest": moment}
    if last is None:
        return [Where("lastRequest", None)], first
    begin = moment - window * _MS
    if last < begin:
        return [Where("lastRequest", begin, "lte")], first
    if row["requestCount"] >= most:
        raise KeyRateLimitError(math.ceil((last - begin) / _MS))
    guard = [Where("lastRequest", begin, "gt"), Where("requestCount", most, "lt")]
    return guard, {"requestCount": Increment(), "lastRequest": moment}
