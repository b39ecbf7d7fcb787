"""`Observability`: health, metrics, traces and the access log, set up together."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING

from fastapi import FastAPI

from authward import BetterAuth
from taskward.database.database import Database
from taskward.http.direct import DirectPath
from taskward.http.edge import Observe
from taskward.http.middleware import EdgeMiddleware
from taskward.http.operations import Operations
from taskward.http.uvicorn_config import configure_server
from taskward.observability import health
from taskward.observability.health import Readiness
from taskward.observability.logs import AccessLog, pseudonyms
from taskward.observability.tracing import current_trace_id, tracing_from
from taskward.settings import Settings

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from taskward.mcp.observing import ToolCalls


class Observability:
    """Created before the app, installed in it, and running with its lifespan."""

    def __init__(self, settings: Settings, database: Database) -> None:
        """Read the settings and OpenTelemetry's variables.

        Raises:
            SystemExit: OpenTelemetry's are invalid.
        """
        self._settings = settings
        self._database = database
        self._readiness = Readiness(database)
        self._registry: CollectorRegistry | None = None
        self._observe: Observe | None = None
        try:
            self.tracing = tracing_from()
        except ValueError as error:
            raise SystemExit(f"Taskward cannot start:\n  {error}") from None

    def install(
        self, app: FastAPI, auth: BetterAuth, tool_calls: "ToolCalls | None" = None
    ) -> None:
        """Add health and metrics paths, and spans for statements."""
        health.install(app, self._readiness)
        if self.tracing:
            self._database.on_statement = self.tracing.statement
        if self._settings.metrics_port is not None or self._settings.metrics_path is not None:
            self._install_metrics(app, auth, tool_calls)

    def wrap(self, app: FastAPI, auth: BetterAuth, operations: Operations) -> None:
        """Wrap the app in EdgeMiddleware, and let the protocol go past both for `operations`.

        With traces it may not: the spans of requests are FastAPI's.
        """
        secret, https = auth.options.secret, auth.options.secure_cookies
        trace_id = current_trace_id if self.tracing else None
        access_log = AccessLog(self._settings.log_style, pseudonyms(secret), trace_id)
        assert app.middleware_stack is not None  # noqa: S101
        app.middleware_stack = edge = EdgeMiddleware(
            app.middleware_stack, auth.origins, access_log, self._observe, https=https
        )
        edge.backlog = self._database.large_responses.backlog
        edge.edge.warns_of_proxies = not auth.options.advanced.trusted_proxy_hops
        services = SimpleNamespace(database=self._database, better_auth=auth)
        if not self.tracing:
            edge.direct = DirectPath(edge.edge, operations, services)
        keep_alive = self._settings.keep_alive
        edge.on_lifespan = partial(configure_server, keep_alive=keep_alive, direct=edge.direct)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve the metrics and handle SIGTERM while the application runs.

        Raises:
            SystemExit: the metrics' address is not available.
        """
        settings = self._settings
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.tracing.close)
            if self._registry is not None and settings.metrics_port is not None:
                self._serve_metrics(stack, self._registry, settings.metrics_port)
            stack.enter_context(self._readiness.announce_shutdown(settings.shutdown_delay))
            yield

    def _install_metrics(
        self, app: FastAPI, auth: BetterAuth, tool_calls: "ToolCalls | None"
    ) -> None:
        """Import Prometheus's client only where it is used: it costs 50 ms at start."""
        from taskward.observability import metrics  # noqa: PLC0415

        requests = metrics.RequestMetrics(app)
        resources = metrics.ResourceMetrics(self._database, auth.passwords)
        tools = [] if tool_calls is None else [metrics.ToolMetrics(tool_calls)]
        self._registry = metrics.make_registry(requests, resources, *tools)
        self._observe = requests.observe
        if self._settings.metrics_path is not None:
            metrics.install(app, self._settings.metrics_path, self._registry)

    def _serve_metrics(
        self, stack: AsyncExitStack, registry: "CollectorRegistry", port: int
    ) -> None:
        from taskward.observability import metrics  # noqa: PLC0415

        try:
            stack.enter_context(metrics.serve(self._settings.metrics_host, port, registry))
        except OSError as error:
            message = f"METRICS_HOST, METRICS_PORT: {error}"
            raise SystemExit(f"Taskward cannot start:\n  {message}") from None
