"""How often documents are fetched from other servers: strangers ask for it."""

import time
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

AT_ONCE, AT_ONCE_PER_ORIGIN = 16, 4
A_MINUTE, A_MINUTE_PER_ORIGIN = 120, 30
EVERY = 1.0  # seconds, for each client
_MINUTE = 60.0


class LimitReachedError(Exception):
    """Too many documents are wanted just now."""


class DocumentLimits:
    """Counts the fetches of one process, over the last minute."""

    def __init__(self) -> None:
        self._began: deque[tuple[float, str, str]] = deque()
        self._running: Counter[str] = Counter()

    @asynccontextmanager
    async def one_fetch(self, url: str, origin: str) -> AsyncIterator[None]:
        """Count a fetch for as long as it runs, at most as many as may run.

        Raises:
            LimitReachedError: it may not begin now; nobody waits.
        """
        self._check(url, origin)
        self._began.append((time.monotonic(), url, origin))
        self._running[origin] += 1
        try:
            yield
        finally:
            self._running[origin] -= 1
            if not self._running[origin]:
                del self._running[origin]

    def _check(self, url: str, origin: str) -> None:
        moment = time.monotonic()
        while self._began and self._began[0][0] < moment - _MINUTE:
            self._began.popleft()
        of_origin = sum(1 for _, _, known in self._began if known == origin)
        is_too_soon = any(u == url and at > moment - EVERY for at, u, _ in self._began)
        is_full = self._running.total() >= AT_ONCE or len(self._began) >= A_MINUTE
        is_origin_full = (
            self._running[origin] >= AT_ONCE_PER_ORIGIN or of_origin >= A_MINUTE_PER_ORIGIN
        )
        if is_too_soon or is_full or is_origin_full:
            raise LimitReachedError(url)
