"""Load: wrk sends the requests of a file in turn, over a fixed number of connections.

wrk is a closed loop: each connection sends its next request when it has the answer to the last.
"""

import json
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import psutil

from bench.peer_programs import apt_install
from tests.support.servers import Server

SCRIPT = Path(__file__).with_name("requests.lua")
CONNECTIONS = 50
ANSWER_SECONDS = 30
GRACE_SECONDS = 60.0
SECOND_CHANCE_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: str = ""

    def line(self) -> str:
        headers = [f"{name}: {value}" for name, value in self.headers.items()]
        return "\t".join([self.method, self.path, self.body, *headers])

    def wire(self) -> bytes:
        """The request as HTTP/1.1 has it."""
        sent = {"Host": "localhost", **self.headers}
        if self.body:
            sent["Content-Length"] = str(len(self.body.encode()))
        head = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
        return f"{self.method} {self.path} HTTP/1.1\r\n{head}\r\n{self.body}".encode()


@dataclass(frozen=True, slots=True)
class Job:
    """A kind of work: its requests, which are sent over and over in this order."""

    name: str
    requests: tuple[Request, ...] = field(repr=False)
    file: Path
    connections: int = CONNECTIONS
    pause_ms: int = 0
    """How long a connection waits between two requests."""
    min_seconds: int = 0
    """No run may be shorter: there would be too few requests in it."""
    rounds: int = 99
    """In how many rounds it is measured at most."""

    @classmethod
    def write(cls, directory: Path, name: str, requests: Iterable[Request], **pace: int) -> Self:
        """Return the job, its requests written to a file in `directory` for wrk."""
        file = directory / f"{name.replace(' ', '-')}.tsv"
        job = cls(name, tuple(requests), file, **pace)
        job.file.write_text("".join(f"{request.line()}\n" for request in job.requests))
        return job


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one run of wrk found; times in milliseconds, CPU of the server in microseconds."""

    requests: int
    per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    cpu_us: float
    """Of the server's processes, for each request."""
    cores: float
    """How many cores the server kept busy."""


class LoadError(RuntimeError):
    """Requests failed: what was measured means nothing."""


class NoAnswerError(LoadError):
    """Nothing was answered in time: the server is slow, or busy with what came before."""


class Run:
    """A run of wrk against a server that is under way; ended when the `with` block is left."""

    def __init__(self, server: Server, job: Job, seconds: int) -> None:
        self.job, self.seconds = job, max(seconds, job.min_seconds)
        self.pid = server.process.pid
        self._command = [
            *("wrk", "-t1", f"-c{job.connections}", f"-d{self.seconds}s"),
            *(f"--timeout={ANSWER_SECONDS}s", "-s", str(SCRIPT), server.url, "--", str(job.file)),
            *([str(job.pause_ms)] if job.pause_ms else []),
        ]

    def __enter__(self) -> Self:
        self._cpu = cpu_seconds(self.pid)
        self._wrk = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._wrk.kill()
        self._wrk.wait()
        if self._wrk.stdout is not None:
            self._wrk.stdout.close()

    def wait(self) -> str:
        """Wait for the end of the run, whatever it found."""
        return self._wrk.communicate(timeout=self.seconds + GRACE_SECONDS)[0]

    def finish(self) -> Measurement:
        """Wait for the end of the run.

        Raises:
            LoadError: there were no answers, or any but 2xx.
        """
        output = self.wait()
        cpu = cpu_seconds(self.pid) - self._cpu
        found = self._parse(output)
        requests, seconds = found["requests"], found["seconds"]
        times = {name: found[name] for name in ("p50_ms", "p95_ms", "p99_ms")}
        return Measurement(
            requests, requests / seconds, **times, cpu_us=cpu / requests * 1e6, cores=cpu / seconds
        )

    def _parse(self, output: str) -> dict[str, Any]:
        last = output.strip().rpartition("\n")[2]
        if not last.startswith("{"):
            raise LoadError(f"{self.job.name}: wrk failed\n{output}")
        found: dict[str, Any] = json.loads(last)
        if not found["requests"]:
            raise NoAnswerError(f"{self.job.name}: no answer in {self.seconds} s")
        if found["refused"] or found["broken"] or found["late"]:
            raise LoadError(f"{self.job.name}: not every answer was 2xx: {last}")
        return found


def measure(server: Server, job: Job, seconds: int) -> Measurement:
    """Run wrk to its end; a server that answers nothing in that time gets more of it, once.

    Raises:
        LoadError: there were no answers, or any but 2xx.
    """
    try:
        with Run(server, job, seconds) as run:
            return run.finish()
    except NoAnswerError:
        with Run(server, job, seconds + SECOND_CHANCE_SECONDS) as run:
            return run.finish()


def cpu_seconds(pid: int) -> float:
    """User and system time so far of a process and its living children."""
    total = 0.0
    for process in family(pid):
        times = process.cpu_times()
        total += times.user + times.system
    return total


def resident_mib(pid: int) -> float:
    """Resident memory of a process and its children."""
    return sum(float(process.memory_info().rss) for process in family(pid)) / 2**20


def family(pid: int) -> list[psutil.Process]:
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


def require_wrk() -> None:
    """Install wrk if that is allowed, or end with a sentence that says how."""
    if shutil.which("wrk") is None:
        apt_install("wrk")
    if shutil.which("wrk") is None:
        raise SystemExit("The bench needs wrk: on Debian and Ubuntu `apt install wrk`.")
