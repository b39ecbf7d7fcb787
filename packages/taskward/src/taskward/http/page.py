"""The page, as the build in `frontend/` leaves it: static files, and a list of them with headers.

Only what the list names is served, so no path can lead out of the folder. Each page comes with its
own Content-Security-Policy: the hashes of its inline scripts, and nothing else may run.

What this server offers beyond passwords stands in each page, as `<html data-offers="passkey">`: the
page needs no request to know it, and loads nothing of what is not offered.
"""

import gzip
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from taskward.http.errors import json_error

_LIST = "pages.json"
_NOT_FOUND = "/404"
_IMMUTABLE, _REVALIDATE = "public, max-age=31536000, immutable", "no-cache"


def install(app: FastAPI, directory: Path, offers: Sequence[str] = ()) -> bool:
    """Serve the page wherever `app` itself has nothing; False if it was not built."""
    if not is_built(directory):
        return False
    entries = orjson.loads((directory / _LIST).read_bytes())
    files = {path: _file(directory, entry, offers) for path, entry in entries.items()}
    app.router.default = Frontend(files, app.router.default)
    return True


def is_built(directory: Path) -> bool:
    """Whether the page is there: its list is the last thing that a build writes."""
    return (directory / _LIST).is_file()


class Frontend:
    """Answers for the files in the list, and leaves everything else to `rest`."""

    def __init__(self, files: "Mapping[str, _File]", rest: ASGIApp) -> None:
        self._files = files
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if scope["type"] != "http" or path.startswith("/api/"):
            await self._rest(scope, receive, send)
        elif (response := self._answer(path, scope["method"], Headers(scope=scope))) is not None:
            await response(scope, receive, send)
        else:
            await self._rest(scope, receive, send)

    def _answer(self, path: str, method: str, headers: Headers) -> Response | None:
        file, reads = self._files.get(path), method in {"GET", "HEAD"}
        if file is not None and not reads:
            return json_error(405, "Method Not Allowed", headers={"Allow": "GET, HEAD"})
        if file is not None:
            return file.response(headers)
        if reads and "text/html" in headers.get("accept", ""):
            return self._files[_NOT_FOUND].response(headers, 404)
        return None


class _File:
    """One file; it is read when it is first asked for, and then kept."""

    def __init__(self, directory: Path, entry: Mapping[str, Any]) -> None:
        self._path = directory / entry["file"]
        self._encodings: list[str] = entry.get("encodings", [])
        self._bodies: dict[str, bytes] = {}
        self._headers = {
            "Content-Type": entry["type"],
            "Cache-Control": _IMMUTABLE if entry["immutable"] else _REVALIDATE,
            "ETag": entry["etag"],
        }
        if "policy" in entry:
            self._headers["Content-Security-Policy"] = entry["policy"]
        if entry.get("private"):  # its address is a secret for some minutes
            self._headers |= {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
        if self._encodings:
            self._headers["Vary"] = "Accept-Encoding"

    def response(self, asked: Headers, status: int = 200) -> Response:
        """Return the file, or 304 to whoever has it already."""
        if status == 200 and self._headers["ETag"] in asked.get("if-none-match", ""):
            kept = {k: v for k, v in self._headers.items() if k != "Content-Type"}
            return Response(status_code=304, headers=kept)
        encoding = self._encoding(asked.get("accept-encoding", ""))
        headers = self._headers | ({"Content-Encoding": encoding} if encoding else {})
        return Response(self._body(encoding), status, headers)

    def _encoding(self, accepted: str) -> str:
        offered = {name.strip() for name in accepted.split(",")}
        return next((name for name in self._encodings if name in offered), "")

    def _body(self, encoding: str) -> bytes:
        if encoding not in self._bodies:
            self._bodies[encoding] = self._read(encoding)
        return self._bodies[encoding]

    def _read(self, encoding: str) -> bytes:
        suffix = f".{encoding}" if encoding else ""
        return Path(f"{self._path}{suffix}").read_bytes()


class _OfferingPage(_File):
    """A page that says what the server offers; what the build has compressed does not."""

    def __init__(self, directory: Path, entry: Mapping[str, Any], offers: Sequence[str]) -> None:
        tag = f'{entry["etag"][:-1]}-{"-".join(offers)}"'
        super().__init__(directory, {**entry, "etag": tag, "encodings": ["gzip"]})
        self._start = f'<html data-offers="{" ".join(offers)}"'.encode()

    def _read(self, encoding: str) -> bytes:
        page = super()._read("").replace(b"<html", self._start, 1)
        return gzip.compress(page, mtime=0) if encoding else page


def _file(directory: Path, entry: Mapping[str, Any], offers: Sequence[str]) -> _File:
    if offers and entry["type"].startswith("text/html"):
        return _OfferingPage(directory, entry, offers)
    return _File(directory, entry)
