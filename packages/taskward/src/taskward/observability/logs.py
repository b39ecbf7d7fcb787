"""Structured logs: readable on a terminal, one JSON object a line elsewhere, never a secret."""

import asyncio
import errno
import hmac
import logging
import logging.config
import re
import sys
import time
from collections.abc import Callable, MutableMapping
from contextvars import ContextVar
from hashlib import blake2b
from typing import Any, Literal, TypeAlias

import asyncpg
import orjson
import structlog
from starlette.types import Scope
from structlog.typing import Processor

from taskward.observability.health import LIVE_PATHS, READY_PATH
from taskward.observability.log_escapes import (
    escape_event,
    indented_traceback,
    json_escaped,
    to_json,
)

Pseudonym: TypeAlias = Callable[[str], str]
"""Turns a user's id into what stands for it in the logs."""

request_id_in_logs: ContextVar[str] = ContextVar("request_id_in_logs")
"""The id of the request that is being answered; every line that is logged meanwhile has it."""

_PSEUDONYM_BYTES = 8
_PSEUDONYMS_KEPT = 10_000
_SECRET_AFTER = "/api/auth/reset-password/"  # noqa: S105 - a path, which a token follows
_PLAIN_PATH = re.compile(rf"(?!{_SECRET_AFTER})[ !#-\[\]-~]*").fullmatch
"""What JSON need not escape, and has no secret in it."""
_DIGITS = tuple(f"{number:03d}" for number in range(1000))
_STATUS = tuple(f"{number}" for number in range(1000))
_TENTHS = tuple(f"{number / 10:.1f}" for number in range(1000))
_HEALTH = frozenset(path + slash for path in (*LIVE_PATHS, READY_PATH) for slash in ("", "/"))


def _drop_details(_: Any, __: str, event: MutableMapping[str, Any]) -> Any:
    """PostgreSQL's details quote rows, and rows hold what people wrote and hashes of passwords."""
    information = event.get("exc_info")
    error = information[1] if isinstance(information, tuple) else sys.exc_info()[1]
    seen: set[int] = set()
    while information and error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, asyncpg.PostgresError):
            error.detail = None
        error = error.__cause__ or error.__context__
    return event


def _add_request_id(_: Any, __: str, event: MutableMapping[str, Any]) -> Any:
    if (request_id := request_id_in_logs.get(None)) is not None:
        event.setdefault("request_id", request_id)
    return event


_PROCESSORS: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    _add_request_id,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _drop_details,
]
_FLUSH_AFTER = 0.1

_TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)
"""Never with local variables: tokens and passwords are among them."""


