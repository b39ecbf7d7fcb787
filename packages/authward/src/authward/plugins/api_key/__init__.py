"""`api_key`: keys with which programs act for users, `@better-auth/api-key`."""

from collections.abc import Sequence
from typing import Any

from authward.context import AuthContext
from authward.endpoint import Endpoint
from authward.endpoint_context import EndpointContext
from authward.errors import APIError, ConfigurationError
from authward.plugin import Hook, Plugin, match_paths
from authward.plugins.api_key import fields
from authward.plugins.api_key.changing import Changing
from authward.plugins.api_key.cleaning import ExpiredKeys, remove_expired
from authward.plugins.api_key.codes import ApiKeyCode, KeyRateLimitError
from authward.plugins.api_key.keys import hash_key, kind_of, shown
from authward.plugins.api_key.options import (
    ID,
    ApiKeyOptions,
    KeyExpirationOptions,
    KeyOwner,
    KeyRateLimitOptions,
    KeyRequest,
    NewKey,
    StartingCharactersOptions,
    check_options,
)
from authward.plugins.api_key.reading import Reading
from authward.plugins.api_key.responses import Cleaned, Key, Keys, Verification
from authward.plugins.api_key.responses import NewKey as NewKeyResponse
from authward.plugins.api_key.sessions import GET_SESSION, KeySessions
from authward.plugins.api_key.stores import storage_of
from authward.plugins.api_key.tables import tables
from authward.plugins.api_key.verifying import Verifier, Wanted
from authward.plugins.schema_options import SchemaOptions, with_options
from authward.schema import responses as schemas
from authward.validation import Schema

__all__ = [
    "ApiKeyCode",
    "ApiKeyOptions",
    "KeyExpirationOptions",
    "KeyOwner",
    "KeyRateLimitError",
    "KeyRateLimitOptions",
    "KeyRequest",
    "NewKey",
    "StartingCharactersOptions",
    "api_key",
    "hash_key",
]

_ERRORS = (400, 401, 403, 404, 415, 429)


def api_key(
    options: ApiKeyOptions | Sequence[ApiKeyOptions] | None = None,
    *,
    schema: SchemaOptions | None = None,
) -> Plugin:
    """Let users make keys, of one kind or several, and verify them: `auth.api.verify_api_key`.

    `schema` has other names for the table and its columns, by `apikey`.
    """
    several = isinstance(options, Sequence)
    kinds = list(options) if isinstance(options, Sequence) else [options or ApiKeyOptions()]
    check_options(kinds, several=several)
    expired, verifier = ExpiredKeys(), Verifier(kinds)
    sessions = KeySessions(verifier, expired)
    uses_sessions = any(kind.enable_session_for_api_keys for kind in kinds)

    def init(context: AuthContext) -> None:
        if (
            any(k.references == "organization" for k in kinds)
            and "member" not in context.schema.tables
        ):
            raise ConfigurationError(f"{ID}: organizations' keys need the plugin organization")
        if any(k.storage != "database" and storage_of(context, k) is None for k in kinds):
            raise ConfigurationError(f"{ID}: storage needs secondary_storage or custom_storage")
        if any(kind.is_good_for_current_user for kind in kinds):
            context.extensions[ID] = sessions

    return Plugin(
        id=ID,
        schema=with_options(ID, tables(kinds), schema or {}),
        endpoints=_endpoints(kinds, expired, verifier),
        before=[Hook(handler=sessions.take_key)] if uses_sessions else (),
        after=[Hook(matcher=match_paths(GET_SESSION), handler=sessions.show_session)],
        error_codes=ApiKeyCode,
        init=init,
        examples={
            "keyId": "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF",
            "configId": "default",
            "prefix": "tasks_",
            "expiresIn": 604_800,
            "metadata": {"team": "engines"},
            "sortBy": "createdAt",
            "sortDirection": "desc",
            "limit": 10,
            "offset": 0,
        },
    )


def _endpoints(
    kinds: Sequence[ApiKeyOptions], expired: ExpiredKeys, verifier: Verifier
) -> list[Endpoint]:
    changing, reading = Changing(kinds, expired), Reading(kinds, expired)

    async def verify(ctx: EndpointContext) -> dict[str, Any]:
        """Tell whether a key is good, and count the use."""
        return await _verify(ctx, verifier)

    async def delete_expired(ctx: EndpointContext) -> dict[str, Any]:
        """Delete all keys that are over."""
        await remove_expired(ctx.auth)
        return {"success": True, "error": None}

    return [
        Endpoint(
            path="/api-key/create",
            name="create_api_key",
            handler=changing.create,
            body=Schema({**fields.CREATE}),
            response_model=NewKeyResponse,
            errors=_ERRORS,
        ),
        Endpoint(
            path="/api-key/update",
            name="update_api_key",
            handler=changing.update,
            body=Schema({**fields.UPDATE}),
            response_model=Key,
            errors=_ERRORS,
        ),
        Endpoint(
            path="/api-key/get",
            name="get_api_key",
            methods=("GET",),
            handler=reading.get,
            query=Schema({**fields.GET}),
            session="required",
            response_model=Key,
            errors=(400, 401, 403, 404, 429),
        ),
        Endpoint(
            path="/api-key/list",
            name="list_api_keys",
            methods=("GET",),
            handler=reading.list,
            query=Schema({**fields.LIST}),
            session="required",
            response_model=Keys,
            errors=(400, 401, 403, 429),
        ),
        Endpoint(
            path="/api-key/delete",
            name="delete_api_key",
            handler=reading.delete,
            body=Schema({**fields.DELETE}),
            session="required",
            response_model=schemas.Success,
            errors=_ERRORS,
        ),
        Endpoint(
            path="/api-key/verify",
            name="verify_api_key",
            handler=verify,
            body=Schema({**fields.VERIFY}),
            server_only=True,
            response_model=Verification,
        ),
        Endpoint(
            path="/api-key/delete-all-expired-api-keys",
            name="delete_all_expired_api_keys",
            handler=delete_expired,
            server_only=True,
            response_model=Cleaned,
        ),
    ]


async def _verify(ctx: EndpointContext, verifier: Verifier) -> dict[str, Any]:
    body = ctx.body
    config_id, request = body.get("configId"), KeyRequest(ctx=ctx, key=body["key"])
    lookup = kind_of(verifier.kinds, config_id)
    validator = lookup.custom_api_key_validator if config_id is not None else None
    if validator is not None and not await validator(request):
        error = {"message": ApiKeyCode.INVALID_API_KEY.message, "code": "KEY_NOT_FOUND"}
        return {"valid": False, "error": error, "key": None}
    wanted = Wanted(
        request=request,
        lookup=lookup,
        config_id=config_id,
        permissions=body.get("permissions"),
        run_validator=config_id is None,
    )
    try:
        row = await verifier.verify(wanted)
    except APIError as error:
        return {"valid": False, "error": error.body, "key": None}
    return {"valid": True, "error": None, "key": shown(ctx.auth.adapter, row)}
