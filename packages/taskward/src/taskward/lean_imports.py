"""Libraries of others, without what they load wherever they find it and a server never uses.

structlog takes rich for tracebacks that are written otherwise here, uvicorn takes watchfiles to
start anew when the source changes: 85 modules and 4 MiB in each worker. To be called before
anything else has loaded either.
"""

import sys
from importlib import import_module

_UNUSED = {"structlog": "rich", "uvicorn.supervisors": "watchfiles"}


def load() -> None:
    """Load them, and let them find none of it; whoever asks later finds it as ever."""
    for library, unused in _UNUSED.items():
        if unused not in sys.modules:
            _load_without(unused, library)


def _load_without(unused: str, library: str) -> None:
    sys.modules[unused] = None  # type: ignore[assignment]  # how Python is told that there is none
    try:
        import_module(library)
    finally:
        del sys.modules[unused]
