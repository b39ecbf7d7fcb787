"""People who create, toggle, replace and delete their tasks, and note what they were told."""

import asyncio
import random
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httpx
import jwt

from tests.faults.expectations import Expectation
from tests.support.servers import SECRET, TaskwardServer

NOBODY = {"Authorization": "Bearer no"}
TOO_LONG = "x" * 201
UNCLEAR = {503, 409}
AGAIN = 0.2
"""Seconds until a request is repeated, sooner than Retry-After asks."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How one request ended; no status means that the connection ended without an answer."""

    started: float
    seconds: float
    method: str
    status: int | None

    @property
    def is_unclear(self) -> bool:
        return self.status in {None, 503}


@dataclass
class Load:
    """What all writers share."""

    longest: float
    """Seconds after which an answer counts as never given."""
    pause: float = 0.0
    """Seconds between two requests of a writer."""
    repeats: bool = False
    """Whether a task is created with an Idempotency-Key, again and again until it is clear."""
    running: asyncio.Event = field(default_factory=asyncio.Event)
    answers: list[Answer] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    may_hang_up: bool = False
    """Whether servers are being ended; as long as they live, they answer."""
    polite: bool = False
    """Whether they are ended politely: what they leave unanswered, they have not begun."""


def bearer(user_id: str) -> dict[str, str]:
    """What a front end that shares the secret sends."""
    token = jwt.encode({"sub": user_id, "exp": int(time.time()) + 7200}, SECRET, "HS256")
    return {"Authorization": f"Bearer {token}"}


class Writer:
    """One user, who does one thing at a time, all with titles of their own."""

    def __init__(self, server: TaskwardServer, load: Load, seed: int) -> None:
        self.server = server
        self.load = load
        self.id = f"user_{secrets.token_hex(8)}"
        self.expectations: list[Expectation] = []
        self.stranger = bearer(f"stranger_{self.id}")
        self.random = random.Random(seed)
        self.is_idle = asyncio.Event()
        self.client = httpx.AsyncClient(
            headers=bearer(self.id),
            timeout=httpx.Timeout(load.longest, pool=None),
            verify=False,  # there is no TLS here, and reading a trust store takes 0.1 s each time
        )

    async def work(self) -> None:
        """Work until cancelled, whenever the load is running."""
        ways: dict[Callable[[], Awaitable[None]], int] = {
            self.create: 40,
            self.toggle: 25,
            self.replace: 12,
            self.delete: 8,
            self.read: 10,
            self.do_wrong: 5,
        }
        async with self.client:
            while True:
                if not self.load.running.is_set():
                    self.is_idle.set()
                    await self.load.running.wait()
                self.is_idle.clear()
                (way,) = self.random.choices(list(ways), list(ways.values()))
                await way()
                await asyncio.sleep(self.load.pause)

    async def create(self) -> None:
        expected = self._new_expectation()
        headers = {"Idempotency-Key": secrets.token_hex(16)} if self.load.repeats else {}
        title = {"title": expected.title}
        answer = await self._ask("POST", "", 201, json=title, headers=headers)
        while self.load.repeats and (answer is None or answer.status_code in UNCLEAR):
            await asyncio.sleep(AGAIN)
            answer = await self._ask("POST", "", 201, json=title, headers=headers)
        if answer is not None and answer.status_code == 201:
            expected.id = answer.json()["id"]
        elif answer is None and self.load.polite:
            expected.refused = True

    async def toggle(self) -> None:
        if (expected := self._own()) is None:
            return
        answer = await self._ask("PATCH", f"/{expected.id}/complete", 200, expected)
        if answer is not None and answer.status_code == 200:
            expected.toggles += 1
        elif self._is_unclear(answer):
            expected.unclear_toggles += 1

    async def replace(self) -> None:
        if (expected := self._own()) is None:
            return
        content = secrets.token_hex(4)
        body = {"title": expected.title, "description": content}
        answer = await self._ask("PUT", f"/{expected.id}", 200, expected, json=body)
        if answer is not None and answer.status_code == 200:
            expected.description = content
        elif self._is_unclear(answer):
            expected.unclear_descriptions.add(content)

    async def delete(self) -> None:
        if (expected := self._own()) is None:
            return
        answer = await self._ask("DELETE", f"/{expected.id}", 204, expected)
        if answer is not None and answer.status_code == 204:
            expected.deleted = True
        elif self._is_unclear(answer):
            expected.deleted = None

    async def read(self) -> None:
        answer = await self._ask("GET", "", 200)
        if answer is not None and answer.status_code == 200:
            there = {task["id"] for task in answer.json()}
            for expected in self.expectations:
                if (
                    expected.id is not None
                    and expected.deleted is False
                    and expected.id not in there
                ):
                    self._complain(f"{expected.title}: not in its owner's list")

    async def do_wrong(self) -> None:
        """What must leave nothing behind."""
        expected = self._new_expectation()
        expected.refused = True
        title = {"title": expected.title}
        await self._ask("POST", "", 401, json=title, headers=NOBODY)
        await self._ask("POST", "", 422, json={**title, "description": 5})
        await self._ask("POST", "", 422, json={"title": expected.title + TOO_LONG})
        if (own := self._own()) is not None:
            await self._ask("PATCH", f"/{own.id}/complete", 404, headers=self.stranger)

    def _new_expectation(self) -> Expectation:
        expected = Expectation(secrets.token_hex(8), self.id)
        self.expectations.append(expected)
        return expected

    def _own(self) -> Expectation | None:
        """One of the last tasks that is surely or perhaps still there."""
        mine = [e for e in self.expectations[-20:] if e.id is not None and e.deleted is not True]
        return self.random.choice(mine) if mine else None

    def _is_unclear(self, answer: httpx.Response | None) -> bool:
        """Whether it may have happened; a polite server has done nothing without a word."""
        return not self.load.polite if answer is None else answer.status_code == 503

    async def _ask(
        self,
        method: str,
        path: str,
        success: int,
        expected: Expectation | None = None,
        **request: object,
    ) -> httpx.Response | None:
        started = time.monotonic()
        url = f"{self.server.url}/api/tasks{path}"
        response: httpx.Response | None = None
        try:
            response = await self.client.request(method, url, **request)  # type: ignore[arg-type]
        except httpx.TransportError as error:
            if not self.load.may_hang_up:
                self._complain(f"{method}: {error!r} from a server that lives")
            await asyncio.sleep(0.2)  # as a client would
        status = response.status_code if response is not None else None
        answer = Answer(started, time.monotonic() - started, method, status)
        self.load.answers.append(answer)
        if response is not None and status != success:
            self._check_refusal(method, response, expected)
        return response

    def _check_refusal(
        self, method: str, response: httpx.Response, expected: Expectation | None
    ) -> None:
        """Only "try again" is allowed, or that a task is gone whose deletion was unclear."""
        if response.status_code == 503:
            seconds = response.headers.get("retry-after", "")
            if not (seconds.isdigit() and isinstance(response.json().get("detail"), str)):
                self._complain(f"{method}: 503 without Retry-After or in another shape")
        elif response.status_code == 409 and self.load.repeats:
            pass  # the first of the two is under way
        elif response.status_code == 404 and expected is not None and expected.deleted is None:
            expected.deleted = True
        else:
            self._complain(f"{method}: {response.status_code} {response.text}")

    def _complain(self, sentence: str) -> None:
        self.load.violations.append(sentence)
