"""What an operator sees of the server: health, metrics, traces and the access log, put together."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI

from taskward import health
from taskward.auth import BetterAuth
from taskward.config import Settings
from taskward.database import Database
from taskward.health import Readiness
from taskward.middleware import EdgeMiddleware, Observe
from taskward.observability import AccessLog, pseudonyms
from taskward.telemetry import current_trace_id, tracing_from

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry


class Operations:
    """Made before the application, installed in it, and running while it does."""

    def __init__(self, settings: Settings, database: Database) -> None:
        """Read the settings and OpenTelemetry's variables.

        Raises:
            SystemExit: OpenTelemetry's cannot be followed.
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

    def install(self, app: FastAPI, auth: BetterAuth) -> None:
        """Add the paths for machines, and where the statements' spans come from."""
        health.install(app, self._readiness)
        if self.tracing:
            self._database.on_statement = self.tracing.statement
        if self._settings.metrics_port is not None or self._settings.metrics_path is not None:
            self._install_metrics(app, auth)

    def put_in_front(self, app: FastAPI, auth: BetterAuth) -> None:
        """Let every request meet the edge first, and then what was the first until now."""
        secret, https = auth.options.secret, auth.options.secure_cookies
        trace_id = current_trace_id if self.tracing else None
        access_log = AccessLog(self._settings.log_style, pseudonyms(secret), trace_id)
        assert app.middleware_stack is not None  # noqa: S101
        app.middleware_stack = EdgeMiddleware(
            app.middleware_stack, auth.origins, access_log, self._observe, https=https
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve the metrics and listen for the end while the application runs.

        Raises:
            SystemExit: the metrics' address cannot be had.
        """
        settings = self._settings
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.tracing.close)
            if self._registry is not None and settings.metrics_port is not None:
                self._serve_metrics(stack, self._registry, settings.metrics_port)
            stack.enter_context(self._readiness.announce_shutdown(settings.shutdown_delay))
            yield

    def _install_metrics(self, app: FastAPI, auth: BetterAuth) -> None:
        """Prometheus's client is imported only where it is wanted: it costs 50 ms at start."""
        from taskward import metrics  # noqa: PLC0415

        requests = metrics.RequestMetrics(app)
        resources = metrics.ResourceMetrics(self._database, auth.passwords)
        self._registry = metrics.make_registry(requests, resources)
        self._observe = requests.observe
        if self._settings.metrics_path is not None:
            metrics.install(app, self._settings.metrics_path, self._registry)

    def _serve_metrics(
        self, stack: AsyncExitStack, registry: "CollectorRegistry", port: int
    ) -> None:
        from taskward import metrics  # noqa: PLC0415

        try:
            stack.enter_context(metrics.serve(self._settings.metrics_host, port, registry))
        except OSError as error:
            message = f"METRICS_HOST, METRICS_PORT: {error}"
            raise SystemExit(f"Taskward cannot start:\n  {message}") from None
