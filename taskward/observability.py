"""Structured logs: readable on a terminal, one JSON object a line elsewhere, never a secret."""

import logging
import logging.config
import sys
from typing import Literal

import orjson
import structlog
from structlog.typing import Processor

_PROCESSORS: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]

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
