"""Password hashes: the original's format, and never more of them at once than the machine bears."""

import asyncio
import hashlib
import os
import re
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import FastAPI

from authward.security.passwords import HashingQueueFullError, PasswordHasher
from tests.conftest import PASSWORD, User, new_email
from tests.support.password_hashes import VECTORS, watch_comparisons

CORES = len(os.sched_getaffinity(0))

GOOD = VECTORS[PASSWORD]


@pytest.fixture(scope="module")
def hasher() -> PasswordHasher:
    return PasswordHasher()


@pytest.mark.parametrize("password", VECTORS, ids=ascii)
async def test_passwords_hashed_by_the_original_are_accepted(
    hasher: PasswordHasher, password: str
) -> None:
    assert await hasher.verify(password, VECTORS[password])


async def test_the_form_in_which_a_keyboard_sends_a_letter_does_not_matter(
    hasher: PasswordHasher,
) -> None:
    composed, decomposed = "\u00e9clair-\u00c5ngstr\u00f6m", "e\u0301clair-A\u030angstro\u0308m"
    assert composed != decomposed
    assert await hasher.verify(decomposed, VECTORS[composed])
    ligatures = "\ufb01\ufb02\u2460\uff21\uff22\uff23\u00bd\u2126"
    assert await hasher.verify("fifl1ABC1\u20442\u03a9", VECTORS[ligatures])


async def test_a_hash_has_the_original_format_and_a_salt_of_its_own(
    hasher: PasswordHasher,
) -> None:
    first, second = await asyncio.gather(hasher.hash(PASSWORD), hasher.hash(PASSWORD))
    for stored in (first, second):
        assert re.fullmatch(r"[0-9a-f]{32}:[0-9a-f]{128}", stored)
    assert first.partition(":")[0] != second.partition(":")[0]
    assert first.partition(":")[2] != second.partition(":")[2]
    assert await hasher.verify(PASSWORD, first)
    assert not await hasher.verify(PASSWORD + " ", first)
    assert not await hasher.verify(PASSWORD.upper(), first)


@pytest.mark.parametrize(
    "stored",
    [
        *("", ":", "no colon", f"{GOOD[:32]}:", GOOD[32:], GOOD[:-1]),
        *(GOOD + "0", f"{GOOD[:33]}{'zz' * 64}", "ü:ü", "\ufeff:\U0001f600"),
        *("$2b$12$abcdefghijklmnopqrstuv", f"{'0' * 1_000_000}:{'f' * 1_000_000}"),
    ],
    ids=lambda stored: ascii(stored[:20]),
)
async def test_a_malformed_hash_belongs_to_no_password(hasher: PasswordHasher, stored: str) -> None:
    assert await hasher.verify(PASSWORD, stored) is False


async def test_hashes_are_compared_in_constant_time(
    hasher: PasswordHasher, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = watch_comparisons(monkeypatch)
    assert not await hasher.verify("wrong password", GOOD)
    assert compared in ([(128, 128)], [(64, 64)])


async def test_the_event_loop_goes_on_while_passwords_are_hashed(hasher: PasswordHasher) -> None:
    hashes = asyncio.gather(*(hasher.dummy_verify(PASSWORD) for _ in range(2 * CORES)))
    turns = 0
    while not hashes.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 100


async def test_no_more_than_one_hash_per_core_runs_at_once() -> None:
    before = threads()
    hasher = PasswordHasher()
    hashes = asyncio.gather(*(hasher.dummy_verify(PASSWORD) for _ in range(3 * CORES)))
    most = 0
    while not hashes.done():
        most = max(most, len(threads() - before))
        await asyncio.sleep(0)
    assert 1 <= most <= CORES


def threads() -> set[int | None]:
    return {t.ident for t in threading.enumerate() if t.name.startswith("scrypt")}


@asynccontextmanager
async def full_queue(hasher: PasswordHasher) -> AsyncIterator[int]:
    """Ask for more hashes than may wait; yields how many were taken on."""
    hold = threading.Event()  # nothing leaves the queue while it is looked at
    for _ in range(hasher._executor._max_workers):
        hasher._executor.submit(hold.wait)
    waiting = [asyncio.create_task(hasher.dummy_verify(PASSWORD)) for _ in range(2000)]
    await asyncio.sleep(0)
    refused = [task for task in waiting if task.done()]
    assert all(isinstance(task.exception(), HashingQueueFullError) for task in refused)
    try:
        yield len(waiting) - len(refused)
    finally:
        hold.set()
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def test_the_queue_is_bounded_and_those_who_give_up_leave_it() -> None:
    hasher = PasswordHasher(threads=1)
    async with full_queue(hasher) as taken:
        assert 1 <= taken <= 100
        with pytest.raises(HashingQueueFullError):
            await hasher.verify(PASSWORD, GOOD)
    assert await hasher.verify(PASSWORD, GOOD)


@pytest.mark.parametrize(
    "path", ["sign-in/email", "sign-up/email", "login", "login/email", "signup"]
)
async def test_when_too_many_sign_in_the_next_is_told_to_retry_and_tasks_still_answer(
    app: FastAPI, client: httpx.AsyncClient, alice: User, path: str
) -> None:
    email = new_email()
    async with full_queue(app.state.better_auth.passwords):
        refused = await client.post(
            f"/api/auth/{path}", json={"name": "A", "email": email, "password": PASSWORD}
        )
        tasks = await client.get("/api/tasks", headers=alice.headers)
    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) > 0
    assert isinstance(refused.json()["message" if path.startswith("sign-") else "detail"], str)
    assert "set-cookie" not in refused.headers
    assert (tasks.status_code, tasks.json()) == (200, [])
    assert await app.state.database.fetch('SELECT FROM "user" WHERE email = $1', email) == []


async def test_tasks_answer_while_many_sign_in(client: httpx.AsyncClient, alice: User) -> None:
    body = {"email": new_email(), "password": PASSWORD}
    sign_ins = asyncio.gather(
        *(client.post("/api/auth/sign-in/email", json=body) for _ in range(4 * CORES))
    )
    answered = 0
    while not sign_ins.done():
        response = await client.get("/api/tasks", headers=alice.headers)
        assert response.status_code == 200
        answered += 1
    assert {response.status_code for response in await sign_ins} == {401}
    assert answered >= 10


@pytest.mark.parametrize("password", ["", "a" * 1000, "\0", "\U0001f600é"], ids=ascii)
async def test_hashes_are_those_of_the_standard_library(
    hasher: PasswordHasher, password: str
) -> None:
    salt, _, key = (await hasher.hash(password)).partition(":")
    limits = {"n": 16_384, "r": 16, "p": 1, "maxmem": 2**26, "dklen": 64}
    assert key == hashlib.scrypt(password.encode(), salt=salt.encode(), **limits).hex()
