"""`/oauth2/register`: clients register themselves (RFC 7591); and how every client is stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.plugins.oauth_provider.client_json import to_json, to_row
from authward.plugins.oauth_provider.client_metadata import (
    AUTH_METHODS,
    Source,
    check_metadata,
    registered_scopes,
    with_defaults,
)
from authward.plugins.oauth_provider.errors import NO_STORE, OAuthError, unauthorized
from authward.plugins.oauth_provider.options import ClientAction
from authward.plugins.oauth_provider.provider import OAuthProvider, provider_of
from authward.plugins.oauth_provider.resources import find_resources
from authward.plugins.oauth_provider.rows import CLIENT_RESOURCES, CLIENTS, Row
from authward.plugins.oauth_provider.secrets import hashed, random_secret
from authward.storage.statements import Executor
from authward.timestamps import now


@dataclass(frozen=True, slots=True, kw_only=True)
class NewClient:
    """A client that is about to be stored.

    Args:
        metadata: what it says of itself.
        source: who says so.
        user_id, reference_id: whose it is.
        resources: those that it asks to be linked to.
        client_credentials_scopes: what it may have for itself.
    """

    metadata: Mapping[str, Any]
    source: Source
    user_id: str | None = None
    reference_id: str | None = None
    resources: Sequence[str] = ()
    client_credentials_scopes: Sequence[str] = field(default=())


@dataclass(frozen=True, slots=True)
class StoredClient:
    """A client, its secret, which is known only now, and the resources that it is linked to."""

    row: Row
    secret: str | None
    resources: list[str]


async def register(ctx: EndpointContext) -> dict[str, Any]:
    """Register a client, which says itself what it is."""
    ctx.headers |= NO_STORE
    provider = provider_of(ctx)
    options = provider.options
    if not options.allow_dynamic_client_registration:
        raise OAuthError("access_denied", "Client registration is disabled", status=403)
    session = await ctx.load_session()
    if session is None:
        _check_open_registration(ctx, provider)
    else:
        await require_privilege(ctx, "create")
    reference = await client_reference(ctx)
    user_id = None if session is None or reference else session.user.id
    client = NewClient(
        metadata=ctx.body,
        source="dynamic",
        user_id=user_id,
        reference_id=reference,
        resources=[r for r in ctx.body.get("resources", ()) if r],
    )
    stored = await store_client(ctx, client)
    if provider.unused_clients.is_due():
        ctx.run_in_background(provider.unused_clients.remove_some)
    ctx.status = 201
    return response_of(provider, stored)


def _check_open_registration(ctx: EndpointContext, provider: OAuthProvider) -> None:
    authorization = ctx.request.headers.get("authorization", "").split()
    if authorization and authorization[0].lower() == "bearer":
        is_whole = len(authorization) == 2
        error = "invalid_token" if is_whole else "invalid_request"
        message = "Malformed initial access token Authorization header"
        raise OAuthError(
            error,
            "Invalid initial access token" if is_whole else message,
            status=401 if is_whole else 400,
            headers={"www-authenticate": f'Bearer error="{error}"', **NO_STORE},
        )
    if not provider.options.allow_unauthenticated_client_registration:
        raise RegistrationNeedsSessionError
    if "client_credentials" in ctx.body.get("grant_types", ()):
        message = "client_credentials grant requires authenticated registration"
        raise OAuthError("invalid_client_metadata", message)


class RegistrationNeedsSessionError(APIError):
    """Nobody is signed in, and strangers may not register clients."""

    def __init__(self) -> None:
        super().__init__(401, headers={"www-authenticate": "Bearer", **NO_STORE})

    @property
    def body(self) -> dict[str, Any]:
        """The JSON body, which in the original has no error."""
        return {"error_description": "Authentication required for client registration"}


async def store_client(ctx: EndpointContext, new: NewClient) -> StoredClient:
    """Check a client and insert it, with its links to resources.

    Raises:
        OAuthError: 400, it cannot be served.
    """
    provider = provider_of(ctx)
    await provider.seed()
    metadata = with_defaults(new.metadata, new.source)
    check_metadata(metadata, provider.options, new.source)
    resources = await _resources(ctx, provider, new)
    secret = None if is_public(metadata) else random_secret()
    values = row_values(provider, metadata, new.source) | _ids_of(new)
    values["clientSecret"] = None if secret is None else hashed(secret)
    return StoredClient(await _insert(ctx, values, resources), secret, resources)


def row_values(
    provider: OAuthProvider, metadata: Mapping[str, Any], source: Source
) -> dict[str, Any]:
    """Return the values of the row of a client that has been checked."""
    kept = {name: value for name, value in metadata.items() if name != "resources"}
    if source != "managed":
        kept["scope"] = " ".join(registered_scopes(provider.options))
    values = to_row({**kept, "redirect_uris": metadata.get("redirect_uris") or []})
    is_optional = (
        source == "dynamic"
        and not is_public(metadata)
        and not provider.options.client_registration_require_pkce
    )
    if is_optional and values.get("requirePKCE") is None:
        values["requirePKCE"] = False
    return values


def is_public(metadata: Mapping[str, Any]) -> bool:
    """Whether it is a client that can keep no secret."""
    return bool(metadata["token_endpoint_auth_method"] == AUTH_METHODS[0])


def _ids_of(new: NewClient) -> dict[str, Any]:
    moment = now().replace(microsecond=0)
    return {
        "clientId": random_secret(),
        "clientCredentialsScopes": list(new.client_credentials_scopes),
        "userId": None if new.reference_id else new.user_id,
        "referenceId": new.reference_id,
        "createdAt": moment,
        "updatedAt": moment,
    }


async def _insert(ctx: EndpointContext, values: Row, resources: Sequence[str]) -> Row:
    async with ctx.transaction() as connection:
        row = await CLIENTS.insert(connection, values)
        for resource in resources:
            link = {"resourceId": resource, "createdAt": now()}
            await CLIENT_RESOURCES.insert(connection, {"clientId": row["clientId"], **link})
    return row


async def _resources(ctx: EndpointContext, provider: OAuthProvider, new: NewClient) -> list[str]:
    asked = [provider.known_resource(r) for r in new.resources] if new.source == "dynamic" else []
    return await registered_resources(ctx.database, provider, asked)


async def registered_resources(
    database: Executor, provider: OAuthProvider, asked: Sequence[str] = ()
) -> list[str]:
    """Return the resources that a new client will be linked to.

    Raises:
        OAuthError: invalid_target.
    """
    options = provider.options
    default = options.client_registration_default_resources
    allowed = {*default, *options.client_registration_allowed_resources}
    for identifier in asked:
        if identifier not in allowed:
            message = f"requested resource {identifier} is not allowed for client registration"
            raise OAuthError("invalid_target", message)
    wanted = list(dict.fromkeys((*default, *asked)))
    found = await find_resources(database, wanted)
    for identifier in wanted:
        if identifier not in found:
            message = f"requested resource {identifier} does not exist"
            raise OAuthError("invalid_target", message)
        if found[identifier]["disabled"]:
            raise OAuthError("invalid_target", f"requested resource {identifier} is disabled")
    return wanted


def response_of(provider: OAuthProvider, stored: StoredClient) -> dict[str, Any]:
    """Return the JSON of a client that was stored only now."""
    prefix = provider.options.prefix.client_secret
    secret = None if stored.secret is None else prefix + stored.secret
    linked = {"resources": stored.resources} if stored.resources else {}
    return {**to_json(stored.row, secret), **linked}


async def client_reference(ctx: EndpointContext) -> str | None:
    """Return whom the clients of the signed-in user belong to, if not the user."""
    callback = provider_of(ctx).options.client_reference
    session = await ctx.current_session()
    if callback is None or session is None:
        return None
    return await callback(session.user, session.session)


async def require_privilege(ctx: EndpointContext, action: ClientAction) -> None:
    """Refuse a user who may not do that with clients.

    Raises:
        APIError: 401.
    """
    callback = provider_of(ctx).options.client_privileges
    session = await ctx.current_session()
    if session is None:
        raise unauthorized()
    if callback is None:
        if action == "configure-client-credentials-scopes":
            raise unauthorized()
        return
    if not await callback(action, session.user, session.session):
        raise unauthorized()
