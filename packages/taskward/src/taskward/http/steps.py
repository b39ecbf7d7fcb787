"""`Steps`: runs a coroutine that awaits nothing but futures, from its first step on at once.

A task costs as much as the rest of what the server does for a small request: it is registered, its
first step waits for the next turn of the event loop, and that turn for another. Python 3.12 has
eager tasks; this is what of them a request needs that awaits one batched statement. There is no
current task while it runs, so timeouts and task groups of asyncio cannot be used in it.
"""

import asyncio
from collections.abc import Coroutine
from contextvars import copy_context
from typing import Any


class Steps:
    """Stands where a task does in uvicorn's set of tasks, which it may cancel."""

    __slots__ = ("_awaited", "_context", "_coroutine")

    def __init__(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run nothing yet; `coroutine` must end without an exception."""
        self._coroutine = coroutine
        self._context = copy_context()
        self._awaited: asyncio.Future[Any] | None = None

    def start(self) -> None:
        """Run it until it awaits something."""
        self._context.run(self._step)

    def cancel(self, msg: str | None = None) -> bool:
        """Cancel what it awaits, so that it sees `CancelledError` there."""
        return self._awaited is not None and self._awaited.cancel(msg)

    def _step(self, _: object = None) -> None:
        try:
            awaited = self._coroutine.send(None)
        except StopIteration:
            self._awaited = None
            return
        self._awaited = awaited
        awaited._asyncio_future_blocking = False  # noqa: SLF001 - says that it is waited for
        awaited.add_done_callback(self._step, context=self._context)
