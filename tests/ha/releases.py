"""New versions under load: replicas one after the other behind HAProxy; two versions at once."""

import asyncio
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import httpx

from taskward.migrations import HEAD, current_revision
from tests.conftest import url_text
from tests.faults.writers import bearer
from tests.ha.patroni import haproxy_path
from tests.support.clusters import Cluster
from tests.support.servers import (
    HOST,
    ROOT,
    ServerFailedError,
    TaskwardServer,
    auth_settings,
    free_port,
)

REPLICAS = 3
PEOPLE = 30
DELAY = "3"
"""Seconds of SHUTDOWN_DELAY: more than HAProxy needs to see that a replica is draining."""
KEEP_ALIVE = "75"
"""As in Taskward's own start; with uvicorn's five seconds a busy machine cuts idle clients off."""
VERSIONS = "packages/taskward/src/taskward/migrations/versions"


class Replica(TaskwardServer):
    """A server that comes back on the port on which it was, as a release brings it."""

    ready_path = "/health/ready"
    forked = False
    fixed = 0
    root = ROOT

    def command(self) -> Sequence[str]:
        self.fixed = self.port = self.fixed or self.port
        options = ("--host", HOST, "--port", str(self.port), "--no-proxy-headers")
        main = (sys.executable, "-m", "uvicorn", "main:app", "--app-dir", str(self.root))
        return [*main, *options, "--timeout-keep-alive", KEEP_ALIVE]

    def environment(self) -> dict[str, str]:
        sources = [self.root, *sorted((self.root / "packages").glob("*/src"))]
        return {**super().environment(), "PYTHONPATH": os.pathsep.join(map(str, sources))}


