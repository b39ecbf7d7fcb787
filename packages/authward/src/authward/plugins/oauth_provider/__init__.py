"""`oauth_provider`: an OAuth 2.1 and OpenID Connect server, the original's plugin of that name.

It signs with the keys of the plugin `jwt`: `jwt(JwtOptions(jwks=JwksOptions()))`.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from authward.context import AuthContext
from authward.database_hooks import DatabaseHook
from authward.errors import ConfigurationError
from authward.plugin import Hook, Plugin
from authward.plugins.oauth_provider.access_token import (
    AccessTokenClaims,
    InvalidAccessTokenError,
    verify_access_token,
)
from authward.plugins.oauth_provider.client_id_metadata import ClientIdDocuments
from authward.plugins.oauth_provider.client_id_options import ClientIdMetadata
from authward.plugins.oauth_provider.endpoints import ENDPOINTS
from authward.plugins.oauth_provider.hooks import go_on_after_sign_in, read_oauth_query
from authward.plugins.oauth_provider.metadata import metadata_routes
from authward.plugins.oauth_provider.option_checks import check_options
from authward.plugins.oauth_provider.options import (
    AdvertisedMetadata,
    Limit,
    OAuthProviderOptions,
    OAuthRateLimits,
    OAuthResource,
    PostLoginPage,
    Prefix,
    SelectAccountPage,
    SignupPage,
)
from authward.plugins.oauth_provider.provider import ID, Discovery, OAuthProvider
from authward.plugins.oauth_provider.schema import TABLES
from authward.plugins.oauth_provider.signed_out import end_tokens_of_session
from authward.plugins.schema_options import renamed
from authward.security.rate_limit import RateLimitRule

__all__ = [
    "AccessTokenClaims",
    "AdvertisedMetadata",
    "ClientIdMetadata",
    "InvalidAccessTokenError",
    "Limit",
    "OAuthProviderOptions",
    "OAuthRateLimits",
    "OAuthResource",
    "PostLoginPage",
    "Prefix",
    "SelectAccountPage",
    "SignupPage",
    "oauth_provider",
    "verify_access_token",
]


def oauth_provider(options: OAuthProviderOptions) -> Plugin:
    """Let clients act for users who allow it.

    Raises:
        ConfigurationError: an option is wrong.
    """
    check_options(options)
    options = replace(options, scopes=tuple(dict.fromkeys(options.scopes)))

    def init(context: AuthContext) -> None:
        if not context.sessions.kept.in_table:
            message = "needs session.store_session_in_database beside a secondary_storage"
            raise ConfigurationError(f"the plugin {ID!r} {message}")
        provider = context.extensions[ID] = OAuthProvider(options, context)
        if options.client_id_metadata is not None:
            provider.discovery = client_id_documents(options.client_id_metadata)

    return Plugin(
        id=ID,
        schema=renamed(ID, TABLES, options.schema),
        endpoints=ENDPOINTS,
        before=[Hook(handler=read_oauth_query)],
        after=[Hook(handler=go_on_after_sign_in)],
        database_hooks=[
            DatabaseHook(model="session", action="delete", before=end_tokens_of_session)
        ],
        rate_limit=_rules(options),
        init=init,
        routes=metadata_routes,
        examples=_EXAMPLES,
    )


def client_id_documents(options: Any) -> Discovery:
    """Return what finds clients whose ids are URLs.

    Raises:
        ConfigurationError: it is something else.
    """
    if not isinstance(options, ClientIdMetadata):
        message = f"client_id_metadata is ClientIdMetadata(…), not {options!r}"
        raise ConfigurationError(f"the plugin {ID!r}: {message}")
    return ClientIdDocuments(options)


def _rules(options: OAuthProviderOptions) -> Sequence[RateLimitRule]:
    names = ("token", "authorize", "introspect", "revoke", "register", "userinfo")
    limits = {name: getattr(options.rate_limit, name) for name in names}
    return [
        RateLimitRule(limit.window, limit.max, paths=(f"/oauth2/{name}",))
        for name, limit in limits.items()
        if limit is not None
    ]


_EXAMPLES = {
    "client_id": "LwhHNBB9vjKxKrMdHDRWW6w6k3AcwBVg",
    "client_name": "Claude",
    "redirect_uris": ["https://client.example.com/callback"],
    "grant_type": "authorization_code",
    "scope": "openid offline_access",
    "accept": True,
    "id": "f0Jq2kR7bXnW4tLzC9sVhY3mE8dPaU1G",
    "update": {"scopes": ["openid"]},
    "action": "cancel",
    "post_logout_redirect_uri": "https://client.example.com/signed-out",
    "state": "af0ifjsldkj",
    "id_token_hint": "eyJhbGciOiJFZERTQSJ9.e30.c2lnbmF0dXJl",
}
