"""The challenge of a ceremony: a cookie names a record, which counts once."""

import json
import secrets
import string
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from authward.core.account_changes import consume, keep
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.plugins.passkey.codes import PasskeyCode
from authward.plugins.passkey.options import PasskeyOptions

MAX_AGE = 300
_CHALLENGE_BYTES = 32
_TOKEN = string.ascii_letters + string.digits + "-_"

Ceremony = Literal["registration", "authentication"]


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a browser was to sign, and what else was kept with it."""

    challenge: str
    user: dict[str, Any]
    context: str | None


def base64url(data: bytes) -> str:
    """Encode without padding."""
    return urlsafe_b64encode(data).decode().rstrip("=")


def new_challenge() -> str:
    """Return a challenge as browsers take it."""
    return base64url(secrets.token_bytes(_CHALLENGE_BYTES))


async def keep_challenge(
    ctx: EndpointContext, options: PasskeyOptions, ceremony: Ceremony, values: dict[str, Any]
) -> None:
    """Keep a challenge for five minutes, in the original's form, and set the cookie."""
    token = "".join(secrets.choice(_TOKEN) for _ in range(32))
    ctx.set_signed_cookie(_cookie(ctx, options), token, MAX_AGE)
    value = json.dumps({"type": ceremony, **values}, separators=(",", ":"))
    await keep(ctx, token, value, timedelta(seconds=MAX_AGE))


async def take_challenge(
    ctx: EndpointContext, options: PasskeyOptions, ceremony: Ceremony
) -> Challenge:
    """Return the browser's challenge; nobody gets it twice.

    Raises:
        APIError: 400, there is none for this ceremony.
    """
    token = ctx.signed_cookie(_cookie(ctx, options))
    kept = await consume(ctx, token) if token else None
    try:
        found: Any = json.loads(kept or "null")
    except ValueError:
        found = None
    if not isinstance(found, dict) or found.get("type") != ceremony:
        raise APIError(PasskeyCode.CHALLENGE_NOT_FOUND)
    user = found.get("userData") or {}
    return Challenge(str(found["expectedChallenge"]), user, found.get("context"))


def _cookie(ctx: EndpointContext, options: PasskeyOptions) -> str:
    return ctx.auth.cookies.of(options.advanced.web_authn_challenge_cookie)