class Load:
    """People who create, read, toggle and list, and how each request of theirs ended."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.statuses: Counter[int | str] = Counter()
        self.lost: list[str] = []
        self._over = asyncio.Event()

    async def run(self) -> None:
        await asyncio.gather(*(self._person() for _ in range(PEOPLE)))

    def end(self) -> None:
        self._over.set()

    async def _person(self) -> None:
        headers = bearer(f"user_{secrets.token_hex(8)}")
        titles: set[str] = set()
        async with httpx.AsyncClient(base_url=self.url, headers=headers, timeout=30) as client:
            while not self._over.is_set():
                title = secrets.token_hex(8)
                created = await self._ask(client, "POST", "/api/tasks", {"title": title})
                if created is None or created.status_code != 201:
                    continue
                titles.add(title)
                path = created.headers["location"]
                await self._ask(client, "GET", path)
                await self._ask(client, "PATCH", f"{path}/complete")
                await self._ask(client, "PUT", path, {"title": title, "description": "d"})
                await self._ask(client, "GET", "/api/tasks")
            listed = await self._ask(client, "GET", "/api/tasks")
        there = {task["title"] for task in listed.json()} if listed is not None else set()
        self.lost += titles - there

    async def _ask(
        self, client: httpx.AsyncClient, method: str, path: str, body: object = None
    ) -> httpx.Response | None:
        try:
            answer = await client.request(method, path, json=body)
        except httpx.TransportError as error:
            self.statuses[type(error).__name__] += 1
            return None
        self.statuses[answer.status_code] += 1
        return answer

    def report(self, what: str) -> bool:
        failed = sum(n for status, n in self.statuses.items() if status not in {200, 201})
        print(
            f"{what}: {self.statuses.total()} requests, {failed} failed, "
            f"{len(self.lost)} acknowledged tasks lost. {dict(self.statuses)}",
            flush=True,
        )
        return not failed and not self.lost


@asynccontextmanager
async def under_load(url: str, before: float = 10.0) -> AsyncIterator[Load]:
    """For some seconds before the block, through it, and for as long after it."""
    load = Load(url)
    working = asyncio.create_task(load.run())
    await asyncio.sleep(before)
    yield load
    await asyncio.sleep(before)
    load.end()
    await working


async def rolling_restart() -> bool:
    """Each of three replicas is ended and started again while the others serve."""
    with ExitStack() as stack:
        cluster = stack.enter_context(Cluster())
        settings = auth_settings(url_text(cluster.url)) | {"SHUTDOWN_DELAY": DELAY}
        replicas = [Replica(settings) for _ in range(REPLICAS)]
        for replica in replicas:
            stack.callback(replica.close)
            await asyncio.to_thread(replica.start)
        port = await _balance(stack, [replica.port for replica in replicas])
        async with under_load(f"http://{HOST}:{port}") as load:
            for replica in replicas:
                await asyncio.to_thread(replica.stop)
                await asyncio.to_thread(replica.start)
        return load.report(f"rolling restart of {REPLICAS} replicas behind HAProxy")


async def two_versions() -> bool:
    """The newest migration is applied under the server that was written before it."""
    newest = next((ROOT / VERSIONS).glob(f"{HEAD}_*.py"))
    found = _git("log", "--diff-filter=A", "--format=%H", "-1", "--", f"**/versions/{newest.name}")
    if not found:
        print("NOT TRIED: the version before the newest migration is not in git's history here")
        return True
    with ExitStack() as stack:
        before = _checked_out(stack, f"{found}^")
        cluster = stack.enter_context(Cluster())
        old = Replica(auth_settings(url_text(cluster.url)))
        old.root = before
        stack.callback(old.close)
        await asyncio.to_thread(old.start)
        was = await current_revision(cluster.url.connect_arguments())
        async with under_load(old.url) as load:
            new = Replica(auth_settings(url_text(cluster.url)))
            stack.callback(new.close)
            await asyncio.to_thread(new.start)  # which migrates
            async with under_load(new.url) as its_load:
                pass
        print(f"revision {was} to {HEAD}, under the server of {found[:10]}^")
        side_by_side = load.report("the old version") & its_load.report("the new version beside it")
        return side_by_side & await asyncio.to_thread(_started_late, old)


def _started_late(old: Replica) -> bool:
    """What an old replica does that starts after the migration: it refuses, unless none may."""
    old.stop()
    try:
        old.start()
        refused = False
    except ServerFailedError as error:
        refused = "version of Taskward" in str(error)
    old.settings["MIGRATE_ON_START"] = "false"
    old.start()
    print(f"started late, the old version refused in a sentence: {refused}; it came back where")
    print("MIGRATE_ON_START is false")
    return refused


def _git(*arguments: str) -> str:
    result = subprocess.run(
        ["git", "-C", str(ROOT), *arguments], check=False, capture_output=True, text=True
    )
    return result.stdout.strip() if result.returncode == 0 else ""


def _checked_out(stack: ExitStack, commit: str) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="taskward-before-"))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    archive = subprocess.run(
        ["git", "-C", str(ROOT), "archive", commit], check=True, capture_output=True
    ).stdout
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive, check=True)
    return folder


async def _balance(stack: ExitStack, ports: Sequence[int]) -> int:
    """Start HAProxy before these; the port on which it serves."""
    folder = Path(tempfile.mkdtemp(prefix="taskward-balance-"))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    port = free_port()
    servers = "\n".join(f"    server r{p} {HOST}:{p} check" for p in ports)
    (folder / "haproxy.cfg").write_text(HAPROXY.format(host=HOST, port=port, servers=servers))
    process = subprocess.Popen(  # noqa: ASYNC220
        [haproxy_path(), "-f", str(folder / "haproxy.cfg")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    stack.callback(process.wait)
    stack.callback(process.kill)
    async with httpx.AsyncClient() as client:
        deadline = time.monotonic() + 30
        while not await _serves(client, f"http://{HOST}:{port}/health/ready"):
            if time.monotonic() > deadline:
                raise TimeoutError("HAProxy does not serve")
            await asyncio.sleep(0.1)
    return port


async def _serves(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(url)).status_code == 200
    except httpx.TransportError:
        return False


HAPROXY = """
defaults
    mode http
    timeout connect 2s
    timeout client 60s
    timeout server 60s
listen tasks
    bind {host}:{port}
    option httpchk GET /health/ready
    option redispatch
    retries 3
    default-server inter 500ms fall 1 rise 1
{servers}
"""
ALL: tuple[Callable[[], Awaitable[bool]], ...] = (rolling_restart, two_versions)
