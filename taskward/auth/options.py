"""How a Better Auth server is set up."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeAlias

from taskward.statements import Executor

UserDeletedHook: TypeAlias = Callable[[Executor, str], Awaitable[None]]
"""Runs in the transaction that deletes the user, with its connection and the user's id."""


@dataclass(frozen=True, slots=True)
class BetterAuthOptions:
    """Options in the words of Better Auth, in seconds where they are times."""

    secret: str = field(repr=False)
    base_url: str
    old_secrets: tuple[str, ...] = field(default=(), repr=False)
    jwks_url: str | None = None
    trusted_origins: tuple[str, ...] = ()
    base_path: str = "/api/auth"
    jwt_expires_in: int = 900
    session_expires_in: int = 604_800
    session_update_age: int = 86_400
    session_fresh_age: int = 86_400
    rate_limit: bool = True
    trusted_proxy_hops: int = 0
    on_user_deleted: tuple[UserDeletedHook, ...] = ()

    @property
    def session_lifetime(self) -> timedelta:
        """How long a session lasts from its last extension."""
        return timedelta(seconds=self.session_expires_in)

    @property
    def secure_cookies(self) -> bool:
        """Whether cookies are for https only."""
        return self.base_url.startswith("https://")

    @property
    def exact_origins(self) -> tuple[str, ...]:
        """The trusted origins without wildcards: whom a token may name as issuer or audience."""
        return tuple(o for o in self.trusted_origins if not {"*", "?"} & set(o))
