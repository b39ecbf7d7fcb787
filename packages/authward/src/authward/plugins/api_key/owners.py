"""Whose keys somebody may make, see, change and delete."""

from collections.abc import Mapping, Sequence
from typing import Any

from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.plugins.api_key.codes import ApiKeyCode
from authward.plugins.api_key.keys import kind_of
from authward.plugins.api_key.options import ApiKeyOptions, same_kind
from authward.plugins.api_key.stores import store_of
from authward.storage.adapter import Row
from authward.text import is_storable

_ORGANIZATION = "organization"


async def require_in_organization(
    ctx: EndpointContext, user_id: str, organization_id: str, action: str
) -> None:
    """Refuse whoever is no member that may do this with the organization's keys.

    Raises:
        APIError: 403; 400 on a server without organizations.
    """
    guard = ctx.auth.extensions.get(_ORGANIZATION)
    if guard is None:
        raise APIError(ApiKeyCode.ORGANIZATION_PLUGIN_REQUIRED, status=400)
    where = {"userId": user_id, "organizationId": organization_id}
    known = all(map(is_storable, where.values()))
    member = await ctx.auth.adapter.find_one(ctx.database, "member", where) if known else None
    if member is None:
        raise APIError(ApiKeyCode.USER_NOT_MEMBER_OF_ORGANIZATION)
    is_creator = guard.options.is_creator(member["role"])
    if not is_creator and not await guard.allows(ctx, member, {"apiKey": [action]}):
        raise APIError(ApiKeyCode.INSUFFICIENT_API_KEY_PERMISSIONS)


async def find_own(
    ctx: EndpointContext,
    kinds: Sequence[ApiKeyOptions],
    user_id: str,
    action: str,
) -> tuple[Row, ApiKeyOptions]:
    """Return a key that is the user's, or their organization's, and its kind.

    Raises:
        APIError: 404, or 403.
    """
    given: Mapping[str, Any] = ctx.body if isinstance(ctx.body, dict) else ctx.query
    wanted, key_id = kind_of(kinds, given.get("configId")), given.get("keyId") or given.get("id")
    found = None
    if key_id and is_storable(key_id):
        found = await store_of(ctx.auth, wanted).by_id(key_id)
    if found is None or not same_kind(found["configId"], wanted.name):
        raise APIError(ApiKeyCode.KEY_NOT_FOUND)
    options = kind_of(kinds, found["configId"])
    if options.references == _ORGANIZATION:
        await require_in_organization(ctx, user_id, found["referenceId"], action)
    elif found["referenceId"] != user_id:
        raise APIError(ApiKeyCode.KEY_NOT_FOUND)
    return found, options
