"""Clients as their owners see and change them, and what everybody may know of one."""

from typing import Any

from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.plugins.oauth_provider.client_json import to_json, to_row
from authward.plugins.oauth_provider.client_metadata import check_metadata, with_defaults
from authward.plugins.oauth_provider.clients import find_client
from authward.plugins.oauth_provider.errors import NO_STORE, OAuthError, not_found, unauthorized
from authward.plugins.oauth_provider.provider import oauth_request, provider_of
from authward.plugins.oauth_provider.registration import (
    NewClient,
    client_reference,
    require_privilege,
    response_of,
    store_client,
)
from authward.plugins.oauth_provider.rows import CLIENTS, Row
from authward.plugins.oauth_provider.secrets import hashed, random_secret
from authward.timestamps import now
from authward.validation import UNDEFINED

_USER_SCOPES = {"openid", "profile", "email", "offline_access"}
_PUBLIC = ("clientId", "name", "uri", "contacts", "icon", "tos", "policy")


async def create_client(ctx: EndpointContext) -> dict[str, Any]:
    """Create a client of the signed-in user."""
    ctx.headers |= NO_STORE
    await require_privilege(ctx, "create")
    return await _create(ctx, dict(ctx.body), [])


async def admin_create_client(ctx: EndpointContext) -> dict[str, Any]:
    """Create a client with what only the operator may say of it; for `auth.api` alone."""
    metadata = dict(ctx.body)
    scopes = _normalized(metadata.pop("client_credentials_scopes", None) or [])
    await require_privilege(ctx, "create")
    method, grants = metadata.get("token_endpoint_auth_method"), metadata.get("grant_types", [])
    _check_own_scopes(ctx, scopes, grants, method)
    if scopes:
        await require_privilege(ctx, "configure-client-credentials-scopes")
    created = await _create(ctx, metadata, scopes)
    return {**created, "client_credentials_scopes": scopes}


async def _create(
    ctx: EndpointContext, metadata: dict[str, Any], scopes: list[str]
) -> dict[str, Any]:
    reference = await client_reference(ctx)
    client = NewClient(
        metadata=metadata,
        source="managed",
        user_id=None if reference else ctx.session.user.id,
        reference_id=reference,
        client_credentials_scopes=scopes,
    )
    stored = await store_client(ctx, client)
    ctx.status = 201
    return response_of(provider_of(ctx), stored)


async def get_client(ctx: EndpointContext) -> dict[str, Any]:
    """Return one of the user's clients."""
    await require_privilege(ctx, "read")
    return to_json(await _own_client(ctx, ctx.query["client_id"]))


async def get_clients(ctx: EndpointContext) -> list[dict[str, Any]]:
    """Return the user's clients."""
    await require_privilege(ctx, "list")
    reference = await client_reference(ctx)
    where = {"referenceId": reference} if reference else {"userId": ctx.session.user.id}
    return [to_json(client) for client in await CLIENTS.find_all(ctx.database, **where)]


async def public_client(ctx: EndpointContext) -> dict[str, Any]:
    """Return what the pages show of a client to whoever is signed in."""
    return await _public(ctx, ctx.query["client_id"])


async def public_client_before_login(ctx: EndpointContext) -> dict[str, Any]:
    """Return what the login page shows of the client that has sent the browser there."""
    if not provider_of(ctx).options.allow_public_client_prelogin:
        raise APIError(400)
    if oauth_request(ctx).query is None:
        raise OAuthError("invalid_signature", status=401)
    return await _public(ctx, ctx.body["client_id"])


async def _public(ctx: EndpointContext, client_id: str) -> dict[str, Any]:
    client = await find_client(ctx, client_id)
    if client is None or client["disabled"]:
        raise not_found("client not found")
    return to_json({name: client[name] for name in _PUBLIC})


async def delete_client(ctx: EndpointContext) -> Any:
    """Delete one of the user's clients, with its tokens and consents."""
    await require_privilege(ctx, "delete")
    client = await _own_client(ctx, ctx.body["client_id"])
    await CLIENTS.delete(ctx.database, clientId=client["clientId"])
    return UNDEFINED


