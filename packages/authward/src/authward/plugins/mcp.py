"""`mcp`: the authorization server of a Model Context Protocol server, the original's plugin.

It is `oauth_provider` with the MCP server as a resource that every client is linked to, and the
document by which MCP clients find their way from the one to the other (RFC 9728).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import Any

from starlette.routing import BaseRoute

from authward.context import AuthContext
from authward.errors import ConfigurationError
from authward.plugin import Plugin
from authward.plugins.oauth_provider import OAuthProviderOptions, oauth_provider
from authward.plugins.oauth_provider.metadata import document_routes, metadata_routes
from authward.plugins.oauth_provider.option_checks import identifiers
from authward.plugins.oauth_provider.provider import ID, OAuthProvider
from authward.plugins.oauth_provider.urls import parse

PATH = "/.well-known/oauth-protected-resource"
REUSE_SECONDS = 30
_NOT_OF_RESOURCES = {"openid", "profile", "email", "phone", "address", "offline_access"}


@dataclass(frozen=True, slots=True, kw_only=True)
class McpOptions(OAuthProviderOptions):
    """The provider's options, and the original's own.

    Args:
        resource: the MCP server's URL, such as `https://api.example.com/mcp`.
        refresh_token_reuse_interval: assistants race their own refreshes, so that a token that
            was used up answers again for a while.
    """

    resource: str
    refresh_token_reuse_interval: int = REUSE_SECONDS


def mcp(options: McpOptions) -> Plugin:
    """Let assistants act for users who allow it.

    Raises:
        ConfigurationError: an option is wrong.
    """
    resource = options.resource
    _check_resource(resource)
    is_known, linked = (
        resource in identifiers(options.resources),
        options.client_registration_default_resources,
    )
    provider = oauth_provider(
        replace(
            options,
            resources=options.resources if is_known else (*options.resources, resource),
            client_registration_default_resources=tuple(dict.fromkeys((*linked, resource))),
        )
    )

    def routes(context: AuthContext) -> Sequence[BaseRoute]:
        return [*metadata_routes(context), *_resource_routes(context, resource)]

    return replace(provider, routes=routes)


def _resource_routes(context: AuthContext, resource: str) -> list[BaseRoute]:
    provider: OAuthProvider = context.extensions[ID]
    url = parse(resource)
    path = str(url.pathname).removesuffix("/") if url else ""

    def document() -> dict[str, Any]:
        return resource_document(provider, resource)

    paths = dict.fromkeys((PATH, PATH + path))
    return [route for spelled in paths for route in document_routes(spelled, document)]


def resource_document(provider: OAuthProvider, resource: str) -> dict[str, Any]:
    """Return the metadata of the protected resource."""
    options = provider.options
    scopes = options.advertised_metadata.scopes_supported or options.scopes
    own = [scope for scope in scopes if scope not in _NOT_OF_RESOURCES]
    document: dict[str, Any] = {
        "resource": resource,
        "authorization_servers": [provider.issuer],
        "bearer_methods_supported": ["header"],
    }
    return document | ({"scopes_supported": own} if own else {})


def _check_resource(resource: Any) -> None:
    url = parse(resource) if isinstance(resource, str) else None
    if url is None:
        _refuse(f"resource is an absolute URL, not {resource!r}")
        return
    if url.username or url.password or {"#", "?"} & set(resource):
        _refuse("resource has no credentials, query or fragment")
    if url.protocol != "https:" and not (url.protocol == "http:" and _is_local(str(url.hostname))):
        _refuse(f"resource uses https, except on this machine: {resource!r}")


def _is_local(hostname: str) -> bool:
    if hostname in {"localhost", "[::1]"}:
        return True
    try:
        return IPv4Address(hostname).is_loopback
    except ValueError:
        return False


def _refuse(problem: str) -> None:
    raise ConfigurationError(f"the plugin 'mcp': {problem}")
