"""`create_app`: the application and its lifespan. No other module imports all the others."""

import asyncio
import multiprocessing
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import asyncpg
import structlog
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import RedirectResponse
from starlette.routing import Route

from authward import (
    BetterAuth,
    BetterAuthOptions,
    CookieAttributes,
    CrossSubDomainCookies,
)
from authward import oauth as social
from authward.options import (
    AdvancedOptions,
    DatabaseOptions,
    RateLimitOptions,
    SessionOptions,
    UserDeletedCallback,
)
from authward.schema.registry import AuthSchema
from taskward.auth_plugins import (
    added_schema,
    auth_plugins,
    offered_in_the_page,
    session_lookup,
    table_style,
)
from taskward.database.connect import connect as connect_to
from taskward.database.database import Database, retry_until_reachable
from taskward.database.url import DatabaseURL
from taskward.http import errors
from taskward.http import page as frontend
from taskward.http.hot_path import HotPath
from taskward.migrations import migrate, table_check
from taskward.migrations.errors import MigrationError
from taskward.observability.logs import configure_logging
from taskward.observability.setup import Observability
from taskward.settings import Settings
from taskward.tasks import endpoints as tasks
from taskward.tasks import idempotency
from taskward.tasks import row_security as row_level_security
from taskward.tasks import store as task_store
from taskward.tasks.batches import BATCHABLE, TOGETHER
from taskward.tasks.deleted_users import DeletedUsers

if TYPE_CHECKING:
    from taskward.mcp.mount import Assistants

DESCRIPTION = """\
Tasks of many users, none of whom ever sees another's.

Sign up with `POST /api/auth/signup`, press **Authorize**, paste the token.

People use [the page](/).
"""

_PATIENCE = 60.0  # seconds
_DATABASE_ERRORS = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    SQLAlchemyError,
    MigrationError,
)

log = structlog.get_logger("taskward")


def create_app(settings: Settings, on_ready: Callable[[], None] = lambda: None) -> FastAPI:
    """Return the ASGI application; it connects to PostgreSQL when its lifespan begins.

    Args:
        settings: of the environment, or others.
        on_ready: called when all is prepared, before the first request is answered.
    """
    configure_logging(settings.log_style)
    guarded = settings.row_level_security
    database = row_level_security.RowSecurityDatabase() if guarded else _database(settings)
    observability = Observability(settings, database)
    options = auth_options(settings)
    deleted_users = DeletedUsers(database, options.on_user_deleted)
    database.on_created = deleted_users.schedule_check
    app = FastAPIOffline(
        title="Taskward",
        description=DESCRIPTION,
        version=version("taskward"),
        redirect_slashes=False,
        swagger_ui_parameters={"persistAuthorization": True},
        lifespan=_lifespan(settings, database, observability, deleted_users, on_ready),
        telemetry=observability.tracing.fastapi,
    )
    app.state.database = database
    errors.install(app)
    app.router.routes.extend(tasks.router.routes)  # not included: that makes every route twice
    hooks = (*options.on_user_deleted, deleted_users.mark)
    auth = BetterAuth(replace(options, on_user_deleted=hooks), database)
    deleted_users.on_found = auth.tokens.deny_user
    deleted_users.use(auth.pool)
    auth.install(app)
    if not frontend.install(app, settings.frontend_dir, offered_in_the_page(settings)):
        app.add_api_route("/", _redirect_to_docs, include_in_schema=False)
    assistants = app.state.assistants = _assistants(settings, auth, database)
    if assistants is not None:
        assistants.install(app)
    observability.install(app, auth, None if assistants is None else assistants.calls)
    _add_slash_and_head_routes(app)
    hot_path = HotPath(
        app, app.build_middleware_stack(), tasks.router, tasks.PROVIDERS, tasks.BATCHED
    )
    app.middleware_stack = hot_path
    observability.wrap(app, auth, hot_path.operations)
    app.openapi = partial(_openapi_without_default_422, app.openapi)  # type: ignore[method-assign]
    return app


def _database(settings: Settings) -> Database:
    return Database([*BATCHABLE, session_lookup(settings)], TOGETHER)


def _add_slash_and_head_routes(app: FastAPI) -> None:
    """As for tasks, add each page with a trailing slash, and HEAD for GET."""
    for route in [route for route in app.routes if isinstance(route, Route)]:
        if route in tasks.router.routes or route.include_in_schema:
            continue
        if "GET" not in (route.methods or ()):
            continue
        route.methods = {*(route.methods or ()), "HEAD"}
        add = app.add_api_route if isinstance(route, APIRoute) else app.add_route
        if route.path != "/":
            add(f"{route.path}/", route.endpoint, methods=[*route.methods], include_in_schema=False)


