"""Structured logs: readable on a terminal, one JSON object a line elsewhere, never a secret."""

import asyncio
import logging
import logging.config
import sys
from datetime import UTC, datetime
from typing import Literal

import orjson
import structlog
from starlette.types import Scope
from structlog.typing import Processor

_PROCESSORS: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
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
    logging.getLogger("uvicorn.access").disabled = True


class AccessLog:
    """Writes a line for each request: to a terminal as other lines, to machines as fast as can be.

    The fields are those that structlog would write; going through it would cost each request more
    than its query does.
    """

    def __init__(self, style: Literal["console", "json"]) -> None:
        self._console = structlog.get_logger("taskward.access") if style == "console" else None
        self._flush_planned = False

    def __call__(self, scope: Scope, status: int, seconds: float, request_id: str) -> None:
        """Log a request that was answered with `status` after `seconds`."""
        event = f"{scope['method']} {scope['path']}"
        milliseconds = round(seconds * 1000, 1)
        if self._console is not None:
            self._console.info(event, status=status, milliseconds=milliseconds)
            return
        line = {
            "event": event,
            "status": status,
            "milliseconds": milliseconds,
            "request_id": request_id,
            "level": "info",
            "timestamp": datetime.now(UTC),
        }
        sys.stdout.write(orjson.dumps(line, option=_LINE).decode())
        if not self._flush_planned:
            self._flush_planned = True
            asyncio.get_running_loop().call_later(_FLUSH_AFTER, self._flush)

    def _flush(self) -> None:
        self._flush_planned = False
        sys.stdout.flush()