async def rotate_secret(ctx: EndpointContext) -> dict[str, Any]:
    """Give one of the user's clients a new secret; the old one is worth nothing any more."""
    ctx.headers |= NO_STORE
    await require_privilege(ctx, "rotate")
    client = await _own_client(ctx, ctx.body["client_id"])
    if client["tokenEndpointAuthMethod"] == "none" or not client["clientSecret"]:
        raise OAuthError(
            "invalid_client",
            "secret rotation is only available for clients using client_secret authentication",
        )
    secret = random_secret()
    updated = await _update(ctx, client["clientId"], {"clientSecret": hashed(secret)})
    return to_json(updated, provider_of(ctx).options.prefix.client_secret + secret)


async def update_client(ctx: EndpointContext) -> dict[str, Any]:
    """Change one of the user's clients."""
    await require_privilege(ctx, "update")
    client = await _own_client(ctx, ctx.body["client_id"])
    return to_json(await _changed(ctx, client, dict(ctx.body["update"]), None))


async def admin_update_client(ctx: EndpointContext) -> dict[str, Any]:
    """Change a client in what only the operator may say of it; for `auth.api` alone."""
    await require_privilege(ctx, "update")
    updates = dict(ctx.body["update"])
    raw = updates.pop("client_credentials_scopes", None)
    client = await _client_for_admin(ctx, only_scopes=raw is not None and not updates)
    scopes = None if raw is None else _normalized(raw)
    if scopes is not None:
        grants = updates.get("grant_types") or client["grantTypes"] or []
        _check_own_scopes(ctx, scopes, grants, client["tokenEndpointAuthMethod"])
        if scopes:
            await require_privilege(ctx, "configure-client-credentials-scopes")
    changed = await _changed(ctx, client, updates, scopes)
    own = changed["clientCredentialsScopes"] or []
    return {**to_json(changed), "client_credentials_scopes": own}


async def _client_for_admin(ctx: EndpointContext, *, only_scopes: bool) -> Row:
    """Whoever may configure what clients have for themselves may do so for those of others."""
    if not only_scopes:
        return await _own_client(ctx, ctx.body["client_id"])
    await require_privilege(ctx, "configure-client-credentials-scopes")
    client = await find_client(ctx, ctx.body["client_id"])
    if client is None:
        raise not_found("client not found")
    return client


async def _changed(
    ctx: EndpointContext, client: Row, updates: dict[str, Any], scopes: list[str] | None
) -> Row:
    if not updates and scopes is None:
        return client
    merged = with_defaults({**to_json(client), **updates}, "managed")
    check_metadata(merged, provider_of(ctx).options, "managed")
    values = to_row(updates)
    if "client_credentials" not in merged["grant_types"]:
        values["clientCredentialsScopes"] = []
    elif scopes is not None:
        values["clientCredentialsScopes"] = scopes
    return await _update(ctx, client["clientId"], values)


async def _update(ctx: EndpointContext, client_id: str, values: dict[str, Any]) -> Row:
    given = {**values, "updatedAt": now().replace(microsecond=0)}
    updated = await CLIENTS.update(ctx.database, given, clientId=client_id)
    if updated is None:
        raise not_found("client not found")
    return updated


async def _own_client(ctx: EndpointContext, client_id: str) -> Row:
    """Return a client of the user, or of the user's organization.

    Raises:
        APIError: 404, or 401 for one of somebody else.
    """
    client = await find_client(ctx, client_id)
    if client is None:
        raise not_found("client not found")
    if client["userId"]:
        is_own = client["userId"] == ctx.session.user.id
    else:
        reference = await client_reference(ctx)
        is_own = bool(client["referenceId"]) and client["referenceId"] == reference
    if not is_own:
        raise unauthorized()
    return client


def _normalized(scopes: list[str]) -> list[str]:
    return list(dict.fromkeys(scope.strip() for scope in scopes if scope.strip()))


def _check_own_scopes(
    ctx: EndpointContext, scopes: list[str], grants: list[str], method: str | None
) -> None:
    """Refuse scopes that a client cannot have for itself.

    Raises:
        OAuthError: 400.
    """
    if not scopes:
        return
    if "client_credentials" not in grants:
        message = "client_credentials_scopes requires the client_credentials grant"
        raise OAuthError("invalid_client_metadata", message)
    if method == "none":
        message = "public clients cannot be assigned client_credentials scopes"
        raise OAuthError("invalid_client_metadata", message)
    known = provider_of(ctx).options.scopes
    wrong = [scope for scope in scopes if scope not in known or scope in _USER_SCOPES]
    if wrong:
        message = f"The following client_credentials scopes are invalid: {', '.join(wrong)}"
        raise OAuthError("invalid_scope", message)
