"""`one_time_token`: a session carried to another site or device by a token that works once."""

import secrets
import string
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from authward.core.account_changes import consume, keep
from authward.endpoint import Endpoint
from authward.endpoint_context import EndpointContext
from authward.errors import APIError, ConfigurationError
from authward.plugin import Hook, Plugin
from authward.plugins.kept_secrets import StoreToken, check_store, kept
from authward.schema import responses as schemas
from authward.storage.rows import SessionAndUser
from authward.timestamps import now
from authward.validation import Field, Schema

_ALPHABET = string.ascii_letters + string.digits + "-_"
_LENGTH = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class OneTimeTokenOptions:
    """The original's options.

    Args:
        expires_in: how long a token is good, in **minutes**.
        disable_client_request: only the application makes tokens, by `auth.api`.
        generate_token: makes the token for a session.
        store_token: how the database keeps tokens: "plain", "hashed" or `HashedBy(…)`.
        disable_set_session_cookie: whoever has a token learns of the session, without its cookie.
        set_ott_header_on_new_session: a new session comes with a token, in the header `set-ott`.
    """

    expires_in: float = 3
    disable_client_request: bool = False
    generate_token: Callable[[SessionAndUser], Awaitable[str]] | None = None
    store_token: StoreToken = "plain"  # noqa: S105 - a way to keep it
    disable_set_session_cookie: bool = False
    set_ott_header_on_new_session: bool = False


def one_time_token(options: OneTimeTokenOptions | None = None) -> Plugin:
    """Let a session be taken up elsewhere with a token that works once."""
    tokens = _Tokens(options or OneTimeTokenOptions())
    wanted = tokens.options.set_ott_header_on_new_session
    return Plugin(
        id="one-time-token",
        endpoints=tokens.endpoints(),
        after=[Hook(handler=tokens.expose)] if wanted else [],
    )


class _Tokens:
    def __init__(self, options: OneTimeTokenOptions) -> None:
        check_store("one_time_token", "store_token", options.store_token)
        if options.expires_in <= 0:
            raise ConfigurationError("one_time_token: expires_in is more than 0")
        self.options = options

    def endpoints(self) -> list[Endpoint]:
        return [
            Endpoint(
                path="/one-time-token/generate",
                methods=("GET",),
                handler=self.generate,
                session="required",
                response_model=schemas.Token,
                errors=(400, 401, 429),
            ),
            Endpoint(
                path="/one-time-token/verify",
                handler=self.verify,
                body=Schema({"token": Field("string", description="The token")}),
                response_model=schemas.SessionAndUser,
                errors=(400, 403, 415, 429),
            ),
        ]

    async def generate(self, ctx: EndpointContext) -> dict[str, str]:
        """Return a token with which the current session can be taken up elsewhere."""
        by_http = "http_version" in ctx.request.scope
        if self.options.disable_client_request and by_http:
            raise APIError(400, message="Client requests are disabled")
        return {"token": await self._make(ctx, ctx.session)}

    async def verify(self, ctx: EndpointContext) -> dict[str, Any]:
        """Take up the session whose token this is."""
        token = await consume(ctx, await self._identifier(ctx, ctx.body["token"]))
        if token is None:
            raise APIError(400, message="Invalid token")
        found = await ctx.auth.sessions.find(ctx.auth.pool, token)
        if found is None:
            raise APIError(400, message="Session not found")
        if found.session.expires_at < now():
            raise APIError(400, message="Session expired")
        if not self.options.disable_set_session_cookie:
            ctx.start_session(found.session, remember=None)
        output = ctx.auth.output
        return {"session": output.session(found.session), "user": output.user(found.user)}

    async def expose(self, ctx: EndpointContext) -> None:
        """Give a token along with a new session."""
        token = ctx.started_token
        found = await ctx.auth.sessions.find(ctx.auth.pool, token) if token else None
        if found is not None:
            ctx.expose("set-ott", await self._make(ctx, found))

    async def _make(self, ctx: EndpointContext, found: SessionAndUser) -> str:
        generate = self.options.generate_token
        token = (
            await generate(found)
            if generate
            else "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
        )
        lifetime = timedelta(minutes=self.options.expires_in)
        await keep(ctx, await self._identifier(ctx, token), found.session.token, lifetime)
        return token

    async def _identifier(self, ctx: EndpointContext, token: str) -> str:
        return f"one-time-token:{await kept(ctx.auth, self.options.store_token, token)}"
