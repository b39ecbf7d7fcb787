"""`JoinedCycle`: uvicorn's request and answer, but a small answer goes out as one piece.

uvicorn looks at each name and value of a head and writes it, and then the body: a seventh of what
Python does for an endpoint of the Better Auth server. ASGI wants no head on the wire before the
first part of a body; so one that says how long the body is waits for it here. What is in any way
unusual is sent by uvicorn, in two parts.
"""

from collections.abc import Sequence
from typing import Any, cast

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

_MAX_BODY = 65_536
"""Larger ones are not copied."""
_LENGTH = b"content-length"
_NAME = b"abcdefghijklmnopqrstuvwxyz0123456789-"
_NOT_IN_VALUES = bytes({*range(32), 127})


class JoinedCycle(RequestResponseCycle):
    """One request and its answer."""

    _head: Any = None
    """The message that waits for the body's."""

    async def send(self, message: ASGISendEvent) -> None:
        """Send a part of the answer, or let the head wait."""
        head = self._head
        if head is not None:
            self._head = None
            if not self._send_at_once(head, cast("Any", message)):
                self.response_started = False
                await super().send(head)
                await super().send(message)
        elif self.response_started or not self._may_wait(message):
            await super().send(message)
        else:
            self._head, self.response_started = message, True
            self.waiting_for_100_continue = False

    def _may_wait(self, message: Any) -> bool:
        if message["type"] != "http.response.start" or self.access_log or self.disconnected:
            return False
        return _LENGTH in dict(message.get("headers", ()))

    def _send_at_once(self, head: Any, message: Any) -> bool:
        """Send head and body, if that is all; False for what uvicorn is to look at."""
        body = message.get("body", b"")
        is_all = message["type"] == "http.response.body" and not message.get("more_body")
        if not is_all or len(body) > _MAX_BODY or self.disconnected or self.flow.write_paused:
            return False
        headers = [*self.default_headers, *head["headers"]]
        if self.scope["method"] == "HEAD" or not _is_usual(headers, len(body)):
            return False
        lines = [b": ".join(header) for header in headers]
        end = b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n"
        self.transport.write(STATUS_LINE[head["status"]] + b"\r\n".join([*lines, end + body]))
        self._complete()
        return True

    def _complete(self) -> None:
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()


def _is_usual(headers: Sequence[tuple[bytes, bytes]], length: int) -> bool:
    """Whether uvicorn would write these headers as they are, and then a body of this length."""
    names, values = zip(*headers, strict=True)
    if b"".join(names).translate(None, _NAME):
        return False
    if names.count(_LENGTH) != 1 or values[names.index(_LENGTH)] != b"%d" % length:
        return False
    if b"connection" in names or b"transfer-encoding" in names:
        return False
    text = b"".join(values)
    return len(text.translate(None, _NOT_IN_VALUES)) == len(text)
