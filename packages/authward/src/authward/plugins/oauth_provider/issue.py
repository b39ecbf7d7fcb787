"""Access tokens, refresh tokens and ID tokens, as one answer."""

import base64
import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from authward.endpoint_context import EndpointContext
from authward.ids import generate_id
from authward.plugins.oauth_provider import claims
from authward.plugins.oauth_provider.clients import may_use_grant
from authward.plugins.oauth_provider.options import ClaimsRequest
from authward.plugins.oauth_provider.provider import OAuthProvider, provider_of
from authward.plugins.oauth_provider.resources import ResourcePolicy, resource_policy
from authward.plugins.oauth_provider.rows import ACCESS_TOKENS, REFRESH_TOKENS, Row
from authward.plugins.oauth_provider.secrets import hashed, random_secret
from authward.plugins.oauth_provider.subjects import subject
from authward.security.key_set import SigningKey
from authward.storage.rows import AuthUser

ACCESS_TOKEN_KIND = "at+jwt"  # noqa: S105


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What tokens are issued for.

    Args:
        client: whom they are issued to.
        scopes: asked for.
        user: None where the client acts for itself.
        resources: that the access token is for.
        original_resources: that were granted, which a refresh token keeps.
        session_id: in which the user said so.
        code_id: the hash of the code, so that its second use can end the tokens.
        nonce: of the authorization request.
        auth_time: when the user signed in, in seconds since 1970.
        reference_id: what the user chose between login and consent.
        user_info: claims asked for one by one.
        refresh_token: the row of the refresh token that was used.
    """

    client: Row
    scopes: Sequence[str]
    user: AuthUser | None
    resources: Sequence[str] | None
    original_resources: Sequence[str] | None = None
    session_id: str | None = None
    code_id: str | None = None
    nonce: str | None = None
    auth_time: float | None = None
    reference_id: str | None = None
    user_info: Sequence[str] = ()
    refresh_token: Row | None = None


async def policy_of(ctx: EndpointContext, grant: Grant) -> ResourcePolicy:
    """Return what tokens may be issued.

    Raises:
        OAuthError: invalid_target or invalid_scope.
    """
    client_id = grant.client["clientId"]
    return await resource_policy(
        provider_of(ctx), ctx.database, client_id, grant.resources, grant.scopes
    )


async def issue_tokens(
    ctx: EndpointContext, grant: Grant, key: SigningKey, policy: ResourcePolicy | None = None
) -> dict[str, Any]:
    """Return the answer of the token endpoint.

    Raises:
        OAuthError: invalid_target or invalid_scope.
    """
    provider = provider_of(ctx)
    policy = policy or await policy_of(ctx, grant)
    issued_at = int(time.time())
    expires_at = issued_at + _lifetime(provider, grant, policy)
    refresh_token = None
    if _has_refresh_token(grant):
        refresh_token = await _new_refresh_token(ctx, grant, policy, issued_at)
    times = issued_at, expires_at
    if policy.audience is None:
        access_token = await _opaque_token(ctx, grant, policy, times, refresh_token)
    else:
        access_token = await _jwt_access_token(ctx, grant, policy, times, key)
    answer = {
        "access_token": access_token,
        "expires_in": expires_at - issued_at,
        "expires_at": expires_at,
        "token_type": "Bearer",
    }
    if refresh_token is not None:
        answer["refresh_token"] = refresh_token[1]
    answer["scope"] = " ".join(policy.scopes)
    if grant.user is not None and "openid" in policy.scopes:
        answer["id_token"] = await _id_token(ctx, grant, policy, access_token, key)
    return answer


def _lifetime(provider: OAuthProvider, grant: Grant, policy: ResourcePolicy) -> int:
    options = provider.options
    default = (
        options.m2m_access_token_expires_in
        if grant.user is None
        else options.access_token_expires_in
    )
    shorter = [options.scope_expirations[s] for s in grant.scopes if s in options.scope_expirations]
    if policy.access_token_ttl is not None:
        shorter.append(policy.access_token_ttl)
    return min(default, *shorter) if shorter else default


def _has_refresh_token(grant: Grant) -> bool:
    if grant.user is None or not may_use_grant(grant.client, "refresh_token"):
        return False
    earlier = grant.refresh_token["scopes"] if grant.refresh_token else ()
    return "offline_access" in earlier or "offline_access" in grant.scopes


async def _new_refresh_token(
    ctx: EndpointContext, grant: Grant, policy: ResourcePolicy, issued_at: int
) -> tuple[str, str]:
    """Return its row's id and the token."""
    options, token = provider_of(ctx).options, random_secret()
    lifetime = options.refresh_token_expires_in
    if policy.refresh_token_ttl is not None:
        lifetime = min(lifetime, policy.refresh_token_ttl)
    earlier = grant.refresh_token
    resources = earlier["resources"] if earlier else None
    auth_time = grant.auth_time
    values = {
        **_bound(grant, policy),
        "token": hashed(token),
        "resources": resources or _list(grant.original_resources) or _list(grant.resources),
        "authTime": None if auth_time is None else datetime.fromtimestamp(auth_time, UTC),
        "createdAt": datetime.fromtimestamp(issued_at, UTC),
        "expiresAt": datetime.fromtimestamp(issued_at + lifetime, UTC),
    }
    row = await REFRESH_TOKENS.insert(ctx.database, values)
    return row["id"], options.prefix.refresh_token + token


