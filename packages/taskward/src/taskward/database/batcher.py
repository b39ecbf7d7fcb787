"""`Batcher`: calls of a statement in the same moment are sent as one.

Under load a small statement costs less for its rows than for itself: a message each way, the start
of a plan, a commit. So the calls within one tick of the event loop share a statement. A single call
is sent as it is. `batch_scheduler.py` says when a batch leaves, `batch_pairs.py` with which other.

A caller is told by a call: a future for a coroutine that waits, or what else wants its row at once.
It sees no difference. Each gets the row at its own position, never one of another user. If
PostgreSQL refuses a batch, nothing was written, and each call is sent on its own.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeAlias

from asyncpg import FeatureNotSupportedError, PostgresError, Record, SyntaxOrAccessError

from authward.storage.arrays import array_text
from authward.storage.statements import Statement
from taskward.database.batch_scheduler import BatchScheduler, Work

Execute: TypeAlias = Callable[..., Awaitable[Sequence[Record]]]
"""Runs SQL with arguments and returns the rows."""

_SIZE_LIMIT = 100


class UnmatchedRowsError(Exception):
    """The rows cannot be assigned to the calls, so no call gets one; they may have been stored."""


@dataclass(frozen=True, slots=True)
class Batchable:
    """A statement that returns at most one row, and its form for many calls.

    Args:
        one: the statement for one call.
        many: has the same parameters, each an `array_parameter` with one element for each call,
            and what callers know as the same row; returns one for each call, in their order, with
            NULLs for none.
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
            "columns": not one.columns or not many.columns,
            "order": not many.is_ordered,
            "owner": any(
                self.owner not in names for names in (one.names, one.columns, many.columns)
            ),
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
        self._owner_column = statement.owner
        self._execute = execute
        self._open: list[Caller] = []
        self._is_supported = True
        self.scheduler = BatchScheduler(self)

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
        if not self._is_supported:
            self._start_single([caller])
            return
        calls = self._open
        calls.append(caller)
        if len(calls) == 1:
            self.scheduler.schedule()
        elif len(calls) >= _SIZE_LIMIT:
            self.scheduler.flush()

    def take(self) -> Work | None:
        """Return what sends the calls that wait, if there are any."""
        batch = self.take_calls()
        return self.send(batch) if batch else None

    def take_calls(self) -> list[Caller]:
        """Return the calls that wait, for somebody else to send."""
        batch, self._open = self._open, []
        return batch

    async def send(self, batch: Sequence[Caller]) -> None:
        """Ask for all of them in one statement, and tell them."""
        if len(batch) == 1:
            await self._send_single(batch[0])
            return
        try:
            rows = await self._execute(self._many.sql, *self._many.arguments(self.arrays(batch)))
        except PostgresError as error:
            if is_unsupported(error):
                self._is_supported = False
            self._start_single(batch)
        except Exception as error:  # noqa: BLE001 - re-raised to each caller
            reject_all(batch, error)
        else:
            self.distribute(rows, batch)

    def arrays(self, batch: Sequence[Caller]) -> dict[str, str]:
        """Return the parameters of the statement for many."""
        arrays = map(array_text, zip(*[caller.arguments for caller in batch], strict=True))
        return dict(zip(self._one.names, arrays, strict=True))

    def distribute(self, rows: Sequence[Record], batch: Sequence[Caller]) -> None:
        """Tell each its row, if they are the rows of those who asked."""
        owner, column = self._owner, self._owner_column
        owners = [row[column] for row in rows]
        requested_by = [caller.arguments[owner] for caller in batch]
        if owners != requested_by and not _differ_by_gaps(owners, requested_by):
            msg = f"{len(rows)} rows for {len(batch)}: {self._many.sql}"
            reject_all(batch, UnmatchedRowsError(msg))
            return
        without: list[Caller] = []
        for found, row, caller in zip(owners, rows, batch, strict=True):
            if found is None:
                without.append(caller)
            else:
                caller.resolve(row)
        self._resolve_without_row(without)

    async def _send_single(self, caller: Caller) -> None:
        try:
            rows = await self._execute(self._one.sql, *caller.arguments)
        except Exception as error:  # noqa: BLE001 - re-raised to each caller
            caller.reject(error)
        else:
            caller.resolve(rows[0] if rows else None)

    def _start_single(self, batch: Sequence[Caller]) -> None:
        for caller in batch:
            self.scheduler.start(self._send_single(caller))

    def _resolve_without_row(self, callers: Sequence[Caller]) -> None:
        if not self._complete:
            self._start_single(callers)
            return
        for caller in callers:
            caller.resolve(None)


def is_unsupported(error: PostgresError) -> bool:
    """Whether the database does not know such a statement, and never will."""
    return isinstance(error, FeatureNotSupportedError | SyntaxOrAccessError)


def reject_all(batch: Sequence[Caller], error: Exception) -> None:
    """Tell each what is in the way."""
    for caller in batch:
        caller.reject(error)


def _differ_by_gaps(owners: Sequence[str | None], requested_by: Sequence[str]) -> bool:
    """Whether they are equal except for calls without a row."""
    return len(owners) == len(requested_by) and all(
        owner is None or owner == wanted for owner, wanted in zip(owners, requested_by, strict=True)
    )
