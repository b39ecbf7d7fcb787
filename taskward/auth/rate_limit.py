"""Better Auth's rate limits, counted in PostgreSQL so that all workers and replicas share them.

The counters are rows of Better Auth's own `rateLimit` table. One statement counts and decides, by
the database's clock; rows that no window needs any more are removed once a minute.
"""

import math
import time
from dataclasses import dataclass

from sqlalchemy import BigInteger, Integer, bindparam, case, delete, func, literal_column
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col
from starlette.requests import Request

from taskward.auth.client_address import client_address
from taskward.auth.errors import APIError
from taskward.auth.store import generate_id
from taskward.auth.tables import RateLimit
from taskward.statements import Executor, Statement

_PRUNE_EVERY = 60.0


@dataclass(frozen=True, slots=True)
class Rule:
    """At most `max_requests` as long as no `window` (seconds) passes without one."""

    window: int
    max_requests: int


_DEFAULT = Rule(10, 100)
_CREDENTIALS = Rule(10, 3)
_MAIL = Rule(60, 3)
_CREDENTIAL_PATHS = ("/sign-in", "/sign-up", "/change-password", "/change-email")
_MAIL_PATHS = ("/request-password-reset", "/send-verification-email")
_LONGEST_WINDOW = max(rule.window for rule in (_DEFAULT, _CREDENTIALS, _MAIL))

_CLOCK = literal_column(
    "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)", type_=BigInteger()
)
_WINDOW = bindparam("window", type_=BigInteger())
_MAX = bindparam("max_requests", type_=Integer())
_COUNT = col(RateLimit.count)
_LAST = col(RateLimit.last_request)
_IS_OVER = _CLOCK - _LAST >= _WINDOW

COUNT_REQUEST = Statement(
    insert(RateLimit)
    .values(
        {
            "id": bindparam("row_id"),
            "key": bindparam("key"),
            "count": literal_column("1"),
            "lastRequest": _CLOCK,
        }
    )
    .on_conflict_do_update(
        index_elements=["key"],
        set_={
            "count": case(
                (_IS_OVER, literal_column("1")),
                else_=func.least(_COUNT + literal_column("1"), _MAX + literal_column("1")),
            ),
            "lastRequest": case((_IS_OVER | (_COUNT < _MAX), _CLOCK), else_=_LAST),
        },
    )
    .returning(
        (_COUNT <= _MAX).label("allowed"), (_LAST + _WINDOW - _CLOCK).label("milliseconds_left")
    )
)
PRUNE = Statement(delete(RateLimit).where(_CLOCK - bindparam("age", type_=BigInteger()) > _LAST))


class RateLimiter:
    """Counts requests per client address and path, and refuses what is over the limit."""

    def __init__(self, database: Executor, *, enabled: bool, trusted_proxy_hops: int) -> None:
        self._database = database
        self._enabled = enabled
        self._hops = trusted_proxy_hops
        self._pruned_at = time.monotonic()

    async def check(self, request: Request, path: str) -> None:
        """Count a request.

        Raises:
            APIError: 429 with the seconds to wait in `X-Retry-After` and `Retry-After`.
        """
        if not self._enabled:
            return
        rule = rule_for(path)
        row = await COUNT_REQUEST.fetchrow(
            self._database,
            row_id=generate_id(),
            key=f"{client_address(request, self._hops)}|{path}",
            window=rule.window * 1000,
            max_requests=rule.max_requests,
        )
        if row is not None and not row["allowed"]:
            seconds = str(max(1, math.ceil(row["milliseconds_left"] / 1000)))
            headers = {"x-retry-after": seconds, "retry-after": seconds}
            raise APIError(429, None, "Too many requests. Please try again later.", headers)
        await self._prune()

    async def _prune(self) -> None:
        if time.monotonic() - self._pruned_at > _PRUNE_EVERY:
            self._pruned_at = time.monotonic()
            await PRUNE.fetch(self._database, age=_LONGEST_WINDOW * 1000)


def rule_for(path: str) -> Rule:
    """Return the rule for a path below the server's own."""
    if path.startswith(_CREDENTIAL_PATHS):
        return _CREDENTIALS
    return _MAIL if path in _MAIL_PATHS else _DEFAULT
