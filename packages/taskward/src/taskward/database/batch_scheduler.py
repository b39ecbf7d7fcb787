"""`BatchScheduler`: when batches are sent.

What is asked within one turn of the event loop leaves in the next. While two statements are under
way, what comes meanwhile waits for one of them, and shares the next: batches grow with the load.
Nobody waits longer than a few milliseconds, and where nothing is under way nobody waits.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol, TypeAlias

_MAX_UNDER_WAY = 2
"""One is made by PostgreSQL while another is asked for or answered here."""
_MAX_WAIT = 0.005
"""Seconds: what is under way may wait for a lock, or for a server that is gone."""

Work: TypeAlias = Coroutine[Any, Any, None]


class PendingCalls(Protocol):
    """Has calls that wait to be sent."""

    def take(self) -> Work | None:
        """Return what sends the calls that wait, if there are any."""


class BatchScheduler:
    """What leaves at the same times: a batcher, or two that share their statements."""

    def __init__(self, pending: PendingCalls) -> None:
        """Send what `pending` has."""
        self._pending = pending
        self._number = 0
        self._is_scheduled = False
        self._under_way = 0
        self._waiting: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def flush_instead(self, pending: PendingCalls) -> None:
        """Send what `pending` has instead."""
        self._pending = pending

    def schedule(self) -> None:
        """Leave in the next turn of the loop, or when what is under way is back."""
        if self._is_scheduled:
            return
        self._is_scheduled = True
        loop = asyncio.get_running_loop()
        if self._under_way < _MAX_UNDER_WAY:
            loop.call_soon(self._flush_if, self._number)
        else:
            self._waiting = loop.call_later(_MAX_WAIT, self._flush_if, self._number)

    def flush(self) -> None:
        """Send what is there now."""
        self._is_scheduled = False
        self._number += 1
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        work = self._pending.take()
        if work is not None:
            self._under_way += 1
            self.start(self._send(work))

    def start(self, work: Work) -> None:
        """Run it to its end, even if who asked is cancelled."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _flush_if(self, number: int) -> None:
        if number == self._number:
            self.flush()

    async def _send(self, work: Work) -> None:
        try:
            await work
        finally:
            self._under_way -= 1
            if self._waiting is not None:
                self.flush()
