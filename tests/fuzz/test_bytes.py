"""Hostile bytes on a socket: whatever comes, an error is JSON and repeats none of it.

`FUZZ_SEED=<seed> make fuzz PYTEST_ARGS="-k bytes"` repeats a run. Memory is the resident set of
the server's process, read twenty times during the run; after it, when nothing is hashed any more,
it must be within 16 MiB of the lowest of the second quarter.
"""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import orjson
import psutil
import pytest

from tests.conftest import CreateDatabase
from tests.fuzz.messages import MARKER, message
from tests.fuzz.sizes import seed, size
from tests.fuzz.target import ImpatientServer
from tests.fuzz.wire import PATIENCE, Answer, ask, send_raw
from tests.support.forged_tokens import HEADER, Forger
from tests.support.servers import SECRET

REQUESTS = size(2_000, 100_000)
AT_ONCE = 24
REQUESTS_PER_USER = 200
SAMPLES = 20
MEBIBYTE = 1_048_576
GROWTH = 16 * MEBIBYTE
LEAK = re.compile(
    r"traceback|\.py\b|asyncpg|sqlalchemy|pydantic|starlette|select .* from|insert into"
    r"|update .* set|syntax error at|line \d+",
    re.IGNORECASE,
)


@pytest.fixture
async def server(create_migrated_database: CreateDatabase) -> AsyncIterator[ImpatientServer]:
    with ImpatientServer(await create_migrated_database()) as server:
        yield server


@dataclass
class Run:
    """What was sent and what came back."""

    server: ImpatientServer
    seed: int
    statuses: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)

    async def send(self, numbers: Iterator[int]) -> None:
        for number in numbers:
            raw = message(self.seed, number, self._token(number))
            try:
                answers = await asyncio.wait_for(send_raw(self.server.port, raw), PATIENCE)
            except (ValueError, TimeoutError) as error:
                self.wrong.append(f"message {number}: {error!r} {raw[:200]!r}")
                continue
            self._judge(number, raw, answers)
            if number % (REQUESTS // SAMPLES) == 0:
                process = psutil.Process(self.server.process.pid)
                self.memory.append(process.memory_info().rss)

    def _token(self, number: int) -> bytes:
        user = f"fuzz_{number // REQUESTS_PER_USER}"
        return Forger(SECRET).sign(HEADER, f'{{"sub":"{user}","exp":99999999999}}').encode()

    def _judge(self, number: int, raw: bytes, answers: list[Answer]) -> None:
        self.statuses["none"] += not answers
        for answer in answers:
            self.statuses[str(answer.status)] += 1
            if problem := what_is_wrong(answer, raw):
                self.wrong.append(f"message {number}: {problem} {answer} to {raw[:400]!r}")


def what_is_wrong(answer: Answer, raw: bytes) -> str | None:
    """The first rule that an answer breaks."""
    if answer.status >= 500:
        return "a failure of the server"
    if "x-injected" in answer.headers:
        return "a header of the client's"
    if answer.status < 400 or raw.startswith(b"HEAD "):
        return None
    if not is_json_object(answer):
        return "no JSON"
    text = answer.body.decode()
    if MARKER in text and not names_what_was_sent(answer):
        return "the client's own text"
    return "a leak" if LEAK.search(text) else None


def is_json_object(answer: Answer) -> bool:
    """Under /api/auth some errors of the original have no body."""
    if not answer.body:
        return answer.headers.get("content-type", "application/json") == "application/json"
    typed = answer.headers["content-type"] == "application/json"
    return typed and isinstance(orjson.loads(answer.body), dict)


def names_what_was_sent(answer: Answer) -> bool:
    """The original names the content type that it does not take, and properties of objects."""
    message = str(answer.json.get("message"))
    return "code" in answer.json and message.startswith(("Content-Type ", "[body."))


async def falls_below(server: ImpatientServer, limit: int) -> None:
    """Passwords are still hashed for a moment, each in 32 MiB, by threads that let others go."""
    process = psutil.Process(server.process.pid)
    async with asyncio.timeout(PATIENCE):
        while process.memory_info().rss >= limit:  # noqa: ASYNC110 - another process's memory
            await asyncio.sleep(0.05)


async def test_no_bytes_make_it_fail_leak_or_grow(server: ImpatientServer) -> None:
    run = Run(server, seed())
    print(f"\nbytes: seed {run.seed}", flush=True)
    numbers = iter(range(REQUESTS))
    await asyncio.gather(*(run.send(numbers) for _ in range(AT_ONCE)))
    counts = ", ".join(f"{status}: {count}" for status, count in sorted(run.statuses.items()))
    megabytes = [round(sample / MEBIBYTE) for sample in run.memory]
    print(f"bytes: {REQUESTS} requests, {counts}\nbytes: memory in MiB {megabytes}", flush=True)
    assert run.wrong == [], f"seed {run.seed}: {len(run.wrong)} wrong\n" + "\n".join(run.wrong[:20])
    assert run.statuses["none"] < REQUESTS // 50
    quarter = len(run.memory) // 4
    await falls_below(server, min(run.memory[quarter : 2 * quarter]) + GROWTH)
    assert "internal error" not in server.log()
    assert "Traceback" not in server.log()
    assert (await ask(server.port, b"GET /api/auth/ok HTTP/1.0\r\n\r\n")).status == 200
