"""`BetterAuth`: the server that the stock Better Auth client talks to."""

import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from enum import Enum
from typing import Any, Protocol, cast

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from taskward.auth import schemas
from taskward.auth.bodies import FORM
from taskward.auth.cookies import CookieNames, CookieSigner
from taskward.auth.email_tokens import EmailTokens
from taskward.auth.endpoint import Endpoint
from taskward.auth.exchange import Exchange
from taskward.auth.options import BetterAuthOptions
from taskward.auth.origins import TrustedOrigins
from taskward.auth.passwords import PasswordHasher
from taskward.auth.paths import parameter_names, path_parameters
from taskward.auth.rate_limit import RateLimiter
from taskward.auth.routes import (
    accounts,
    change_email,
    email,
    email_verification,
    error,
    ok,
    password_reset,
    plain,
    session,
    social,
    user,
)
from taskward.auth.tokens import TokenSigner
from taskward.statements import Executor

ENDPOINTS = (
    *email.ENDPOINTS,
    *session.ENDPOINTS,
    *user.ENDPOINTS,
    *password_reset.ENDPOINTS,
    *email_verification.ENDPOINTS,
    *change_email.ENDPOINTS,
    *social.ENDPOINTS,
    *accounts.ENDPOINTS,
    *ok.ENDPOINTS,
    *error.ENDPOINTS,
)
TAGS: list[str | Enum] = ["auth"]


class Pool(Executor, Protocol):
    """A connection pool: asyncpg's, or `taskward.database.Database`."""

    def acquire(self) -> AbstractAsyncContextManager[Any]:
        """Lend a connection."""


class BetterAuth:
    """A Better Auth server for a FastAPI app.

    `install(app)` adds the endpoints and lets `CurrentUser` work in the app's own.
    """

    def __init__(self, options: BetterAuthOptions, pool: Pool) -> None:
        self.options = options
        self.pool = pool
        self.email_tokens = EmailTokens(options.secret, options.old_secrets)
        self.social_providers = {p.id: p for p in reversed(options.social_providers)}
        self.cookies = CookieNames(secure=options.secure_cookies)
        self.signer = CookieSigner(options.secret)
        self.passwords = PasswordHasher()
        self.origins = TrustedOrigins((options.base_url, *options.trusted_origins))
        self.rate_limiter = RateLimiter(
            pool, enabled=options.rate_limit, trusted_proxy_hops=options.trusted_proxy_hops
        )
        self.tokens = TokenSigner(
            options.secret,
            old_secrets=options.old_secrets,
            issuer=options.base_url,
            lifetime=options.jwt_expires_in,
            audiences=options.exact_origins,
        )
        if options.jwks_url is not None:
            from taskward.auth.jwks import RemoteKeys  # noqa: PLC0415

            self.tokens.remote_keys = RemoteKeys(options.jwks_url)

    def install(self, app: FastAPI) -> None:
        """Serve the endpoints in `app` and make `CurrentUser` work there."""
        app.state.better_auth = self
        base_path = self.options.base_path
        for endpoint in ENDPOINTS:
            for method in endpoint.methods:
                self._add_route(app, endpoint, method)
        app.include_router(plain.router, prefix=base_path, tags=TAGS)
        app.router.routes.append(
            Route(f"{base_path}/{{path:path}}", NotFound(), include_in_schema=False)
        )

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Executor]:
        """Lend a connection with a transaction: committed at the end, undone by an error."""
        async with self.pool.acquire() as connection, connection.transaction():
            yield connection

    def _add_route(self, app: FastAPI, endpoint: Endpoint, method: str) -> None:
        async def respond(request: Request) -> Response:
            parameters = path_parameters(endpoint.path, request.scope["raw_path"])
            if parameters is None:
                return NOT_FOUND
            exchange = Exchange(self, request)
            exchange.parameters = parameters
            return await endpoint.respond(exchange)

        # In the app and not in a router to include: that makes every route twice.
        app.add_api_route(
            self.options.base_path + endpoint.path.replace("}", ":path}"),
            respond,
            methods=[method],
            tags=TAGS,
            operation_id=re.sub(r"\W+", "_", f"{method.lower()}{endpoint.path}"),
            summary=(endpoint.handler.__doc__ or "").rstrip("."),
            status_code=302 if endpoint.answer is None else 200,
            response_class=Response if endpoint.answer is None else JSONResponse,
            response_model=None,
            responses=_responses(endpoint),
            openapi_extra=_request_body(endpoint) | _parameters(endpoint),
        )
        fields = cast("APIRoute", app.routes[-1]).response_fields
        fields |= dict.fromkeys(_errors(endpoint), _ERROR)


_REDIRECT = {
    "description": "Where the browser goes",
    "headers": {"Location": {"required": True, "schema": {"type": "string"}}},
}


_EXAMPLE = APIRoute("/", lambda: None, responses={400: {"model": schemas.AuthError}})
_ERROR = _EXAMPLE.response_fields[400]
"""FastAPI would make it anew for each error of each endpoint, which took most of `install`."""


def _errors(endpoint: Endpoint) -> tuple[int, ...]:
    return (*endpoint.errors, *([413] if endpoint.body is not None else []))


def _responses(endpoint: Endpoint) -> dict[int | str, dict[str, Any]]:
    responses: dict[int | str, dict[str, Any]] = {status: {} for status in _errors(endpoint)}
    if endpoint.answer is not None:
        responses[200] = {"model": endpoint.answer}
    if "{" in endpoint.path:
        responses[404] = {"description": "No endpoint for the original's router"}
    if endpoint.redirects or endpoint.answer is None:
        responses[302] = _REDIRECT
    return responses


def _request_body(endpoint: Endpoint) -> dict[str, Any]:
    if endpoint.body is None:
        return {}
    content = {
        kind: {"schema": endpoint.body.json_schema(texts=kind == FORM)}
        for kind in endpoint.media_types
    }
    return {"requestBody": {"content": content, "required": not endpoint.body.optional}}


def _parameters(endpoint: Endpoint) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in parameter_names(endpoint.path)
    ]
    if endpoint.query is not None:
        parameters += endpoint.query.query_parameters()
    return {"parameters": parameters} if parameters else {}


class NotFound:
    """What is no endpoint, or not with this method, or not in this spelling: an empty 404."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await NOT_FOUND(scope, receive, send)


NOT_FOUND = Response(status_code=404)
