"""`CurrentUser`: the dependency that tells an endpoint whose request it is."""

from typing import Annotated

from fastapi import Depends, HTTPException
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection, Request

from taskward.auth.tokens import ExpiredTokenError, InvalidTokenError


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
        return authenticate(request)


CurrentUser = Annotated[str, Depends(JWTBearer())]


def authenticate(connection: HTTPConnection) -> str:
    """Return the id of the user whose token the request bears, without any I/O.

    Raises:
        HTTPException: 401 with `WWW-Authenticate`, and one of three details.
    """
    headers = connection.headers.getlist("authorization")
    scheme, _, token = headers[0].strip().partition(" ") if headers else ("", "", "")
    if scheme.lower() != "bearer":
        raise HTTPException(401, "Not authenticated", {"WWW-Authenticate": "Bearer"})
    if len(headers) > 1:
        raise _unauthorized("Invalid token")
    try:
        return connection.app.state.better_auth.tokens.verify(token.strip())  # type: ignore[no-any-return]
    except ExpiredTokenError:
        raise _unauthorized("Token expired") from None
    except InvalidTokenError:
        raise _unauthorized("Invalid token") from None


def _unauthorized(detail: str) -> HTTPException:
    challenge = f'Bearer error="invalid_token", error_description="{detail}"'
    return HTTPException(401, detail, {"WWW-Authenticate": challenge})
