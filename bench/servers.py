"""The servers that are measured, each one process on a free loopback port."""

import shutil
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.postgres import Database
from tests.servers import HOST, ROOT, SECRET, OriginalServer, Server, TaskwardServer, auth_settings

JS = Path(__file__).with_name("js")
TESTS_JS = ROOT / "tests" / "js"

TASKWARD = "Taskward"
PEERS = {
    "Fastify + pg + jose": "fastify.mjs",
    "Hono + Drizzle + jose": "hono.mjs",
    "FastAPI + SQLModel ORM": "bench.peers.usual:app",
    "ceiling: bare ASGI + asyncpg": "bench.peers.ceiling:app",
}


class PythonPeer(Server):
    """A peer on uvicorn, without its access log."""

    def __init__(self, app: str, database: Database) -> None:
        super().__init__({**database.environment, "SECRET": SECRET})
        self.app = app

    def command(self) -> Sequence[str]:
        return [
            *(sys.executable, "-m", "uvicorn", self.app, "--app-dir", str(ROOT)),
            *("--host", HOST, "--port", str(self.port), "--no-access-log"),
        ]


class NodePeer(Server):
    """A peer on Node.js."""

    def __init__(self, script: str, database: Database) -> None:
        super().__init__({**database.environment, "SECRET": SECRET, "NODE_ENV": "production"})
        self.script = script

    def command(self) -> Sequence[str]:
        return ["node", str(JS / self.script)]

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "PORT": str(self.port)}


def taskward(database: Database, workers: int = 1) -> TaskwardServer:
    """Taskward as it is served, access log and all; only the rate limit is off."""
    return TaskwardServer(auth_settings(database.url) | {"LOG_FORMAT": "json"}, workers=workers)


def original(database: Database) -> OriginalServer:
    """The original Better Auth."""
    return OriginalServer(auth_settings(database.url))


def peer(program: str, database: Database) -> Server:
    kind = NodePeer if program.endswith(".mjs") else PythonPeer
    return kind(program, database)


def start_all(stack: ExitStack, database: Database) -> dict[str, Server]:
    """Start Taskward and its peers on one database; `stack` ends them."""
    servers: dict[str, Server] = {TASKWARD: stack.enter_context(taskward(database))}
    for name, program in PEERS.items():
        servers[name] = stack.enter_context(peer(program, database))
    return servers


def require_node(*directories: Path) -> None:
    """End with a sentence if Node.js or a peer's packages are missing."""
    if shutil.which("node") is None:
        raise SystemExit("The bench needs Node.js 20 or newer: the peers run on it.")
    for directory in directories:
        if not (directory / "node_modules").is_dir():
            shown = directory.relative_to(ROOT)
            raise SystemExit(f"The bench needs its peers' packages: `npm ci --prefix {shown}`.")
