"""The JSON Web Key Set (RFC 7517) of another Better Auth server, whose tokens are accepted as well.

It is fetched when a token needs it, and again before it expires as long as tokens use it. A key is
valid for its own algorithms and as long as the set: one that is revoked there is refused here
within ten minutes.
"""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import structlog

from authward.extras import needs
from authward.security.jwk import SUPPORTED, PublicKey, UnusableKeyError, read_key

with needs("jwks"):
    import httpx2

    from authward.security.tls import tls_context

_STEP_SECONDS = 5.0
_TOTAL_SECONDS = 10.0
_WAIT_SECONDS = 5.0
_WAIT_SECONDS_AFTER_FAILURE = 1.0  # no request waits long for a server that is down
_MAX_BYTES = 262_144
_MAX_KEYS = 100
_HEADERS = {"accept": "application/json", "accept-encoding": "identity", "user-agent": "taskward"}
_FAILURES = (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError, RecursionError)

log = structlog.get_logger(__name__)


class RemoteJWKS:
    """The key set at `url`, fetched at most once in `refresh_every` seconds."""

    def __init__(
        self,
        url: str,
        refresh_every: float = 30.0,
        max_age: float = 600.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Use a set for at most `max_age` seconds; refresh it after half of that."""
        self._url = url
        self._refresh_every = refresh_every
        self._max_age = max_age
        self._clock = clock
        self._keys: dict[tuple[str, str], PublicKey] = {}
        self._logged_problems: set[str] = set()
        self._fetched_at = float("-inf")
        self._next_fetch_at = float("-inf")
        self._failed = False
        self._fetching: asyncio.Task[None] | None = None
        self._tls = tls_context()  # loaded at start, not during the first request
        self.on_change: Callable[[], None] = lambda: None
        """Called when the keys have changed."""

    def is_supported(self, header: dict[str, Any]) -> bool:
        """Whether a token's header has the one accepted form: `alg` and `kid`, maybe `typ`."""
        kid, alg = header.get("kid"), header.get("alg")
        known_form = header.keys() <= {"alg", "kid", "typ"} and header.get("typ", "JWT") == "JWT"
        is_signed_so = isinstance(alg, str) and alg in SUPPORTED
        return known_form and is_signed_so and isinstance(kid, str) and bool(kid)

    def has_key(self, kid: str) -> bool:
        """Whether the set has the key and is not expired."""
        return self._age() < self._max_age and any(name == kid for name, _ in self._keys)

    def verify(self, header: dict[str, str], signed: bytes, signature: bytes) -> bool:
        """Verify a signature with the key and algorithm of the header."""
        key = self._keys.get((header["kid"], header["alg"]))
        return key is not None and key.verify(signed, signature)

    def refresh_in_background(self) -> None:
        """Start to fetch the keys again when half of their time is over."""
        if self._age() >= self._max_age / 2:
            self._start_fetch()

    def trusted_for(self) -> float:
        """Return for how many seconds a verified token may be cached."""
        age = self._age()
        until_refresh = self._max_age / 2 - age
        return until_refresh if until_refresh > 0 else min(self._refresh_every, self._max_age - age)

    async def refresh(self) -> None:
        """Fetch the keys and wait for them, unless that was tried a moment ago."""
        self._start_fetch()
        if self._fetching is not None:
            patience = _WAIT_SECONDS_AFTER_FAILURE if self._failed else _WAIT_SECONDS
            await asyncio.wait({self._fetching}, timeout=patience)

    def _age(self) -> float:
        return self._clock() - self._fetched_at

    def _start_fetch(self) -> None:
        """Start a fetch that concurrent callers share; it goes on if they are cancelled."""
        is_fetching = self._fetching is not None and not self._fetching.done()
        if not is_fetching and self._clock() >= self._next_fetch_at:
            self._next_fetch_at = self._clock() + self._refresh_every
            self._fetching = asyncio.get_running_loop().create_task(self._fetch_and_replace())

    async def _fetch_and_replace(self) -> None:
        """Fetch and replace the set; after an error the old one stays until it expires."""
        asked_at = self._clock()
        try:
            async with asyncio.timeout(_TOTAL_SECONDS):
                keys = self._read(await self._fetch())
        except _FAILURES as error:
            self._failed = True
            log.warning("cannot fetch the other server's keys", error=type(error).__name__)
            return
        is_other = keys != self._keys
        self._keys, self._fetched_at, self._failed = keys, asked_at, False
        if is_other:
            self.on_change()

    async def _fetch(self) -> Any:
        async with (
            httpx2.AsyncClient(verify=self._tls, timeout=_STEP_SECONDS, trust_env=False) as client,
            client.stream("GET", self._url, headers=_HEADERS) as response,
        ):
            response.raise_for_status()
            body = b""
            async for chunk in response.aiter_raw():  # decompressed it could be of any size
                body += chunk
                if len(body) > _MAX_BYTES:
                    raise ValueError("too large")
        return json.loads(body)

    def _read(self, document: Any) -> dict[tuple[str, str], PublicKey]:
        """Return the usable keys by `kid` and algorithm; the first of duplicates."""
        listed = document.get("keys") if isinstance(document, dict) else None
        if not isinstance(listed, list):
            raise ValueError("no key set")  # noqa: TRY004
        keys: dict[tuple[str, str], PublicKey] = {}
        problems: list[str] = []
        for position, jwk in enumerate(listed[:_MAX_KEYS]):
            try:
                for key in read_key(jwk):
                    keys.setdefault((key.kid, key.algorithm), key)
            except UnusableKeyError as error:
                problems.append(f"{error} (number {position + 1} of the set)")
        if len(listed) > _MAX_KEYS:
            problems.append(f"there are more than {_MAX_KEYS}, the rest is left out")
        self._log_problems(problems)
        return keys

    def _log_problems(self, problems: list[str]) -> None:
        """Log each problem with a key once, not at every fetch."""
        for problem in problems:
            if problem not in self._logged_problems:
                log.warning("a key of the other server does not count", reason=problem)
        self._logged_problems = set(problems)
