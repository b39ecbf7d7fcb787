"""First byte: how long a list of ten thousand tasks keeps a client waiting."""

import socket
import statistics
import time
from contextlib import ExitStack
from typing import Any

from bench import seeds
from bench.postgres import Postgres
from bench.servers import taskward
from tests.support.servers import HOST

REPEATS = 20


def measure_first_byte() -> dict[str, Any]:
    """Medians in milliseconds, of one client alone on a connection that is open already."""
    with ExitStack() as stack:
        database = stack.enter_context(Postgres()).create("tasks")
        seeds.seed(database)
        server = stack.enter_context(taskward(database))
        connection = stack.enter_context(socket.create_connection((HOST, server.port), 30))
        ask(connection)
        times = [ask(connection) for _ in range(REPEATS)]
    first, last, size = (statistics.median(column) for column in zip(*times, strict=True))
    return {"first_byte_ms": first, "last_byte_ms": last, "bytes": size}


def ask(connection: socket.socket) -> tuple[float, float, float]:
    """Milliseconds to the first byte and to the last, and the size of the body."""
    token = seeds.bearer(seeds.COLLECTOR)["Authorization"]
    head = f"GET /api/tasks HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: {token}\r\n\r\n"
    begun = time.perf_counter()
    connection.sendall(head.encode())
    received = bytearray(connection.recv(1))
    first = time.perf_counter()
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536)
    size = _length(bytes(received.partition(b"\r\n\r\n")[0]))
    end = received.index(b"\r\n\r\n") + 4 + size
    while len(received) < end:
        received += connection.recv(1 << 20)
    return (first - begun) * 1000, (time.perf_counter() - begun) * 1000, float(size)


def _length(head: bytes) -> int:
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(head.decode(errors="replace"))
    lines = head.lower().split(b"\r\n")
    return next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length"))
