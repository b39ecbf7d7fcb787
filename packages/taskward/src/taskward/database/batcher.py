"""`Batcher`: statements of the same moment are sent as one.

Under load a small statement costs less for its rows than for itself: a message each way, the start
of a plan, a commit. So the calls within one tick of the event loop share a statement, and those
that come while it is under way share the next; they wait for it, but not longer than a few
milliseconds. A single call is sent as it is, and where nothing is under way none waits.

A caller is told by a call: a future for a coroutine that waits, or what else wants its row at once.
It sees no difference. Each gets the row at its own position, never one of another user. If
PostgreSQL refuses a batch, nothing was written, and each call is sent on its own.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeAlias

from asyncpg import FeatureNotSupportedError, PostgresError, Record, SyntaxOrAccessError

from authward.storage.statements import Statement

Execute: TypeAlias = Callable[..., Awaitable[Sequence[Record]]]
"""Runs SQL with arguments and returns the rows."""

_SIZE_LIMIT = 100
_MAX_UNDER_WAY = 1
_MAX_WAIT = 0.005
"""Seconds: what is under way may wait for a lock, or for a server that is gone."""


class UnmatchedRowsError(Exception):
    """The rows cannot be assigned to the calls, so no call gets one; they may have been stored."""


@dataclass(frozen=True, slots=True)
class Batchable:
    """A statement that returns at most one row, and its form for many calls.

    Args:
        one: the statement for one call.
        many: has the same parameters as arrays with one element for each call, and the same
            columns; returns one row for each call, in their order, with NULLs for no row.
        complete: `many` finds each row that `one` finds; otherwise calls without a row are repeated
            on their own.
        owner: the parameter that is also a column; call and row must agree in it.
    """

    one: Statement
    many: Statement
    complete: bool = True
    owner: str = "user_id"

    def __post_init__(self) -> None:
        """Check that both statements belong together.

        Raises:
            ValueError: they differ in their parameters or columns, or `many` has no order.
        """
        one, many = self.one, self.many
        wrong = {
            "parameters": {*one.names} != {*many.names},
            "arrays": many.arrays != {*many.names} or bool(one.arrays),
            "columns": one.columns != many.columns or not one.columns,
            "order": not many.is_ordered,
            "owner": self.owner not in one.names or self.owner not in one.columns,
        }
        if any(wrong.values()):
            reasons = ", ".join(name for name, is_wrong in wrong.items() if is_wrong)
            msg = f"these do not ask the same: {reasons}\n{one.sql}\n{many.sql}"
            raise ValueError(msg)


class Caller(Protocol):
    """Who asks: it is told once, and raises nothing then, or others of its batch would wait."""

    @property
    def arguments(self) -> tuple[Any, ...]:
        """Return those of the statement for one call, in their order."""

    def resolve(self, row: Record | None) -> None:
        """Learn the row, or that there is none."""

    def reject(self, error: Exception) -> None:
        """Learn what is in the way of it."""


class _PendingFetch(NamedTuple):
    arguments: tuple[Any, ...]
    answer: asyncio.Future[Sequence[Record]]

    def resolve(self, row: Record | None) -> None:
        if not self.answer.done():  # else the caller was cancelled
            self.answer.set_result([] if row is None else [row])

    def reject(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class Batcher:
    """Collects the calls of one statement."""

    def __init__(self, statement: Batchable, execute: Execute) -> None:
        """Run the statements with `execute`."""
        self._one, self._many = statement.one, statement.many
        self._complete = statement.complete
        self._owner = statement.one.names.index(statement.owner)
        self._owner_column = statement.one.columns.index(statement.owner)
        self._execute = execute
        self._open: list[Caller] = []
        self._under_way = 0
        self._waiting: asyncio.TimerHandle | None = None
        self._size_limit = _SIZE_LIMIT
        self._tasks: set[asyncio.Task[None]] = set()

    async def fetch(self, arguments: tuple[Any, ...]) -> Sequence[Record]:
        """Return the row for these arguments, or no row.

        Raises:
            DatabaseUnavailableError: try again later.
            asyncpg.PostgresError: PostgreSQL refuses it.
            UnmatchedRowsError: the result is unknown.
        """
        answer: asyncio.Future[Sequence[Record]] = asyncio.get_running_loop().create_future()
        self.add(_PendingFetch(arguments, answer))
        return await answer

    def add(self, caller: Caller) -> None:
        """Ask for `caller`, which is told in a later turn of the loop."""
        if not self._open:
            self._begin()
        self._open.append(caller)
        if len(self._open) >= self._size_limit:
            self._close(self._open)

    def _begin(self) -> None:
        """Begin a batch: it is sent in the next tick, or when another comes back."""
        loop = asyncio.get_running_loop()
        if self._under_way < _MAX_UNDER_WAY:
            loop.call_soon(self._close, self._open)
        else:
            self._waiting = loop.call_later(_MAX_WAIT, self._close, self._open)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run it to its end, even if the callers are cancelled."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _close(self, batch: list[Caller]) -> None:
        """Send a batch, if it is still open."""
        if batch is not self._open:
            return
        self._open = []
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        self._under_way += 1
        self._start(self._send(batch))

    async def _send(self, batch: list[Caller]) -> None:
        try:
            await self._send_all(batch)
        finally:
            self._under_way -= 1
            if self._waiting is not None:
                self._close(self._open)

    async def _send_all(self, batch: list[Caller]) -> None:
        if len(batch) == 1:
            await self._send_single(batch[0])
            return
        try:
            rows = await self._execute(self._many.sql, *self._arrays(batch))
        except PostgresError as error:
            self._disable_if_unsupported(error)
            self._start_single(batch)
        except Exception as error:  # noqa: BLE001 - re-raised to each caller
            _reject_all(batch, error)
        else:
            self._distribute(rows, batch)

    async def _send_single(self, pending: Caller) -> None:
        try:
            rows = await self._execute(self._one.sql, *pending.arguments)
        except Exception as error:  # noqa: BLE001 - re-raised to each caller
            pending.reject(error)
        else:
            pending.resolve(rows[0] if rows else None)

    def _start_single(self, batch: Sequence[Caller]) -> None:
        for pending in batch:
            self._start(self._send_single(pending))

    def _disable_if_unsupported(self, error: PostgresError) -> None:
        """Stop batching if the database does not support the statement."""
        if isinstance(error, FeatureNotSupportedError | SyntaxOrAccessError):
            self._size_limit = 1

    def _arrays(self, batch: Sequence[Caller]) -> list[Any]:
        arrays = map(list, zip(*(pending.arguments for pending in batch), strict=True))
        return self._many.arguments(dict(zip(self._one.names, arrays, strict=True)))

    def _distribute(self, rows: Sequence[Record], batch: Sequence[Caller]) -> None:
        owner, column = self._owner, self._owner_column
        owners = [row[column] for row in rows]
        requested_by = [pending.arguments[owner] for pending in batch]
        if owners != requested_by and not _differ_by_gaps(owners, requested_by):
            _reject_all(
                batch, UnmatchedRowsError(f"{len(rows)} rows for {len(batch)}: {self._many.sql}")
            )
            return
        without: list[Caller] = []
        for found, row, pending in zip(owners, rows, batch, strict=True):
            if found is None:
                without.append(pending)
            else:
                pending.resolve(row)
        self._resolve_without_row(without)

    def _resolve_without_row(self, pending_fetches: Sequence[Caller]) -> None:
        if not self._complete:
            self._start_single(pending_fetches)
            return
        for pending in pending_fetches:
            pending.resolve(None)


def _differ_by_gaps(owners: Sequence[str | None], requested_by: Sequence[str]) -> bool:
    """Whether they are equal except for calls without a row."""
    return len(owners) == len(requested_by) and all(
        owner is None or owner == wanted for owner, wanted in zip(owners, requested_by, strict=True)
    )


def _reject_all(batch: Sequence[Caller], error: Exception) -> None:
    for pending in batch:
        pending.reject(error)
