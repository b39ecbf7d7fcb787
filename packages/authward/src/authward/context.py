"""`AuthContext`: options, database and services, shared by all requests."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from copy import copy
from dataclasses import replace
from functools import partial
from typing import Any, Protocol, Self, TypeAlias

from starlette.requests import HTTPConnection, Request

from authward.base_urls import allowed_origins, requested_url
from authward.cookie_checks import cookie_names, names_of_cookies, session_cache
from authward.database_hooks import DatabaseHooks
from authward.errors import APIError
from authward.option_checks import check_options
from authward.options import BetterAuthOptions
from authward.plugin_base import PluginBase
from authward.rate_limit_options import check_rate_limits, is_in_database, rate_limiter
from authward.schema.output import Output
from authward.schema.registry import AuthSchema, Made, TableNames
from authward.schema.user_tables import UserTables
from authward.schema.values import encode_fields
from authward.secondary_storage import PromptStorage
from authward.security.cookies import CookieSigner
from authward.security.email_tokens import EmailTokens
from authward.security.jwt import TokenSigner
from authward.security.key_set import KeySet
from authward.security.origins import TrustedOrigins, with_loopback_twins
from authward.security.passwords import PasswordHasher
from authward.storage.adapter import Adapter
from authward.storage.expired_sessions import ExpiredSessions
from authward.storage.mapping import TableMapping
from authward.storage.new_sessions import BanColumns
from authward.storage.session_store import SessionStore
from authward.storage.sessions import IN_TABLE, Kept, Sessions
from authward.storage.statements import Executor
from authward.storage.users import Users
from authward.verifications import Verifications

_HOSTS = {"host", "x-forwarded-host"}
SecondFactorCheck: TypeAlias = Callable[[Any, str, bool], Awaitable[bool]]
"""Of an `EndpointContext`, a user's id and `remember`: whether this device needs no second one."""

Guard: TypeAlias = Callable[[Any, str], Awaitable[None]]
"""Of an `EndpointContext` and the path that is asked for; raises APIError to refuse."""
CustomSession: TypeAlias = Callable[[Any, dict[str, Any]], Awaitable[Any]]
"""Of an `EndpointContext`, and the JSON of session and user."""


class Database(Executor, Protocol):
    """A connection pool: asyncpg's, or another with these three methods."""

    def acquire(self) -> AbstractAsyncContextManager[Any]:
        """Acquire a connection, which has `transaction()`."""


class IncomingRequest(Protocol):
    """What of an `EndpointContext` there is before anything of the request is checked."""

    request: Request

    def set_request_header(self, name: str, value: str) -> None:
        """Have the request say something else."""


