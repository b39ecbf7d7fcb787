"""OpenTelemetry traces, by its own environment variables; without them nothing of it is loaded.

FastAPI makes the spans of requests; this sets up where they go, adds one for each statement, and
takes out of them what is secret. Metrics are Prometheus's business, logs are standard output's.
"""

import asyncio
import os
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from fastapi.telemetry import TelemetryConfig
from opentelemetry import trace

from taskward.observability.logs import redact_path

if TYPE_CHECKING:
    from asyncpg.connection import LoggedQuery
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

_OFF = TelemetryConfig(tracing=False, metrics=False, logs=False, auto_configure=False)
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_HARMLESS_PARAMETERS = frozenset({"status"})
_FLUSH_LIMIT = 3.0  # seconds


class Tracing:
    """Where spans go; `fastapi` is what FastAPI is told."""

    def __init__(self, provider: "TracerProvider | None") -> None:
        self._provider = provider
        self.fastapi = _OFF
        if provider is not None:
            self._tracer = provider.get_tracer("taskward")
            self.fastapi = {
                **_OFF,
                "tracing": True,
                "tracer_provider": provider,
                "operation_spans": False,  # of dependencies and the like: they cost more than tell
            }

    def __bool__(self) -> bool:
        return self._provider is not None

    def statement(self, query: "LoggedQuery") -> None:
        """Make a span of a statement that is over; its text has parameters, never values.

        asyncpg tells in the next turn of the event loop, when its request may be over as well:
        then the statement was, at the latest, at that moment.
        """
        ended = min(time.time_ns(), _end_of_current_span() or sys.maxsize)
        attributes = {"db.system.name": "postgresql", "db.query.text": query.query}
        span = self._tracer.start_span(
            query.query.split(maxsplit=1)[0].upper(),
            kind=trace.SpanKind.CLIENT,
            attributes=attributes,
            start_time=ended - int(query.elapsed * 1e9),
        )
        if query.exception is not None:
            span.set_attribute("error.type", type(query.exception).__name__)
            span.set_status(trace.StatusCode.ERROR)
        span.end(ended)

    async def close(self) -> None:
        """Flush the spans, for a few seconds at most."""
        if self._provider is not None:
            await asyncio.sleep(0)  # the last statements may be told of only now
            closing = asyncio.get_running_loop().run_in_executor(None, self._provider.shutdown)
            await asyncio.wait({closing}, timeout=_FLUSH_LIMIT)


def tracing_from(environment: Mapping[str, str] = os.environ) -> Tracing:
    """Set up tracing as the `OTEL_…` variables say.

    Raises:
        ValueError: they ask for what is not there.
    """
    wanted = _wanted_exporters(environment)
    return Tracing(_provider(wanted) if wanted else None)


def _wanted_exporters(environment: Mapping[str, str]) -> list[str]:
    """Without a word about an exporter or an endpoint there is none, unlike in the specification.

    There, spans go to this machine's port 4318, whether or not anybody listens.
    """
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return []
    has_endpoint = any(environment.get(name) for name in _ENDPOINTS)
    given = environment.get("OTEL_TRACES_EXPORTER") or ("otlp" if has_endpoint else "none")
    exporters = [name.strip().lower() for name in given.split(",")]
    if unknown := set(exporters) - {"otlp", "console", "none"}:
        msg = f"OTEL_TRACES_EXPORTER: must be otlp, console or none, not {', '.join(unknown)}"
        raise ValueError(msg)
    protocol = next((environment[name] for name in _PROTOCOLS if environment.get(name)), "")
    if "otlp" in exporters and protocol not in {"", "http/protobuf"}:
        msg = f"OTEL_EXPORTER_OTLP_PROTOCOL: must be http/protobuf, not {protocol}"
        raise ValueError(msg)
    return [name for name in exporters if name != "none"]


def _provider(exporters: list[str]) -> "TracerProvider":
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415

    resource = Resource.create()
    if str(resource.attributes[SERVICE_NAME]).startswith("unknown_service"):
        resource = resource.merge(Resource({SERVICE_NAME: "taskward"}))
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    for name in exporters:
        provider.add_span_processor(_processor(name))
    return provider


def _processor(name: str) -> "SpanProcessor":
    from opentelemetry.sdk.trace.export import (  # noqa: PLC0415
        BatchSpanProcessor,
        ConsoleSpanExporter,
    )

    class RedactingProcessor(BatchSpanProcessor):
        """Redacts a span at its start, while its attributes can still be changed."""

        def on_start(self, span: Any, parent_context: Any = None) -> None:
            span.set_attributes(_redacted(span.attributes or {}))
            super().on_start(span, parent_context)

    if name == "console":
        return RedactingProcessor(ConsoleSpanExporter())
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )

    return RedactingProcessor(OTLPSpanExporter())


def _end_of_current_span() -> int | None:
    """When it ended, in nanoseconds since 1970; None while it goes on, or is not recorded."""
    return getattr(trace.get_current_span(), "end_time", None)


def _redacted(attributes: Mapping[str, Any]) -> dict[str, str]:
    """Return the redacted attributes: links in e-mails carry tokens in path or query."""
    changed: dict[str, str] = {}
    if path := attributes.get("url.path"):
        changed["url.path"] = redact_path(path)
    if query := attributes.get("url.query"):
        parameters = parse_qsl(query, keep_blank_values=True)
        shown = [(k, v if k in _HARMLESS_PARAMETERS else "***") for k, v in parameters]
        changed["url.query"] = urlencode(shown, safe="*")
    return changed


def current_trace_id() -> str | None:
    """Return the id of the trace that the current request belongs to, as 32 hexadecimal digits."""
    context = trace.get_current_span().get_span_context()
    return trace.format_trace_id(context.trace_id) if context.is_valid else None
