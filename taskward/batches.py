"""Batches: what many requests ask in the same moment becomes one statement.

Under load most of what a small statement costs is not its rows but itself: a message each way, a
start of a plan, a commit. So those that are asked within one turn of the event loop share one.
Nobody waits for others to come; who is alone is asked for alone.

Sharing changes nothing that is seen. Each gets the row that names what they asked for, their own
user among it, whatever else came back; and if PostgreSQL refuses a batch, which writes nothing,
each is asked for alone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias

from asyncpg import FeatureNotSupportedError, PostgresError, Record, SyntaxOrAccessError

from taskward.statements import Statement

Ask: TypeAlias = Callable[..., Awaitable[Sequence[Record]]]
"""Takes SQL and its arguments, returns rows."""

_SIZE_LIMIT = 100


class Batchable(NamedTuple):
    """A statement of at most one row, and the one that asks for many of them.

    Args:
        one: asks for one.
        many: has the same parameters, each an array with an element for each who asks.
        columns: of the rows, whose values are those of the parameters of `one`, in that order.
        complete: `many` leaves nobody out; otherwise those without a row are asked for alone.
    """

    one: Statement
    many: Statement
    columns: tuple[str, ...]
    complete: bool = True


class _Question(NamedTuple):
    arguments: tuple[Any, ...]
    answer: asyncio.Future[Sequence[Record]]

    def settle(self, rows: Sequence[Record]) -> None:
        if not self.answer.done():  # else whoever asked has given up
            self.answer.set_result(rows)

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class Batches:
    """Collects what is asked of one statement."""

    def __init__(self, statement: Batchable, ask: Ask) -> None:
        """Send to the database by `ask`."""
        self._one, self._many = statement.one, statement.many
        self._complete = statement.complete
        self._asked_for = itemgetter(*statement.columns)
        self._ask = ask
        self._open: list[_Question] = []
        self._size_limit = _SIZE_LIMIT
        self._under_way: set[asyncio.Task[None]] = set()

    async def fetch(self, arguments: tuple[Any, ...]) -> Sequence[Record]:
        """Return the row of what is asked for, or none.

        Raises:
            DatabaseUnavailableError: try again later.
            asyncpg.PostgresError: PostgreSQL refuses it.
        """
        question = _Question(arguments, asyncio.get_running_loop().create_future())
        if not 0 < len(self._open) < self._size_limit:
            self._open = []
            self._start(self._send(self._open))
        self._open.append(question)
        return await question.answer

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        """What has begun goes on though those who asked give up."""
        task = asyncio.get_running_loop().create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _send(self, batch: list[_Question]) -> None:
        """Begin in the next turn of the event loop, when all of this one have joined."""
        if batch is self._open:
            self._open = []
        if len(batch) == 1:
            await self._send_alone(batch[0])
            return
        try:
            rows = await self._ask(self._many.sql, *self._arrays(batch))
        except PostgresError as error:
            self._learn(error)
            self._start_alone(batch)
        except Exception as error:  # noqa: BLE001 - theirs to handle who asked
            for question in batch:
                question.fail(error)
        else:
            self._hand_out(rows, batch)

    async def _send_alone(self, question: _Question) -> None:
        try:
            rows = await self._ask(self._one.sql, *question.arguments)
        except Exception as error:  # noqa: BLE001 - theirs to handle who asked
            question.fail(error)
        else:
            question.settle(rows)

    def _start_alone(self, batch: Sequence[_Question]) -> None:
        for question in batch:
            self._start(self._send_alone(question))

    def _learn(self, error: PostgresError) -> None:
        """Send no more batches to a database that does not know such statements."""
        if isinstance(error, FeatureNotSupportedError | SyntaxOrAccessError):
            self._size_limit = 1

    def _arrays(self, batch: Sequence[_Question]) -> list[Any]:
        arrays = map(list, zip(*(question.arguments for question in batch), strict=True))
        return self._many.arguments(dict(zip(self._one.names, arrays, strict=True)))

    def _hand_out(self, rows: Sequence[Record], batch: Sequence[_Question]) -> None:
        """Several who ask for the same get a row each, in their order."""
        found: dict[tuple[Any, ...], list[Record]] = {}
        for row in reversed(rows):
            found.setdefault(self._asked_for(row), []).append(row)
        without: list[_Question] = []
        for question in batch:
            if mine := found.get(question.arguments):
                question.settle([mine.pop()])
            else:
                without.append(question)
        self._settle_without_row(without)

    def _settle_without_row(self, questions: Sequence[_Question]) -> None:
        if not self._complete:
            self._start_alone(questions)
            return
        for question in questions:
            question.settle([])