def _bound(grant: Grant, policy: ResourcePolicy) -> dict[str, Any]:
    """What rows of both kinds of tokens say."""
    return {
        "clientId": grant.client["clientId"],
        "sessionId": grant.session_id,
        "userId": None if grant.user is None else grant.user.id,
        "referenceId": grant.reference_id,
        "authorizationCodeId": grant.code_id,
        "requestedUserInfoClaims": _list(grant.user_info),
        "scopes": policy.scopes,
    }


def _list(values: Sequence[str] | None) -> list[str] | None:
    return list(values) if values else None


async def _opaque_token(
    ctx: EndpointContext,
    grant: Grant,
    policy: ResourcePolicy,
    times: tuple[int, int],
    refresh_token: tuple[str, str] | None,
) -> str:
    """Where no resource was asked for, the token is one to look up, not a JSON Web Token."""
    token = random_secret()
    issued_at, expires_at = (datetime.fromtimestamp(moment, UTC) for moment in times)
    values = {
        **_bound(grant, policy),
        "token": hashed(token),
        "refreshId": refresh_token[0] if refresh_token else None,
        "createdAt": issued_at,
        "expiresAt": expires_at,
    }
    await ACCESS_TOKENS.insert(ctx.database, values)
    return provider_of(ctx).options.prefix.opaque_access_token + token


async def _jwt_access_token(
    ctx: EndpointContext,
    grant: Grant,
    policy: ResourcePolicy,
    times: tuple[int, int],
    key: SigningKey,
) -> str:
    provider, client_id = provider_of(ctx), grant.client["clientId"]
    audience = policy.audience or []
    said = {
        "sub": client_id if grant.user is None else grant.user.id,
        "aud": audience[0] if len(audience) == 1 else audience,
        "client_id": client_id,
        "azp": client_id,
        "scope": " ".join(policy.scopes),
        **({"sid": grant.session_id} if grant.session_id else {}),
        "iss": provider.issuer,
        "iat": times[0],
        "exp": times[1],
        "jti": generate_id(),
    }
    more = await more_claims(provider, grant.user, policy.scopes, grant.client, grant.resources)
    return await provider.keys.sign(
        {**more, **policy.custom_claims, **said}, kind=ACCESS_TOKEN_KIND, key=key
    )


async def more_claims(
    provider: OAuthProvider,
    user: AuthUser | None,
    scopes: Sequence[str],
    client: Mapping[str, Any],
    resources: Sequence[str] | None,
) -> dict[str, Any]:
    """Return the application's own claims in access tokens."""
    callback = provider.options.custom_access_token_claims
    if callback is None:
        return {}
    asked = ClaimsRequest(user, tuple(scopes), client, tuple(resources or ()))
    return claims.without(await callback(asked), claims.RESERVED_OF_ACCESS_TOKENS)


async def _id_token(
    ctx: EndpointContext,
    grant: Grant,
    policy: ResourcePolicy,
    access_token: str,
    key: SigningKey,
) -> str:
    provider, user, client = provider_of(ctx), grant.user, grant.client
    callback, own = provider.options.custom_id_token_claims, {}
    if callback is not None:
        asked = ClaimsRequest(user, tuple(policy.scopes), client, tuple(grant.resources or ()))
        own = claims.without(await callback(asked), claims.RESERVED_OF_ID_TOKENS)
    issued_at = int(time.time())
    shows_session = bool(client["enableEndSession"] or client["backchannelLogoutUri"])
    said = {
        "auth_time": None if grant.auth_time is None else int(grant.auth_time),
        "acr": "0",
        **own,
        "at_hash": _half_hash(access_token),
        "iss": provider.issuer,
        "sub": subject(provider, user.id if user else "", client),
        "aud": client["clientId"],
        "nonce": grant.nonce,
        "iat": issued_at,
        "exp": issued_at + provider.options.id_token_expires_in,
        "sid": grant.session_id if shows_session else None,
    }
    shown = {name: value for name, value in said.items() if value is not None}
    return await provider.keys.sign(shown, kind="", key=key)


def _half_hash(token: str) -> str:
    """Return `at_hash` for EdDSA (OpenID Connect Core, section 3.1.3.6)."""
    digest = hashlib.sha512(token.encode()).digest()
    return base64.urlsafe_b64encode(digest[:32]).rstrip(b"=").decode()
