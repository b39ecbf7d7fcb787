"""`BatchPair`: batches of two statements are sent as one statement.

A mix of requests is split into a batch for each kind, and a statement costs more than its rows. So
what reads shares a statement with what else reads, and what writes with what else writes; never
both, because a write may wait for a lock and commits. If PostgreSQL refuses the statement, nothing
was written, and each of both batches is sent on its own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from asyncpg import PostgresError, Record

from authward.storage.statements import Statement
from taskward.database.batch_scheduler import Work
from taskward.database.batcher import (
    Batchable,
    Batcher,
    Caller,
    Execute,
    is_unsupported,
    reject_all,
)

PART = "part"
"""The column that says whose row it is: 0 is the first's, 1 the second's."""
_PREFIX = "second_"
_MANY = 16
"""Of the second's calls. So many share the costs of a statement already, and if they are long lists
whoever gets one task would wait for all of them: 60 ms for a hundred."""


@dataclass(frozen=True, slots=True)
class Together:
    """Two statements, and one that asks both.

    Args:
        first: one of them.
        second: the other.
        both: has the parameters of `first.many` and, with a prefix, those of `second.many`; the
            columns of both and `PART`; returns the rows of the first, then those of the second.
    """

    first: Batchable
    second: Batchable
    both: Statement

    def __post_init__(self) -> None:
        """Check that they belong together.

        Raises:
            ValueError: the parameters or columns differ, or `both` has no order.
        """
        first, second, both = self.first.many, self.second.many, self.both
        names = {*first.names, *(name_in_second(name) for name in second.names)}
        columns = {PART, *first.columns, *second.columns}
        if {*both.names} != names or {*both.columns} != columns or not both.is_ordered:
            msg = f"this does not ask both:\n{both.sql}\n{first.sql}\n{second.sql}"
            raise ValueError(msg)


def name_in_second(name: str) -> str:
    """Return what a parameter of the second statement is called where both are asked."""
    return f"{_PREFIX}{name}"


class BatchPair:
    """Sends the calls of two batchers."""

    def __init__(self, first: Batcher, second: Batcher, both: Statement, execute: Execute) -> None:
        """Let both leave at the same times, and run `both` with `execute`."""
        self._first, self._second, self._both = first, second, both
        self._execute = execute
        self._is_supported = True
        first.scheduler.flush_instead(self)
        second.scheduler = first.scheduler

    def take(self) -> Work | None:
        """Return what sends the calls that wait, if there are any."""
        first, second = self._first.take_calls(), self._second.take_calls()
        if not second:
            return self._first.send(first) if first else None
        if not first:
            return self._second.send(second)
        if len(second) > _MANY:
            self._first.scheduler.start(self._first.send(first))
            return self._second.send(second)
        return self._send(first, second)

    async def _send(self, first: list[Caller], second: list[Caller]) -> None:
        if not self._is_supported:
            await self._send_each(first, second)
            return
        try:
            rows = await self._execute(self._both.sql, *self._arguments(first, second))
        except PostgresError as error:
            self._is_supported = not is_unsupported(error)
            await self._send_each(first, second)
        except Exception as error:  # noqa: BLE001 - re-raised to each caller
            reject_all([*first, *second], error)
        else:
            border = _border(rows, len(first))
            self._first.distribute(rows[:border], first)
            self._second.distribute(rows[border:], second)

    async def _send_each(self, first: Sequence[Caller], second: Sequence[Caller]) -> None:
        await self._first.send(first)
        await self._second.send(second)

    def _arguments(self, first: Sequence[Caller], second: Sequence[Caller]) -> list[Any]:
        arrays = self._first.arrays(first)
        for name, array in self._second.arrays(second).items():
            arrays[name_in_second(name)] = array
        return self._both.arguments(arrays)


def _border(rows: Sequence[Record], expected: int) -> int:
    """Return how many rows are the first's, which come first."""
    if 0 < expected < len(rows) and rows[expected - 1][PART] == 0 and rows[expected][PART] == 1:
        return expected
    return sum(row[PART] == 0 for row in rows)


def make_batchers(
    batchable: Iterable[Batchable], together: Iterable[Together], execute: Execute
) -> dict[str, Batcher]:
    """Return a batcher for each statement, by the SQL of the one for a single call."""
    batchers = {statement.one.sql: Batcher(statement, execute) for statement in batchable}
    for pair in together:
        first, second = batchers[pair.first.one.sql], batchers[pair.second.one.sql]
        BatchPair(first, second, pair.both, execute)
    return batchers
