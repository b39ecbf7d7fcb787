"""Requests exactly as written: no cookies, headers or normalised paths but the given ones."""

import http.client
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from .model import Call

SECONDS: Final = 60.0


@dataclass(frozen=True)
class Answer:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    def get(self, name: str) -> str | None:
        values = self.all(name)
        return ", ".join(values) if values else None


def send(url: str, request: Call) -> Answer:
    """One request on a connection of its own; the Host header is added unless it is given."""
    host = urlsplit(url)
    connection = http.client.HTTPConnection(host.hostname or "", host.port, timeout=SECONDS)
    try:
        _write(connection, request)
        response = connection.getresponse()
        headers = tuple((name.lower(), value) for name, value in response.getheaders())
        return Answer(response.status, headers, response.read())
    except (OSError, http.client.HTTPException) as error:
        return Answer(0, (), f"no answer: {type(error).__name__}".encode())
    finally:
        connection.close()


def _write(connection: http.client.HTTPConnection, request: Call) -> None:
    given = {name.lower() for name, _ in request.headers}
    connection.putrequest(
        request.method, request.path, skip_host="host" in given, skip_accept_encoding=True
    )
    for name, value in request.headers:
        connection.putheader(name, value.encode("latin-1"))
    if request.body is not None and not given & {"content-length", "transfer-encoding"}:
        connection.putheader("content-length", str(len(request.body)))
    connection.endheaders()
    if request.body is not None:
        connection.send(request.body)
