"""Backpressure: limits on large responses that are being made or wait to be read by clients.

A large response is sent in pieces as fast as the client reads, and stays in memory until then. The
bytes in memory are limited for each user and for the process; beyond that a request gets 503. Users
whose lists are large get them one at a time, so that no user takes all database connections. Small
responses, which are nearly all, cost next to nothing here.
"""

import asyncio
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Send

LARGE = 65_536
"""Bytes from which a response counts as large; a connection's own buffer takes as many."""
MAX_BYTES_PER_USER = 67_108_864
MAX_BYTES_PER_PROCESS = 268_435_456
_PIECE = 65_536
_HEAVY = 1_048_576
_TURNS = 4
_SECONDS = 3.0
_HEAVY_SECONDS = 10.0
_MAX_WAITING = 100
_USERS_KNOWN = 10_000

log = structlog.get_logger(__name__)


class ResponseBacklog:
    """Counts the bytes of large responses until they are sent, and sends them."""

    def __init__(
        self,
        per_user: int = MAX_BYTES_PER_USER,
        per_process: int = MAX_BYTES_PER_PROCESS,
        patience: float = 30.0,
        rate: float = 16_384.0,
    ) -> None:
        """Set the limits.

        Args:
            of_user: bytes that may be in memory for one user.
            of_process: bytes that may be in memory for all users.
            patience: seconds that a client may take for any response.
            rate: bytes per second that it must read after that.
        """
        self._of_user, self._of_process = per_user, per_process
        self._patience, self._rate = patience, rate
        self._total = 0
        self._by_user: Counter[str] = Counter()

    def check_capacity(self, user_id: str | None, size: int) -> None:
        """Refuse a response beyond the limits; a user with none under way may have one of any size.

        Raises:
            HTTPException: 503.
        """
        own = self._by_user[user_id] if user_id else 0
        if (own and own + size > self._of_user) or (
            self._total and self._total + size > self._of_process
        ):
            raise _too_busy()

    async def send(self, body: bytes, user_id: str | None, receive: Receive, send: Send) -> None:
        """Send a body with the server's own `receive` and `send`.

        Raises:
            ClientDisconnect: the client read too slowly; the connection is closed.
        """
        begun = asyncio.get_running_loop().time() + self._patience
        with self._counted(user_id or "", len(body)):
            try:
                for start in range(0, len(body), _PIECE):
                    piece, more = body[start : start + _PIECE], start + _PIECE < len(body)
                    async with asyncio.timeout_at(begun + start / self._rate):
                        await send({"type": "http.response.body", "body": piece, "more_body": more})
            except TimeoutError:
                log.warning("a client that read too slowly was cut off", sent=start, of=len(body))
                await _abort(receive)
                raise ClientDisconnect from None

    @contextmanager
    def _counted(self, user_id: str, size: int) -> Iterator[None]:
        self._total += size
        self._by_user[user_id] += size
        try:
            yield
        finally:
            self._total -= size
            self._by_user[user_id] -= size
            if not self._by_user[user_id]:
                del self._by_user[user_id]


class LargeResponseQueue:
    """Limits how many large responses of a user are made at once."""

    def __init__(self) -> None:
        self.backlog = ResponseBacklog()
        self._under_way: dict[str, int] = {}
        self._waiting: defaultdict[str, deque[asyncio.Future[None]]] = defaultdict(deque)
        self._heavy_users: OrderedDict[str, int] = OrderedDict()

    async def fetch(self, user_id: str, ask: Callable[[], Awaitable[str]]) -> str:
        """Run `ask`, which may return a long text, when this user has a free slot.

        Whose texts are not known to be long may go on after a while: something else is slow.

        Raises:
            HTTPException: 503, too much of the user's is under way.
        """
        if user_id in self._under_way or user_id in self._heavy_users:
            await self._wait(user_id)
        self._under_way[user_id] = self._under_way.get(user_id, 0) + 1
        try:
            text = await ask()
        except ConnectionError as error:
            self._refuse_waiting(user_id, error)
            raise
        finally:
            self._release(user_id)
        self._note_size(user_id, len(text))
        return text

    def begin(self, user_id: str) -> bool:
        """Take a slot for a statement, if nothing of the user's is under way or known as large.

        Whoever has taken it says when it is over: `end`.
        """
        if user_id in self._under_way or user_id in self._heavy_users:
            return False
        self._under_way[user_id] = 1
        return True

    def end(self, user_id: str, outcome: Response | BaseException) -> None:
        """Give the slot back."""
        if isinstance(outcome, ConnectionError):
            self._refuse_waiting(user_id, outcome)
        self._release(user_id)
        if isinstance(outcome, Response):
            self._note_size(user_id, len(outcome.body))

    async def _wait(self, user_id: str) -> None:
        begun = asyncio.get_running_loop().time()
        while self._under_way.get(user_id, 0) >= (1 if user_id in self._heavy_users else _TURNS):
            deadline = begun + (_HEAVY_SECONDS if user_id in self._heavy_users else _SECONDS)
            if len(self._waiting[user_id]) < _MAX_WAITING and await self._wait_in_queue(
                user_id, deadline
            ):
                continue
            if user_id in self._heavy_users:
                raise _too_busy()
            return
        if user_id in self._heavy_users:
            self.backlog.check_capacity(user_id, self._heavy_users[user_id])

    async def _wait_in_queue(self, user_id: str, deadline: float) -> bool:
        loop = asyncio.get_running_loop()
        waiter = loop.create_future()
        self._waiting[user_id].append(waiter)
        timer = loop.call_at(deadline, _end_waiting, waiter)
        try:
            await waiter
        except TimeoutError:
            self._wake_next(user_id)
            return False
        except asyncio.CancelledError:
            self._wake_next(user_id)
            raise
        finally:
            timer.cancel()
        return True

    def _refuse_waiting(self, user_id: str, error: ConnectionError) -> None:
        """Fail the waiters too: they would wait as long again for the same database."""
        for waiter in self._waiting.pop(user_id, ()):
            if not waiter.done():
                waiter.set_exception(error)

    def _release(self, user_id: str) -> None:
        if self._under_way[user_id] > 1:
            self._under_way[user_id] -= 1
        else:
            del self._under_way[user_id]
        if user_id in self._waiting:
            self._wake_next(user_id)

    def _wake_next(self, user_id: str) -> None:
        waiting = self._waiting[user_id]
        while waiting:
            waiter = waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                break
        if not waiting:
            del self._waiting[user_id]

    def _note_size(self, user_id: str, size: int) -> None:
        if size <= _HEAVY and user_id not in self._heavy_users:
            return
        self._heavy_users.pop(user_id, None)
        if size > _HEAVY:
            self._heavy_users[user_id] = size
        if len(self._heavy_users) > _USERS_KNOWN:
            self._heavy_users.popitem(last=False)


def _end_waiting(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_exception(TimeoutError())


def _too_busy() -> HTTPException:
    detail = "Too much waits to be read or made already, try again"
    return HTTPException(503, detail, {"Retry-After": "2"})


async def _abort(receive: Receive) -> None:
    """ASGI cannot abort a connection; uvicorn's `receive` is bound to the object that can."""
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    if transport is not None:
        transport.abort()
        while (await receive())["type"] != "http.disconnect":
            pass
