"""Trusted devices: a cookie and a record in `verification`, both new with each sign-in."""

import base64
import hashlib
import hmac
from datetime import timedelta

from authward.core.account_changes import consume, keep
from authward.endpoint_context import EndpointContext
from authward.plugins.kept_secrets import same
from authward.plugins.two_factor.secrets import random_text

_COOKIE = "trust_device"


class TrustedDevices:
    """Those that need no second factor for `max_age` seconds."""

    def __init__(self, max_age: int) -> None:
        self._max_age = max_age

    async def claim(self, ctx: EndpointContext, user_id: str) -> bool:
        """Whether the request's device is one of the user's; its record is used up by that."""
        identifier = self._identifier(ctx, user_id)
        return identifier is not None and await consume(ctx, identifier) == user_id

    async def trust(self, ctx: EndpointContext, user_id: str) -> None:
        """Trust the request's device from now on."""
        identifier = f"trust-device-{random_text(32)}"
        await keep(ctx, identifier, user_id, timedelta(seconds=self._max_age))
        proof = _proof(ctx.auth.options.secret, user_id, identifier)
        ctx.set_signed_cookie(self._cookie(ctx), f"{proof}!{identifier}", self._max_age)

    def forget_cookie(self, ctx: EndpointContext) -> None:
        """Expire the cookie, if there is one."""
        if ctx.signed_cookie(self._cookie(ctx)):
            ctx.expire_cookie(self._cookie(ctx))

    async def forget(self, ctx: EndpointContext, user_id: str) -> None:
        """Trust the request's device no more."""
        identifier = self._identifier(ctx, user_id)
        if identifier is not None:
            await consume(ctx, identifier)
        self.forget_cookie(ctx)

    def _identifier(self, ctx: EndpointContext, user_id: str) -> str | None:
        proof, _, identifier = (ctx.signed_cookie(self._cookie(ctx)) or "").partition("!")
        options = ctx.auth.options
        secrets = (options.secret, *options.old_secrets)
        right = [same(_proof(secret, user_id, identifier), proof) for secret in secrets]
        return identifier if identifier and any(right) else None

    @staticmethod
    def _cookie(ctx: EndpointContext) -> str:
        return ctx.auth.cookies.of(_COOKIE)


def _proof(secret: str, user_id: str, identifier: str) -> str:
    text = f"{user_id}!{identifier}".encode("utf-8", "replace")
    digest = hmac.digest(secret.encode(), text, hashlib.sha256)
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
