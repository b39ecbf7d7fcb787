"""Who a user is to a client: the user's id, or an identifier that only this client knows."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from authward.plugins.oauth_provider.provider import OAuthProvider
from authward.plugins.oauth_provider.urls import parse


def subject(provider: OAuthProvider, user_id: str, client: Mapping[str, Any]) -> str:
    """Return the subject identifier (OpenID Connect Core, section 8.1)."""
    secret = provider.options.pairwise_secret
    if client["subjectType"] != "pairwise" or not secret:
        return user_id
    url = parse((client["redirectUris"] or [""])[0])
    sector = "" if url is None else str(url.host)
    digest = hmac.digest(secret.encode(), f"{sector}.{user_id}".encode(), hashlib.sha256)
    return base64.b64encode(digest).decode()
