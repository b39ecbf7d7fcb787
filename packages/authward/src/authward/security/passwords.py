"""Password hashing in Better Auth's format: `saltHex:keyHex`, scrypt over the NFKC form.

One hash takes 32 MiB and tens of milliseconds, so it runs in threads (libsodium's runs without the
GIL, and its vector code takes two thirds of the time of `hashlib.scrypt`), at most one per core,
and the queue before them is bounded: past it the caller is told to retry.
"""

import asyncio
import hmac
import os
import secrets
import sys
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import structlog
from nacl import bindings as libsodium

from authward.password_options import PasswordOptions, VerifyFunction
from authward.text import to_well_formed

_N, _R, _P, _KEY_BYTES, _SALT_BYTES = 16_384, 16, 1, 64, 16
_MAX_MEMORY = 128 * _N * _R * 2
_MAX_WAITING_PER_CORE = 64
_NICENESS = 10
_T = TypeVar("_T")

log = structlog.get_logger(__name__)


class HashingQueueFullError(RuntimeError):
    """More hashes are waiting than can be done in a few seconds."""


class PasswordHasher:
    """Hashes and verifies passwords without ever blocking the event loop."""

    def __init__(self, threads: int | None = None, options: PasswordOptions | None = None) -> None:
        self.options = options or PasswordOptions()
        cores = threads or len(os.sched_getaffinity(0))
        self._executor = ThreadPoolExecutor(
            cores, thread_name_prefix="scrypt", initializer=_yield_to_others
        )
        self.max_pending = cores * (1 + _MAX_WAITING_PER_CORE)
        self.pending = 0

    async def hash(self, password: str) -> str:
        """Return a new salted hash.

        Raises:
            HashingQueueFullError: try again in a moment.
        """
        if self.options.hash is not None:
            return await self._run(self.options.hash, password)
        salt = secrets.token_hex(_SALT_BYTES)
        return f"{salt}:{(await self._derive(password, salt)).hex()}"

    async def verify(self, password: str, stored: str) -> bool:
        """Whether the password belongs to the stored hash; a malformed hash belongs to none.

        Raises:
            HashingQueueFullError: try again in a moment.
        """
        if self.options.verify is not None and not self.options.is_own(stored):
            return await self._run(_verified_by, self.options.verify, stored, password)
        salt, _, key = stored.partition(":")
        derived = await self._derive(password, salt)
        return hmac.compare_digest(derived.hex().encode(), key.lower().encode())

    async def dummy_verify(self, password: str) -> None:
        """Take as long as `verify`, so that an unknown e-mail address cannot be told by time."""
        if self.options.hash is not None:
            await self._run(self.options.hash, password)
            return
        await self._derive(password, "0" * 2 * _SALT_BYTES)

    async def _derive(self, password: str, salt: str) -> bytes:
        return await self._run(_scrypt, password, salt)

    async def _run(self, function: Callable[..., _T], *args: Any) -> _T:
        if self.pending >= self.max_pending:
            raise HashingQueueFullError
        self.pending += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._executor, partial(function, *args))
        finally:
            self.pending -= 1


def _verified_by(verify: VerifyFunction, stored: str, password: str) -> bool:
    """A hash of a form that the function does not know is nobody's password."""
    try:
        return verify(stored, password) is True
    except Exception as error:  # noqa: BLE001 - libraries have exceptions of their own for this
        log.warning("a password could not be verified", error=type(error).__name__)
        return False


def _yield_to_others() -> None:
    """Let everybody who is not signing in go first; on Linux a thread has a priority of its own."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


def _scrypt(password: str, salt: str) -> bytes:
    """The salt is the UTF-8 of its hexadecimal text, as in the original."""
    form = to_well_formed(unicodedata.normalize("NFKC", password)).encode()
    return libsodium.crypto_pwhash_scryptsalsa208sha256_ll(
        form, salt.encode(), _N, _R, _P, dklen=_KEY_BYTES, maxmem=_MAX_MEMORY
    )
