"""Keys in a secondary storage: each by its hash and by its id, and a list of ids by its owner."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from hmac import compare_digest
from typing import Any, Final

import orjson

from authward.context import AuthContext
from authward.ids import generate_id
from authward.plugins.api_key.key_json import to_row, to_text, with_whole_numbers
from authward.plugins.api_key.tables import MODEL
from authward.schema.fields import DBField
from authward.secondary_storage import PromptStorage
from authward.storage.adapter import Page, Row
from authward.storage.statements import makes_ids, new_id
from authward.timestamps import now

_AT_ONCE: Final = 10
_NOT_COMPARED: Final = {"metadata"}


class StoredKeys:
    """The three kinds of entries; `fields` are those of the table."""

    def __init__(self, storage: PromptStorage, fields: Mapping[str, DBField]) -> None:
        self._storage = storage
        self._fields = fields

    async def by_hash(self, hashed: str) -> Row | None:
        """Return a key by what is kept of it."""
        return self._read(await self._storage.get(_by_hash(hashed)), hashed)

    async def by_id(self, key_id: str) -> Row | None:
        """Return a key by its id."""
        return to_row(await self._storage.get(_by_id(key_id)), self._fields)

    def _read(self, text: str | None, hashed: str) -> Row | None:
        """Where keys are not hashed, `by-id:` and an id would find one as well."""
        row = to_row(text, self._fields)
        is_same = row is not None and compare_digest(row["key"].encode(), hashed.encode())
        return row if is_same else None

    async def copy(self, row: Row) -> None:
        """Keep a key as it is now."""
        text, seconds = to_text(row), _seconds(row)
        await self._storage.set(_by_hash(row["key"]), text, seconds)
        await self._storage.set(_by_id(row["id"]), text, seconds)

    async def change(self, hashed: str, changed: Callable[[Row], Row]) -> Row | None:
        """Change a key and return it; None if it is gone. Whoever loses a race looks again."""
        while True:
            text = await self._storage.get(_by_hash(hashed))
            row = self._read(text, hashed)
            if row is None:
                return None
            new = changed(row)
            new_text, seconds = to_text(new), _seconds(new)
            if await self._storage.replace(_by_hash(hashed), text, new_text, seconds):
                await self._storage.set(_by_id(new["id"]), new_text, seconds)
                return new

    async def delete(self, row: Row) -> None:
        """Remove a key."""
        await self._storage.delete(_by_hash(row["key"]))
        await self._storage.delete(_by_id(row["id"]))

    async def read(self, ids: Sequence[str], page: Page) -> list[Row]:
        """Return keys by their ids, as far as they are there, all of them in the page's order."""
        found: list[Row | None] = []
        for start in range(0, len(ids), _AT_ONCE):
            part = ids[start : start + _AT_ONCE]
            found += await asyncio.gather(*map(self.by_id, part))
        return _sorted([row for row in found if row is not None], page)

    async def ids_of(self, owner: str) -> list[str]:
        """Return the ids of an owner's keys."""
        return _ids(await self._storage.get(_by_owner(owner)))

    async def list_ids(self, owner: str, ids: Sequence[str]) -> None:
        """Keep the ids of an owner's keys."""
        await self._storage.set(_by_owner(owner), orjson.dumps(ids).decode())

    async def forget_list(self, owner: str) -> None:
        """Remove the list of an owner's keys, which the table has as well."""
        await self._storage.delete(_by_owner(owner))

    async def add_to_list(self, owner: str, key_id: str) -> None:
        """Add a key to its owner's."""
        await self._change_list(owner, lambda ids: [*ids, key_id])

    async def remove_from_list(self, owner: str, key_id: str) -> None:
        """Remove a key from its owner's."""
        await self._change_list(owner, lambda ids: [each for each in ids if each != key_id])

    async def _change_list(self, owner: str, changed: Callable[[list[str]], list[str]]) -> None:
        key = _by_owner(owner)
        while True:
            text = await self._storage.get(key)
            ids = changed(_ids(text))
            new = orjson.dumps(ids).decode() if ids else None
            if await self._storage.replace(key, text, new, None):
                return


async def new_row(auth: AuthContext, values: Mapping[str, Any]) -> Row:
    """Return a new key that is in no table, with everything that a row has."""
    fields = auth.schema.tables[MODEL].fields
    own_id = makes_ids(auth.pool)
    key_id = generate_id() if own_id else await new_id(auth.pool, MODEL)
    return {**dict.fromkeys(fields), "requestCount": 0, **with_whole_numbers(values), "id": key_id}


def _by_hash(hashed: str) -> str:
    return f"api-key:{hashed}"


def _by_id(key_id: str) -> str:
    return f"api-key:by-id:{key_id}"


def _by_owner(owner: str) -> str:
    return f"api-key:by-ref:{owner}"


def _seconds(row: Row) -> int | None:
    if row["expiresAt"] is None:
        return None
    seconds = int((row["expiresAt"] - now()).total_seconds())
    return seconds if seconds > 0 else None


def _ids(text: str | None) -> list[str]:
    try:
        found: Any = orjson.loads(text or "[]")
    except ValueError:
        return []
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def _sorted(rows: list[Row], page: Page) -> list[Row]:
    """Sort as JavaScript compares: nothing is before everything, texts go by their UTF-16 units."""
    name = page.sort_by
    if name is None or name in _NOT_COMPARED:
        return rows

    def place(row: Row) -> tuple[bool, Any]:
        value = row.get(name)
        if isinstance(value, str):
            return True, value.encode("utf-16-be", "surrogatepass")
        return value is not None, value if value is not None else 0

    return sorted(rows, key=place, reverse=page.descending)
