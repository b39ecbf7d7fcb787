"""How a Better Auth server is set up."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal, TypeAlias

from authward.base_urls import DynamicBaseURL
from authward.callbacks import (
    ChangeEmailCallback,
    DeletedUserCallback,
    EmailLinkCallback,
    ExistingUserCallback,
    FailedRequestCallback,
    PasswordResetCallback,
    ValidateUserInfo,
    VerifiedEmailCallback,
)
from authward.cookie_options import (
    CookieAttributes,
    CookieCacheOptions,
    CookieOptions,
    CrossSubDomainCookies,
)
from authward.database_hooks import DatabaseHook
from authward.identifiers import IdentifierStore, StoreIdentifier
from authward.oauth.provider import SocialProvider
from authward.password_options import PasswordOptions
from authward.plugin_base import PluginBase
from authward.schema.fields import DBField
from authward.schema.style import BETTER_AUTH, STYLES, GenerateId, TableStyle
from authward.secondary_storage import SecondaryStorage
from authward.security.rate_limit import Counter, CustomRule
from authward.storage.statements import Executor

_DAY = 86_400
UserDeletedCallback: TypeAlias = Callable[[Executor, str], Awaitable[None]]
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


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOptions:
    """Better Auth's `account`; for tables and fields see `UserOptions`.

    Args:
        account_linking: when two ways to sign in become one user's.
        encrypt_oauth_tokens: access and refresh tokens of providers are encrypted in the table
            `account`, as the original does it; those that are not yet encrypted stay readable.
        store_account_cookie: the browser keeps the account of its sign-in in an encrypted cookie,
            for five minutes; `useAccountCookie` selects it.
    """

    model_name: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    additional_fields: Mapping[str, DBField] = field(default_factory=dict)
    account_linking: AccountLinking = AccountLinking()
    encrypt_oauth_tokens: bool = False
    store_account_cookie: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailAndPasswordOptions:
    """Better Auth's `emailAndPassword`; without `send_reset_password` there is no reset.

    Args:
        enabled: whether anybody signs in or up with a password.
        disable_sign_up: nobody signs up with one.
        auto_sign_in: whoever signs up is signed in; without it nobody learns that an address is
            taken, as with `require_email_verification`.
        min_password_length, max_password_length: in UTF-16 units, of new passwords.
        password: functions that hash and verify, for passwords from elsewhere.
        on_existing_user_sign_up: is told of a sign-up with an address that is taken, where the
            answer does not tell.
    """

    enabled: bool = True
    disable_sign_up: bool = False
    auto_sign_in: bool = True
    min_password_length: int = 8
    max_password_length: int = 128
    password: PasswordOptions = field(default_factory=PasswordOptions)
    on_existing_user_sign_up: ExistingUserCallback | None = None
    require_email_verification: bool = False
    send_reset_password: EmailLinkCallback | None = None
    on_password_reset: PasswordResetCallback | None = None
    reset_password_token_expires_in: int = 3600
    revoke_sessions_on_password_reset: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailVerificationOptions:
    """Better Auth's `emailVerification`.

    `send_on_sign_up` is by default what `require_email_verification` is.
    `before_email_verification` may raise APIError; `after_email_verification` runs before the
    answer, as the other does.
    """

    send_verification_email: EmailLinkCallback | None = None
    send_on_sign_up: bool | None = None
    send_on_sign_in: bool = False
    auto_sign_in_after_verification: bool = False
    before_email_verification: VerifiedEmailCallback | None = None
    after_email_verification: VerifiedEmailCallback | None = None
    expires_in: int = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeEmailOptions:
    """Better Auth's `user.changeEmail`."""

    enabled: bool = False
    update_email_without_verification: bool = False
    send_change_email_confirmation: ChangeEmailCallback | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteUserOptions:
    """Better Auth's `user.deleteUser`, which is enabled.

    `before_delete` runs first and may raise APIError; `after_delete` once the user is gone.
    """

    before_delete: DeletedUserCallback | None = None
    after_delete: DeletedUserCallback | None = None
    send_delete_account_verification: EmailLinkCallback | None = None
    delete_token_expires_in: int = _DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class UserOptions:
    """Better Auth's `user`.

    Args:
        model_name: the table's name, such as `users`.
        fields: other names for columns by field, such as `{"email": "email_address"}`.
        additional_fields: those beside the core's and the plugins'.
        change_email: whether and how users change their address.
        delete_user: how users delete themselves.
    """

    model_name: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    additional_fields: Mapping[str, DBField] = field(default_factory=dict)
    change_email: ChangeEmailOptions = ChangeEmailOptions()
    delete_user: DeleteUserOptions = DeleteUserOptions()
    validate_user_info: ValidateUserInfo | None = None
    """Returns `Refused(…)` for whom the application does not want; what it raises refuses too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOptions:
    """Better Auth's `session`.

    `update_age` is by default a day, or half of `expires_in` where that is less. For tables and
    fields see `UserOptions`.
    """

    model_name: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    additional_fields: Mapping[str, DBField] = field(default_factory=dict)
    expires_in: int = 7 * _DAY
    update_age: int | None = None
    fresh_age: int = _DAY
    cookie_cache: CookieCacheOptions = field(default_factory=CookieCacheOptions)
    disable_session_refresh: bool = False
    """A session ends `expires_in` after it began, however often it is used."""
    store_session_in_database: bool = False
    """Beside a `secondary_storage`: sessions are in their table too."""
    preserve_session_in_database: bool = False
    """With both: the row of a session that was ended stays."""
    defer_session_refresh: bool = False
    """GET /get-session only reads and says `needsRefresh`; POST /get-session extends."""

    @property
    def lifetime(self) -> timedelta:
        """How long a session lasts from its last extension."""
        return timedelta(seconds=self.expires_in)

    @property
    def update_every(self) -> timedelta:
        """How long a session is used before it is extended."""
        default = min(_DAY, self.expires_in // 2)
        return timedelta(seconds=default if self.update_age is None else self.update_age)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationOptions:
    """Better Auth's `verification`; for tables and fields see `UserOptions`.

    Args:
        store_identifier: how the store has what values are found by: "plain", "hashed" or
            `HashedBy(…)`; or `StoreIdentifier(…)`, with others for some of them.
        store_in_database: with a `secondary_storage` too, which is asked first then.
        disable_cleanup: values that are over stay in the table.
    """

    store_identifier: IdentifierStore | StoreIdentifier = "plain"
    store_in_database: bool = False
    disable_cleanup: bool = False
    model_name: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimitOptions:
    """Better Auth's `rateLimit`; for tables and fields see `UserOptions`.

    Args:
        enabled: whether requests are counted at all.
        window: of the usual limit, in seconds.
        max: how many requests the usual limit lets pass.
        custom_rules: other limits, by path below the server's own, in which `*` stands for
            anything within a segment: a `Limit`, False for none, or an async function of the
            request and the limit it would have, which returns one of these, or None for that.
        storage: `database`, which all workers share, `secondary-storage`, or `memory` of each one;
            by default the secondary storage where there is one, else the database.
        custom_storage: counts elsewhere.
    """

    enabled: bool = True
    window: int = 10
    max: int = 100
    custom_rules: Mapping[str, CustomRule] = field(default_factory=dict)
    storage: Literal["database", "memory", "secondary-storage"] | None = None
    custom_storage: Counter | None = None
    model_name: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseOptions:
    """Better Auth's `advanced.database`.

    Args:
        generate_id: `"uuid"`, `"serial"` (the database counts), a function of the model that
            returns an id, or False: the database has a default of its own for `id`.
    """

    generate_id: GenerateId = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvancedOptions:
    """Better Auth's `advanced`.

    Args:
        trusted_proxy_hops: how many proxies of ours append to `X-Forwarded-For`.
        trusted_proxy_headers: `X-Forwarded-Host` and `X-Forwarded-Proto` say where a request was
            sent to, for `dynamic_base_url`: a proxy in front replaces what clients send.
        use_secure_cookies: by default whether `base_url` is https.
        cookie_prefix: what the names of cookies begin with.
        cross_sub_domain_cookies: one session for all hosts below a domain.
        default_cookie_attributes: attributes of every cookie.
        cookies: another name or other attributes for single cookies, by the cookie's name without
            a prefix, such as `session_token`.
        database: who makes ids.
    """

    trusted_proxy_hops: int = 0
    trusted_proxy_headers: bool = False
    use_secure_cookies: bool | None = None
    cookie_prefix: str = "better-auth"
    cross_sub_domain_cookies: CrossSubDomainCookies = field(default_factory=CrossSubDomainCookies)
    default_cookie_attributes: CookieAttributes = field(default_factory=CookieAttributes)
    cookies: Mapping[str, CookieOptions] = field(default_factory=dict)
    database: DatabaseOptions = DatabaseOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class HooksOptions:
    """Better Auth's `hooks`: around every endpoint, before those of plugins.

    Each is an async function of the `EndpointContext`, whose `path` says which endpoint it is.
    `before` may change the body or raise APIError; `after` finds the result (or the APIError) in
    `ctx.returned`, may set headers and cookies, and what it returns takes the result's place.
    """

    before: Callable[[Any], Awaitable[Any]] | None = None
    after: Callable[[Any], Awaitable[Any]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OnAPIError:
    """Better Auth's `onAPIError`.

    Args:
        on_error: is told of every error but redirects, after the answer.
        error_url: where a browser goes when a link or a social sign-in fails and the client named
            no page; by default the server's own `/error`.
    """

    on_error: FailedRequestCallback | None = None
    error_url: str | None = None


@dataclass(frozen=True, slots=True)
class BetterAuthOptions:
    """Options in the words of Better Auth, nested as there, in seconds where they are times.

    Where a `send_…` hook is missing, whatever needs that mail answers as Better Auth does without.
    A path in `base_url` takes the place of `base_path`. Where there are several, their hosts are
    in `dynamic_base_url` instead; an endpoint then finds in `base_url` that of its request.
    """

    secret: str = field(repr=False)
    base_url: str = ""
    dynamic_base_url: DynamicBaseURL | None = None
    old_secrets: tuple[str, ...] = field(default=(), repr=False)
    jwks_url: str | None = None
    trusted_origins: tuple[str, ...] = ()
    base_path: str = "/api/auth"
    plugins: tuple[PluginBase, ...] | None = None
    """By default `jwt`, `bearer` and `token_login`."""
    database_hooks: tuple[DatabaseHook, ...] = ()
    """The application's own, after the plugins'."""
    jwt_expires_in: int = 900
    email_and_password: EmailAndPasswordOptions = EmailAndPasswordOptions()
    email_verification: EmailVerificationOptions = EmailVerificationOptions()
    user: UserOptions = UserOptions()
    session: SessionOptions = SessionOptions()
    account: AccountOptions = AccountOptions()
    verification: VerificationOptions = VerificationOptions()
    tables: TableStyle | Literal["prisma", "drizzle"] = BETTER_AUTH
    """Whose tables they are: those that Prisma or Drizzle made from the schema that Better Auth's
    generator writes, in a word, or how else they differ from those of its own migration."""
    rate_limit: RateLimitOptions = RateLimitOptions()
    secondary_storage: SecondaryStorage | None = None
    """Has what ends by itself, in the place of tables; see `docs/options.md`."""
    advanced: AdvancedOptions = AdvancedOptions()
    social_providers: tuple[SocialProvider, ...] = ()
    hooks: HooksOptions = HooksOptions()
    on_api_error: OnAPIError = OnAPIError()
    disabled_paths: tuple[str, ...] = ()
    """Paths such as `/sign-up/email` that are not there; calls from Python still are."""
    on_user_deleted: tuple[UserDeletedCallback, ...] = ()
    app_name: str = "Better Auth"
    """What authenticator apps and browsers call it, where a plugin is told no other name."""

    @property
    def table_style(self) -> TableStyle:
        """How the tables are named, and what their columns are."""
        return STYLES[self.tables] if isinstance(self.tables, str) else self.tables

    @property
    def url(self) -> str:
        """Where the endpoints are: the public origin with the base path."""
        return self.base_url + self.base_path

    @property
    def secure_cookies(self) -> bool:
        """Whether cookies are for https only."""
        given = self.advanced.use_secure_cookies
        return self.base_url.startswith("https://") if given is None else given

    @property
    def exact_origins(self) -> tuple[str, ...]:
        """The trusted origins without wildcards: whom a token may name as issuer or audience."""
        return tuple(o for o in self.trusted_origins if not {"*", "?"} & set(o))
