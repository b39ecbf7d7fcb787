"""Verification values in secondary storage: JSON under `verification:` and the identifier.

The original reads what is written here, and the other way round.
"""

from typing import Any

import orjson

from authward.secondary_storage import SecondaryStorage, whole_number
from authward.storage.verification import Kept
from authward.timestamps import from_json, now, to_json


class VerificationStore:
    """What is kept until its time is over; what lives for less than a second is not."""

    def __init__(self, storage: SecondaryStorage) -> None:
        self._storage = storage

    async def set(self, identifier: str, kept: Kept) -> None:
        """Keep a value in the place of an older one."""
        seconds = int((kept.expires_at - now()).total_seconds())
        if seconds > 0:
            await self._storage.set(_key(identifier), _text(identifier, kept), seconds)

    async def get(self, identifier: str) -> Kept | None:
        """Return the value."""
        return _read(await self._storage.get(_key(identifier)))

    async def take(self, identifier: str) -> Kept | None:
        """Return the value and remove it: of any number of callers at once, one gets it."""
        return _read(await self._storage.get_and_delete(_key(identifier)))

    async def delete(self, identifier: str) -> None:
        """Remove the value."""
        await self._storage.delete(_key(identifier))

    async def end_links(self, user_id: str, seconds: int) -> None:
        """Note that what was sent to a user until now counts no more."""
        until = str(int(now().timestamp() * 1000))
        await self._storage.set(_key_of_user(user_id), until, seconds)

    async def is_ended(self, sent: Kept) -> bool:
        """Whether a value, which is the id of a user, was sent before that."""
        until = whole_number(await self._storage.get(_key_of_user(sent.value)))
        return sent.created_at.timestamp() * 1000 <= until


def _key(identifier: str) -> str:
    return f"verification:{identifier}"


def _key_of_user(user_id: str) -> str:
    return f"links-ended-before-{user_id}"


def _text(identifier: str, kept: Kept) -> str:
    values = {
        "createdAt": to_json(kept.created_at),
        "updatedAt": to_json(kept.created_at),
        "value": kept.value,
        "identifier": identifier,
        "expiresAt": to_json(kept.expires_at),
    }
    row = {} if kept.row_id is None else {"id": kept.row_id}
    return orjson.dumps(values | row).decode()


def _read(text: str | None) -> Kept | None:
    """Return what either server has written, None for anything else."""
    try:
        values: Any = orjson.loads(text or "")
        value, ends = values["value"], from_json(values["expiresAt"])
        # A marker that the original has reserved tells no other time.
        begins = from_json(values["createdAt"]) if "createdAt" in values else ends
        row_id = values.get("id")
    except (ValueError, TypeError, LookupError):
        return None
    if not isinstance(value, str):
        return None
    return Kept(value, ends, begins, None if row_id is None else str(row_id))
