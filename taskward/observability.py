"""Structured logs: readable on a terminal, one JSON object a line elsewhere, never a secret."""

import asyncio
import hmac
import logging
import logging.config
import sys
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Literal, TypeAlias

import asyncpg
import orjson
import structlog
from starlette.types import Scope
from structlog.typing import Processor

Pseudonym: TypeAlias = Callable[[str], str]
"""Turns a user's id into what stands for it in the logs."""

_PSEUDONYM_BYTES = 8
_PSEUDONYMS_KEPT = 10_000
_SECRET_AFTER = "/api/auth/reset-password/"  # noqa: S105 - a path, which a token follows
_HEALTH = "/health/"


def _without_details(_: Any, __: str, event: MutableMapping[str, Any]) -> Any:
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


_PROCESSORS: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _without_details,
]
_LINE = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z
_FLUSH_AFTER = 0.1

_TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)
"""Never with local variables: tokens and passwords are among them."""


def configure_logging(style: Literal["console", "json"]) -> None:
    """Send the logs of this project and of its libraries to standard output in one form."""
    shared: list[Processor] = _PROCESSORS if style == "console" else [*_PROCESSORS, _TRACEBACKS]
    renderer = _renderer(style)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    _quieten_uvicorn()


def _renderer(style: Literal["console", "json"]) -> Processor:
    if style == "console":
        return structlog.dev.ConsoleRenderer(
            colors=sys.stdout.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    return structlog.processors.JSONRenderer(serializer=_to_json)


def _to_json(event: object, **_: object) -> str:
    return orjson.dumps(event, default=repr).decode()


def _quieten_uvicorn() -> None:
    """Our access log replaces uvicorn's; its other lines take our form."""
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

    @lru_cache(maxsize=_PSEUDONYMS_KEPT)
    def pseudonym(user_id: str) -> str:
        return blake2b(user_id.encode(), key=key, digest_size=_PSEUDONYM_BYTES).hexdigest()

    return pseudonym


def without_secrets(path: str) -> str:
    """Return a request's path without the token that a link to reset a password has in it."""
    return f"{_SECRET_AFTER}***" if path.startswith(_SECRET_AFTER) else path


class AccessLog:
    """Writes a line for each request: to a terminal as other lines, to machines as fast as can be.

    The fields are those that structlog would write; going through it would cost each request more
    than its query does. Probes of health that went well are not worth a line.
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
        self._flush_planned = False

    def __call__(self, scope: Scope, status: int, seconds: float, request_id: str) -> None:
        """Log a request that was answered with `status` after `seconds`."""
        path: str = scope["path"]
        if status == 200 and path.startswith(_HEALTH):
            return
        event = f"{scope['method']} {without_secrets(path)}"
        milliseconds = round(seconds * 1000, 1)
        more = self._whose(scope)
        if self._console is not None:
            self._console.info(event, status=status, milliseconds=milliseconds, **more)
            return
        line = {
            "event": event,
            "status": status,
            "milliseconds": milliseconds,
            "request_id": request_id,
            **more,
            "level": "info",
            "timestamp": datetime.now(UTC),
        }
        sys.stdout.write(orjson.dumps(line, option=_LINE).decode())
        if not self._flush_planned:
            self._flush_planned = True
            asyncio.get_running_loop().call_later(_FLUSH_AFTER, self._flush)

    def _whose(self, scope: Scope) -> dict[str, str]:
        fields: dict[str, str] = {}
        if user_id := scope.get("user_id"):
            fields["user"] = self._pseudonym(user_id)
        if self._trace_id is not None and (trace_id := self._trace_id()):
            fields["trace_id"] = trace_id
        return fields

    def _flush(self) -> None:
        self._flush_planned = False
        sys.stdout.flush()
