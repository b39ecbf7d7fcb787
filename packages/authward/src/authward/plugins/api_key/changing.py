"""How keys are made and changed: `create` and `update`."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson

from authward.codes import Code
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.plugins.api_key.cleaning import ExpiredKeys
from authward.plugins.api_key.codes import ApiKeyCode
from authward.plugins.api_key.keys import (
    kind_of,
    make_key,
    metadata_text,
    shown,
    stored,
    with_key,
)
from authward.plugins.api_key.options import ApiKeyOptions, KeyOwner, permissions_of
from authward.plugins.api_key.owners import find_own, require_in_organization
from authward.plugins.api_key.stores import store_of
from authward.schema.values import as_in_javascript
from authward.storage.adapter import Row
from authward.text import utf16_length
from authward.timestamps import now
from authward.validation import is_truthy
from authward.validation_kinds import js_text

_DAY = 86_400
_SERVER_ONLY = (
    "refillAmount",
    "refillInterval",
    "rateLimitMax",
    "rateLimitTimeWindow",
    "rateLimitEnabled",
    "permissions",
)


class Changing:
    """The endpoints, with the kinds of keys."""

    def __init__(self, kinds: Sequence[ApiKeyOptions], expired: ExpiredKeys) -> None:
        self._kinds = kinds
        self._expired = expired

    async def create(self, ctx: EndpointContext) -> dict[str, Any]:
        """Make a key, which is shown this once."""
        options = kind_of(self._kinds, ctx.body.get("configId"))
        owner = await _owner(ctx, options)
        _check_new(ctx.body, options)
        self._expired.remove_after(ctx)
        prefix = ctx.body.get("prefix")
        key = await make_key(options, prefix or options.default_prefix)
        values = await _new_row(ctx, options, owner, key)
        row = await _written(store_of(ctx.auth, options).create(values))
        return with_key(shown(ctx.auth.adapter, row), key) | _metadata_as_given(ctx.body)

    async def update(self, ctx: EndpointContext) -> dict[str, Any]:
        """Change a key of the current user."""
        user_id, body = await _asking_user(ctx), ctx.body
        if not ctx.from_server:
            _refuse_server_only(body, "remaining")
        row, options = await find_own(ctx, self._kinds, user_id, "update")
        values = _changes(body, options)
        if not values:
            raise APIError(ApiKeyCode.NO_VALUES_TO_UPDATE)
        changed = await _written(store_of(ctx.auth, options).change(row, values))
        self._expired.remove_after(ctx)
        return shown(ctx.auth.adapter, changed)


async def _written(writing: Any) -> Any:
    try:
        return await writing
    except ValueError as error:
        raise APIError(Code.VALIDATION_ERROR, message=f"[body] {error}") from None


async def _owner(ctx: EndpointContext, options: ApiKeyOptions) -> str:
    """Return whose the new key is to be."""
    body, found = ctx.body, await ctx.current_session()
    if not ctx.from_server:
        _refuse_server_only(body)
        if body.get("remaining") is not None:
            raise APIError(ApiKeyCode.SERVER_ONLY_PROPERTY)
        if "userId" in body:
            raise APIError(ApiKeyCode.UNAUTHORIZED_SESSION)
    given = js_text(body["userId"]) if "userId" in body else None
    organization_id = js_text(body["organizationId"]) if "organizationId" in body else None
    if options.references == "organization" and not organization_id:
        raise APIError(ApiKeyCode.ORGANIZATION_ID_REQUIRED)
    user_id = found.user.id if found else given
    if not user_id or (found and given and given != found.user.id):
        raise APIError(ApiKeyCode.UNAUTHORIZED_SESSION)
    if options.references == "user" or not organization_id:
        return user_id
    await require_in_organization(ctx, user_id, organization_id, "create")
    return organization_id


async def _asking_user(ctx: EndpointContext) -> str:
    found = await ctx.current_session()
    given = js_text(ctx.body["userId"]) if "userId" in ctx.body else None
    user_id = found.user.id if found else (given if ctx.from_server else None)
    if not user_id or (found and given and given != found.user.id):
        raise APIError(ApiKeyCode.UNAUTHORIZED_SESSION)
    return user_id


def _refuse_server_only(body: Mapping[str, Any], *more: str) -> None:
    if any(name in body for name in (*_SERVER_ONLY, *more)):
        raise APIError(ApiKeyCode.SERVER_ONLY_PROPERTY)


def _check_new(body: Mapping[str, Any], options: ApiKeyOptions) -> None:
    metadata, prefix, name = (body.get(each) for each in ("metadata", "prefix", "name"))
    if is_truthy(metadata):
        if not options.enable_metadata:
            raise APIError(ApiKeyCode.METADATA_DISABLED)
        _check_metadata(metadata)
    _check_refill(*(bool(body.get(each)) for each in ("refillAmount", "refillInterval")))
    if body.get("expiresIn"):
        _check_lifetime(body["expiresIn"], options)
    if prefix:
        shortest, longest = options.minimum_prefix_length, options.maximum_prefix_length
        if not shortest <= len(prefix) <= longest:
            raise APIError(ApiKeyCode.INVALID_PREFIX_LENGTH)
    if name:
        _check_name(name, options)
    elif options.require_name:
        raise APIError(ApiKeyCode.NAME_REQUIRED)


def _check_refill(has_amount: bool, has_interval: bool) -> None:
    if has_amount and not has_interval:
        raise APIError(ApiKeyCode.REFILL_AMOUNT_AND_INTERVAL_REQUIRED)
    if has_interval and not has_amount:
        raise APIError(ApiKeyCode.REFILL_INTERVAL_AND_AMOUNT_REQUIRED)


def _check_metadata(metadata: Any) -> None:
    if not isinstance(metadata, dict | list):
        raise APIError(ApiKeyCode.INVALID_METADATA_TYPE)


def _check_name(name: str, options: ApiKeyOptions) -> None:
    shortest, longest = options.minimum_name_length, options.maximum_name_length
    if not shortest <= utf16_length(name) <= longest:
        raise APIError(ApiKeyCode.INVALID_NAME_LENGTH)


def _check_lifetime(seconds: float | None, options: ApiKeyOptions) -> None:
    limits = options.key_expiration
    if limits.disable_custom_expires_time:
        raise APIError(ApiKeyCode.KEY_DISABLED_EXPIRATION)
    if seconds is None:
        return
    if seconds / _DAY < limits.min_expires_in:
        raise APIError(ApiKeyCode.EXPIRES_IN_IS_TOO_SMALL)
    if seconds / _DAY > limits.max_expires_in:
        raise APIError(ApiKeyCode.EXPIRES_IN_IS_TOO_LARGE)


def _end(seconds: float | None) -> datetime | None:
    if not seconds:
        return None
    try:
        return now() + timedelta(seconds=seconds)
    except OverflowError:
        raise APIError(ApiKeyCode.EXPIRES_IN_IS_TOO_LARGE) from None


async def _new_row(
    ctx: EndpointContext, options: ApiKeyOptions, owner: str, key: str
) -> dict[str, Any]:
    body, moment, limit = ctx.body, now(), options.rate_limit
    start, metadata = options.starting_characters_config, body.get("metadata")
    lifetime = body.get("expiresIn") or options.key_expiration.default_expires_in
    return {
        "configId": options.name,
        "createdAt": moment,
        "updatedAt": moment,
        "name": body.get("name"),
        "prefix": body.get("prefix", options.default_prefix),
        "start": key[: start.characters_length] if start.should_store else None,
        "key": stored(key, options),
        "enabled": True,
        "expiresAt": _end(lifetime),
        "referenceId": owner,
        "metadata": metadata_text(metadata) if is_truthy(metadata) else None,
        "rateLimitMax": body.get("rateLimitMax", limit.max_requests),
        "rateLimitTimeWindow": body.get("rateLimitTimeWindow", limit.time_window),
        "remaining": body.get("remaining"),
        "refillAmount": body.get("refillAmount"),
        "refillInterval": body.get("refillInterval"),
        "rateLimitEnabled": body.get("rateLimitEnabled", limit.enabled),
        "permissions": await _permissions(ctx, options, owner),
    }


async def _permissions(ctx: EndpointContext, options: ApiKeyOptions, owner: str) -> str | None:
    given: Any = ctx.body.get("permissions")
    if given is None:
        default = options.default_permissions
        given = (
            await default(KeyOwner(reference_id=owner, ctx=ctx)) if callable(default) else default
        )
    found = permissions_of(given)
    return None if found is None else orjson.dumps(found).decode()


def _metadata_as_given(body: Mapping[str, Any]) -> Row:
    """The original returns what it was sent, even where it keeps nothing."""
    given = body.get("metadata")
    return {} if is_truthy(given) else {"metadata": as_in_javascript(given)}


def _changes(body: Mapping[str, Any], options: ApiKeyOptions) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if "name" in body:
        _check_name(body["name"], options)
    if "expiresIn" in body:
        _check_lifetime(body["expiresIn"], options)
        values["expiresAt"] = _end(body["expiresIn"])
    if "metadata" in body and options.enable_metadata:
        if body["metadata"] is not None:
            _check_metadata(body["metadata"])
        values["metadata"] = metadata_text(body["metadata"])
    _check_refill(*(name in body for name in ("refillAmount", "refillInterval")))
    if "permissions" in body:
        values["permissions"] = orjson.dumps(permissions_of(body["permissions"])).decode()
    plain = {"name", "enabled", "remaining", *_SERVER_ONLY} - {"permissions"}
    return values | {name: body[name] for name in plain if name in body}
