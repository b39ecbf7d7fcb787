"""What the programs that tests start inherit: environment variables, signals."""

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


def clean_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Nothing of the developer's own environment but what every program needs."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**inherited, **settings}


@contextmanager
def heeded(signum: signal.Signals) -> Iterator[None]:
    """Children inherit that a signal is ignored, as SIGHUP by nohup, SIGINT in the background."""
    before = signal.signal(signum, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signum, before)
