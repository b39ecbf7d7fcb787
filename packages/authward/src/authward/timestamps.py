"""Points in time as JSON has them here: UTC, three fraction digits, `Z`.

Six digits would be read as milliseconds by the Better Auth client and shift the date by minutes.
"""

from datetime import UTC, datetime


def now() -> datetime:
    """Return the current time in UTC, cut to milliseconds."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def to_json(moment: datetime) -> str:
    """Return `2026-01-08T10:30:00.123Z` for a time in UTC, as asyncpg returns them."""
    return moment.isoformat(timespec="milliseconds")[:23] + "Z"


def from_json(text: str) -> datetime:
    """Read a time that says its zone.

    Raises:
        TypeError, ValueError: it is none, or none that UTC has.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(text) from None
