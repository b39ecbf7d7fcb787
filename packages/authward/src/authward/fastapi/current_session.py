"""`CurrentSession`: the dependency that gives an endpoint the session and its user."""

from typing import Annotated

from fastapi import Depends, HTTPException
from fastapi.openapi.models import APIKey, APIKeyIn
from fastapi.security.base import SecurityBase
from starlette.requests import Request
from starlette.responses import Response

from authward import cookie_cache
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.security.csrf import require_trusted_origin
from authward.storage.rows import SessionAndUser

_SAFE = {"GET", "HEAD", "OPTIONS"}
_UNAUTHORIZED = HTTPException(401, "Not authenticated", {"WWW-Authenticate": "Bearer"})


class SessionCookie(SecurityBase):
    """The session cookie, or with `bearer` the session token in `Authorization`.

    Another site's page can make a browser send the cookie. So a request that may change something
    must come from a trusted origin, as for the server's own endpoints.
    """

    def __init__(self) -> None:
        self.model = APIKey(
            **{"in": APIKeyIn.cookie}, name="better-auth.session_token", description="The session"
        )
        self.scheme_name = "Session"

    async def __call__(self, request: Request, response: Response) -> SessionAndUser:
        """Return the session and the user, and extend the session where that is due.

        Raises:
            HTTPException: 401 without a session, 403 for a request of another site.
        """
        server = request.app.state.better_auth
        ctx = EndpointContext(server.context, request)
        ctx.path = "/get-session"
        came_by_cookie = ctx.session_token is not None
        try:
            ctx.resolve_base_url()
            if came_by_cookie and request.method not in _SAFE:
                require_trusted_origin(ctx)
            await server.hooks_around(ctx.path).run_before(ctx)
            found = await ctx.load_session(from_cookie=True)
            await cookie_cache.write_pending(ctx)
        except APIError as error:
            raise HTTPException(error.status, error.message, error.headers) from error
        for cookie in ctx.set_cookies:
            response.headers.append("set-cookie", cookie)
        if found is None:
            raise _UNAUTHORIZED
        return found


session_cookie = SessionCookie()
CurrentSession = Annotated[SessionAndUser, Depends(session_cookie)]
"""Session and user; both are typed, and have what plugins and the application added in `fields`."""
