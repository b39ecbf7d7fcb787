"""Sign-in with other people's accounts: OAuth 2 and OpenID Connect, as Better Auth does it."""

from taskward.auth.social.github import GitHub
from taskward.auth.social.google import Google
from taskward.auth.social.openid_connect import OpenIDConnect
from taskward.auth.social.provider import SocialProvider

__all__ = ["GitHub", "Google", "OpenIDConnect", "SocialProvider"]
