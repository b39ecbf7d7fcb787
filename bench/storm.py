"""A storm: fifty sign-ins in flight all the time, and somebody who lists tasks meanwhile.

Sign-ins take so long that wrk would mostly measure how a storm begins. So this client counts what
is completed in a window that opens when the storm has settled.
"""

import asyncio
import itertools
import math
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import psutil

from bench.load import (
    ANSWER_SECONDS,
    CONNECTIONS,
    Job,
    LoadError,
    Request,
    Run,
    cpu_seconds,
    measure,
)
from tests.support.servers import Server

SETTLED = 2 * CONNECTIONS
"""Sign-ins before the window: every connection has had its turn twice."""
SETTLE_SECONDS = 60
WINDOW_FACTOR = 6
"""A window is longer than another run: sign-ins are few, and some servers do them in batches."""
IDLE_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Storm:
    """What was completed in the window, in requests per second and milliseconds."""

    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    """For each sign-in of the whole storm, from its first to its last."""
    cores: float
    """How many cores the server kept busy."""
    machine_busy: float
    """The share of all cores that was in use, by whomever."""
    idle_reader_p99_ms: float | None
    reader_p99_ms: float | None


@dataclass(slots=True)
class _Flight:
    """The sign-ins under way; `latencies` are those completed in the window, in seconds."""

    requests: Iterator[Request]
    ends: float = math.inf
    done: int = 0
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    counts: bool = False
    latencies: list[float] = field(default_factory=list)


def storm(server: Server, job: Job, seconds: int, reader: Job | None = None) -> Storm:
    """Measure a storm, and a reader alone before it and again in its window."""
    window = seconds * WINDOW_FACTOR
    idle = measure(server, reader, IDLE_SECONDS).p99_ms if reader else None
    flight, before = _Flight(itertools.cycle(job.requests)), cpu_seconds(server.process.pid)
    found, p99 = asyncio.run(_storm(server, flight, window, reader))
    cpu = cpu_seconds(server.process.pid) - before
    return Storm(
        **found, cpu_us=cpu / flight.done * 1e6, idle_reader_p99_ms=idle, reader_p99_ms=p99
    )


async def _storm(
    server: Server, flight: _Flight, window: int, reader: Job | None
) -> tuple[dict[str, float], float | None]:
    limits = httpx.Limits(max_connections=CONNECTIONS)
    async with (
        httpx.AsyncClient(base_url=server.url, timeout=ANSWER_SECONDS, limits=limits) as client,
        asyncio.TaskGroup() as group,
    ):
        for _ in range(CONNECTIONS):
            group.create_task(_sign_in(client, flight))
        await _settle(flight)
        found = await _observe(server, flight, window, reader)
        flight.ends = time.monotonic()
        return found


async def _settle(flight: _Flight) -> None:
    """Wait until the storm is as it will be; a very slow server is not waited for."""
    with suppress(TimeoutError):
        await asyncio.wait_for(flight.settled.wait(), SETTLE_SECONDS)


async def _sign_in(client: httpx.AsyncClient, flight: _Flight) -> None:
    """Send one after the other; any answer but 2xx ends the storm with an error."""
    while time.monotonic() < flight.ends:
        request, begun = next(flight.requests), time.monotonic()
        response = await client.request(
            request.method, request.path, headers=request.headers, content=request.body
        )
        response.raise_for_status()
        client.cookies.clear()
        flight.done += 1
        if flight.done == SETTLED:
            flight.settled.set()
        if flight.counts:
            flight.latencies.append(time.monotonic() - begun)


async def _observe(
    server: Server, flight: _Flight, window: int, reader: Job | None
) -> tuple[dict[str, float], float | None]:
    """Open the window, close it, and say what was in it."""
    begun, cpu = time.monotonic(), cpu_seconds(server.process.pid)
    psutil.cpu_percent()
    flight.counts = True
    p99 = await _read(server, reader, window)
    flight.counts = False
    lasted = time.monotonic() - begun
    spent = cpu_seconds(server.process.pid) - cpu
    return _summary(flight.latencies, lasted, spent, psutil.cpu_percent() / 100), p99


async def _read(server: Server, reader: Job | None, window: int) -> float | None:
    """Let the window pass, with or without a reader."""
    if reader is None:
        await asyncio.sleep(window)
        return None
    with Run(server, reader, window) as run:
        return (await asyncio.to_thread(run.finish)).p99_ms


def _summary(
    latencies: Sequence[float], lasted: float, cpu: float, busy: float
) -> dict[str, float]:
    if len(latencies) < CONNECTIONS:
        raise LoadError(f"only {len(latencies)} sign-ins in {lasted:.0f} s: too few to count")
    quantiles = statistics.quantiles(latencies, n=100)
    return {
        "per_second": len(latencies) / lasted,
        "p50_ms": quantiles[49] * 1000,
        "p99_ms": quantiles[98] * 1000,
        "cores": cpu / lasted,
        "machine_busy": busy,
    }


def summary(storms: Sequence[Storm]) -> dict[str, Any]:
    """The median of each figure, and all rounds."""
    rows: list[dict[str, float | None]] = [
        {name: getattr(each, name) for name in Storm.__slots__} for each in storms
    ]
    medians = {name: _median([row[name] for row in rows]) for name in rows[0]}
    return {"median": medians, "rounds": rows}


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None
