"""`KnownHeads`: heads that the parser has read before need not be read again.

A client repeats its headers, byte for byte, with each request; of a small request's cost in Python
a fifth is taking them apart. So what follows the request line of a plain request is kept with what
it said. That is no second parser, which might see the end of a request elsewhere than the first:

- A head is learned only from a read that was one whole request to the parser, and only if cutting
  it here gave the same method, target and body.
- It is found only if all bytes between the request line and the body are the same, the line is of
  the plainest form, and after the head come as many bytes as it announces and nothing else.

What is kept is what was said, never whether it is allowed: tokens are checked for each request.
As tokens and cookies are in it, all is forgotten now and then.
"""

import re
import time
from collections.abc import Callable, Sequence
from typing import TypeAlias

from taskward.http.operations import Headers, NotHandled, unique
from taskward.http.security_headers import Header

MAX_HEADS = 2_048
MAX_HEAD_BYTES = 1_024
KEPT_SECONDS = 900.0
"""About as long as an access token lives: longer, a head is only a secret that lies around."""
_ADMITTED = 8
"""One in so many takes the place of another when all places are taken: if there are more clients
than places, learning heads that are gone before they are found would cost more than it saves."""

_REQUEST_LINE = re.compile(
    rb"(GET|HEAD|POST|PUT|PATCH|DELETE) (/[A-Za-z0-9/?=&_.-]*) HTTP/1\.1\r\n"
)
"""The methods are named: behind some others, as `PRI`, the parser refuses the same bytes."""
_UNUSUAL = frozenset((b"expect", b"transfer-encoding", b"upgrade"))


class Head:
    """Headers of a request that is for here, and what follows from them alone."""

    __slots__ = ("by_name", "length", "named", "origin")

    def __init__(self, headers: Sequence[Header]) -> None:
        """Look at headers that the parser has read.

        Raises:
            NotHandled: two have the same name, or one asks for something unusual.
        """
        self.by_name: Headers = unique(headers)
        if not _UNUSUAL.isdisjoint(self.by_name):
            raise NotHandled
        # The parser has looked at the digits; so long a number is large anyway.
        self.length = int(self.by_name.get(b"content-length", b"0")[:20])
        self.origin = self.by_name.get(b"origin")
        self.named = self.by_name.get(b"x-request-id")


Message: TypeAlias = tuple[bytes, bytes, bytes, bytes]
"""A request as bytes, cut into its parts: method, target, the rest of its head, body."""


class KnownHeads:
    """Those of all connections: who stands behind a proxy shares its connections with others."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Forget by `clock`, in seconds."""
        self._clock = clock
        self._since = clock()
        self._heads: dict[bytes, Head] = {}
        self._missed = 0

    def find(self, data: bytes) -> tuple[Message, Head] | None:
        """Return the request that `data` is, whole and alone, if its head is known."""
        message = _cut(data)
        if message is None:
            return None
        head = self._heads.get(message[2])
        if head is None or len(message[3]) != head.length:
            return None
        return message, head

    def learn(self, data: bytes, method: bytes, url: bytes, head: Head, body: bytes) -> None:
        """Keep a head, if `data` is cut here as the parser has cut it.

        Args:
            data: a read that began where a request begins.
            method: as the parser has it, as what follows.
            url: the target.
            head: the headers.
            body: here as a whole.
        """
        self._forget_old()
        if len(self._heads) >= MAX_HEADS:
            self._missed += 1
            if self._missed % _ADMITTED:
                return
        message = _cut(data)
        if message is None or len(message[2]) > MAX_HEAD_BYTES:
            return
        rest = message[2]
        is_same = message == (method, url, rest, body) and len(body) == head.length
        if is_same and rest.count(b"\n") == len(head.by_name) + 1:
            if len(self._heads) >= MAX_HEADS:
                del self._heads[next(iter(self._heads))]
            self._heads[rest] = head

    def _forget_old(self) -> None:
        """Forget all, if it is time; who still comes is read once more."""
        now = self._clock()
        if now - self._since > KEPT_SECONDS:
            self._heads, self._since = {}, now


def _cut(data: bytes) -> Message | None:
    line = _REQUEST_LINE.match(data)
    if line is None:
        return None
    begin = line.end()
    end = data.find(b"\r\n\r\n", begin)
    if end == -1:
        return None
    return line[1], line[2], data[begin : end + 4], data[end + 4 :]
