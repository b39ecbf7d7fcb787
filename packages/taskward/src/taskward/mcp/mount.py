"""`/mcp` in an application."""

from fastapi import FastAPI
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from authward import BetterAuth
from taskward.database.database import Database
from taskward.mcp import PATH
from taskward.mcp.auth import AccessTokens
from taskward.mcp.endpoint import MCPEndpoint
from taskward.mcp.loading import LazyServer
from taskward.mcp.observing import ToolCalls


class _NamedRoute(Route):
    """Says, as FastAPI's do, which route a request is for: metrics have a name for it then."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["route"] = self
        await super().handle(scope, receive, send)


class Assistants:
    """What an application needs for assistants."""

    def __init__(self, auth: BetterAuth, database: Database, *, first_party_tokens: bool) -> None:
        """Serve the tools on a database to whom the auth server, or we, gave a token."""
        self.calls = ToolCalls()
        self.server = LazyServer(database, self.calls)
        tokens = AccessTokens(auth, first_party=first_party_tokens)
        self._endpoint = MCPEndpoint(auth.options.base_url, auth.origins, tokens, self.server)

    def install(self, app: FastAPI) -> None:
        """Add the path; a slash at its end, which some people paste, changes nothing."""
        for path in (PATH, f"{PATH}/"):
            app.router.routes.append(_NamedRoute(path, self._endpoint, include_in_schema=False))
