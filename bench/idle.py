"""Idle connections: what ten thousand of them take, and what they cost those who work."""

import http.client
import resource
import statistics
import time
from contextlib import ExitStack, closing
from typing import Any

from bench import seeds
from bench.load import resident_mib
from bench.postgres import Postgres
from bench.rounds import say
from bench.servers import ELYSIA, GO, SERVERS, TASKWARD, start_all
from taskward.serve import allow_many_connections
from tests.support.servers import HOST, Server

CONNECTIONS = 10_000
SPARE_FILES = 1_000
REQUESTS = 300
ASKED = 100
"""How many of the idle ones are asked for something in the end: they must still be there."""


def measure_idle(connections: int = CONNECTIONS) -> dict[str, Any]:
    """Taskward, Bun and Go: kB for each connection, and the times of a create beside them."""
    allow_many_connections()
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if allowed < connections + SPARE_FILES:
        say(f"*** ONLY {allowed} OPEN FILES ARE ALLOWED: {connections} CONNECTIONS NOT TRIED ***")
        return {"connections": connections, "servers": {}}
    with ExitStack() as stack:
        database = stack.enter_context(Postgres()).create("tasks")
        chosen = {name: SERVERS[name] for name in (TASKWARD, ELYSIA, GO)}
        servers = start_all(stack, database, chosen)
        found = {name: _watch(server, connections) for name, server in servers.items()}
    return {"connections": connections, "servers": found}


def _watch(server: Server, count: int) -> dict[str, float]:
    _times(server)
    alone, before = _times(server), resident_mib(server.process.pid)
    with ExitStack() as stack:
        idle = [stack.enter_context(closing(_connect(server))) for _ in range(count)]
        beside = _times(server)
        memory = resident_mib(server.process.pid) - before
        for connection in idle[:: max(1, count // ASKED)]:
            _ask(connection)
    say(f"idle: {memory / count * 1024:.1f} kB each")
    return {
        "kb_each": memory / count * 1024,
        "alone_p50_ms": statistics.median(alone),
        "beside_p50_ms": statistics.median(beside),
        "beside_worst_ms": max(beside),
    }


def _connect(server: Server) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection(HOST, server.port, timeout=30)
    connection.connect()
    return connection


def _times(server: Server) -> list[float]:
    """Milliseconds of tasks created one after the other on one connection."""
    times = list[float]()
    with closing(_connect(server)) as connection:
        for _ in range(REQUESTS):
            begun = time.perf_counter()
            _ask(connection, "POST", seeds.BODY)
            times.append((time.perf_counter() - begun) * 1000)
    return times


_HEADERS = seeds.bearer("idler") | {"Content-Type": "application/json"}


def _ask(
    connection: http.client.HTTPConnection, method: str = "GET", body: str | None = None
) -> None:
    path = "/api/tasks" if method == "POST" else "/api/tasks/0"
    connection.request(method, path, body, _HEADERS)
    response = connection.getresponse()
    response.read()
    if response.status not in {201, 404}:
        raise RuntimeError(f"{method} {path}: {response.status}")
