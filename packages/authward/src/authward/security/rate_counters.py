"""Counters of requests: in PostgreSQL, which all workers share, in a storage, or in this process.

In PostgreSQL they are rows of Better Auth's own `rateLimit` table. One statement counts and
decides, by the database's clock. A refused request leaves the row as it was, as at the original: a
limit that is a function may be another one for the next request. Rows that no window needs any more
are removed once a minute.
"""

import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Integer, bindparam, case, delete, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from authward.schema.tables import RateLimit
from authward.secondary_storage import SecondaryStorage
from authward.security.rate_limit import Limit
from authward.storage.statements import Executor, Statement, makes_ids, new_id

_PRUNE_EVERY = 60.0
_MAX_ENTRIES = 100_000
_CLOCK = literal_column(
    "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)", type_=BigInteger()
)
_WINDOW = bindparam("window", type_=BigInteger())
_MAX = bindparam("max_requests", type_=Integer())
_COUNT = col(RateLimit.count)
_LAST = col(RateLimit.last_request)
_IS_OVER = _CLOCK - _LAST >= _WINDOW
_MAY_PASS = _IS_OVER | (_COUNT < _MAX)
_COUNTED: dict[str, Any] = {
    "count": case((_IS_OVER, literal_column("1")), else_=_COUNT + literal_column("1")),
    "lastRequest": _CLOCK,
}
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
    .on_conflict_do_update(index_elements=["key"], set_=_COUNTED, where=_MAY_PASS)
    .returning(_COUNT)
)
COUNT_ANOTHER_REQUEST = Statement(
    update(RateLimit)
    .where(col(RateLimit.key) == bindparam("key"), _MAY_PASS)
    .values(_COUNTED)
    .returning(_COUNT)
)
TIME_LEFT = Statement(
    select((_LAST + _WINDOW - _CLOCK).label("milliseconds")).where(
        col(RateLimit.key) == bindparam("key")
    )
)
PRUNE = Statement(delete(RateLimit).where(_CLOCK - bindparam("age", type_=BigInteger()) > _LAST))


class DatabaseCounter:
    """Counts in the table `rateLimit`."""

    def __init__(self, database: Executor, longest_window: int) -> None:
        """Keep counters for `longest_window` seconds."""
        self._database = database
        self._longest_window = longest_window
        self._pruned_at = time.monotonic()

    async def consume(self, key: str, limit: Limit) -> float | None:
        """Count a request; None if it may pass, else the milliseconds until one may."""
        window = limit.window * 1000
        if await self._passes(key=key, window=window, max_requests=limit.max):
            await self._prune()
            return None
        return await self._time_left(key, window) or 0.0

    async def _passes(self, **values: Any) -> bool:
        """Count in one statement, which changes nothing where the limit is reached already.

        Where the database makes ids, no request uses one up in vain.
        """
        database = self._database
        if makes_ids(database):
            if await COUNT_ANOTHER_REQUEST.fetchrow(database, **values) is not None:
                return True
            if await self._time_left(values["key"], values["window"]) is not None:
                return False
        row_id = await new_id(database, "rateLimit")
        return await COUNT_REQUEST.fetchrow(database, row_id=row_id, **values) is not None

    async def _time_left(self, key: str, window: int) -> float | None:
        """Return the milliseconds until a request may pass; None if there is no counter."""
        row = await TIME_LEFT.fetchrow(self._database, key=key, window=window)
        return None if row is None else float(row["milliseconds"])

    async def _prune(self) -> None:
        if time.monotonic() - self._pruned_at > _PRUNE_EVERY:
            self._pruned_at = time.monotonic()
            await PRUNE.fetch(self._database, age=self._longest_window * 1000)


class StorageCounter:
    """Counts in the secondary storage: so many from the first on, until its window is over."""

    def __init__(self, storage: SecondaryStorage) -> None:
        """Count there."""
        self._storage = storage

    async def consume(self, key: str, limit: Limit) -> float | None:
        """Count a request; None if it may pass, else the milliseconds until one may, at most."""
        count = await self._storage.increment(key, limit.window)
        return None if count <= limit.max else limit.window * 1000


@dataclass(slots=True)
class _Entry:
    count: int
    last: float
    until: float


class MemoryCounter:
    """Counts in this process: each worker and replica for itself, and nothing outlives it."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._entries: dict[str, _Entry] = {}
        self._pruned_at = time.monotonic()

    async def consume(self, key: str, limit: Limit) -> float | None:
        """Count a request; None if it may pass, else the milliseconds until one may."""
        moment = time.monotonic()
        self._prune(moment)
        entry = self._entries.get(key)
        if entry is None or moment >= min(entry.until, entry.last + limit.window):
            self._entries[key] = _Entry(1, moment, moment + limit.window)
            return None
        if entry.count >= limit.max:
            return (entry.last + limit.window - moment) * 1000
        entry.count += 1
        entry.last, entry.until = moment, moment + limit.window
        return None

    def _prune(self, moment: float) -> None:
        """Drop what is over, once a minute; the oldest, where there are too many."""
        entries = self._entries
        if len(entries) > _MAX_ENTRIES:
            del entries[next(iter(entries))]
        if moment - self._pruned_at > _PRUNE_EVERY:
            self._pruned_at = moment
            for key in [key for key, entry in entries.items() if entry.until <= moment]:
                del entries[key]
