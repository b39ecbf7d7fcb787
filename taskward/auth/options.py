"""How a Better Auth server is set up."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeAlias

from taskward.auth.hooks import ChangeEmailHook, LetterHook, PasswordResetHook
from taskward.auth.social.provider import SocialProvider
from taskward.statements import Executor

UserDeletedHook: TypeAlias = Callable[[Executor, str], Awaitable[None]]
"""Runs in the transaction that deletes the user, with its connection and the user's id."""


@dataclass(frozen=True, slots=True)
class AccountLinking:
    """Better Auth's `account.accountLinking`: when two ways to sign in become one user's.

    Args:
        enabled: whether that ever happens.
        trusted_providers: whose e-mail addresses count as verified, by provider id.
        allow_different_emails: a user may link an account with another address.
        allow_unlinking_all: a user may unlink the last account, and never sign in again.
        disable_implicit_linking: only `/link-social` links, not a sign-in with a known address.
        require_local_email_verified: a sign-in links only to a user whose address is verified
            here too. Otherwise somebody could sign up with your address and wait for you.
        update_user_info_on_link: name and image follow the linked account's.
    """

    enabled: bool = True
    trusted_providers: tuple[str, ...] = ()
    allow_different_emails: bool = False
    allow_unlinking_all: bool = False
    disable_implicit_linking: bool = False
    require_local_email_verified: bool = True
    update_user_info_on_link: bool = False


@dataclass(frozen=True, slots=True)
class BetterAuthOptions:
    """Options in the words of Better Auth, in seconds where they are times.

    Where a `send_…` hook is missing, whatever needs that mail answers as Better Auth does without.
    `send_on_sign_up` is by default what `require_email_verification` is.
    """

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
    social_providers: tuple[SocialProvider, ...] = ()
    account_linking: AccountLinking = AccountLinking()
    on_user_deleted: tuple[UserDeletedHook, ...] = ()
    send_reset_password: LetterHook | None = None
    send_verification_email: LetterHook | None = None
    send_change_email_confirmation: ChangeEmailHook | None = None
    send_delete_account_verification: LetterHook | None = None
    on_password_reset: PasswordResetHook | None = None
    require_email_verification: bool = False
    send_on_sign_up: bool | None = None
    send_on_sign_in: bool = False
    auto_sign_in_after_verification: bool = False
    change_email_enabled: bool = False
    update_email_without_verification: bool = False
    revoke_sessions_on_password_reset: bool = False
    reset_password_expires_in: int = 3600
    email_verification_expires_in: int = 3600
    delete_token_expires_in: int = 86_400

    @property
    def url(self) -> str:
        """Where the endpoints are: the public origin with the base path."""
        return self.base_url + self.base_path

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
