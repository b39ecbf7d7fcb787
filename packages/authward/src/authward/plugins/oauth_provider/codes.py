"""Authorization codes: rows of the table `verification`, found by the code's hash, used once."""

import json
from datetime import timedelta
from typing import Any

from ada_url import URL, URLSearchParams

from authward.core.account_changes import keep
from authward.endpoint_context import EndpointContext
from authward.plugins.oauth_provider.provider import provider_of
from authward.plugins.oauth_provider.secrets import hashed, random_secret
from authward.storage.rows import SessionAndUser

KIND = "authorization_code"


async def code_url(
    ctx: EndpointContext,
    query: dict[str, Any],
    resources: list[str],
    session: SessionAndUser,
    reference: str | None,
) -> str:
    """Return the client's redirect URI with a new code."""
    provider, code = provider_of(ctx), random_secret()
    granted = {
        "type": KIND,
        "query": query,
        "userId": session.user.id,
        "sessionId": session.session.id,
        "referenceId": reference,
        "authTime": int(session.session.created_at.timestamp() * 1000),
        "resource": resources,
    }
    value = json.dumps({name: v for name, v in granted.items() if v is not None})
    lifetime = timedelta(seconds=provider.options.code_expires_in)
    await keep(ctx, hashed(code), value, lifetime)
    url = URL(query["redirect_uri"])
    parameters = URLSearchParams(url.search)
    parameters.set("code", code)
    if query.get("state"):
        parameters.set("state", query["state"])
    parameters.set("iss", provider.issuer)
    url.search = str(parameters)
    return str(url.href)
