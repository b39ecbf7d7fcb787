"""What using a key costs: its quota and its rate limit."""

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from authward.context import AuthContext
from authward.errors import APIError
from authward.plugins.api_key.codes import ApiKeyCode, KeyRateLimitError
from authward.plugins.api_key.options import ApiKeyOptions
from authward.plugins.api_key.tables import MODEL
from authward.storage.adapter import Increment, Row
from authward.storage.where import Conditions, Where
from authward.timestamps import now

_MS = timedelta(milliseconds=1)


async def use_row(auth: AuthContext, row: Row, options: ApiKeyOptions) -> Row:
    """Use a key of the table once; of its last uses at once exactly that many succeed.

    Raises:
        APIError: 401 or 429.
    """
    if row["remaining"] is not None:
        row = await _consume(auth, row)
    return await _count(auth, row, options)


def used(row: Row, options: ApiKeyOptions) -> Row:
    """Return a key after a use.

    Raises:
        APIError: 429.
    """
    moment = now()
    remaining = _remaining(row, moment)
    _, counted = _next_count(row, options, moment)
    new = {n: row[n] + v.by if isinstance(v, Increment) else v for n, v in counted.items()}
    return {**row, **remaining, **new, "updatedAt": moment}


def _remaining(row: Row, moment: datetime) -> dict[str, Any]:
    remaining = row["remaining"]
    if remaining is None:
        return {}
    if _is_due(row, moment):
        return {"remaining": row["refillAmount"] - 1, "lastRefillAt": moment}
    if remaining <= 0:
        raise APIError(ApiKeyCode.USAGE_EXCEEDED)
    return {"remaining": remaining - 1}


def _is_due(row: Row, moment: datetime) -> bool:
    amount, interval = row["refillAmount"], row["refillInterval"]
    since = moment - (row["lastRefillAt"] or row["createdAt"])
    return bool(interval and amount) and since > interval * _MS


async def _changed(auth: AuthContext, where: Conditions, values: Mapping[str, Any]) -> Row | None:
    rows = await auth.adapter.update(auth.pool, MODEL, where, values)
    return rows[0] if rows else None


async def _consume(auth: AuthContext, row: Row) -> Row:
    """Take one of the remaining uses; of several at once only one may refill."""
    moment = now()
    if _is_due(row, moment):
        seen = {"id": row["id"], "lastRefillAt": row["lastRefillAt"]}
        values = {"remaining": row["refillAmount"] - 1, "lastRefillAt": moment}
        if refilled := await _changed(auth, seen, values):
            return refilled
    left = [Where("id", row["id"]), Where("remaining", 0, "gt")]
    found = await _changed(auth, left, {"remaining": Increment(-1)})
    if found is None:
        raise APIError(ApiKeyCode.USAGE_EXCEEDED)
    return found


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
