"""`RawJSONResponse`: a response whose body is JSON already, and whose head is one formatting.

The protocol puts `lines` on the wire as they are; ASGI gets the same as `raw_headers`.
"""

from functools import cached_property

from starlette.responses import Response

from taskward.http.security_headers import Header

_NAMES = (b"content-length", b"content-type", b"etag")
_LINES = b'content-length: %d\r\ncontent-type: application/json\r\netag: "%b"\r\n'


class RawJSONResponse(Response):
    """A version of something, and where it is if that is new."""

    names: tuple[bytes, ...] = _NAMES
    """Of the headers in `lines`."""

    def __init__(
        self, body: bytes, version: str, status: int = 200, location: str | None = None
    ) -> None:
        """Take a body, and the visible ASCII that stands for it as an ETag."""
        self.status_code = status
        self.background = None
        self.body = body
        self._version = version
        self.lines = _LINES % (len(body), version.encode())
        if location is not None:
            self.names = (*_NAMES, b"location")
            self.lines += b"location: %b\r\n" % location.encode()

    @property
    def etag(self) -> str:
        """Return the ETag as it is in the head."""
        return f'"{self._version}"'

    @cached_property
    def raw_headers(self) -> list[Header]:  # type: ignore[override]
        """Return the headers one by one."""
        values = [line.partition(b": ")[2] for line in self.lines.split(b"\r\n")]
        return [*zip(self.names, values, strict=False)]
