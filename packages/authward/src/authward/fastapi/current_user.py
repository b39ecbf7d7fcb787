"""`CurrentUser`: the dependency that tells an endpoint whose request it is."""

from functools import lru_cache
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, HTTPException
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection, Request

from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.security.jwt import ExpiredTokenError, InvalidTokenError, TokenSigner, UnknownKeyError

_SPACES = " \t"
_HEADERS_KEPT = 2_048
_MAX_KEPT_BYTES = 1_024
_KEY_USER = "authward.user_of_key"


class JWTBearer(SecurityBase):
    """`Authorization: Bearer <JWT>`, also as a security scheme of the OpenAPI document."""

    def __init__(self) -> None:
        self.model = HTTPBearer(
            bearerFormat="JWT", description="From `GET /api/auth/token` or `POST /api/auth/login`"
        )
        self.scheme_name = "JWT"

    async def __call__(self, request: Request) -> str:
        """Return the user's id.

        Raises:
            HTTPException: 401.
        """
        return await authenticate(request)


jwt_bearer = JWTBearer()
CurrentUser = Annotated[str, Depends(jwt_bearer)]


def known_user(tokens: TokenSigner, authorization: bytes | None) -> str | None:
    """Return the user of a plain, valid `Authorization` header; None is for `authenticate`."""
    if authorization is None:
        return None
    is_short = len(authorization) <= _MAX_KEPT_BYTES
    token = _known_token(authorization) if is_short else _bearer_token(authorization)
    try:
        return None if token is None else tokens.verify(token)
    except InvalidTokenError:
        return None


def _bearer_token(authorization: bytes) -> str | None:
    is_bearer = authorization[:7].lower() == b"bearer "
    return authorization[7:].decode("latin-1") if is_bearer else None


_known_token = lru_cache(_HEADERS_KEPT)(_bearer_token)
"""Returns the same object for the same header, so that it is decoded and hashed only once."""


async def authenticate(connection: HTTPConnection) -> str:
    """Return the id of the user whose token the request bears.

    It is left in the scope, as `user_id`, for logs. There is no I/O, but for the first token under
    a new key of another server, if one is trusted.

    Raises:
        HTTPException: 401 with `WWW-Authenticate`, and one of three details.
    """
    headers = connection.headers.getlist("authorization")
    scheme, _, token = headers[0].strip(_SPACES).partition(" ") if headers else ("", "", "")
    if scheme.lower() != "bearer":
        if user_id := await _user_of_key(connection):
            return user_id
        raise HTTPException(401, "Not authenticated", {"WWW-Authenticate": "Bearer"})
    if len(headers) > 1:
        raise _unauthorized("Invalid token")
    try:
        user_id = await _verify(connection.app.state.better_auth.tokens, token.strip(_SPACES))
    except ExpiredTokenError:
        raise _unauthorized("Token expired") from None
    except InvalidTokenError:
        raise _unauthorized("Invalid token") from None
    connection.scope["user_id"] = user_id
    return user_id


async def _user_of_key(connection: HTTPConnection) -> str | None:
    """Return the user whose API key stands for a session, where the host says that one may."""
    context = connection.app.state.better_auth.context
    keys = context.extensions.get("api-key")
    if keys is None or not isinstance(connection, Request):
        return None
    if _KEY_USER in connection.scope:  # each look at a key counts as a use of it
        return str(connection.scope[_KEY_USER])
    ctx = EndpointContext(context, connection)
    try:
        user_id: str | None = await keys.user_id(ctx)
    except APIError as error:
        challenge = (
            {"WWW-Authenticate": "Bearer"} if error.status == HTTPStatus.UNAUTHORIZED else None
        )
        raise HTTPException(error.status, error.message, challenge) from None
    await ctx.run_background_tasks()
    if user_id is not None:
        connection.scope["user_id"] = connection.scope[_KEY_USER] = user_id
    return user_id


async def _verify(tokens: TokenSigner, token: str) -> str:
    try:
        return tokens.verify(token)
    except UnknownKeyError:
        if tokens.remote_keys is not None:
            await tokens.remote_keys.refresh()
        return tokens.verify(token)


def _unauthorized(detail: str) -> HTTPException:
    challenge = f'Bearer error="invalid_token", error_description="{detail}"'
    return HTTPException(401, detail, {"WWW-Authenticate": challenge})
