"""The application put together: the only file that knows all the others."""

import asyncio
import multiprocessing
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import asyncpg
import structlog
from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import RedirectResponse

from taskward import errors, frontend, idempotency, row_level_security, task_store, tasks
from taskward.auth import BetterAuth, BetterAuthOptions, social
from taskward.config import Settings
from taskward.database import Database, when_reachable
from taskward.database_url import DatabaseURL
from taskward.fast_path import FastPath
from taskward.migrations import MigrationError, migrate
from taskward.observability import configure_logging
from taskward.operations import Operations

DESCRIPTION = """\
Tasks of many users, none of whom ever sees another's.

Sign up with `POST /api/auth/signup`, press **Authorize**, paste the token.
"""

_WORKER_PATIENCE = 60.0  # seconds
_UNUSABLE = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    SQLAlchemyError,
    MigrationError,
)

log = structlog.get_logger("taskward")


def create_app(settings: Settings) -> FastAPI:
    """Return the ASGI application; it connects to PostgreSQL when its lifespan begins."""
    configure_logging(settings.log_style)
    guarded = settings.row_level_security
    database = row_level_security.GuardedDatabase() if guarded else Database(task_store.BATCHABLE)
    operations = Operations(settings, database)
    app = FastAPIOffline(
        title="Taskward",
        description=DESCRIPTION,
        version="0.1.0",
        redirect_slashes=False,
        lifespan=_lifespan(settings, database, operations),
        telemetry=operations.tracing.fastapi,
    )
    app.state.database = database
    errors.install(app)
    app.include_router(tasks.router)
    auth = BetterAuth(auth_options(settings), database)
    auth.install(app)
    if not frontend.install(app, settings.frontend_dir):
        app.add_api_route("/", _go_to_docs, include_in_schema=False)
    operations.install(app, auth)
    app.middleware_stack = FastPath(
        app, app.build_middleware_stack(), tasks.router, tasks.PROVIDERS
    )
    operations.put_in_front(app, auth)
    app.openapi = partial(_describe, app.openapi)  # type: ignore[method-assign]
    return app


def _describe(generate: Callable[[], dict[str, Any]]) -> dict[str, Any]:
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
        jwt_expires_in=settings.jwt_expires_in,
        session_expires_in=settings.session_expires_in,
        rate_limit=settings.rate_limit,
        trusted_proxy_hops=settings.trusted_proxy_hops,
        social_providers=tuple(social_providers(settings)),
        on_user_deleted=(tasks_module.remove_all, idempotency.remove_all),
    )


def _secrets(settings: Settings) -> tuple[str, ...]:
    try:
        return settings.secrets()
    except (OSError, ValueError) as error:
        raise SystemExit(f"Taskward cannot start:\n  DATA_DIR: {error}") from None


def social_providers(settings: Settings) -> Iterator[social.SocialProvider]:
    """Yield the providers that are configured; the settings are all there or none."""
    if settings.github_client_id and settings.github_client_secret:
        secret = settings.github_client_secret.get_secret_value()
        yield social.GitHub(client_id=settings.github_client_id, client_secret=secret)
    if settings.google_client_id and settings.google_client_secret:
        secret = settings.google_client_secret.get_secret_value()
        yield social.Google(client_id=settings.google_client_id, client_secret=secret)
    if settings.oidc_discovery_url and settings.oidc_client_id and settings.oidc_client_secret:
        yield social.OpenIDConnect(
            provider_id=settings.oidc_provider_id,
            discovery_url=settings.oidc_discovery_url,
            client_id=settings.oidc_client_id,
            client_secret=settings.oidc_client_secret.get_secret_value(),
        )


def _lifespan(settings: Settings, database: Database, operations: Operations) -> Any:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with postgres(settings) as url:
            await _prepare(settings, database, url)
            log.info("Taskward is ready", open=settings.better_auth_url, database=str(url))
            if not frontend.is_built(settings.frontend_dir):
                log.info("the page is not built: `make frontend` (with Node.js 20 or newer)")
            try:
                async with operations.running():
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
    from taskward.embedded_postgres import (  # noqa: PLC0415 - only where it is used
        EmbeddedPostgresError,
        attach,
        detach,
    )

    try:
        server = await asyncio.to_thread(attach, settings.data_dir)
    except EmbeddedPostgresError as error:
        raise SystemExit(f"Taskward cannot start its PostgreSQL: {error}") from None
    try:
        yield DatabaseURL(str(server.socket_dir), 5432, server.user, None, server.database)
    finally:
        await asyncio.to_thread(detach, settings.data_dir)


async def _prepare(settings: Settings, database: Database, url: DatabaseURL) -> None:
    async def connect() -> None:
        if settings.migrate_on_start:
            await migrate(url.direct().connect_arguments())
        await database.open(url.connect_arguments())

    # A worker that gives up at its start takes the workers beside it down with it.
    patience = _WORKER_PATIENCE if multiprocessing.parent_process() else 0.0
    try:
        await when_reachable(connect, patience)
    except _UNUSABLE as error:
        reason = str(error) or "it did not answer in time"
        raise SystemExit(f"Taskward cannot use the database {url}: {reason}") from None


async def _go_to_docs() -> RedirectResponse:
    return RedirectResponse("/docs")
