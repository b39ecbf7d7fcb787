"""Where keys are: in their table, in a secondary storage, or in both."""

from collections.abc import Mapping
from typing import Any, Protocol

from authward.context import AuthContext
from authward.errors import APIError
from authward.plugins.api_key.codes import ApiKeyCode
from authward.plugins.api_key.key_json import with_whole_numbers
from authward.plugins.api_key.options import ApiKeyOptions
from authward.plugins.api_key.stored_keys import StoredKeys, new_row
from authward.plugins.api_key.tables import MODEL
from authward.plugins.api_key.using import use_row, used
from authward.secondary_storage import PromptStorage
from authward.storage.adapter import Page, Row
from authward.timestamps import now


class KeyStore(Protocol):
    """The keys of a kind."""

    async def by_hash(self, hashed: str) -> Row | None:
        """Return a key by what is kept of it."""

    async def by_id(self, key_id: str) -> Row | None:
        """Return a key by its id."""

    async def of_owner(self, owner: str, page: Page) -> list[Row]:
        """Return the keys of a user or an organization."""

    async def create(self, values: Mapping[str, Any]) -> Row:
        """Keep a new key and return it."""

    async def change(self, row: Row, values: Mapping[str, Any]) -> Row:
        """Change a key and return it."""

    async def delete(self, row: Row) -> None:
        """Remove a key."""

    async def use(self, row: Row, options: ApiKeyOptions) -> Row:
        """Count a use and return the key; of its last uses at once exactly that many succeed."""


def storage_of(auth: AuthContext, options: ApiKeyOptions) -> PromptStorage | None:
    """Return the secondary storage of a kind of keys; None where they are in their table alone."""
    if options.storage == "database":
        return None
    custom: Any = options.custom_storage
    return auth.secondary_storage if custom is None else PromptStorage(custom)


def store_of(auth: AuthContext, options: ApiKeyOptions) -> KeyStore:
    """Return where keys of a kind are."""
    storage = storage_of(auth, options)
    if storage is None:
        return InDatabase(auth)
    stored = StoredKeys(storage, auth.schema.tables[MODEL].fields)
    return InBoth(auth, stored) if options.fallback_to_database else InStorage(auth, stored)


class InDatabase:
    """Keys in their table."""

    def __init__(self, auth: AuthContext) -> None:
        self._auth = auth

    async def by_hash(self, hashed: str) -> Row | None:
        """Return a key by what is kept of it."""
        return await self._auth.adapter.find_one(self._auth.pool, MODEL, {"key": hashed})

    async def by_id(self, key_id: str) -> Row | None:
        """Return a key by its id."""
        return await self._auth.adapter.find_one(self._auth.pool, MODEL, {"id": key_id})

    async def of_owner(self, owner: str, page: Page) -> list[Row]:
        """Return the keys of a user or an organization."""
        where = {"referenceId": owner}
        return await self._auth.adapter.find_many(self._auth.pool, MODEL, where, page)

    async def create(self, values: Mapping[str, Any]) -> Row:
        """Keep a new key and return it."""
        return await self._auth.adapter.create(self._auth.pool, MODEL, values)

    async def change(self, row: Row, values: Mapping[str, Any]) -> Row:
        """Change a key and return it."""
        where = {"id": row["id"]}
        rows = await self._auth.adapter.update(self._auth.pool, MODEL, where, values)
        return rows[0] if rows else row

    async def delete(self, row: Row) -> None:
        """Remove a key."""
        await self._auth.adapter.delete(self._auth.pool, MODEL, {"id": row["id"]})

    async def use(self, row: Row, options: ApiKeyOptions) -> Row:
        """Count a use and return the key."""
        return await use_row(self._auth, row, options)


class InBoth(InDatabase):
    """Keys in their table, which decides, and in a storage, which saves reading it."""

    def __init__(self, auth: AuthContext, stored: StoredKeys) -> None:
        super().__init__(auth)
        self._stored = stored

    async def by_hash(self, hashed: str) -> Row | None:
        """Return a key by what is kept of it."""
        return await self._stored.by_hash(hashed) or await self._copied(
            await super().by_hash(hashed)
        )

    async def by_id(self, key_id: str) -> Row | None:
        """Return a key by its id."""
        return await self._stored.by_id(key_id) or await self._copied(await super().by_id(key_id))

    async def of_owner(self, owner: str, page: Page) -> list[Row]:
        """Return the keys of a user or an organization."""
        if ids := await self._stored.ids_of(owner):
            return await self._stored.read(ids, page)
        rows = await super().of_owner(owner, page)
        for row in rows:
            await self._stored.copy(row)
        if rows:
            await self._stored.list_ids(owner, [row["id"] for row in rows])
        return rows

    async def create(self, values: Mapping[str, Any]) -> Row:
        """Keep a new key and return it."""
        return await self._copy(await super().create(values))

    async def change(self, row: Row, values: Mapping[str, Any]) -> Row:
        """Change a key and return it."""
        return await self._copy(await super().change(row, values))

    async def delete(self, row: Row) -> None:
        """Remove a key."""
        await super().delete(row)
        await self._stored.delete(row)
        await self._stored.forget_list(row["referenceId"])

    async def use(self, row: Row, options: ApiKeyOptions) -> Row:
        """Count a use and return the key."""
        return await self._copy(await super().use(row, options))

    async def _copied(self, row: Row | None) -> Row | None:
        return None if row is None else await self._copy(row)

    async def _copy(self, row: Row) -> Row:
        await self._stored.copy(row)
        await self._stored.forget_list(row["referenceId"])
        return row


class InStorage:
    """Keys in a storage alone."""

    def __init__(self, auth: AuthContext, stored: StoredKeys) -> None:
        self._auth = auth
        self._stored = stored

    async def by_hash(self, hashed: str) -> Row | None:
        """Return a key by what is kept of it."""
        return await self._stored.by_hash(hashed)

    async def by_id(self, key_id: str) -> Row | None:
        """Return a key by its id."""
        return await self._stored.by_id(key_id)

    async def of_owner(self, owner: str, page: Page) -> list[Row]:
        """Return the keys of a user or an organization."""
        return await self._stored.read(await self._stored.ids_of(owner), page)

    async def create(self, values: Mapping[str, Any]) -> Row:
        """Keep a new key and return it."""
        row = await new_row(self._auth, values)
        await self._stored.copy(row)
        await self._stored.add_to_list(row["referenceId"], row["id"])
        return row

    async def change(self, row: Row, values: Mapping[str, Any]) -> Row:
        """Change a key and return it."""
        new = {**with_whole_numbers(values), "updatedAt": now()}
        changed = await self._stored.change(row["key"], lambda found: {**found, **new})
        if changed is None:
            raise APIError(ApiKeyCode.KEY_NOT_FOUND)
        return changed

    async def delete(self, row: Row) -> None:
        """Remove a key."""
        await self._stored.delete(row)
        await self._stored.remove_from_list(row["referenceId"], row["id"])

    async def use(self, row: Row, options: ApiKeyOptions) -> Row:
        """Count a use and return the key."""
        changed = await self._stored.change(row["key"], lambda found: used(found, options))
        if changed is None:
            raise APIError(ApiKeyCode.INVALID_API_KEY)
        return changed
