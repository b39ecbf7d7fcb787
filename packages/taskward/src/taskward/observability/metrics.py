"""Metrics for Prometheus: what happened to requests, and how full the pool and the queue are.

Counting is the only thing that every request pays for, so it is one dictionary and one list, filled
by the event loop alone; everything else is worked out when somebody reads the metrics.
"""

import errno
import threading
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple, TypeAlias
from wsgiref.simple_server import WSGIServer

import structlog
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from starlette.responses import Response
from starlette.types import Scope

from authward.security.passwords import PasswordHasher
from taskward.database.database import Database
from taskward.mcp.observing import ToolCalls
from taskward.observability.durations import BUCKETS

OTHER = "other"
"""The route, or method, of what is none of ours: what strangers ask for must not make series."""

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKET_NAMES = (*(str(bound) for bound in BUCKETS), "+Inf")
_SUM = len(_BUCKET_NAMES)
_TOO_MANY_REQUESTS = 429
_PORTS_TO_TRY = 64
_TEXT = "text/plain; version=0.0.4; charset=utf-8"

_Series: TypeAlias = list[float]
"""How many requests fell into each bucket, and in the end the sum of their seconds."""

log = structlog.get_logger("taskward")


class _Key(NamedTuple):
    method: str
    route: str
    status: int


class RequestMetrics(Collector):
    """Counts requests by method, route and status; the number of series is bounded."""

    def __init__(self, app: FastAPI) -> None:
        """Know the routes that `app` has by now; all others are one."""
        self._routes = {
            id(context.original_route): str(context.path_format).rstrip("/") or "/"
            for context in iter_route_contexts(app.routes)
        }
        self._series: dict[tuple[str, str, int], _Series] = {}

    def observe(self, scope: Scope, status: int, seconds: float) -> None:
        """Count a request that took `seconds`; status 0 is one that got no answer."""
        route = self._routes.get(id(scope.get("route")), OTHER)
        key = (scope["method"], route, status)
        series = self._series.get(key)
        if series is None:
            series = self._new_series(key)
        series[bisect_left(BUCKETS, seconds)] += 1
        series[_SUM] += seconds

    def _new_series(self, key: tuple[str, str, int]) -> _Series:
        if key[0] not in METHODS:
            key = (OTHER, *key[1:])
        return self._series.setdefault(key, _new_series())

    def collect(self) -> Iterator[Metric]:
        """Yield the families; another thread goes on counting meanwhile."""
        series = {_Key(*key): [*values] for key, values in self._series.copy().items()}
        yield _requests(series)
        yield _durations(series)
        yield _refusals(series)


def _requests(series: Mapping[_Key, _Series]) -> Metric:
    family = CounterMetricFamily(
        "taskward_requests",
        "Requests; status 0 is one whose client went away before the answer.",
        labels=("method", "route", "status"),
    )
    for key, values in series.items():
        family.add_metric((key.method, key.route, str(key.status)), sum(values[:_SUM]))
    return family


def _durations(series: Mapping[_Key, _Series]) -> Metric:
    family = HistogramMetricFamily(
        "taskward_request_duration_seconds",
        "Time from the request's headers to the end of the answer.",
        labels=("method", "route"),
    )
    by_route: dict[tuple[str, str], _Series] = defaultdict(_new_series)
    for key, values in series.items():
        total = by_route[key.method, key.route]
        total[:] = map(sum, zip(total, values, strict=True))
    for labels, values in by_route.items():
        family.add_metric(labels, _cumulated(values), values[_SUM])
    return family


def _new_series() -> _Series:
    return [0.0] * (_SUM + 1)


def _cumulated(values: _Series) -> list[tuple[str, float]]:
    cumulated = [sum(values[: n + 1]) for n in range(_SUM)]
    return [*zip(_BUCKET_NAMES, cumulated, strict=True)]


def _refusals(series: Mapping[_Key, _Series]) -> Metric:
    """Only the rate limiter answers 429."""
    family = CounterMetricFamily(
        "taskward_rate_limit_refusals", "Requests over the rate limit.", labels=("route",)
    )
    refused: dict[str, float] = defaultdict(float)
    for key, values in series.items():
        if key.status == _TOO_MANY_REQUESTS:
            refused[key.route] += sum(values[:_SUM])
    for route, count in refused.items():
        family.add_metric((route,), count)
    return family


class ToolMetrics(Collector):
    """Calls of the tools for assistants, by tool and outcome, and the time they took."""

    def __init__(self, calls: ToolCalls) -> None:
        self._calls = calls

    def collect(self) -> Iterator[Metric]:
        """Yield the families; the event loop goes on counting meanwhile."""
        calls = CounterMetricFamily(
            "taskward_tool_calls", "Calls of tools by assistants.", labels=("tool", "outcome")
        )
        times = HistogramMetricFamily(
            "taskward_tool_call_duration_seconds", "Time that a tool took.", labels=("tool",)
        )
        by_tool: dict[str, _Series] = defaultdict(_new_series)
        for tool, outcome, values in self._calls.series():
            calls.add_metric((tool, outcome), sum(values[:_SUM]))
            by_tool[tool] = [a + b for a, b in zip(by_tool[tool], values, strict=True)]
        for tool, total in by_tool.items():
            times.add_metric((tool,), _cumulated(total), total[_SUM])
        yield calls
        yield times


class ResourceMetrics(Collector):
    """How much of what is bounded is in use: database connections, password hashing."""

    def __init__(self, database: Database, passwords: PasswordHasher) -> None:
        self._database = database
        self._passwords = passwords

    def collect(self) -> Iterator[Metric]:
        """Yield one gauge for each figure."""
        pool, passwords = self._database.usage(), self._passwords
        yield _gauge("pool_max_connections", "Most connections the pool may open.", pool.limit)
        yield _gauge("pool_connections", "Connections that are open.", pool.size)
        yield _gauge("pool_in_use_connections", "Connections lent to requests.", pool.in_use)
        yield _gauge("pool_waiting_requests", "Requests waiting for a connection.", pool.waiting)
        yield _gauge(
            "password_hashes_pending", "Hashes running or waiting for a core.", passwords.pending
        )
        yield _gauge("password_hashes_max_pending", "Above this, 503.", passwords.max_pending)


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"taskward_{name}", help_text, value)


def make_registry(*collectors: Collector) -> CollectorRegistry:
    """Return a registry of these collectors and of the process's own figures."""
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


def install(app: FastAPI, path: str, registry: CollectorRegistry) -> None:
    """Show the metrics at a path of the public port, to everybody who can reach it."""

    async def metrics() -> Response:
        return Response(generate_latest(registry), headers={"Content-Type": _TEXT})

    app.add_api_route(path, metrics, include_in_schema=False)


@contextmanager
def serve(host: str, port: int, registry: CollectorRegistry) -> Iterator[int]:
    """Serve the metrics from a thread, at `/metrics`; yields the port.

    Each worker has metrics of its own, so each takes the first port from `port` on that is free:
    four workers are four targets. A thread answers even when the event loop is stuck.

    Raises:
        OSError: none of 64 ports can be had.
    """
    server, thread, port = _start(host, port, registry)
    log.info("metrics are served", url=f"http://{host}:{port}/metrics")
    try:
        yield port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _start(
    host: str, first: int, registry: CollectorRegistry
) -> tuple[WSGIServer, threading.Thread, int]:
    for port in range(first, first + _PORTS_TO_TRY):
        try:
            return *start_http_server(port, host, registry), port
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
    raise OSError(errno.EADDRINUSE, f"ports {first} to {first + _PORTS_TO_TRY - 1} are taken")
