"""Latency at a fixed rate: an open loop, in which no slow answer puts off the requests after it.

wrk is a closed loop and would hide a pause: it sends nothing while it waits. Here each request has
its moment, evenly spaced, and its time counts from that moment, whether or not a connection was
free then. `select` wakes to the microsecond, unlike an event loop's timers; how late this process
itself was is measured too (`late_p99_ms`).
"""

import gc
import itertools
import select
import socket
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httptools

from bench.load import CONNECTIONS, Job, LoadError, cpu_seconds
from bench.rounds import Plan, figures, say
from tests.support.servers import HOST, Server

RATE = 1_000
"""Requests per second."""
LEAD_IN_SECONDS = 1
GRACE_SECONDS = 2.0
"""How long the last answers are waited for; one that is not there by then counts as it stands."""
_READ_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class OpenLoop:
    """What one run found; times in milliseconds from the moment a request was due."""

    p50_ms: float
    p99_ms: float
    worst_ms: float
    cpu_us: float
    """CPU of the server's processes for each request, in microseconds."""
    unanswered: int
    """Not answered in the end; their times are lower bounds."""
    late_p99_ms: float
    """How long after its moment this process was ready to send a request."""


class _Connection:
    """One request at a time."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((HOST, port), 30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.due = 0.0
        self._complete = False

    def send(self, request: bytes, due: float) -> None:
        self.due, self._complete = due, False
        self._parser = httptools.HttpResponseParser(self)
        self.socket.sendall(request)

    def receive(self) -> bool:
        """Whether the answer is complete now."""
        received = self.socket.recv(_READ_BYTES)
        if not received:
            raise LoadError("the server closed a connection")
        self._parser.feed_data(received)
        return self._complete

    def on_headers_complete(self) -> None:
        if not 200 <= self._parser.get_status_code() < 300:
            raise LoadError(f"not every answer was 2xx: {self._parser.get_status_code()}")

    def on_message_complete(self) -> None:
        self._complete = True


@dataclass(slots=True)
class _Flight:
    """A run under way: what is due, who is free, and the times so far, in seconds."""

    requests: Iterator[bytes]
    begins: float
    total: int
    idle: deque[_Connection]
    busy: dict[socket.socket, _Connection] = field(default_factory=dict)
    waiting: deque[float] = field(default_factory=deque)
    scheduled: int = 0
    times: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)

    @property
    def next_due(self) -> float:
        return self.begins + self.scheduled / RATE

    @property
    def is_over(self) -> bool:
        return len(self.times) == self.total

    def schedule(self, now: float) -> None:
        """Put on the list what has become due, and send as much of it as can be."""
        while self.scheduled < self.total and self.next_due <= now:
            self.late.append(now - self.next_due)
            self.waiting.append(self.next_due)
            self.scheduled += 1
        while self.waiting and self.idle:
            connection = self.idle.popleft()
            connection.send(next(self.requests), self.waiting.popleft())
            self.busy[connection.socket] = connection

    def collect(self, patience: float) -> None:
        """Take the answers that come until then."""
        for ready in select.select(list(self.busy), (), (), patience)[0]:
            connection = self.busy[ready]
            if connection.receive():
                self.times.append(time.perf_counter() - connection.due)
                self.idle.append(self.busy.pop(ready))


def measure_at_fixed_rate(
    servers: Mapping[str, Server],
    jobs: Mapping[str, Job],
    plan: Plan,
    before_run: Callable[[], None],
) -> dict[str, Any]:
    """Every server at every job, in alternating rounds."""
    cells: dict[str, dict[str, list[OpenLoop]]] = {job: {} for job in jobs}
    for number in range(plan.rounds):
        for job, (name, server) in itertools.product(jobs.values(), servers.items()):
            before_run()
            found = open_loop(server, job, plan.seconds)
            cells[job.name].setdefault(name, []).append(found)
            say(f"round {number + 1}: {RATE}/s {job.name}: {name}: p99 {found.p99_ms:.1f} ms")
    shown = {job: {name: figures(runs) for name, runs in row.items()} for job, row in cells.items()}
    return {"rate": RATE, "cells": shown}


def open_loop(server: Server, job: Job, seconds: int) -> OpenLoop:
    """Send the job's requests at RATE, over CONNECTIONS connections.

    Raises:
        LoadError: there was no answer, any but 2xx, or a connection was closed.
    """
    connections = [_Connection(server.port) for _ in range(CONNECTIONS)]
    lead_in = RATE * LEAD_IN_SECONDS
    gc.collect()
    gc.disable()
    try:
        before = cpu_seconds(server.process.pid)
        flight = _fly(job, connections, lead_in + RATE * seconds)
        cpu = cpu_seconds(server.process.pid) - before
    finally:
        gc.enable()
        for connection in connections:
            connection.socket.close()
    return _summary(flight, cpu, lead_in)


def _fly(job: Job, connections: list[_Connection], total: int) -> _Flight:
    requests = itertools.cycle([request.wire() for request in job.requests])
    flight = _Flight(requests, time.perf_counter() + 0.01, total, deque(connections))
    ends = flight.begins + total / RATE + GRACE_SECONDS
    while not flight.is_over and (now := time.perf_counter()) < ends:
        flight.schedule(now)
        until = flight.next_due if flight.scheduled < total else ends
        flight.collect(max(0.0, until - time.perf_counter()))
    return flight


def _summary(flight: _Flight, cpu: float, lead_in: int) -> OpenLoop:
    if not flight.times:
        raise LoadError("no answer at all")
    now = time.perf_counter()
    open_ones = [connection.due for connection in flight.busy.values()]
    lasting = [now - due for due in (*open_ones, *flight.waiting)]
    answered = len(flight.times)
    times = [*flight.times, *lasting][lead_in:]
    quantiles = statistics.quantiles(times, n=100)
    return OpenLoop(
        p50_ms=quantiles[49] * 1000,
        p99_ms=quantiles[98] * 1000,
        worst_ms=max(times) * 1000,
        cpu_us=cpu / answered * 1e6,
        unanswered=len(lasting),
        late_p99_ms=statistics.quantiles(flight.late, n=100)[98] * 1000,
    )
