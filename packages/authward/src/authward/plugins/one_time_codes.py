"""Codes of a few digits that are sent to somebody: kept with the number of wrong guesses.

A verification value is `code:guesses`, as the original writes it. Nobody else can claim it while a
guess is judged, so that no guess is without its count, and a right code is used up once.
"""

import secrets
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import timedelta

from authward.codes import ErrorCode
from authward.core.account_changes import keep
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.storage.verification import Kept
from authward.timestamps import now

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
    await ctx.auth.verifications.forget(ctx.database, identifier)


async def find(ctx: EndpointContext, identifier: str) -> tuple[str, int] | None:
    """Return what is kept: the code as it is kept, and the wrong guesses."""
    kept = await ctx.auth.verifications.find(ctx.database, identifier)
    return _read(kept) if kept else None


async def prolong(ctx: EndpointContext, identifier: str, seconds: int) -> None:
    """Let a code that is sent again live as long as a new one."""
    verifications, until = ctx.auth.verifications, now() + timedelta(seconds=seconds)
    kept = await verifications.find(ctx.database, identifier)
    if kept is not None:
        await verifications.change(ctx.database, identifier, replace(kept, expires_at=until))


async def check(ctx: EndpointContext, guess: Guess, judge: Judge) -> None:
    """Judge a guess, in a transaction of its own where that is what guards the code.

    Raises:
        APIError: as the guess says.
    """
    async with ctx.transaction() if ctx.auth.verifications.in_database else nullcontext():
        problem = await judged(ctx, guess, judge)
    if problem is not None:
        raise APIError(problem, status=403 if problem is guess.too_many else 400)


async def judged(ctx: EndpointContext, guess: Guess, judge: Judge) -> ErrorCode | None:
    """Return what is wrong with a guess, having counted it; the caller has begun a transaction."""
    verifications, database = ctx.auth.verifications, ctx.database
    kept = await verifications.claim(database, guess.identifier)
    if kept is None:
        return guess.unknown
    code, guesses = _read(kept)
    if kept.expires_at < now():
        await forget(ctx, guess.identifier)
        return guess.expired
    if guesses >= guess.allowed:
        await forget(ctx, guess.identifier)
        return guess.too_many
    if not await judge(code, guess.code):
        counted = replace(kept, value=f"{code}:{guesses + 1}")
        await verifications.put_back(database, guess.identifier, counted)
        return guess.wrong
    if guess.use_up:
        await forget(ctx, guess.identifier)
    else:
        await verifications.put_back(database, guess.identifier, kept)
    return None


def _read(kept: Kept) -> tuple[str, int]:
    code, _, guesses = kept.value.rpartition(":")
    return code, int(guesses) if guesses.isdecimal() else 0
