"""A server, and the program that drives a real browser through one story."""

import json
import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Mapping
from typing import Any

import anyio.from_thread
import anyio.to_thread
import asyncpg
import pytest

from taskward.database.url import DatabaseURL
from taskward.settings import WEB
from tests.support.process_environment import clean_environment
from tests.support.servers import (
    HOST,
    ORIGIN,
    ROOT,
    TaskwardServer,
    free_port,
    node,
)

FRONTEND = ROOT / "frontend"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SECONDS = 600
JSON_WEB_TOKEN = re.compile(r"eyJ[\w-]+\.eyJ")
SHOTS = {"SHOTS": os.environ["SHOTS"]} if "SHOTS" in os.environ else {}


def browser_program() -> str:
    """The path of the browser, or a skip that says loudly what did not run."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip("CHROMIUM IS NOT INSTALLED: nothing was tried in a browser")
    if not (FRONTEND / "node_modules" / "playwright-core").is_dir():
        pytest.skip("PLAYWRIGHT IS NOT INSTALLED: run `make frontend` (`make test` does)")
    return found


def chromium() -> str:
    """The same, where the page is built."""
    found = browser_program()
    if not (WEB / "pages.json").is_file():
        pytest.skip("THE PAGE IS NOT BUILT: run `make frontend` (`make test` does)")
    return found


class RestartableServer(TaskwardServer):
    """A server that can be frozen, and come back at the address at which it was killed.

    It trusts the origin of a proxy as well, which may stand between it and a browser.
    """

    def __init__(self, settings: dict[str, str]) -> None:
        self.proxy_port = free_port()
        proxied = [f"http://{host}:{self.proxy_port}" for host in (HOST, "plain.example")]
        origins = ",".join([ORIGIN, *proxied])
        super().__init__({**settings, "BETTER_AUTH_TRUSTED_ORIGINS": origins})

    def signal(self, signum: int) -> None:
        os.killpg(self.process.pid, signum)

    def restart(self) -> None:
        self._spawn()
        assert self._answers_in_time(), "somebody else took the port"


class LocalServer(RestartableServer):
    """One with a name: browsers have no passkeys for an IP address."""

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"


class Program:
    """A program of steps: it prints what passed, and asks for what only we can do."""

    def __init__(self, name: str, server: RestartableServer) -> None:
        self.server = server
        self.steps: list[dict[str, Any]] = []
        self.process = subprocess.Popen(
            [node(), str(FRONTEND / "e2e" / name)],
            env=clean_environment(
                {
                    "BASE_URL": server.url,
                    "PROXY_PORT": str(server.proxy_port),
                    "CHROMIUM": browser_program(),
                    **SHOTS,
                }
            ),
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
        if asked == "freeze":
            self.server.signal(signal.SIGSTOP)
        elif asked == "thaw":
            self.server.signal(signal.SIGCONT)
        elif asked == "kill":
            self.server.kill()
        elif asked == "restart":
            self.server.restart()
        else:
            anyio.from_thread.run(change, self.server.settings["DATABASE_URL"], asked)


_TASKS = """
INSERT INTO tasks (user_id, title, created_at, updated_at)
SELECT $1, 'Task ' || n, now(), now() FROM generate_series(1, $2::int) n
"""
_OF = '"userId" = (SELECT id FROM "user" WHERE email = $1)'
_AGE = f"""
UPDATE session SET "createdAt" = "createdAt" - interval '2 days' WHERE {_OF}
"""
_UNLOCK = f"""
UPDATE "twoFactor" SET "lockedUntil" = now() - interval '1 second' WHERE {_OF}
"""


async def change(database_url: str, asked: Mapping[str, Any]) -> None:
    """Give a user many tasks at once, or let pass for somebody what nobody waits for."""
    connection = await asyncpg.connect(**DatabaseURL.parse(database_url).connect_arguments())
    if "seed" in asked:
        await connection.execute(_TASKS, asked["seed"], asked["count"])
    elif "age" in asked:
        await connection.execute(_AGE, asked["age"])
    else:
        await connection.execute(_UNLOCK, asked["unlock"])
    await connection.close()


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
    assert not JSON_WEB_TOKEN.search(server.log())
    return [step["step"] for step in program.steps]
