"""Sign-in with other people's accounts: OAuth 2 and OpenID Connect, as Better Auth does it.

A provider is loaded when it is asked for: its libraries take a third of a second, which a server
without one need not spend at its start.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from authward.oauth.provider import SocialProvider

if TYPE_CHECKING:
    from authward.oauth.generic import GenericOAuth
    from authward.oauth.generic_config import GenericOAuthConfig
    from authward.oauth.known_provider import KnownProvider, UserInfo, social_provider

__all__ = [
    "GenericOAuth",
    "GenericOAuthConfig",
    "KnownProvider",
    "SocialProvider",
    "UserInfo",
    "social_provider",
]

_MODULES = {
    "GenericOAuth": "generic",
    "GenericOAuthConfig": "generic_config",
    "KnownProvider": "known_provider",
    "UserInfo": "known_provider",
    "social_provider": "known_provider",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(name)
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
