"""What an application may do when Better Auth would send a mail. By default nothing is sent.

A hook is an asynchronous function of one event. It runs after the answer was sent, so that nobody
can tell by the time whether a mail went out, and its failure is logged but changes nothing.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePath
from typing import Any, Self, TypeAlias

import structlog
from asyncpg import Record

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class HookUser:
    """The person a hook is about. `email` is lower case, times are in UTC."""

    id: str
    name: str
    email: str
    email_verified: bool
    image: str | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def from_row(cls, row: Record, prefix: str = "") -> Self:
        """Read a row of the `user` table, whose columns may have a prefix."""
        return cls(
            id=row[f"{prefix}id"],
            name=row[f"{prefix}name"],
            email=row[f"{prefix}email"],
            email_verified=row[f"{prefix}emailVerified"],
            image=row[f"{prefix}image"],
            created_at=row[f"{prefix}createdAt"],
            updated_at=row[f"{prefix}updatedAt"],
        )


@dataclass(frozen=True, slots=True)
class Letter:
    """A link to be mailed to `user.email`.

    `url` is absolute and ready to be clicked; `token` is the secret inside it, for applications
    that build a link to a page of their own. Whoever knows either can do what it stands for.
    """

    user: HookUser
    url: str = field(repr=False)
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ChangeEmailLetter(Letter):
    """A link to be mailed to `user.email`, the present address, to agree to `new_email`."""

    new_email: str


@dataclass(frozen=True, slots=True)
class PasswordReset:
    """`user` has chosen a new password."""

    user: HookUser


LetterHook: TypeAlias = Callable[[Letter], Awaitable[None]]
ChangeEmailHook: TypeAlias = Callable[[ChangeEmailLetter], Awaitable[None]]
PasswordResetHook: TypeAlias = Callable[[PasswordReset], Awaitable[None]]


async def run_guarded(tasks: Iterable[Callable[[], Awaitable[Any]]]) -> None:
    """Run tasks one after the other; what one of them raises is logged and goes no further."""
    for task in tasks:
        try:
            await task()
        except Exception as error:  # noqa: BLE001 - the answer has been sent
            log.error("a hook failed", error=type(error).__name__, at=_place(error))  # noqa: TRY400


def _place(error: Exception) -> str:
    """Where it was raised; its message and values may hold a token."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "unknown"
    return f"{PurePath(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
