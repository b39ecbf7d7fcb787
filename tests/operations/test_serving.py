"""Where and how it listens is a setting like the others, however it is started; and it ends."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import psutil
import pytest

from tests.fuzz.wire import PATIENCE
from tests.support.forking import run_module
from tests.support.process_environment import heeded
from tests.support.servers import HOST, ROOT, Server, auth_settings

TASKWARD = (sys.executable, "-m", "taskward")
UVICORN = (sys.executable, "-m", "uvicorn", "main:app", "--app-dir", str(ROOT))
MAKE = shutil.which("make") or ""
needs_make = pytest.mark.skipif(not MAKE, reason="MAKE IS NOT INSTALLED: make run was not tried")


class StartedServer(Server):
    """The server by any command, whose `{port}` is that which a test asks; `.env` as given."""

    ready_path = "/health/live"

    def __init__(
        self, url: str, command: Sequence[str], cwd: Path, *, file: str = "", **settings: str
    ) -> None:
        super().__init__({**auth_settings(url), "PYTHONPATH": str(ROOT), **settings}, cwd=cwd)
        self.template, self.file = command, file
        self.forked = command[0] == sys.executable

    def command(self) -> Sequence[str]:
        assert self.cwd is not None
        (self.cwd / ".env").write_text(self.file.format(port=self.port))
        return [part.format(port=self.port) for part in self.template]

    def environment(self) -> dict[str, str]:
        environment = {k: v.format(port=self.port) for k, v in super().environment().items()}
        del environment["BETTER_AUTH_URL"]
        return environment


def make_run(*variables: str) -> Sequence[str]:
    """`make run` with what is installed already."""
    tools = (f"BIN={Path(sys.executable).parent}", "NODE=")
    return (MAKE, "-f", str(ROOT / "Makefile"), "-o", "setup", "run", *tools, *variables)


def processes(server: Server) -> list[psutil.Process]:
    """The server's processes that serve: not the helpers of Python's multiprocessing."""
    root = psutil.Process(server.process.pid)
    return [
        process
        for process in root.children(recursive=True)
        if "spawn_main" in " ".join(process.cmdline())
    ]


def issuer(server: Server) -> str:
    """What the server takes itself for: the address that its log shows to click on."""
    return server.log().partition("http://localhost:")[2].partition('"')[0]


# Settings


@pytest.mark.parametrize(
    ("command", "file", "variables"),
    [
        pytest.param(TASKWARD, "PORT={port}\nHOST=127.0.0.1\n", {}, id="python -m, file"),
        pytest.param((*TASKWARD, "serve"), "PORT={port}\n", {}, id="serve, file"),
        pytest.param((*TASKWARD, "serve"), "", {"PORT": "{port}"}, id="serve, environment"),
        pytest.param(
            (*TASKWARD, "serve", "--port", "{port}", "--host", HOST, "--workers", "1"),
            "PORT=1\nHOST=203.0.113.1\nWEB_CONCURRENCY=9\n",
            {"PORT": "2"},
            id="serve, flags",
        ),
        pytest.param(UVICORN, "PORT={port}\nHOST=127.0.0.1\n", {}, id="uvicorn, file"),
        pytest.param(UVICORN, "PORT=1\n", {"PORT": "{port}"}, id="uvicorn, environment"),
        pytest.param((*UVICORN, "--port", "{port}"), "", {}, id="uvicorn, flag alone"),
        pytest.param(
            (*UVICORN, "--port", "{port}", "--host", HOST),
            "PORT=1\nHOST=203.0.113.1\n",
            {"PORT": "2"},
            id="uvicorn, flags",
        ),
        pytest.param(UVICORN, "", {"UVICORN_PORT": "{port}"}, id="uvicorn, its own variable"),
        pytest.param(make_run(), "PORT={port}\n", {}, id="make, file", marks=needs_make),
        pytest.param(
            make_run("PORT={port}", "HOST=127.0.0.1"),
            "PORT=1\nHOST=203.0.113.1\n",
            {"PORT": "2"},
            id="make, command line",
            marks=needs_make,
        ),
    ],
)
async def test_it_listens_where_it_is_told_and_takes_that_for_its_address(
    database_url: str,
    tmp_path: Path,
    command: Sequence[str],
    file: str,
    variables: dict[str, str],
) -> None:
    server = StartedServer(database_url, command, tmp_path, file=file, **variables)
    with server:
        assert issuer(server) == str(server.port)
        assert not processes(server)


@pytest.mark.parametrize(
    ("command", "file"),
    [
        ((*TASKWARD,), "WEB_CONCURRENCY=2\nPORT={port}\n"),
        ((*TASKWARD, "serve", "--workers", "2"), "WEB_CONCURRENCY=1\nPORT={port}\n"),
        ((*UVICORN, "--workers", "2", "--port", "{port}"), "PORT=1\n"),
    ],
    ids=["python -m", "flag", "uvicorn"],
)
async def test_as_many_processes_serve_as_are_asked_for(
    database_url: str, tmp_path: Path, command: Sequence[str], file: str
) -> None:
    with StartedServer(database_url, command, tmp_path, file=file) as server:
        assert len(processes(server)) == 2
        assert issuer(server) == str(server.port)


@pytest.mark.slow
async def test_a_worker_that_waits_long_for_its_machine_is_not_replaced(
    database_url: str, tmp_path: Path
) -> None:
    command = (*TASKWARD, "serve", "--workers", "2", "--port", "{port}")
    with StartedServer(database_url, command, tmp_path) as server:
        worker = processes(server)[0]
        worker.suspend()  # as seen from outside; uvicorn asks each worker every half second
        with pytest.raises(psutil.TimeoutExpired):
            worker.wait(timeout=8)  # longer than uvicorn waits
        worker.resume()
        assert issuer(server) == str(server.port)
        assert worker in processes(server)


@pytest.mark.parametrize(
    ("command", "name", "value", "where"),
    [
        ([], "PORT", "abc", "environment"),
        (["serve"], "PORT", "99999", "file"),
        (["serve"], "WEB_CONCURRENCY", "0", "environment"),
        ([], "KEEP_ALIVE", "soon", "file"),
        (["doctor"], "PORT", "abc", "file"),
    ],
)
def test_what_cannot_be_is_refused_by_name_and_nothing_else_is_blamed(
    tmp_path: Path, command: Sequence[str], name: str, value: str, where: str
) -> None:
    if where == "file":
        (tmp_path / ".env").write_text(f"{name}={value}\n")
    variables = {name: value} if where == "environment" else {}
    ended = start(tmp_path, variables, *command)
    output = ended.stdout + ended.stderr
    assert ended.returncode == 1
    assert output.startswith(f"Taskward cannot start:\n  {name}: ")
    assert "BETTER_AUTH_URL" not in output
    assert "Traceback" not in output


def start(cwd: Path, variables: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **variables}
    return run_module([*TASKWARD, *command], cwd, environment)


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({}, "choose another PORT"),
        ({"WEB_CONCURRENCY": "2"}, "choose another PORT"),
        ({"HOST": "http://localhost"}, "cannot listen where HOST and PORT say"),
    ],
    ids=["taken", "taken, workers", "no host"],
)
async def test_where_it_cannot_listen_it_says_which_settings_to_change(
    database_url: str, tmp_path: Path, variables: dict[str, str], says: str
) -> None:
    settings = {**auth_settings(database_url), **variables}
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        ended = await asyncio.to_thread(start, tmp_path, {"PORT": str(port), **settings})
    output = ended.stdout + ended.stderr
    assert ended.returncode != 0
    assert "cannot listen where HOST and PORT say: " in output
    assert says in output
    assert "Traceback" not in output


# The end of `make run`


@contextlib.contextmanager
def nothing_left(port: int) -> Iterator[None]:
    yield
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            httpx.get(f"http://{HOST}:{port}/health/live")
        except httpx.TransportError:
            return
    pytest.fail("something still serves there")


@needs_make
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_what_ends_make_ends_the_server(
    database_url: str, tmp_path: Path, signum: signal.Signals
) -> None:
    """SIGTERM reaches make alone, as a supervisor sends it; Control-C, and the end of a terminal,
    reach the whole group.
    """
    server = StartedServer(database_url, make_run("PORT={port}"), tmp_path)
    with heeded(signum), server:
        assert len(psutil.Process(server.process.pid).children(recursive=True)) == 1
        with nothing_left(server.port):
            if signum == signal.SIGTERM:
                os.kill(server.process.pid, signum)
            else:
                os.killpg(server.process.pid, signum)
            server.process.wait(timeout=PATIENCE)
        assert "Finished server process" in server.log()
