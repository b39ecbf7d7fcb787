"""Sign-in with other people's accounts: OAuth 2 and OpenID Connect, as Better Auth does it.

A provider is loaded when it is asked for: its libraries take a third of a second, which a server
without one need not spend at its start.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from taskward.auth.social.provider import SocialProvider

if TYPE_CHECKING:
    from taskward.auth.social.github import GitHub
    from taskward.auth.social.google import Google
    from taskward.auth.social.openid_connect import OpenIDConnect

__all__ = ["GitHub", "Google", "OpenIDConnect", "SocialProvider"]

_MODULES = {"GitHub": "github", "Google": "google", "OpenIDConnect": "openid_connect"}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(name)
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
