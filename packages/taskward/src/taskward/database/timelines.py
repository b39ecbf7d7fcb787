"""Which of several primaries is the latest.

A server that was frozen, or that a network has cut off, does not know that another was promoted
meanwhile, and goes on as the primary. What tells them apart is the timeline: each promotion begins
a new one, with a higher number. A system of another origin has its own, which cannot be compared.
"""

from typing import NamedTuple

import asyncpg

from taskward.database.unavailable import unavailable

# What pg_control_checkpoint() says may be that of the last checkpoint, before the promotion.
_TIMELINE = """
SELECT (pg_control_system()).system_identifier,
       ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int
"""


class Timeline(NamedTuple):
    """What a primary writes: how often one was promoted, since when the system was made."""

    system: int
    number: int


async def timeline_of(connection: asyncpg.Connection) -> Timeline | None:
    """Ask a primary; None where it does not say, as where the role may not ask.

    Raises:
        OSError, asyncpg.PostgresError, asyncpg.InterfaceError: the server cannot be asked now.
    """
    try:
        async with connection.transaction():  # a pooler keeps the statement's parts together
            row = await connection.fetchrow(_TIMELINE)
    except asyncpg.PostgresError as error:
        if unavailable(error) is not None:
            raise
        return None
    return Timeline(*row) if row is not None else None


class Timelines:
    """The latest that was seen, of each system."""

    def __init__(self) -> None:
        self._latest: dict[int, int] = {}

    def learn(self, timeline: Timeline | None) -> bool:
        """Remember it if it is the latest; whether it has taken the place of another."""
        if timeline is None:
            return False
        before = self._latest.get(timeline.system, timeline.number)
        self._latest[timeline.system] = max(before, timeline.number)
        return timeline.number > before

    def is_past(self, timeline: Timeline | None) -> bool:
        """Whether a later one was seen."""
        return timeline is not None and timeline.number < self._latest.get(timeline.system, 0)
