"""What one server's provider knows: its options, its names, and the request under way."""

import asyncio
from dataclasses import dataclass
from typing import Protocol

from authward.context import AuthContext
from authward.endpoint_context import EndpointContext
from authward.errors import ConfigurationError
from authward.plugins.oauth_provider import claims
from authward.plugins.oauth_provider.option_checks import check_context, identifiers
from authward.plugins.oauth_provider.options import OAuthProviderOptions, OAuthResource
from authward.plugins.oauth_provider.resources import seed_resources
from authward.plugins.oauth_provider.rows import Row
from authward.plugins.oauth_provider.unused_clients import UnusedClients
from authward.plugins.oauth_provider.urls import canonical_resource
from authward.security.key_set import KeySet, SigningKey

ID = "oauth-provider"


@dataclass(slots=True)
class OAuthRequest:
    """The authorization request that an HTTP request is about.

    Args:
        query: its parameters, as they came in a signed query.
        issued_at: when that was signed, in seconds since 1970.
        cleared_for: the session whose user has been on the page after the login.
        as_json: the answer is JSON with a URL, whatever the client says it accepts.
    """

    query: str | None = None
    issued_at: float | None = None
    cleared_for: str | None = None
    as_json: bool = False


class Discovery(Protocol):
    """Finds clients that have not been registered."""

    id: str

    async def resolve(self, ctx: EndpointContext, client_id: str, known: Row | None) -> Row | None:
        """Return a client, None if there is none that may be used."""


class OAuthProvider:
    """The provider of one server."""

    def __init__(self, options: OAuthProviderOptions, context: AuthContext) -> None:
        """Refuse a server on which it cannot work.

        Raises:
            ConfigurationError: there are no keys, or a page is elsewhere.
        """
        check_context(context, options)
        self.options = options
        self.context = context
        self.url = context.options.url
        self.issuer = context.options.url
        self.userinfo = f"{self.url}/oauth2/userinfo"
        self.claims_supported = options.advertised_metadata.claims_supported or claims.supported(
            options.scopes
        )
        self.discovery: Discovery | None = None
        self.unused_clients = UnusedClients(context.pool, options.unused_client_expires_in)
        self._spellings = {canonical_resource(i): i for i in identifiers(options.resources)}
        self._seeded = False
        self._seeding = asyncio.Lock()

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secrets, the one in force first."""
        options = self.context.options
        return (options.secret, *options.old_secrets)

    @property
    def keys(self) -> KeySet:
        """The keys that tokens are signed with."""
        keys = self.context.key_set
        if keys is None:  # `check_context` refuses such a server
            raise ConfigurationError("there is no key set")
        return keys

    async def signing_key(self) -> SigningKey:
        """Return the key that signs, asked for before a connection is held."""
        return await self.keys.signing_key()

    def known_resource(self, resource: str) -> str:
        """Return a resource in the spelling that it is configured in, if only that differs."""
        return self._spellings.get(canonical_resource(resource), resource)

    async def seed(self) -> None:
        """Make sure that the rows of the configured resources are there, once."""
        if self._seeded:
            return
        async with self._seeding:
            if not self._seeded:
                inputs = [
                    OAuthResource(identifier=r) if isinstance(r, str) else r
                    for r in self.options.resources
                ]
                await seed_resources(self.context.pool, inputs, self.options.resource_seed_mode)
                self._seeded = True


def provider_of(ctx: EndpointContext) -> OAuthProvider:
    """Return the provider of the server."""
    provider: OAuthProvider = ctx.auth.extensions[ID]
    return provider


def oauth_request(ctx: EndpointContext) -> OAuthRequest:
    """Return what is known of the authorization request."""
    found: OAuthRequest = ctx.extensions.setdefault(ID, OAuthRequest())
    return found
