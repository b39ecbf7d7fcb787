"""Tokens: what checking one costs, the first time and when it is known."""

import statistics
import time
from collections.abc import Iterable
from typing import Any

from authward.security.jwt import TokenSigner
from tests.support.servers import SECRET

COUNT = 5_000


def measure_tokens() -> dict[str, Any]:
    """Microseconds for each check: all cold (never seen before), then all warm."""
    signer = TokenSigner(SECRET, issuer="http://localhost:8000", lifetime=900)
    tokens = [signer.issue(f"user_{number}") for number in range(COUNT)]
    return {"cold": _summary(_times(signer, tokens)), "warm": _summary(_times(signer, tokens))}


def _times(signer: TokenSigner, tokens: Iterable[str]) -> list[float]:
    found = []
    for token in tokens:
        started = time.perf_counter_ns()
        signer.verify(token)
        found.append((time.perf_counter_ns() - started) / 1000)
    return found


def _summary(microseconds: list[float]) -> dict[str, float]:
    quantiles = statistics.quantiles(microseconds, n=100)
    return {"p50_us": quantiles[49], "p95_us": quantiles[94], "p99_us": quantiles[98]}
