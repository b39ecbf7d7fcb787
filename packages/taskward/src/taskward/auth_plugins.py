"""What settings say of the Better Auth server's tables: plugins, and who has made the tables."""

from authward import Plugin, plugins
from authward.schema.registry import AuthSchema, Made
from authward.schema.style import BETTER_AUTH, STYLES, TableStyle
from authward.schema.user_tables import UserTables
from authward.server import DEFAULT_PLUGINS
from authward.storage.adapter import Adapter
from authward.storage.mapping import TableMapping
from authward.storage.session_lookup import OWNER, find_each, find_one
from authward.storage.statements import Executor
from taskward.database.batcher import Batchable
from taskward.settings import Settings

TASK_SCOPES = ("tasks:read", "tasks:write")
"""What an assistant may be allowed to do."""
_UNUSED_CLIENT_SECONDS = 86_400
_KNOWN_TO_THE_PAGE = ("two-factor", "passkey")
_KEY_WINDOW, _KEY_REQUESTS = 60_000, 600
"""Milliseconds, and how many requests a key is good for within them."""


def auth_plugins(settings: Settings) -> tuple[Plugin, ...]:
    """Return the default ones, those of BETTER_AUTH_PLUGINS, and the server for assistants."""
    chosen = map(_plugin, settings.better_auth_plugins)
    if not settings.mcp_enabled:
        return (*DEFAULT_PLUGINS, *chosen)
    jwt = plugins.jwt(plugins.JwtOptions(jwks=plugins.JwksOptions()))
    default = (jwt if plugin.id == jwt.id else plugin for plugin in DEFAULT_PLUGINS)
    return (*default, *chosen, plugins.mcp(mcp_options(settings)))


def _plugin(name: str) -> Plugin:
    """Return one of BETTER_AUTH_PLUGINS, with what it has to do with tasks."""
    own = {"anonymous": _guests, "api-key": _keys}
    return own[name]() if name in own else plugins.without_options(name)


def _guests() -> Plugin:
    from taskward.tasks.guests import move_along  # noqa: PLC0415 - only where it is used

    return plugins.anonymous(plugins.AnonymousOptions(on_link_account=move_along))


def _keys() -> Plugin:
    """Keys open the tasks, and nothing of the account."""
    from authward.plugins.api_key import KeyRateLimitOptions  # noqa: PLC0415 - only where it is used

    limit = KeyRateLimitOptions(time_window=_KEY_WINDOW, max_requests=_KEY_REQUESTS)
    return plugins.api_key(
        plugins.ApiKeyOptions(enable_current_user_for_api_keys=True, rate_limit=limit)
    )


def mcp_resource(settings: Settings) -> str:
    """Return the URL of the MCP server: what its access tokens are for."""
    return f"{settings.better_auth_url}/mcp"


def mcp_options(settings: Settings) -> "plugins.McpOptions":
    """Return the options of the authorization server for assistants."""
    return plugins.McpOptions(
        login_page=settings.oauth_login_page,
        consent_page=settings.oauth_consent_page,
        resource=mcp_resource(settings),
        scopes=("openid", "profile", "email", "offline_access", *TASK_SCOPES),
        allow_dynamic_client_registration=settings.mcp_dynamic_registration,
        allow_unauthenticated_client_registration=settings.mcp_dynamic_registration,
        code_expires_in=settings.oauth_code_expires_in,
        access_token_expires_in=settings.oauth_access_expires_in,
        refresh_token_expires_in=settings.oauth_refresh_expires_in,
        unused_client_expires_in=_UNUSED_CLIENT_SECONDS,
        client_id_metadata=plugins.ClientIdMetadata() if settings.mcp_client_id_metadata else None,
    )


def table_style(settings: Settings) -> TableStyle:
    """Return how the tables are named, and what their columns are."""
    name = settings.better_auth_tables
    return STYLES[name] if name else BETTER_AUTH


def auth_schema(settings: Settings) -> AuthSchema:
    """Return the tables with what plugins add to them."""
    return AuthSchema(
        {plugin.id: plugin.schema for plugin in auth_plugins(settings)},
        {},
        made=Made(style=table_style(settings), generate_id=settings.better_auth_generate_id),
    )


def added_schema(settings: Settings) -> AuthSchema | None:
    """Return the tables if they are not those that our migrations make, else None."""
    schema = auth_schema(settings)
    is_added = any(plugin.schema for plugin in auth_plugins(settings))
    return schema if is_added or schema.is_foreign else None


def session_lookup(settings: Settings) -> Batchable:
    """Return what finds the sessions of many requests at once."""
    tables = UserTables(auth_schema(settings))
    return Batchable(find_one(tables), find_each(tables), owner=OWNER)


def tables_on(settings: Settings, connection: Executor) -> tuple[Executor, Adapter]:
    """Return what runs the Better Auth server's statements on a connection, and its rows."""
    schema = auth_schema(settings)
    mapping = TableMapping(schema, settings.better_auth_generate_id)
    return mapping.on_connection(connection), Adapter(schema)


def offered_in_the_page(settings: Settings) -> tuple[str, ...]:
    """Return the plugins that are on of those whose forms the page has."""
    return tuple(name for name in _KNOWN_TO_THE_PAGE if name in settings.better_auth_plugins)
