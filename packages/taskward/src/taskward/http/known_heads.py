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
_MAX_NEWCOMERS = MAX_HEADS
"""How many heads that found no place are remembered, by their hashes."""

MAX_QUERY_BYTES = 512

_REQUEST_LINE = re.compile(
    rb"((?:GET|HEAD|POST|PUT|PATCH|DELETE) /[A-Za-z/_.-]{0,64})"
    rb"(?:([0-9]{1,18})([A-Za-z/_.-]{0,64}))?(?:\?([A-Za-z0-9/?=&_.-]{0,%d}))? HTTP/1\.1\r\n"
    % MAX_QUERY_BYTES
)
"""Method and path up to a number, the number, the rest of the path, the query. The methods are
named: behind some others, as `PRI`, the parser refuses the same bytes."""
_match = _REQUEST_LINE.match
_END = b"\r\n\r\n"
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


RequestLine: TypeAlias = re.Match[bytes]
"""The beginning of a request; its groups are those of `_REQUEST_LINE`."""


def parse_line(method: bytes, url: bytes) -> RequestLine | None:
    """Return the line of a request that the parser has read, if it is of the plainest form."""
    return _REQUEST_LINE.match(b"%b %b HTTP/1.1\r\n" % (method, url))


class KnownHeads:
    """Those of all connections: who stands behind a proxy shares its connections with others."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Forget by `clock`, in seconds."""
        self._clock = clock
        self._since = clock()
        self._heads: dict[bytes, Head] = {}
        self._newcomers: set[int] = set()

    def find(self, data: bytes) -> tuple[RequestLine, Head, bytes] | None:
        """Return line, head and body of the request that `data` is, if its head is known."""
        line = _match(data)
        if line is None:
            return None
        begin, end = line.end(), len(data)
        head = self._heads.get(data[begin:]) if end <= MAX_HEAD_BYTES else None
        if head is None:
            end = data.find(_END, begin) + 4
            head = self._heads.get(data[begin:end])  # there is none without an end
        if head is None or len(data) - end != head.length:
            return None
        return line, head, data[end:]

    def learn(self, data: bytes, line: RequestLine, head: Head, body: bytes) -> None:
        """Keep a head, if `data` is cut here as the parser has cut it.

        Args:
            data: a read that began where a request begins.
            line: as the parser has it, as what follows.
            head: the headers.
            body: here as a whole.
        """
        self._forget_old()
        begin, end = len(line[0]), data.find(_END) + 4
        rest = data[begin:end]
        if len(self._heads) >= MAX_HEADS and self._is_new(rest):
            return
        is_same = data == line[0] + rest + body and len(body) == head.length
        if is_same and len(rest) <= MAX_HEAD_BYTES and rest.count(b"\n") == len(head.by_name) + 1:
            if len(self._heads) >= MAX_HEADS:
                del self._heads[next(iter(self._heads))]
            self._heads[rest] = head

    def _is_new(self, rest: bytes) -> bool:
        """Whether it was not here a short while ago; only who comes again takes another's place.

        If there are more clients than places, most heads would be gone before they are found.
        """
        newcomers, name = self._newcomers, hash(rest)
        if name in newcomers:
            return False
        if len(newcomers) >= _MAX_NEWCOMERS:
            newcomers.clear()
        newcomers.add(name)
        return True

    def _forget_old(self) -> None:
        """Forget all, if it is time; who still comes is read once more."""
        now = self._clock()
        if now - self._since > KEPT_SECONDS:
            self._heads, self._since = {}, now
