"""The servers that are measured, each one process on a free loopback port."""

import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.peer_programs import JS, MissingPeerError, bun, go_peer
from bench.postgres import Database
from bench.rounds import say
from tests.support.servers import (
    HOST,
    ROOT,
    SECRET,
    OriginalServer,
    Server,
    TaskwardServer,
    auth_settings,
)

TESTS_JS = ROOT / "tests" / "js"

TASKWARD = "Taskward"
ELYSIA = "Elysia on Bun + Bun.SQL + jose"
GO = "Go net/http + pgx + golang-jwt"
FASTIFY = "Fastify + pg + jose"
CEILING = "bare ASGI + asyncpg"


class Peer(Server):
    """A service that is told of its database by libpq's variables."""

    def __init__(self, program: str, database: Database, **more: str) -> None:
        super().__init__({**database.environment, "SECRET": SECRET, **more})
        self.program = program

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "PORT": str(self.port)}


class PythonPeer(Peer):
    """A peer on uvicorn, without its access log."""

    def command(self) -> Sequence[str]:
        return [
            *(sys.executable, "-m", "uvicorn", self.program, "--app-dir", str(ROOT)),
            *("--host", HOST, "--port", str(self.port), "--no-access-log"),
        ]


class NodePeer(Peer):
    """A peer on Node.js."""

    def command(self) -> Sequence[str]:
        return ["node", str(JS / self.program)]


class BunPeer(Peer):
    """A peer on Bun."""

    def command(self) -> Sequence[str]:
        return [str(bun()), str(JS / self.program)]


class GoPeer(Peer):
    """The peer in Go, which uses as many processors at once as it is told to."""

    def command(self) -> Sequence[str]:
        return [str(go_peer())]


class TaskwardAsRun(TaskwardServer):
    """Taskward as `make run` serves it, in a process that shares nothing with the bench."""

    forked = False

    def command(self) -> Sequence[str]:
        return [sys.executable, "-m", "taskward"]

    def environment(self) -> dict[str, str]:
        where = {"HOST": HOST, "PORT": str(self.port), "WEB_CONCURRENCY": str(self.workers)}
        return {**super().environment(), **where}


def taskward(database: Database, workers: int = 1, **more: str) -> TaskwardServer:
    """Taskward as it is served, access log and all; only the rate limit is off."""
    settings = auth_settings(database.url) | {"LOG_FORMAT": "json"} | more
    return TaskwardAsRun(settings, workers=workers)


class OriginalAsRun(OriginalServer):
    """The original as people run it, without what tests tell it to be quicker."""

    tunables = ""


def original(database: Database) -> OriginalServer:
    """The original Better Auth."""
    return OriginalAsRun(auth_settings(database.url))


def elysia(database: Database) -> Server:
    """Raises MissingPeerError where there is no Bun."""
    bun()
    return BunPeer("elysia.mjs", database, NODE_ENV="production")


def go(database: Database, processors: int = 1) -> Server:
    """Raises MissingPeerError where there is no Go with its packages."""
    go_peer()
    return GoPeer("", database, GOMAXPROCS=str(processors))


def node(script: str, database: Database) -> Server:
    return NodePeer(script, database, NODE_ENV="production")


SERVERS: Mapping[str, Callable[[Database], Server]] = {
    TASKWARD: taskward,
    ELYSIA: elysia,
    GO: go,
    FASTIFY: lambda database: node("fastify.mjs", database),
    "Hono + Drizzle + jose": lambda database: node("hono.mjs", database),
    "FastAPI + SQLModel ORM": lambda database: PythonPeer("bench.peers.usual:app", database),
    CEILING: lambda database: PythonPeer("bench.peers.ceiling:app", database),
}


def start_all(
    stack: ExitStack,
    database: Database,
    servers: Mapping[str, Callable[[Database], Server]] = SERVERS,
) -> dict[str, Server]:
    """Start those that can be had here, all on one database; `stack` ends them."""
    started: dict[str, Server] = {}
    for name, make in servers.items():
        try:
            started[name] = stack.enter_context(make(database))
        except MissingPeerError as error:
            say(f"*** NOT COMPARED: {name}: {error} ***")
    return started


def require_node(*directories: Path) -> None:
    """End with a sentence if Node.js or a peer's packages are missing."""
    if shutil.which("node") is None:
        raise SystemExit("The bench needs Node.js 20 or newer: the peers run on it.")
    for directory in directories:
        if not (directory / "node_modules").is_dir():
            shown = directory.relative_to(ROOT)
            raise SystemExit(f"The bench needs its peers' packages: `npm ci --prefix {shown}`.")
