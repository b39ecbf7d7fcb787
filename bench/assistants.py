"""What assistants cost a server: its start and memory with and without them, and fifty at once.

    .venv/bin/python -m bench.assistants

On a database of its own; each start is a process of its own, without the first, which compiles.
"""

import asyncio
import json
import shutil
import statistics
import sys
import tempfile
import time
from itertools import chain
from pathlib import Path

import httpx
import psutil

from authward.security.jwt import TokenSigner
from bench.tool_calls import HEADERS, MODERN, calling
from taskward.database.url import DatabaseURL
from taskward.embedded_postgres import attach, detach
from tests.conftest import url_text
from tests.support.servers import SECRET, TaskwardServer, auth_settings

STARTS, ASSISTANTS, CALLS = 5, 50, 40


class StartedServer(TaskwardServer):
    """As somebody starts it: no process with everything loaded stands by."""

    forked = False


def memory(server: StartedServer) -> float:
    """The server's resident memory in MiB."""
    return psutil.Process(server.process.pid).memory_info().rss / 2**20


def starts(settings: dict[str, str]) -> tuple[float, float]:
    """Seconds of CPU until the first answer, and the memory then; medians."""
    seconds, resident = [], []
    for _ in range(STARTS + 1):
        with StartedServer(settings) as server:
            used = psutil.Process(server.process.pid).cpu_times()
            seconds.append(used.user + used.system)
            resident.append(memory(server))
    return statistics.median(seconds[1:]), statistics.median(resident[1:])


async def assistant(server: StartedServer, number: int) -> list[float]:
    """Add tasks one after the other; seconds of each call. All are there, and no other's."""
    token = TokenSigner(SECRET, issuer=server.url, lifetime=900).issue(f"user_{number}")
    headers = {**HEADERS, "authorization": f"Bearer {token}", "content-type": "application/json"}
    taken, added = [], set()
    async with httpx.AsyncClient(base_url=server.url, headers=headers, timeout=60) as client:
        for n in range(CALLS):
            added.add(title := f"{number} {n}")
            begun = time.perf_counter()
            answer = await client.post("/mcp", content=json.dumps(calling(MODERN, title)))
            taken.append(time.perf_counter() - begun)
            assert answer.json()["result"]["isError"] is False, answer.text
        listed = await client.get("/api/tasks")
    assert {task["title"] for task in listed.json()} == added
    return taken


async def at_once(server: StartedServer) -> dict[str, float]:
    """What fifty assistants see who work at once."""
    await assistant(server, ASSISTANTS)  # the first call loads the protocol's library
    begun = time.perf_counter()
    everybody = [assistant(server, number) for number in range(ASSISTANTS)]
    taken = sorted(chain.from_iterable(await asyncio.gather(*everybody)))
    seconds = time.perf_counter() - begun
    return {
        "calls a second": len(taken) / seconds,
        "median (ms)": statistics.median(taken) * 1000,
        "99 % within (ms)": taken[int(len(taken) * 0.99)] * 1000,
    }


def measure(url: str) -> dict[str, float]:
    """Return the figures by what they are called."""
    found = {}
    for enabled in ("false", "true"):
        seconds, resident = starts(auth_settings(url) | {"MCP_ENABLED": enabled})
        found[f"start, MCP_ENABLED={enabled} (s of CPU)"] = seconds
        found[f"memory, MCP_ENABLED={enabled} (MiB)"] = resident
    with StartedServer(auth_settings(url)) as server:
        found |= asyncio.run(at_once(server))
        found["memory after them (MiB)"] = memory(server)
    return found


def main() -> None:
    """Measure on an embedded PostgreSQL and print a line for each figure."""
    directory = Path(tempfile.mkdtemp(prefix="taskward-bench-"))
    server = attach(directory, server_settings={"fsync": "off"})
    url = DatabaseURL(str(server.socket_dir), 5432, server.user, None, server.database)
    try:
        for name, value in measure(url_text(url)).items():
            sys.stdout.write(f"{name:40} {value:8.2f}\n")
    finally:
        detach(directory)
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