def configure_logging(style: Literal["console", "json"]) -> None:
    """Send the logs of this project and of its libraries to standard output in one form."""
    shared: list[Processor] = _PROCESSORS if style == "console" else [*_PROCESSORS, _TRACEBACKS]
    renderers = _renderers(style)
    structlog.configure(
        processors=[*shared, *renderers],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    _quieten_uvicorn()


def _renderers(style: Literal["console", "json"]) -> list[Processor]:
    if style == "json":
        return [structlog.processors.JSONRenderer(serializer=to_json)]
    console = structlog.dev.ConsoleRenderer(
        colors=sys.stdout.isatty(), exception_formatter=indented_traceback
    )
    return [escape_event, console]


def name_one_address() -> None:
    """Let uvicorn's log say what it listens on, but not as an address to open; and why it cannot.

    The one that works is BETTER_AUTH_URL, which our own line names: cookies and origins are its.
    """
    logging.getLogger("uvicorn.error").addFilter(_without_address)


def _without_address(record: logging.LogRecord) -> bool:
    if isinstance(record.msg, OSError):
        record.msg = f"cannot listen where HOST and PORT say: {_why(record.msg)}"
    if isinstance(record.args, tuple) and len(record.args) == 3 and "://" in str(record.msg):
        record.msg, record.args = "listening on %s, port %s", record.args[1:]
        record.color_message = record.msg
    return True


def _why(error: OSError) -> str:
    why = error.strerror or str(error)
    if error.errno == errno.EADDRINUSE:
        return f"{why}; choose another PORT, or end the program that has this one"
    return why


def _quieten_uvicorn() -> None:
    """Our access log replaces uvicorn's; its other lines take our form."""
    name_one_address()
    for name in ("uvicorn", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.INFO)
    access = logging.getLogger("uvicorn.access")
    access.disabled = True
    access.propagate = False
    access.handlers.clear()  # without any, uvicorn does not even put its lines together


def pseudonyms(secret: str) -> Pseudonym:
    """Return a keyed hash for users' ids: the same user, the same hash, as long as the secret is.

    Without the secret nobody can tell whose it is, not even who knows every id.
    """
    key = hmac.digest(secret.encode(), b"taskward: users in logs", "sha256")

    return _Pseudonyms(key).__getitem__


class _Pseudonyms(dict[str, str]):
    """Hashes by users' ids; a hash is made where there is none. A cache with less for each."""

    def __init__(self, key: bytes) -> None:
        super().__init__()
        self._key = key

    def __missing__(self, user_id: str) -> str:
        if len(self) >= _PSEUDONYMS_KEPT:
            del self[next(iter(self))]
        made = blake2b(user_id.encode(), key=self._key, digest_size=_PSEUDONYM_BYTES).hexdigest()
        self[user_id] = made
        return made


def redact_path(path: str) -> str:
    """Return a request's path without the token that a link to reset a password has in it."""
    return f"{_SECRET_AFTER}***" if path.startswith(_SECRET_AFTER) else path


def _event(scope: Scope) -> str:
    """Return what was asked for as a text in JSON; nearly all paths are as they are."""
    method, path = scope["method"], scope["path"]
    if _PLAIN_PATH(path):
        return f"{method} {path}"
    return json_escaped(orjson.dumps(f"{method} {redact_path(path)}").decode())[1:-1]


class AccessLog:
    """Writes a line for each request: to a terminal as other lines, to machines as fast as can be.

    The fields are those that structlog would write; going through it would cost each request more
    than its query does. Of the values only the path can hold what JSON must escape. Probes of
    health that went well are not worth a line.
    """

    def __init__(
        self,
        style: Literal["console", "json"],
        pseudonym: Pseudonym,
        trace_id: Callable[[], str | None] | None = None,
    ) -> None:
        """Name users by `pseudonym`, and with `trace_id` the trace in which to find the request."""
        self._console = structlog.get_logger("taskward.access") if style == "console" else None
        self._pseudonym = pseudonym
        self._trace_id = trace_id
        self._lines: list[str] = []
        self._flush_planned = False
        self._second, self._second_text = 0, ""

    def __call__(self, scope: Scope, status: int, seconds: float, request_id: str) -> None:
        """Log a request that was answered with `status` after `seconds`."""
        if status == 200 and scope["path"] in _HEALTH:
            return
        tenths = int(seconds * 10_000 + 0.5)
        user_id = scope.get("user_id")
        user = self._pseudonym(user_id) if user_id else ""
        if self._console is not None:
            self._show(scope, status, tenths, user)
            return
        more = ""
        if self._trace_id is not None or "logged" in scope:
            added = (scope.get("logged") or {}) | self._trace()  # names and values of our own
            more = "".join([f',"{name}":"{value}"' for name, value in added.items()])
        # What says the same by formatting numbers and dates takes several times as long.
        milliseconds = _TENTHS[tenths] if tenths < 1000 else f"{tenths / 10:.1f}"
        event = scope.get("event") or _event(scope)
        if user:
            more = f',"user":"{user}"{more}'
        if not self._lines:
            asyncio.get_running_loop().call_soon(self._write)
        self._lines.append(
            f'{{"event":"{event}","status":{_STATUS[status]}'
            f',"milliseconds":{milliseconds},"request_id":"{request_id}"{more}'
        )

    def _write(self) -> None:
        """Write the lines of one turn of the loop, which have their end in common."""
        end = self._moment()
        lines, self._lines = self._lines, []
        sys.stdout.write(end.join([*lines, ""]))
        if not self._flush_planned:
            self._flush_planned = True
            asyncio.get_running_loop().call_later(_FLUSH_AFTER, self._flush)

    def _moment(self) -> str:
        """The end of a line, in UTC with microseconds; what changes each second is written once."""
        now = time.time()
        if not 0 <= (rest := now - self._second) < 1:
            self._second = int(now)
            text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(self._second))
            self._second_text = f',"level":"info","timestamp":"{text}.'
            rest = now - self._second
        microseconds = int(rest * 1_000_000)
        milliseconds = microseconds // 1000
        rest_of_them = microseconds - 1000 * milliseconds
        return f'{self._second_text}{_DIGITS[milliseconds]}{_DIGITS[rest_of_them]}Z"}}\n'

    def _show(self, scope: Scope, status: int, tenths: int, user: str) -> None:
        shown = redact_path(scope["path"]).replace(" ", "%20")  # nothing looks like a field
        names = ({"user": user} if user else {}) | self._trace() | (scope.get("logged") or {})
        log: Any = self._console
        event = f"{scope['method']} {shown}"
        log.info(event, status=status, milliseconds=tenths / 10, **names)

    def _trace(self) -> dict[str, str]:
        trace_id = self._trace_id() if self._trace_id is not None else None
        return {"trace_id": trace_id} if trace_id else {}

    def _flush(self) -> None:
        self._flush_planned = False
        sys.stdout.flush()
