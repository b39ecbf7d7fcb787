"""Clients that registered themselves and that nobody ever allowed anything: they do not stay."""

import time
from datetime import timedelta

from sqlalchemy import Integer, bindparam, delete, exists, func, literal_column, select

from authward.plugins.oauth_provider.rows import CLIENTS, CONSENTS, REFRESH_TOKENS
from authward.storage.statements import Executor, Statement
from authward.timestamps import now

EVERY = 60.0  # seconds
_AT_ONCE = literal_column("500", type_=Integer)
_TABLE = CLIENTS.table
_ONE = literal_column("1", type_=Integer)
_UNUSED = (
    select(_TABLE.c.id)
    .where(
        _TABLE.c.userId.is_(None),
        _TABLE.c.referenceId.is_(None),
        _TABLE.c.createdAt < bindparam("before"),
        func.coalesce(_TABLE.c.skipConsent, literal_column("false")).is_(False),
        ~exists(select(_ONE).where(CONSENTS.table.c.clientId == _TABLE.c.clientId)),
        ~exists(select(_ONE).where(REFRESH_TOKENS.table.c.clientId == _TABLE.c.clientId)),
    )
    .limit(_AT_ONCE)
    .with_for_update(skip_locked=True)
)
REMOVE = Statement(delete(_TABLE).where(_TABLE.c.id.in_(_UNUSED)))


class UnusedClients:
    """Removes some of them now and then, after somebody has registered."""

    def __init__(self, database: Executor, lifetime: int | None) -> None:
        """Let them live `lifetime` seconds; None for ever."""
        self._database = database
        self._lifetime = lifetime
        self._removed_at = float("-inf")

    def is_due(self) -> bool:
        """Whether it is time; who is told so removes some."""
        if self._lifetime is None or time.monotonic() - self._removed_at < EVERY:
            return False
        self._removed_at = time.monotonic()
        return True

    async def remove_some(self) -> None:
        """Remove those that are too old, a bounded number at once."""
        before = now() - timedelta(seconds=self._lifetime or 0)
        await REMOVE.fetch(self._database, before=before)
