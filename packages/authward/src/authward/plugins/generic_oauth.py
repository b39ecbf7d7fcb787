"""`generic_oauth`: any OAuth 2 or OpenID Connect provider, the original's plugin of that name."""

from collections import Counter
from collections.abc import Sequence

from authward.codes import ErrorCode
from authward.context import AuthContext
from authward.errors import ConfigurationError
from authward.oauth.generic import GenericOAuth
from authward.oauth.generic_config import GenericOAuthConfig
from authward.plugin import Plugin

__all__ = ["GenericOAuthConfig", "generic_oauth"]


class GenericOAuthCode(ErrorCode):
    """The plugin's codes, in the original's words."""

    INVALID_OAUTH_CONFIGURATION = 400, "Invalid OAuth configuration"
    TOKEN_URL_NOT_FOUND = 400, "Invalid OAuth configuration. Token URL not found."


def generic_oauth(config: Sequence[GenericOAuthConfig]) -> Plugin:
    """Add providers to `/sign-in/social`; one takes the place of a social provider of its name.

    Raises:
        ConfigurationError: two have one name.
    """
    twice = [name for name, count in Counter(c.provider_id for c in config).items() if count > 1]
    if twice:
        raise ConfigurationError(f"generic_oauth: there are several providers {twice[0]!r}")
    providers = [GenericOAuth(each) for each in config]

    def init(context: AuthContext) -> None:
        context.social_providers.update({provider.id: provider for provider in providers})

    return Plugin(id="generic-oauth", init=init, error_codes=GenericOAuthCode)
