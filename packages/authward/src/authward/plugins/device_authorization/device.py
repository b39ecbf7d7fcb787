"""What the device asks for: its codes, and then its token (RFC 8628, sections 3.1 to 3.5)."""

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from urllib.parse import parse_qsl

from ada_url import URL, URLSearchParams
from asyncpg import UniqueViolationError

from authward.bodies import FORM
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.plugins.device_authorization.codes import (
    MODEL,
    DeviceAuthorizationCode,
    new_codes,
    refusal,
)
from authward.plugins.device_authorization.options import (
    DeviceAuthorizationOptions,
    DeviceRequest,
)
from authward.plugins.oauth_provider.errors import NO_STORE, OAuthError
from authward.storage.adapter import Row
from authward.storage.rows import AuthSession
from authward.storage.where import Where
from authward.text import is_storable
from authward.timestamps import now
from authward.validation import Schema

GRANT_TYPE: Final = "urn:ietf:params:oauth:grant-type:device_code"
PARAMETERS: Final = ("client_id", "user_id", "scope")
_ATTEMPTS: Final = 3
_CLEAN_EVERY: Final = 60.0
_KEPT: Final = timedelta(days=1)


class OAuthSchema(Schema):
    """A body whose problems are an error of OAuth."""

    def validate(self, body: Any, where: str = "body") -> dict[str, Any]:
        """Return the known properties.

        Raises:
            OAuthError: 400.
        """
        try:
            return Schema.validate(self, body, where)
        except APIError as error:
            raise OAuthError("invalid_request", error.message) from None


class DeviceEndpoints:
    """The endpoints, with the plugin's options."""

    def __init__(self, options: DeviceAuthorizationOptions) -> None:
        self._options = options
        self._cleaned_at = time.monotonic()

    async def code(self, ctx: EndpointContext) -> dict[str, Any]:
        """Give a device a code of its own, and one for its user."""
        ctx.headers |= NO_STORE
        given, options = await _parameters(ctx), self._options
        client_id = given.get("client_id")
        if client_id is None:
            raise OAuthError("invalid_request", "client_id is required")
        request = DeviceRequest(client_id=client_id, scope=given.get("scope"))
        await self._check_client(request)
        if options.on_device_auth_request is not None:
            await options.on_device_auth_request(request)
        row = await self._created(ctx, given)
        self._clean(ctx)
        page, complete = self._pages(ctx, row["userCode"])
        return {
            "device_code": row["deviceCode"],
            "user_code": row["userCode"],
            "verification_uri": page,
            "verification_uri_complete": complete,
            "expires_in": int(options.lifetime),
            "interval": int(options.pause),
        }

    async def token(self, ctx: EndpointContext) -> dict[str, Any]:
        """Give the device a session's token, once its user has approved."""
        body = ctx.body
        ctx.headers |= NO_STORE
        await self._check_client(DeviceRequest(client_id=body["client_id"]))
        row = await _polled(ctx, body["device_code"], body["client_id"])
        session = await _redeemed(ctx, row)
        return {
            "access_token": session.token,
            "token_type": "Bearer",
            "expires_in": int((session.expires_at - now()).total_seconds()),
            "scope": row["scope"] or "",
        }

    async def _check_client(self, request: DeviceRequest) -> None:
        validate = self._options.validate_client
        if validate is not None and not await validate(request):
            raise OAuthError("invalid_client", "Invalid client ID")

    async def _created(self, ctx: EndpointContext, given: Mapping[str, str]) -> Row:
        values = {
            "userId": given.get("user_id"),
            "expiresAt": now() + timedelta(seconds=self._options.lifetime),
            "status": "pending",
            "pollingInterval": int(self._options.pause * 1_000),
            "clientId": given["client_id"],
            "scope": given.get("scope"),
        }
        for _ in range(_ATTEMPTS):
            device_code, user_code = await new_codes(self._options)
            codes = {"deviceCode": device_code, "userCode": user_code}
            try:
                return await ctx.auth.adapter.create(ctx.database, MODEL, {**values, **codes})
            except UniqueViolationError:
                continue
        raise OAuthError("server_error", "Failed to generate a unique device code", status=503)

    def _pages(self, ctx: EndpointContext, user_code: str) -> tuple[str, str]:
        """Return the page where a user types the code, and the same with the code."""
        uri = self._options.verification_uri or "/device"
        page = URL(uri, base=ctx.auth.options.base_url)
        complete = URL(page.href)
        query = URLSearchParams(complete.search.removeprefix("?"))
        query.set("user_code", user_code)
        complete.search = str(query)
        return page.href, complete.href

    def _clean(self, ctx: EndpointContext) -> None:
        """Delete codes that were over a day ago, after the response, once a minute at most."""
        moment = time.monotonic()
        if moment - self._cleaned_at < _CLEAN_EVERY:
            return
        self._cleaned_at = moment

        async def remove() -> None:
            over = [Where("expiresAt", now() - _KEPT, "lt")]
            await ctx.auth.adapter.delete(ctx.auth.pool, MODEL, over)

        ctx.run_in_background(remove)


