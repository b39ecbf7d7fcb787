"""`BetterAuth`: the server that the stock Better Auth client talks to."""

from dataclasses import replace

from authward.api import API
from authward.context import AuthContext, Database
from authward.core import (
    account_tokens,
    accounts,
    change_email,
    email_verification,
    error,
    ok,
    password_reset,
    session,
    social,
    user,
)
from authward.core import email_password as email
from authward.fastapi.routes import add_routes
from authward.fastapi.types import App
from authward.merge import check_plugins, merge
from authward.migrate import migrate
from authward.option_checks import with_path_of_base_url
from authward.options import BetterAuthOptions
from authward.plugins.bearer import bearer
from authward.plugins.jwt import jwt
from authward.plugins.token_login import token_login

CORE_ENDPOINTS = (
    *email.ENDPOINTS,
    *session.ENDPOINTS,
    *user.ENDPOINTS,
    *password_reset.ENDPOINTS,
    *email_verification.ENDPOINTS,
    *change_email.ENDPOINTS,
    *social.ENDPOINTS,
    *accounts.ENDPOINTS,
    *account_tokens.ENDPOINTS,
    *ok.ENDPOINTS,
    *error.ENDPOINTS,
)


DEFAULT_PLUGINS = (replace(jwt(), schema={}), bearer(), token_login())
"""Tokens under the shared secret need no table of keys."""
ENDPOINTS = (*CORE_ENDPOINTS, *(e for plugin in DEFAULT_PLUGINS for e in plugin.endpoints))


class BetterAuth:
    """A Better Auth server for a FastAPI app.

    `install(app)` adds the endpoints and lets `CurrentUser` work in the app's own.
    """

    def __init__(self, options: BetterAuthOptions, database: Database) -> None:
        """Merge the core and the plugins; the database is not used yet.

        Raises:
            ConfigurationError: an option, a field or a plugin cannot work, or two claim one name.
        """
        options = with_path_of_base_url(options)
        plugins = check_plugins(DEFAULT_PLUGINS if options.plugins is None else options.plugins)
        self.context = AuthContext(options, database, plugins)
        for plugin in plugins:
            if plugin.init is not None:
                plugin.init(self.context)
        self._merged = merge(CORE_ENDPOINTS, plugins, options.hooks)
        self.api = API(self.context, self._merged.pipelines)
        self.error_codes = self._merged.error_codes
        self.hooks_around = self._merged.hooks_around
        self.options = options
        self.pool = self.context.pool
        self.signer = self.context.signer
        self.passwords = self.context.passwords
        self.origins = self.context.origins
        self.rate_limiter = self.context.rate_limiter
        self.social_providers = self.context.social_providers
        self.tokens = self.context.tokens

    def install(self, app: App) -> None:
        """Serve the endpoints in `app` and make `CurrentUser` work there."""
        app.state.better_auth = self
        add_routes(app, self.context, self._merged)

    async def migrate(self) -> list[str]:
        """Add the tables, columns and indexes that are missing, and return the statements.

        Raises:
            MigrationError: rows or an index are in the way.
        """
        return await migrate(self.context.pool, self.context.schema)
