"""`/oauth2/introspect`: what a token is worth (RFC 7662); `/oauth2/userinfo` asks so too."""

from dataclasses import dataclass, field
from typing import Any

from authward.endpoint_context import EndpointContext
from authward.plugins.oauth_provider.access_token import (
    InvalidAccessTokenError,
    audiences,
    verified_claims,
)
from authward.plugins.oauth_provider.clients import (
    authenticated_client,
    find_client,
    read_credentials,
    stored_client,
)
from authward.plugins.oauth_provider.errors import NO_STORE, OAuthError
from authward.plugins.oauth_provider.issue import more_claims
from authward.plugins.oauth_provider.live_sessions import find_live_session
from authward.plugins.oauth_provider.provider import provider_of
from authward.plugins.oauth_provider.resources import (
    are_known,
    find_resources,
    linked_resources,
)
from authward.plugins.oauth_provider.rows import ACCESS_TOKENS, REFRESH_TOKENS, Row
from authward.plugins.oauth_provider.secrets import hashed, without_prefix
from authward.plugins.oauth_provider.subjects import subject
from authward.timestamps import now

INACTIVE: dict[str, Any] = {"active": False}


@dataclass(frozen=True, slots=True)
class Introspection:
    """What a token says, as introspection has it; and the claims asked for one by one."""

    payload: dict[str, Any]
    user_info: list[str] = field(default_factory=list)


async def introspect(ctx: EndpointContext) -> dict[str, Any]:
    """Tell a client about its own tokens, or a resource about those for it."""
    ctx.headers |= NO_STORE
    shown, hint = await read_credentials(ctx), ctx.body.get("token_type_hint")
    if shown is None or not shown.client_secret:
        raise OAuthError("invalid_client", "missing required credentials", status=401)
    token = bare_token(ctx.body["token"])
    if not token:
        raise OAuthError("invalid_request", "missing a required token for introspection")
    found = await find_client(ctx, shown.client_id)
    client = await authenticated_client(ctx, shown, client=found)
    if hint != "refresh_token":
        access = await look_up(ctx, token, asking=client["clientId"])
        if access is not None or hint == "access_token":
            return await _with_subject(ctx, access.payload if access else INACTIVE)
    refreshing = await _refresh_token(ctx, token, client["clientId"])
    return await _with_subject(ctx, refreshing)


def bare_token(token: str) -> str:
    """Return a token without `Bearer` before it."""
    scheme, _, rest = token.strip().partition(" ")
    return rest.strip() if scheme.lower() in {"bearer", "dpop"} and rest else token.strip()


async def look_up(
    ctx: EndpointContext, token: str, *, asking: str | None = None
) -> Introspection | None:
    """Return what an access token is worth now; None if it is none of ours.

    `asking` is the client that wants to know: only its own tokens, and those for its resources.
    """
    try:
        claims = await verified_claims(ctx.auth, token)
    except InvalidAccessTokenError:
        return await _opaque(ctx, token, asking)
    return Introspection(await _jwt(ctx, claims, asking))


async def _jwt(ctx: EndpointContext, claims: dict[str, Any], asking: str | None) -> dict[str, Any]:
    provider, issued_to = provider_of(ctx), claims.get("azp")
    if not isinstance(issued_to, str) or not await are_known(
        provider, ctx.database, audiences(claims)
    ):
        return INACTIVE
    resources = [each for each in audiences(claims) if each != provider.userinfo]
    if not await _may_know(ctx, issued_to, asking, resources):
        return INACTIVE
    session_id = claims.get("sid")
    if session_id and await find_live_session(ctx.database, session_id) is None:
        return INACTIVE
    return {**claims, "client_id": issued_to, "active": True, "token_type": "Bearer"}


async def _may_know(
    ctx: EndpointContext, issued_to: str, asking: str | None, resources: list[str]
) -> bool:
    client = await stored_client(ctx, ctx.database, issued_to)
    if client is None or client["disabled"]:
        return False
    if asking is None or asking == issued_to:
        return True
    return bool(await linked_resources(ctx.database, asking, resources))


async def _opaque(ctx: EndpointContext, token: str, asking: str | None) -> Introspection | None:
    provider = provider_of(ctx)
    given = without_prefix(token, provider.options.prefix.opaque_access_token)
    row = None if given is None else await ACCESS_TOKENS.find(ctx.database, token=hashed(given))
    if row is None:
        return None
    resources = row["resources"] or []
    is_live = row["revoked"] is None and row["expiresAt"] >= now()
    if not is_live or not await _may_know(ctx, row["clientId"], asking, resources):
        return Introspection(INACTIVE)
    session_id = row["sessionId"]
    if session_id and await find_live_session(ctx.database, session_id) is None:
        return Introspection(INACTIVE)
    if not await are_known(provider, ctx.database, resources):
        return Introspection(INACTIVE)
    said = await _said_by(ctx, row, resources)
    return Introspection(said, row["requestedUserInfoClaims"] or [])


async def _said_by(ctx: EndpointContext, row: Row, resources: list[str]) -> dict[str, Any]:
    provider, scopes = provider_of(ctx), row["scopes"]
    user = await ctx.auth.users.find(ctx.database, row["userId"]) if row["userId"] else None
    client = await stored_client(ctx, ctx.database, row["clientId"]) or {}
    more = await more_claims(provider, user, scopes, client, resources)
    for found in (await find_resources(ctx.database, resources)).values():
        more |= found["customClaims"] or {}
    audience = [*resources]
    if audience and "openid" in scopes and provider.userinfo not in audience:
        audience.append(provider.userinfo)
    said = {
        "iss": provider.issuer,
        "aud": (audience[0] if len(audience) == 1 else audience) or None,
        "client_id": row["clientId"],
        "azp": row["clientId"],
        "sub": None if user is None else user.id,
        "sid": row["sessionId"],
        **_times(row),
        "scope": " ".join(scopes),
        "token_type": "Bearer",
    }
    return {**more, "active": True, **{name: v for name, v in said.items() if v is not None}}


def _times(row: Row) -> dict[str, int]:
    return {"exp": int(row["expiresAt"].timestamp()), "iat": int(row["createdAt"].timestamp())}


async def _refresh_token(ctx: EndpointContext, token: str, client_id: str) -> dict[str, Any]:
    provider = provider_of(ctx)
    given = without_prefix(token, provider.options.prefix.refresh_token)
    row = None if given is None else await REFRESH_TOKENS.find(ctx.database, token=hashed(given))
    if row is None or row["clientId"] != client_id:
        return INACTIVE
    if row["expiresAt"] < now() or row["revoked"] is not None:
        return INACTIVE
    session = await find_live_session(ctx.database, row["sessionId"])
    said = {
        "client_id": client_id,
        "iss": provider.issuer,
        "sub": row["userId"],
        "sid": None if session is None else session["id"],
        **_times(row),
        "scope": " ".join(row["scopes"]),
        "token_type": "Bearer",
    }
    return {"active": True, **{name: value for name, value in said.items() if value is not None}}


async def _with_subject(ctx: EndpointContext, payload: dict[str, Any]) -> dict[str, Any]:
    """The subject is who the user is to the client that the token was issued to."""
    client_id = payload.get("client_id")
    if not payload.get("sub") or client_id is None or payload["sub"] == client_id:
        return payload
    client = await stored_client(ctx, ctx.database, client_id)
    if client is None:
        return payload
    return {**payload, "sub": subject(provider_of(ctx), payload["sub"], client)}
