"""Codes of a few digits that are sent to somebody: kept with the number of wrong guesses.

A row of `verification` has `code:guesses`, as the original writes it. It is locked while a guess is
judged, so that of many guesses at once each counts, and a right code is used up once.
"""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from authward.codes import ErrorCode
from authward.core.account_changes import keep
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.storage.adapter import Page
from authward.text import is_storable
from authward.timestamps import now

_NEWEST_FIRST = Page(limit=None, sort_by="createdAt", descending=True)
Judge = Callable[[str, str], Awaitable[bool]]
"""Whether what is kept, the first argument, is of the code that was given."""


def digits(length: int) -> str:
    """Return random digits."""
    return "".join(secrets.choice("0123456789") for _ in range(length))


@dataclass(frozen=True, slots=True)
class Guess:
    """A code that somebody gives.

    Args:
        identifier: under which the right one is kept.
        code: what was given.
        allowed: how many wrong ones there may be.
        unknown, expired, wrong, too_many: the errors.
        use_up: whether a right one can be given only once.
    """

    identifier: str
    code: str
    allowed: int
    unknown: ErrorCode
    expired: ErrorCode
    wrong: ErrorCode
    too_many: ErrorCode
    use_up: bool = True


async def send(ctx: EndpointContext, identifier: str, code: str, seconds: int) -> None:
    """Keep a code that is about to be sent, in the place of those before it."""
    await forget(ctx, identifier)
    await keep(ctx, identifier, f"{code}:0", timedelta(seconds=seconds))


async def forget(ctx: EndpointContext, identifier: str) -> None:
    """Remove what is kept."""
    if is_storable(identifier):
        await ctx.auth.adapter.delete(ctx.database, "verification", {"identifier": identifier})


async def find(ctx: EndpointContext, identifier: str) -> tuple[str, int, datetime] | None:
    """Return what is kept: the code as it is kept, the wrong guesses, and until when."""
    rows = await _rows(ctx, identifier, lock=False)
    return _read(rows[0]) if rows else None


async def prolong(ctx: EndpointContext, identifier: str, seconds: int) -> None:
    """Let a code that is sent again live as long as a new one."""
    values = {"expiresAt": now() + timedelta(seconds=seconds)}
    await ctx.auth.adapter.update(ctx.database, "verification", {"identifier": identifier}, values)


async def check(ctx: EndpointContext, guess: Guess, judge: Judge) -> None:
    """Judge a guess, in a transaction of its own.

    Raises:
        APIError: as the guess says.
    """
    async with ctx.transaction():
        problem = await judged(ctx, guess, judge)
    if problem is not None:
        raise APIError(problem, status=403 if problem is guess.too_many else 400)


async def judged(ctx: EndpointContext, guess: Guess, judge: Judge) -> ErrorCode | None:
    """Return what is wrong with a guess, having counted it; the caller has begun a transaction."""
    rows = await _rows(ctx, guess.identifier, lock=True)
    if not rows:
        return guess.unknown
    code, guesses, expires_at = _read(rows[0])
    if expires_at < now():
        await forget(ctx, guess.identifier)
        return guess.expired
    if guesses >= guess.allowed:
        await forget(ctx, guess.identifier)
        return guess.too_many
    if not await judge(code, guess.code):
        values = {"value": f"{code}:{guesses + 1}"}
        where = {"identifier": guess.identifier}
        await ctx.auth.adapter.update(ctx.database, "verification", where, values)
        return guess.wrong
    if guess.use_up:
        await forget(ctx, guess.identifier)
    return None


async def _rows(ctx: EndpointContext, identifier: str, *, lock: bool) -> list[dict[str, Any]]:
    if not is_storable(identifier):
        return []
    where = {"identifier": identifier}
    adapter = ctx.auth.adapter
    return await adapter.find_many(ctx.database, "verification", where, _NEWEST_FIRST, lock=lock)


def _read(row: dict[str, Any]) -> tuple[str, int, datetime]:
    code, _, guesses = row["value"].rpartition(":")
    return code, int(guesses) if guesses.isdecimal() else 0, row["expiresAt"]
