"""The page in a real browser, against a real server: what people do, what goes wrong, how it looks.

The steps are JavaScript (`frontend/e2e/`), in Chromium; each test holds one program of them.
"""

import json
import os
import shutil
import subprocess
import threading
from collections.abc import AsyncIterator
from typing import Any

import anyio.from_thread
import anyio.to_thread
import asyncpg
import pytest

from taskward.database_url import DatabaseURL
from tests.conftest import CreateDatabase
from tests.servers import ROOT, TaskwardServer, auth_settings, clean_environment, node

FRONTEND = ROOT / "frontend"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SECONDS = 240
SHOTS = {"SHOTS": os.environ["SHOTS"]} if "SHOTS" in os.environ else {}


def chromium() -> str:
    """The path of the browser, or a skip that says loudly what did not run."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip("CHROMIUM IS NOT INSTALLED: the page was not tried in a browser")
    if not (FRONTEND / "out" / "pages.json").is_file():
        pytest.skip("THE PAGE IS NOT BUILT: run `make frontend` (`make test` does)")
    return found


class RestartableServer(TaskwardServer):
    """A server that can come back at the address at which it was killed."""

    def restart(self) -> None:
        self._spawn()
        assert self._answers_in_time(), "somebody else took the port"


class Program:
    """A program of steps: it prints what passed, and asks for what only we can do."""

    def __init__(self, name: str, server: RestartableServer) -> None:
        self.server = server
        self.steps: list[dict[str, Any]] = []
        self.process = subprocess.Popen(
            [node(), str(FRONTEND / "e2e" / name)],
            env=clean_environment({"BASE_URL": server.url, "CHROMIUM": chromium(), **SHOTS}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stdin is not None
        watchdog = threading.Timer(SECONDS, self.process.kill)
        watchdog.start()
        with self.process.stdout, self.process.stdin:
            for line in self.process.stdout:
                self.take(json.loads(line))
        self.process.wait()
        watchdog.cancel()

    def take(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        if "ask" not in message:
            self.steps.append(message)
            return
        self.do(message["ask"])
        self.process.stdin.write("true\n")
        self.process.stdin.flush()

    def do(self, asked: Any) -> None:
        if asked == "kill":
            self.server.kill()
        elif asked == "restart":
            self.server.restart()
        else:
            url = self.server.settings["DATABASE_URL"]
            anyio.from_thread.run(seed, url, asked["seed"], asked["count"])


async def seed(database_url: str, user_id: str, count: int) -> None:
    """Give a user many tasks at once."""
    connection = await asyncpg.connect(**DatabaseURL.parse(database_url).connect_arguments())
    await connection.execute(
        "INSERT INTO tasks (user_id, title, created_at, updated_at) "
        "SELECT $1, 'Task ' || n, now(), now() FROM generate_series(1, $2::int) n",
        user_id,
        count,
    )
    await connection.close()


@pytest.fixture(scope="module")
async def server(create_database: CreateDatabase) -> AsyncIterator[RestartableServer]:
    chromium()
    with RestartableServer(auth_settings(await create_database())) as server:
        yield server


async def hold(name: str, server: RestartableServer) -> list[str]:
    """The steps that passed; every step must, and no token may be in the server's log."""
    program = Program(name, server)
    await anyio.to_thread.run_sync(program.run)
    print(
        *(f"{step['step']}: {step['detail']}" for step in program.steps if step["detail"]), sep="\n"
    )
    failures = [f"{step['step']}: {step['detail']}" for step in program.steps if not step["ok"]]
    assert not failures, "\n".join(failures)
    assert program.process.returncode == 0
    assert "eyJ" not in server.log()
    return [step["step"] for step in program.steps]


async def test_the_stories_of_the_specification_are_told_in_the_page(
    server: RestartableServer,
) -> None:
    assert len(await hold("stories.mjs", server)) >= 27


async def test_the_page_takes_what_goes_wrong_between_it_and_its_server(
    server: RestartableServer,
) -> None:
    assert len(await hold("resilience.mjs", server)) >= 11


async def test_each_page_is_accessible_in_light_and_dark_at_three_widths(
    server: RestartableServer,
) -> None:
    assert len(await hold("looks.mjs", server)) >= 29