async def _parameters(ctx: EndpointContext) -> dict[str, str]:
    """Return the parameters that have a value; in a form none may have two."""
    pairs = [(name, ctx.body[name]) for name in PARAMETERS if ctx.body.get(name)]
    if ctx.request.headers.get("content-type", "").lower().startswith(FORM):
        text = (await ctx.request.body()).decode("utf-8", "replace")
        pairs = [(n, v) for n, v in parse_qsl(text, errors="replace") if n in PARAMETERS]
    found = dict(pairs)
    for name in PARAMETERS:
        if sum(each == name for each, _ in pairs) > 1:
            raise OAuthError("invalid_request", f"{name} must not be repeated")
        if not is_storable(found.get(name, "")):
            raise OAuthError("invalid_request", f"{name} has characters that cannot be kept")
    return found


async def _polled(ctx: EndpointContext, device_code: str, client_id: str) -> Row:
    """Return the row of a device code, after this device has asked once more.

    Raises:
        OAuthError: 400, there is none for this client, or it asks too often.
    """
    adapter, unknown = ctx.auth.adapter, DeviceAuthorizationCode.INVALID_DEVICE_CODE
    row = None
    if is_storable(device_code):
        row = await adapter.find_one(ctx.database, MODEL, {"deviceCode": device_code})
    if row is None:
        raise refusal("invalid_grant", unknown)
    if row["clientId"] and row["clientId"] != client_id:
        raise OAuthError("invalid_grant", "Client ID mismatch")
    moment, last, pause = now(), row["lastPolledAt"], row["pollingInterval"]
    too_often = refusal("slow_down", DeviceAuthorizationCode.POLLING_TOO_FREQUENTLY)
    if last and pause and moment - last < timedelta(milliseconds=pause):
        raise too_often
    seen = {"id": row["id"], "lastPolledAt": last}
    if await adapter.update(ctx.database, MODEL, seen, {"lastPolledAt": moment}):
        return row
    if await adapter.find_one(ctx.database, MODEL, {"id": row["id"]}) is None:
        raise refusal("invalid_grant", unknown)
    raise too_often


async def _redeemed(ctx: EndpointContext, row: Row) -> AuthSession:
    """Return a new session for whoever approved; the code is gone then.

    Raises:
        OAuthError: 400, nobody has.
    """
    await _refuse_unapproved(ctx, row)
    where = {"id": row["id"], "clientId": row["clientId"], "status": "approved"}
    async with ctx.transaction():
        claimed = await ctx.auth.adapter.delete(ctx.database, MODEL, where)
        if not claimed or not claimed[0]["userId"]:
            raise refusal("invalid_grant", DeviceAuthorizationCode.INVALID_DEVICE_CODE)
        session = await ctx.create_session(claimed[0]["userId"])
        if session is None:
            raise refusal("invalid_grant", DeviceAuthorizationCode.USER_NOT_FOUND)
    return session


async def _refuse_unapproved(ctx: EndpointContext, row: Row) -> None:
    adapter, of_row, codes = ctx.auth.adapter, {"id": row["id"]}, DeviceAuthorizationCode
    if row["expiresAt"] < now():
        await adapter.delete(ctx.database, MODEL, of_row)
        raise refusal("expired_token", codes.EXPIRED_DEVICE_CODE)
    if row["status"] == "pending":
        raise refusal("authorization_pending", codes.AUTHORIZATION_PENDING)
    if row["status"] == "denied":
        await adapter.delete(ctx.database, MODEL, of_row)
        raise refusal("access_denied", codes.ACCESS_DENIED)
    if row["status"] != "approved" or not row["userId"]:
        raise refusal("invalid_grant", codes.INVALID_DEVICE_CODE_STATUS)
