"""Password hashes: the original's format, and never more of them at once than the machine bears."""

import asyncio
import hashlib
import hmac
import os
import re
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from taskward.auth.passwords import HashingQueueFullError, PasswordHasher
from tests.conftest import PASSWORD, Person, new_email

CORES = len(os.sched_getaffinity(0))

# Made with the original's `hashPassword` (@better-auth/utils 0.4) under Node.js.
VECTORS = {
    "correct horse battery staple": (
        "55ee3f917d842662fac94c02aba0bbba:b5838a70d3ebf8276b3264beb0ac77b3800b1e1e9b39d47b26546d9e3c"
        "204dd12e0832a9b2f4c0f18bcee93c56ff97102b78148ca71a5fb00fd48fe18d8134d1"
    ),
    "\u00e9clair-\u00c5ngstr\u00f6m": (
        "d2a09f18538eeafc1b31a4170d42fedc:ef449717259bede913f665b6eafa4a31fc11c018e17978f70d61ae6319"
        "ee385d134ca62fd1e6342dee261b19ff2e7c990abed7900e932599b9f6fb582021957f"
    ),
    "\ufb01\ufb02\u2460\uff21\uff22\uff23\u00bd\u2126": (
        "1b7f0d755548d6ca4045032ebbedf10f:44e338b5f08a5d567bb7a45d01b404835d39e8abd8e2443bef982d46c5"
        "c6da6ef409993d196892490994a46b39bb5548d88598544b1caa4c8174c987c4a14dd4"
    ),
    "\u1100\u1161\u11a8pass": (
        "1d78f3bbc16a6a2dec61062daa0d7dd5:7555ef9da8c3417d40883756fa2aff2c7789630c246218c5ea45a6bbe7"
        "dadb44b3edc453ca2ddd7fc7a0929d92c2a9eb0ee1163aaac1291d88ec6ef0720e0af8"
    ),
    "\U0001f600\U0001f600\U0001f600\U0001f600": (
        "1b683444331a51f67cf96ad02709fed9:8389a052716377d0bf5a91deb27c75cdc9a6a3394d9df91f1f7b3b2994"
        "5b854f61e03d3b85bb67d2e99e6e1a25c323b8162a081acf74bc546d67d0be6f010b4e"
    ),
    "lone\ud800surrogate": (
        "1710c9cb2f57467329bffa4af5c2d1f4:34570661cfb2424c7ce9b974543614d2b838ffa54fb5f862bd0d01117b"
        "f23b3dfa400544f266d751a60603e73cfbab86ff7bb372143b8764ba902506832a9c8e"
    ),
    "nul\0inside": (
        "bc29074fd1c3a6f5ec6b49a45eecf3c7:a9540766e0af95d314ee61e50118361d7d5a460520184588e9bb9eac09"
        "0b68970186b8ac907af62c4504f4fbaa7a7abccb9013aa523840b2a2d508d80f3c7a7e"
    ),
    "   spaces   ": (
        "1a32df551ebbb81e1c94048575ab0948:54993a557f291c42c5c0574a20d8a37b71c28a9f1ee84b58e4720d1c91"
        "2f9720677f05bb73648a09d3363e51a6df60ce057fb7af32e184efcdfec84bff0c0d2c"
    ),
    "\u200bzero\u200dwidth\ufeff": (
        "c080b84dcd44dd9d4de97588d930805e:b2134e78fd2ae5ab69f53b2b086a3792754c05b5bced4fd254ceab6ce1"
        "8eb257d1ed0d992c8defd35bd6b0bee7e7c4a9c9b79e2b400a1a29f2d8f495c2405918"
    ),
}
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
    compared: list[tuple[int, int]] = []
    real = hmac.compare_digest

    def compare(a: Any, b: Any) -> bool:
        compared.append((len(a), len(b)))
        return real(a, b)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    assert not await hasher.verify("wrong password", GOOD)
    assert compared in ([(128, 128)], [(64, 64)])


async def test_the_event_loop_goes_on_while_passwords_are_hashed(hasher: PasswordHasher) -> None:
    hashes = asyncio.gather(*(hasher.burn(PASSWORD) for _ in range(2 * CORES)))
    turns = 0
    while not hashes.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 100


async def test_no_more_than_one_hash_per_core_runs_at_once() -> None:
    before = threads()
    hasher = PasswordHasher()
    hashes = asyncio.gather(*(hasher.burn(PASSWORD) for _ in range(3 * CORES)))
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
    waiting = [asyncio.create_task(hasher.burn(PASSWORD)) for _ in range(2000)]
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
    app: FastAPI, client: httpx.AsyncClient, alice: Person, path: str
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


async def test_tasks_answer_while_many_sign_in(client: httpx.AsyncClient, alice: Person) -> None:
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
