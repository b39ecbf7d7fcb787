"""Verification values: short-lived, found by a secret, used once.

They are in the table, in the secondary storage, or in both: then the storage is what is looked at,
and the table is what decides who uses a value up. Nothing is kept in memory, so every worker and
replica sees the same, and so does a TypeScript Better Auth server beside them.
"""

from datetime import timedelta
from typing import Final

from authward.identifiers import stored_by, ways_of
from authward.options import BetterAuthOptions
from authward.secondary_storage import SecondaryStorage
from authward.storage import verification as table
from authward.storage.statements import Executor
from authward.storage.verification import Kept
from authward.storage.verification_store import VerificationStore
from authward.text import is_storable
from authward.timestamps import now

_LINKS: Final = ("reset-password:", "delete-account-", "2fa-")
_NO_LINKS: Final = ("2fa-otp-", "2fa-attempts-")
_LONGEST: Final = 30 * 86_400


class Verifications:
    """The values of one server. All methods take the executor: the pool, or a transaction's."""

    def __init__(self, options: BetterAuthOptions, storage: SecondaryStorage | None) -> None:
        """Choose where they are.

        Raises:
            ConfigurationError: `verification.store_identifier` is nothing of what it can be.
        """
        given = options.verification
        self.in_database = storage is None or given.store_in_database
        self._ways = ways_of(given.store_identifier)
        self._store = None if storage is None else VerificationStore(storage)
        self._prunes = not given.disable_cleanup
        self._readable = all(self._ways.of(begin) == "plain" for begin in _LINKS)
        self._remembered = max(
            _LONGEST,
            options.email_and_password.reset_password_token_expires_in,
            options.user.delete_user.delete_token_expires_in,
        )

    async def stored(self, identifier: str) -> str:
        """Return an identifier as the store has it."""
        return await stored_by(self._ways.of(identifier), identifier)

    async def create(
        self, database: Executor, stored: str, value: str, lifetime: timedelta
    ) -> None:
        """Keep `value` for `lifetime`, to be found by what `stored` was made of."""
        moment = now()
        await self._create(database, stored, Kept(value, moment + lifetime, moment))

    async def find(self, database: Executor, identifier: str) -> Kept | None:
        """Return the value without using it up; None if there is none, or no longer."""
        kept = None
        for stored in await self._candidates(identifier):
            kept = kept or (await self._store.get(stored) if self._store else None)
        if kept is None and self.in_database:
            for stored in await self._candidates(identifier):
                kept = kept or await table.find(database, stored)
        return await self._good(identifier, kept)

    async def consume(self, database: Executor, identifier: str) -> Kept | None:
        """Return the value and remove it: of any number of callers at once, one gets it.

        In a transaction that is undone a value of the table is there again, another is not.
        """
        kept = None
        for stored in await self._candidates(identifier):
            if kept is None and self.in_database:
                kept = await table.consume(database, stored)
            elif kept is None and self._store is not None:
                kept = await self._store.take(stored)
        if kept is not None:
            await self._clear_store(identifier)
        return await self._good(identifier, kept)

    async def claim(self, database: Executor, identifier: str) -> Kept | None:
        """Return the value, be it over or not, while nobody else can claim it.

        In the table it is locked until the end of the transaction, which the caller has begun; in
        the storage it is gone, for `put_back` to bring it back.
        """
        kept = None
        for stored in await self._candidates(identifier):
            if kept is None and self.in_database:
                kept = await table.find(database, stored, lock=True)
            elif kept is None and self._store is not None:
                kept = await self._store.take(stored)
        return kept

    async def put_back(self, database: Executor, identifier: str, kept: Kept) -> None:
        """Let a claimed value be claimed again, maybe as another one."""
        if self.in_database:
            await self.change(database, identifier, kept)
        elif self._store is not None:
            stored = await self.stored(identifier)
            if await self._store.get(stored) is None:  # else a newer one has come meanwhile
                await self._store.set(stored, kept)

    async def change(self, database: Executor, identifier: str, kept: Kept) -> None:
        """Replace what is kept."""
        for stored in await self._candidates(identifier):
            if self.in_database:
                await table.change(database, stored, kept)
            if self._store is not None and await self._store.get(stored) is not None:
                await self._store.set(stored, kept)

    async def forget(self, database: Executor, identifier: str) -> None:
        """Remove the value."""
        await self._clear_store(identifier)
        if self.in_database:
            for stored in await self._candidates(identifier):
                await table.consume(database, stored)

    async def end_links(self, database: Executor, user_id: str) -> None:
        """End what was sent to a user before: links to choose a password or to be deleted.

        A sign-in by password that waits for the second factor ends as well.
        """
        if self.in_database:
            await table.end_links(database, user_id, readable=self._readable)
        if self._store is not None:
            await self._store.end_links(user_id, self._remembered)

    async def end_links_elsewhere(self, database: Executor, user_id: str) -> None:
        """End those that the statement which has changed an address could not."""
        if self._store is not None or not self._readable:
            await self.end_links(database, user_id)

    async def _create(self, database: Executor, stored: str, kept: Kept) -> None:
        if self.in_database:
            kept = await table.create(database, stored, kept, prune=self._prunes)
        if self._store is not None:
            await self._store.set(stored, kept)

    async def _candidates(self, identifier: str) -> list[str]:
        """Return as what it may be stored: what was kept before it was hashed is found as well."""
        if not is_storable(identifier):
            return []
        return list(dict.fromkeys([await self.stored(identifier), identifier]))

    async def _clear_store(self, identifier: str) -> None:
        if self._store is not None:
            for stored in await self._candidates(identifier):
                await self._store.delete(stored)

    async def _good(self, identifier: str, kept: Kept | None) -> Kept | None:
        if kept is None or kept.expires_at < now():
            return None
        is_link = identifier.startswith(_LINKS) and not identifier.startswith(_NO_LINKS)
        if is_link and self._store is not None and await self._store.is_ended(kept):
            return None
        return kept
