"""`CurrentUser`: the dependency that tells an endpoint whose request it is."""

from typing import Annotated

from fastapi import Depends, HTTPException
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection, Request

from taskward.auth.tokens import ExpiredTokenError, InvalidTokenError, TokenSigner, UnknownKeyError

_SPACES = " \t"


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
    if authorization is None or authorization[:7].lower() != b"bearer ":
        return None
    try:
        return tokens.verify(authorization[7:].decode("latin-1"))
    except InvalidTokenError:
        return None


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
