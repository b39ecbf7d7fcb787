"""The stock Better Auth client, unmodified, on Node.js: a full round with ours.

The same round is held with the original first: that it passes there shows that the round is right.
"""

import json
import subprocess
from dataclasses import dataclass
from typing import Any

import anyio.to_thread
import pytest

from tests.conftest import CreateDatabase
from tests.support.process_environment import clean_environment
from tests.support.servers import (
    JS,
    ORIGIN,
    OriginalServer,
    Server,
    TaskwardServer,
    auth_settings,
    node,
)

SECONDS = 120


@dataclass(frozen=True)
class Round:
    """What the round's steps printed, and how it ended."""

    steps: tuple[dict[str, Any], ...]
    status: int
    errors: str

    def failures(self) -> list[str]:
        return [f"{step['step']}: {step['detail']}" for step in self.steps if not step["ok"]]


def hold_round(server: Server, *, script: str = "client-round.mjs", **settings: str) -> Round:
    with server:
        return run_round(server, script, **settings)


def run_round(server: Server, script: str, **settings: str) -> Round:
    """Hold a round with a server that runs."""
    ended = subprocess.run(
        [node(), str(JS / script)],
        env=clean_environment({"BASE_URL": server.url, "ORIGIN": ORIGIN, **settings}),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    steps = tuple(json.loads(line) for line in ended.stdout.splitlines())
    return Round(steps, ended.returncode, ended.stderr)


def assert_passed(held: Round, at_least: int) -> None:
    assert not held.failures(), "\n".join(held.failures())
    assert held.status == 0, held.errors
    assert len(held.steps) >= at_least, f"only {len(held.steps)} steps were held"


async def test_the_stock_client_passes_its_round_with_the_original(
    create_database: CreateDatabase,
) -> None:
    server = OriginalServer(auth_settings(await create_database()))
    held = await anyio.to_thread.run_sync(lambda: hold_round(server, TASKS="off"))
    assert_passed(held, at_least=25)


@pytest.mark.long
async def test_the_stock_client_passes_its_round_with_two_workers_of_ours(
    create_migrated_database: CreateDatabase,
) -> None:
    node()
    server = TaskwardServer(auth_settings(await create_migrated_database()), workers=2)
    held = await anyio.to_thread.run_sync(hold_round, server)
    assert_passed(held, at_least=42)


def test_the_clients_are_pinned_and_come_from_no_address_of_their_own() -> None:
    wanted = json.loads((JS / "package.json").read_text())["dependencies"]
    locked = json.loads((JS / "package-lock.json").read_text())["packages"]
    assert wanted["better-auth"] == "1.7.25"
    assert all(locked[f"node_modules/{name}"]["version"] == wanted[name] for name in wanted)
    packages = [package for path, package in locked.items() if path]
    assert all("integrity" in package and "resolved" not in package for package in packages)
