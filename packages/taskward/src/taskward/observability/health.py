"""Two questions of whoever runs the server: is the process alive, and should it get requests?

`/health/live`, or `/health`, asks nobody. `/health/ready` asks the database whether it may be
written to, at most once in a few seconds however many ask, and says "draining" while the server is
being shut down.
"""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any

import orjson
import structlog
from fastapi import FastAPI
from starlette.responses import Response

from authward.storage.statements import Executor
from taskward.database.connect import UnwantedServerError
from taskward.http.errors import RETRY_AFTER

LIVE_PATHS = ("/health/live", "/health")
READY_PATH = "/health/ready"
_REMEMBERED = 3.0  # seconds for which an answer of the database is believed
_PATIENCE = 2.0  # seconds for which a question waits for it
_MAY_WRITE = "SELECT current_setting('transaction_read_only') = 'off'"  # a standby's is on
_SILENT = "The database does not answer"
_READ_ONLY = "The database takes no writes"
_NO_STORE = {"Cache-Control": "no-store"}

log = structlog.get_logger("taskward")


class Readiness:
    """Whether requests should come here: the database takes writes and nobody has said goodbye."""

    def __init__(self, database: Executor) -> None:
        self._database = database
        self._problem: str | None = _SILENT
        self._asked_at = float("-inf")
        self._asking: asyncio.Task[None] | None = None
        self.draining = False

    async def problem(self) -> str | None:
        """Return why requests should go elsewhere, or None."""
        if self.draining:
            return "draining"
        if asyncio.get_running_loop().time() - self._asked_at > _REMEMBERED:
            await self._ask_once()
        return self._problem

    async def _ask_once(self) -> None:
        """All who ask at once share one question; a database that hangs gets no second one."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
        await asyncio.wait({self._asking}, timeout=_PATIENCE)
        if not self._asking.done():
            self._note(_SILENT)

    async def _ask(self) -> None:
        try:
            row = await self._database.fetchrow(_MAY_WRITE)
        except Exception as error:  # noqa: BLE001 - whatever it is, we are not ready
            log.warning("not ready", error=repr(error.__cause__ or error))
            refused = isinstance(error.__cause__, UnwantedServerError)
            self._note(_READ_ONLY if refused else _SILENT)
        else:
            self._note(None if row and row[0] else _READ_ONLY)

    def _note(self, problem: str | None) -> None:
        self._problem = problem
        self._asked_at = asyncio.get_running_loop().time()

    @contextmanager
    def announce_shutdown(self, delay: float) -> Iterator[None]:
        """While inside, SIGTERM makes this "draining" at once and ends the server after `delay`.

        A second SIGTERM ends it without delay. Where the server has no handler of its own for the
        signal, as in a test, nothing is changed.
        """
        stop = signal.getsignal(signal.SIGTERM)
        if not callable(stop):
            yield
            return
        handler = partial(self._drain, asyncio.get_running_loop(), stop, delay)
        signal.signal(signal.SIGTERM, handler)
        try:
            yield
        finally:
            self.draining = True
            if signal.getsignal(signal.SIGTERM) is handler:
                signal.signal(signal.SIGTERM, stop)

    def _drain(
        self,
        loop: asyncio.AbstractEventLoop,
        stop: Callable[[int, FrameType | None], Any],
        delay: float,
        number: int,
        frame: FrameType | None,
    ) -> None:
        delay = 0.0 if self.draining else delay
        self.draining = True
        if delay:
            loop.call_soon_threadsafe(loop.call_later, delay, stop, number, frame)
        else:
            stop(number, frame)


def install(app: FastAPI, readiness: Readiness) -> None:
    """Add the paths to `app`; they are for machines and not part of the documented API."""

    async def live() -> Response:
        return _answer(200, {"status": "alive"})

    async def ready() -> Response:
        problem = await readiness.problem()
        if problem is None:
            return _answer(200, {"status": "ready"})
        status = "draining" if readiness.draining else "unavailable"
        return _answer(503, {"status": status, "detail": problem}, RETRY_AFTER)

    for path, endpoint in (*((path, live) for path in LIVE_PATHS), (READY_PATH, ready)):
        app.add_api_route(path, endpoint, methods=["GET", "HEAD"], include_in_schema=False)


def _answer(
    status: int, content: dict[str, str], headers: dict[str, str] | None = None
) -> Response:
    return Response(orjson.dumps(content), status, _NO_STORE | (headers or {}), "application/json")