def _openapi_without_default_422(generate: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Leave out the 422 that FastAPI adds by itself: its list-shaped detail is never sent."""
    document = generate()
    for path in document["paths"].values():
        for operation in path.values():
            if "HTTPValidationError" in str(operation["responses"].get("422")):
                del operation["responses"]["422"]
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)
    return document


def auth_options(settings: Settings) -> BetterAuthOptions:
    """Return the Better Auth server's options."""
    secret, *old_secrets = _secrets(settings)
    tasks_module = row_level_security if settings.row_level_security else task_store
    return BetterAuthOptions(
        secret=secret,
        old_secrets=tuple(old_secrets),
        jwks_url=settings.better_auth_jwks_url,
        base_url=settings.better_auth_url,
        trusted_origins=settings.better_auth_trusted_origins,
        plugins=auth_plugins(settings),
        jwt_expires_in=settings.jwt_expires_in,
        session=SessionOptions(
            expires_in=settings.session_expires_in, update_age=settings.session_update_age
        ),
        rate_limit=RateLimitOptions(enabled=settings.rate_limit),
        advanced=AdvancedOptions(
            trusted_proxy_hops=settings.trusted_proxy_hops,
            cookie_prefix=settings.cookie_prefix,
            cross_sub_domain_cookies=CrossSubDomainCookies(
                enabled=settings.cookie_domain is not None, domain=settings.cookie_domain
            ),
            default_cookie_attributes=CookieAttributes(same_site=settings.cookie_same_site),
            database=DatabaseOptions(generate_id=settings.better_auth_generate_id),
        ),
        tables=table_style(settings),
        social_providers=tuple(social_providers(settings)),
        on_user_deleted=(*_moves(settings), tasks_module.remove_all, idempotency.remove_all),
        app_name="Taskward",
    )


def _moves(settings: Settings) -> Iterator[UserDeletedCallback]:
    """Yield what goes along with a guest, where there are any, before the rest is removed."""
    if "anonymous" in settings.better_auth_plugins:
        from taskward.tasks.guests import move_to_successor  # noqa: PLC0415 - only where it is used

        yield move_to_successor


def _secrets(settings: Settings) -> tuple[str, ...]:
    try:
        return settings.secrets()
    except (OSError, ValueError) as error:
        raise SystemExit(f"Taskward cannot start:\n  DATA_DIR: {error}") from None


def social_providers(settings: Settings) -> Iterator[social.SocialProvider]:
    """Yield the providers that are configured; the settings are all there or none."""
    if settings.github_client_id and settings.github_client_secret:
        secret = settings.github_client_secret.get_secret_value()
        client = {"client_id": settings.github_client_id, "client_secret": secret}
        yield social.social_provider("github", **client)
    if settings.google_client_id and settings.google_client_secret:
        secret = settings.google_client_secret.get_secret_value()
        client = {"client_id": settings.google_client_id, "client_secret": secret}
        yield social.social_provider("google", **client)
    if settings.oidc_discovery_url and settings.oidc_client_id and settings.oidc_client_secret:
        config = social.GenericOAuthConfig(
            provider_id=settings.oidc_provider_id,
            discovery_url=settings.oidc_discovery_url,
            client_id=settings.oidc_client_id,
            client_secret=settings.oidc_client_secret.get_secret_value(),
            scopes=("openid", "email", "profile"),
            require_id_token_verification=True,
        )
        yield social.GenericOAuth(config)


def _assistants(settings: Settings, auth: BetterAuth, database: Database) -> "Assistants | None":
    if not settings.mcp_enabled:
        return None
    from taskward.mcp.mount import Assistants  # noqa: PLC0415 - only where it is used

    return Assistants(auth, database, first_party_tokens=settings.mcp_first_party_tokens)


def _answering(app: FastAPI) -> AbstractAsyncContextManager[None]:
    assistants: Assistants | None = app.state.assistants
    return nullcontext() if assistants is None else assistants.server.running()


def _lifespan(
    settings: Settings,
    database: Database,
    observability: Observability,
    deleted_users: DeletedUsers,
    on_ready: Callable[[], None],
) -> Any:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with postgres(settings) as url:
            await _prepare(settings, database, url)
            log.info("Taskward is ready", open=settings.better_auth_url, database=str(url))
            if not frontend.is_built(settings.frontend_dir):
                log.info("the page is not built: `make frontend` (with Node.js 20 or newer)")
            try:
                async with observability.running(), deleted_users.running(), _answering(app):
                    on_ready()
                    yield
            finally:
                await database.close()

    return lifespan


@asynccontextmanager
async def postgres(settings: Settings) -> AsyncIterator[DatabaseURL]:
    """Name the database: the configured one, or the embedded one for as long as it is used.

    Raises:
        SystemExit: the embedded one cannot be started.
    """
    if settings.database_url is not None:
        yield DatabaseURL.parse(settings.database_url.get_secret_value())
        return
    from taskward.embedded_postgres import EmbeddedPostgresError, attach, detach  # noqa: PLC0415 - only where it is used

    try:
        server = await asyncio.to_thread(attach, settings.data_dir)
    except EmbeddedPostgresError as error:
        raise SystemExit(f"Taskward cannot start its PostgreSQL: {error}") from None
    try:
        yield DatabaseURL(str(server.socket_dir), 5432, server.user, None, server.database)
    finally:
        await asyncio.to_thread(detach, settings.data_dir)


async def _prepare(settings: Settings, database: Database, url: DatabaseURL) -> None:
    if not url.target.takes_writes:
        raise SystemExit(f"DATABASE_URL: target_session_attrs={url.target} is for reading only")
    added = added_schema(settings)

    async def connect() -> None:
        if settings.migrate_on_start:
            await migrate(url.direct().connect_arguments(), added)
        await _check_tables(url, added)
        await database.open(url.connect_arguments())

    # A worker that gives up at its start takes the workers beside it down with it. And of several
    # servers one may be about to become the primary.
    is_patient = multiprocessing.parent_process() or url.more_addresses
    patience = _PATIENCE if is_patient else 0.0
    try:
        await retry_until_reachable(connect, patience)
    except _DATABASE_ERRORS as error:
        reason = "; ".join(str(error).splitlines()) or "it did not answer in time"
        raise SystemExit(f"Taskward cannot use the database {url}: {reason}") from None


async def _check_tables(url: DatabaseURL, added: AuthSchema | None) -> None:
    """Not through the pool, which wants a server that takes writes: there may be none now."""
    connection = await connect_to(**url.connect_arguments(), statement_cache_size=0)
    try:
        async with connection.transaction():  # a pooler keeps the statement's parts together
            await table_check.check(connection, added)
    finally:
        await connection.close()


async def _redirect_to_docs() -> RedirectResponse:
    return RedirectResponse("/docs")
