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
from concurrent.futures import ThreadPoolExecutor

from nacl import bindings as libsodium

_N, _R, _P, _KEY_BYTES, _SALT_BYTES = 16_384, 16, 1, 64, 16
_MAX_MEMORY = 128 * _N * _R * 2
_MAX_WAITING_PER_CORE = 64
_NICENESS = 10


class HashingQueueFullError(RuntimeError):
    """More hashes are waiting than can be done in a few seconds."""


class PasswordHasher:
    """Hashes and verifies passwords without ever blocking the event loop."""

    def __init__(self, threads: int | None = None) -> None:
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
        salt = secrets.token_hex(_SALT_BYTES)
        return f"{salt}:{(await self._derive(password, salt)).hex()}"

    async def verify(self, password: str, stored: str) -> bool:
        """Whether the password belongs to the stored hash; a malformed hash belongs to none.

        Raises:
            HashingQueueFullError: try again in a moment.
        """
        salt, _, key = stored.partition(":")
        derived = await self._derive(password, salt)
        return hmac.compare_digest(derived.hex().encode(), key.lower().encode())

    async def burn(self, password: str) -> None:
        """Take as long as `verify`, so that an unknown e-mail address cannot be told by time."""
        await self._derive(password, "0" * 2 * _SALT_BYTES)

    async def _derive(self, password: str, salt: str) -> bytes:
        if self.pending >= self.max_pending:
            raise HashingQueueFullError
        self.pending += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._executor, _scrypt, password, salt)
        finally:
            self.pending -= 1


def _yield_to_others() -> None:
    """Let everybody who is not signing in go first; on Linux a thread has a priority of its own."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


def _scrypt(password: str, salt: str) -> bytes:
    """The salt is the UTF-8 of its hexadecimal text, as in the original."""
    form = well_formed(unicodedata.normalize("NFKC", password)).encode()
    return libsodium.crypto_pwhash_scryptsalsa208sha256_ll(
        form, salt.encode(), _N, _R, _P, dklen=_KEY_BYTES, maxmem=_MAX_MEMORY
    )


def well_formed(text: str) -> str:
    """Replace lone surrogates by U+FFFD, as JavaScript does where it encodes text."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
