"""Callbacks of the application: they send the e-mails. Without them nothing is sent.

A callback is an async function of one event. It runs in the background, after the response was
sent: the response time does not show whether a mail went out. Its failure is only logged.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, TypeAlias

import structlog

from authward.storage.rows import AuthUser

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class EmailLink:
    """A link for an e-mail to `user.email`.

    `url` is absolute; `token` is the secret inside it, for applications that link to a page of
    their own. Both are secrets: whoever has one can do what the link does.
    """

    user: AuthUser
    url: str = field(repr=False)
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ChangeEmailLink(EmailLink):
    """A link for an e-mail to `user.email`, the current address, that confirms `new_email`."""

    new_email: str


@dataclass(frozen=True, slots=True)
class PasswordReset:
    """`user` has chosen a new password."""

    user: AuthUser


@dataclass(frozen=True, slots=True)
class ExistingUser:
    """Somebody has tried to sign up with the address of `user`, and was not told that it is."""

    user: AuthUser


@dataclass(frozen=True, slots=True)
class DeletedUser:
    """`user` is about to be deleted, or was."""

    user: AuthUser


@dataclass(frozen=True, slots=True)
class UserInfo:
    """Who is about to become a user, or to sign in by a provider.

    Args:
        user: name, email, image, emailVerified, and what else is known, by the fields' names.
        action: `create-user`, `link-account`, or `sign-in` for a known user of a provider.
        method: how they come: `email-password`, `oauth`, `admin`, `anonymous`, `email-otp`,
            `magic-link`, `phone-number`, or what a plugin of one's own says.
        provider_id: whose account it is, where `method` is `oauth`.
        profile: what that provider says of them, as it came.
    """

    user: Mapping[str, Any]
    action: str
    method: str
    provider_id: str | None = None
    profile: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refused:
    """Why not: a code for programs, and for people what `description` says (no secrets)."""

    error: str
    description: str | None = None


@dataclass(frozen=True, slots=True)
class FailedRequest:
    """An answer that is an error (an APIError), or an exception for which 500 is the answer."""

    error: Exception
    path: str


@dataclass(frozen=True, slots=True)
class VerifiedEmail:
    """A user who has shown to have the address: as they are before or after it is noted."""

    user: AuthUser


VerifiedEmailCallback: TypeAlias = Callable[[VerifiedEmail], Awaitable[None]]
ExistingUserCallback: TypeAlias = Callable[[ExistingUser], Awaitable[None]]
DeletedUserCallback: TypeAlias = Callable[[DeletedUser], Awaitable[None]]
ValidateUserInfo: TypeAlias = Callable[[UserInfo], Awaitable[Refused | None]]
FailedRequestCallback: TypeAlias = Callable[[FailedRequest], Awaitable[None]]
EmailLinkCallback: TypeAlias = Callable[[EmailLink], Awaitable[None]]
ChangeEmailCallback: TypeAlias = Callable[[ChangeEmailLink], Awaitable[None]]
PasswordResetCallback: TypeAlias = Callable[[PasswordReset], Awaitable[None]]


async def run_background_tasks(tasks: Iterable[Callable[[], Awaitable[Any]]]) -> None:
    """Run the tasks one after another; an exception is logged and does not stop the others."""
    for task in tasks:
        try:
            await task()
        except Exception as error:  # noqa: BLE001 - the answer has been sent
            log.error("a hook failed", error=type(error).__name__, at=_location_of(error))  # noqa: TRY400


def _location_of(error: Exception) -> str:
    """Return file and line. The message of the error is not logged: it may hold a token."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "unknown"
    return f"{PurePath(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