class AuthContext:
    """The options, the database, and the services that endpoints use."""

    def __init__(
        self, options: BetterAuthOptions, database: Database, plugins: Sequence[PluginBase] = ()
    ) -> None:
        """Merge the options and the plugins.

        Raises:
            ConfigurationError: an option, a table or a field is wrong, or two have one name.
        """
        check_options(options)
        check_rate_limits(options)
        self.options = options
        self.extended_before_end = options.session.lifetime - options.session.update_every
        """How long before its end a session is due to be extended."""
        storage = options.secondary_storage
        self.secondary_storage = None if storage is None else PromptStorage(storage)
        self.schema = schema_of(options, plugins)
        self.mapping = TableMapping(self.schema, options.advanced.database.generate_id)
        database = self.mapping.on_pool(database)
        tables = UserTables(self.schema)
        self.users = Users(tables)
        column = partial(self.schema.column, "user")
        bans = map(column, ("banned", "banReason", "banExpires"))
        self.sessions = Sessions(
            tables, BanColumns(*bans), column("twoFactorEnabled"), self._kept(plugins)
        )
        self.output = Output(self.schema.added["user"], self.schema.added["session"])
        self.database_hooks = DatabaseHooks(
            [*(h for p in plugins for h in p.database_hooks), *options.database_hooks]
        )
        self.adapter = Adapter(self.schema)
        self.verifications = Verifications(options, self.secondary_storage)
        self.pool = database
        self.email_tokens = EmailTokens(options.secret, options.old_secrets)
        self.social_providers = {p.id: p for p in reversed(options.social_providers)}
        self.cookies = cookie_names(options)
        self.signer = CookieSigner(options.secret, options.old_secrets)
        self.passwords = PasswordHasher(options=options.email_and_password.password)
        self.cookie_cache = session_cache(options)
        """None without `session.cookie_cache`."""
        has_expired = self.sessions.kept.in_table and not self.sessions.kept.preserved
        self.expired_sessions = ExpiredSessions(database) if has_expired else None
        self.origins = TrustedOrigins(
            with_loopback_twins((*_own_origins(options), *options.trusted_origins))
        )
        self.rate_limiter = rate_limiter(options, database, self.secondary_storage, plugins)
        self.tokens = _token_signer(options)
        self.key_set: KeySet | None = None
        """The keys of the table `jwks`, if the plugin `jwt` was told to have some."""
        self.second_factor: SecondFactorCheck | None = None
        """Asked where a password alone is not enough; without it such a sign-in is refused."""
        self.on_request: list[Callable[[IncomingRequest], None]] = []
        """What plugins do with a request before anything of it is checked."""
        self.guards: list[Guard] = []
        """What plugins refuse, after the rate limit and before a body is read."""
        self.custom_session: CustomSession | None = None
        """Makes the answer of `/get-session` out of the usual one."""
        self.extensions: dict[str, Any] = {}
        """What plugins keep for this server, by their ids."""

    def _kept(self, plugins: Sequence[PluginBase]) -> Kept:
        if self.secondary_storage is None:
            return IN_TABLE
        added, options = self.schema.added, self.options.session
        longest = max(options.expires_in, *(p.longest_session for p in plugins), 0)
        return Kept(
            SessionStore(self.secondary_storage, added["session"], added["user"], longest),
            in_table=options.store_session_in_database,
            preserved=options.preserve_session_in_database,
        )

    def for_request(self, request: HTTPConnection) -> Self:
        """Return the services as the request's base URL wants them; these, if there is only one.

        Raises:
            APIError: 400, it was sent to a host that is not ours.
        """
        dynamic = self.options.dynamic_base_url
        if dynamic is None or not _HOSTS & {*request.headers}:
            return self
        advanced = self.options.advanced
        found = requested_url(dynamic, request, trust_proxies=advanced.trusted_proxy_headers)
        if found is None:
            raise APIError(400, message="This host is not one of dynamic_base_url.allowed_hosts")
        return self.at(found)

    def at(self, base_url: str) -> Self:
        """Return the services of a request to this base URL."""
        copied = copy(self)
        copied.options = replace(self.options, base_url=base_url)
        if self.options.advanced.cross_sub_domain_cookies.enabled:
            copied.cookies = names_of_cookies(copied.options)
        return copied

    def issue_token(self, user_id: str) -> str:
        """Return a token of the shared secret, which names the base URL of the request."""
        return self.tokens.issue(user_id, issuer=self.options.base_url)

    def defaults(self, model: str) -> dict[str, Any]:
        """Return the defaults of the fields that are not the core's."""
        fields = self.schema.added[model].items()
        return {name: field.default() for name, field in fields if field.default_value is not None}

    def to_database(self, model: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return values as the database takes them.

        Raises:
            InvalidFieldError: it cannot hold one of them.
        """
        added = self.schema.added[model]
        core = {name: value for name, value in values.items() if name not in added}
        return core | encode_fields(added, {n: v for n, v in values.items() if n in added})

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Executor]:
        """Acquire a connection in a transaction: committed at the end, rolled back by an error.

        The isolation level is READ COMMITTED, whatever the database's default is: after waiting
        for the lock of a user, a statement must see what others have committed.
        """
        async with (
            self.pool.acquire() as connection,
            connection.transaction(isolation="read_committed"),
        ):
            yield connection


def _own_origins(options: BetterAuthOptions) -> tuple[str, ...]:
    dynamic = options.dynamic_base_url
    return (options.base_url,) if dynamic is None else (*allowed_origins(dynamic),)


def schema_of(options: BetterAuthOptions, plugins: Sequence[PluginBase]) -> AuthSchema:
    """Return all tables of a server with these options and plugins.

    Raises:
        ConfigurationError: a table or a field is wrong, or two have one name.
    """
    named: dict[str, Any] = {
        "user": options.user,
        "session": options.session,
        "account": options.account,
        "verification": options.verification,
        "rateLimit": options.rate_limit,
    }
    return AuthSchema(
        {plugin.id: plugin.schema for plugin in plugins},
        {
            "user": options.user.additional_fields,
            "session": options.session.additional_fields,
            "account": options.account.additional_fields,
        },
        rate_limit=is_in_database(options),
        absent=_absent(options),
        made=Made(
            names={model: TableNames(of.model_name, of.fields) for model, of in named.items()},
            style=options.table_style,
            generate_id=options.advanced.database.generate_id,
        ),
    )


def _absent(options: BetterAuthOptions) -> frozenset[str]:
    """The models whose rows are in the secondary storage and nowhere else."""
    if options.secondary_storage is None:
        return frozenset()
    tables = {
        "session": options.session.store_session_in_database,
        "verification": options.verification.store_in_database,
    }
    return frozenset(model for model, is_stored in tables.items() if not is_stored)


def _token_signer(options: BetterAuthOptions) -> TokenSigner:
    tokens = TokenSigner(
        options.secret,
        old_secrets=options.old_secrets,
        issuer=options.base_url,
        lifetime=options.jwt_expires_in,
        audiences=options.exact_origins,
    )
    if options.dynamic_base_url is not None:
        tokens.is_own = TrustedOrigins(_own_origins(options)).is_trusted_origin
    if options.jwks_url is not None:
        from authward.security.jwks import RemoteJWKS  # noqa: PLC0415

        tokens.remote_keys = RemoteJWKS(options.jwks_url)
    return tokens
