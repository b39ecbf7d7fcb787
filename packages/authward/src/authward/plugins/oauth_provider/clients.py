"""Clients: found by their ids, and authenticated (RFC 6749, section 2.3)."""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NoReturn
from urllib.parse import parse_qsl, unquote_plus

from authward.bodies import FORM
from authward.endpoint_context import EndpointContext
from authward.plugins.oauth_provider.errors import OAuthError
from authward.plugins.oauth_provider.provider import provider_of
from authward.plugins.oauth_provider.rows import CLIENTS, Row
from authward.plugins.oauth_provider.secrets import is_secret, without_prefix
from authward.storage.statements import Executor

_BASIC = re.compile(r"Basic +(.*)", re.IGNORECASE | re.DOTALL)
_SCHEME = re.compile(r"([!#$%&'*+\-.^_`|~0-9A-Za-z]+)(?=\s|$)")
_SECRETS = ("client_secret", "client_assertion", "client_assertion_type")
Method = Literal["client_secret_basic", "client_secret_post", "none"]


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client has shown of itself."""

    client_id: str
    client_secret: str | None
    method: Method


async def find_client(ctx: EndpointContext, client_id: str) -> Row | None:
    """Return a client; one whose id is a URL by the document there."""
    provider = provider_of(ctx)
    client = await CLIENTS.find(ctx.database, clientId=client_id)
    if client is not None and client["clientDiscoveryId"] is None:
        return client
    if provider.discovery is None:
        return None
    return await provider.discovery.resolve(ctx, client_id, client)


async def stored_client(ctx: EndpointContext, database: Executor, client_id: str) -> Row | None:
    """Return a client as it is in the database, without asking any other server."""
    client = await CLIENTS.find(database, clientId=client_id)
    if client is None or client["clientDiscoveryId"] is None:
        return client
    discovery = provider_of(ctx).discovery
    is_ours = discovery is not None and discovery.id == client["clientDiscoveryId"]
    return client if is_ours else None


def may_use_grant(client: Row, grant: str) -> bool:
    """Whether a client may; one that may use codes may refresh too."""
    allowed = client["grantTypes"] or ["authorization_code"]
    return grant in allowed or (grant == "refresh_token" and "authorization_code" in allowed)


async def read_credentials(ctx: EndpointContext) -> Credentials | None:
    """Return how the client authenticates itself; None if it does not say who it is.

    Raises:
        OAuthError: more than one way, a repeated parameter, or an unknown way.
    """
    given = await _given_once(ctx)
    authorization = ctx.request.headers.get("authorization")
    secrets = [name for name in _SECRETS if given.get(name)]
    has_assertion = any(name != "client_secret" for name in secrets)
    both_in_body = has_assertion and "client_secret" in secrets
    if (authorization and secrets) or both_in_body:
        raise OAuthError(
            "invalid_request", "A request must use only one client authentication method"
        )
    if has_assertion:
        raise OAuthError("invalid_client", "client assertions are not supported")
    if authorization:
        return _basic(authorization)
    client_id, secret = given.get("client_id"), given.get("client_secret")
    if not client_id:
        return None
    method: Method = "client_secret_post" if secret else "none"
    return Credentials(client_id, secret, method)


async def _given_once(ctx: EndpointContext) -> dict[str, str]:
    """Return the parameters about the client, each of which may be there once."""
    given: dict[str, list[str]] = {}
    for name, value in await form_pairs(ctx):
        if value and name in ("client_id", *_SECRETS):
            given.setdefault(name, []).append(value)
    for name in ("client_id", *_SECRETS):
        if len(given.get(name, ())) > 1:
            raise OAuthError("invalid_request", f"{name} must not be repeated")
    return {name: values[0] for name, values in given.items()}


async def form_pairs(ctx: EndpointContext) -> list[tuple[str, str]]:
    """Return all pairs of a form, also those with equal names; those of a call from Python."""
    if ctx.request.headers.get("content-type", "").split(";")[0].strip().lower() != FORM:
        body: dict[str, Any] = ctx.body if isinstance(ctx.body, dict) else {}
        return [(name, value) for name, value in body.items() if isinstance(value, str)]
    raw = await ctx.request.body()
    return parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True, errors="replace")


def _basic(authorization: str) -> Credentials:
    match = _BASIC.match(authorization)
    if match is None:
        scheme = _SCHEME.match(authorization)
        if scheme is None:
            raise OAuthError("invalid_request", "Invalid authorization header format")
        refuse_client("unsupported authorization scheme", scheme[1])
    try:
        decoded = base64.b64decode(match[1].strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        decoded = ""
    client_id, colon, secret = decoded.partition(":")
    if not (client_id and colon and secret):
        refuse_client("invalid authorization header format", "Basic")
    return Credentials(unquote_plus(client_id), unquote_plus(secret), "client_secret_basic")


async def authenticated_client(
    ctx: EndpointContext,
    shown: Credentials,
    *,
    client: Row | None,
    scopes: Sequence[str] | None = None,
    grant: str | None = None,
) -> Row:
    """Return the client if it is the one it says, and may do what it asks for.

    Raises:
        OAuthError: invalid_client, invalid_scope or unauthorized_client.
    """
    scheme = "Basic" if shown.method == "client_secret_basic" else None
    if client is None:
        refuse_client("missing client", scheme)
    if client["disabled"]:
        refuse_client("client is disabled", scheme)
    registered = client["tokenEndpointAuthMethod"] or "client_secret_basic"
    if registered != shown.method:
        refuse_client(f"client registered for {registered} cannot use {shown.method}", scheme)
    if shown.method != "none":
        _check_secret(ctx, client, shown, scheme)
    _check_scopes(client, scopes or ())
    if grant is not None and not may_use_grant(client, grant):
        description = f"client is not authorized to use grant type {grant}"
        raise OAuthError("unauthorized_client", description)
    return client


def _check_scopes(client: Row, scopes: Sequence[str]) -> None:
    allowed = client["scopes"]
    for scope in scopes if allowed is not None else ():
        if scope not in allowed:
            raise OAuthError("invalid_scope", f"client does not allow scope {scope}")


def _check_secret(
    ctx: EndpointContext, client: Row, shown: Credentials, scheme: str | None
) -> None:
    stored, given = client["clientSecret"], shown.client_secret or ""
    if not stored:
        refuse_client("public client, client secret should not be received", scheme)
    secret = without_prefix(given, provider_of(ctx).options.prefix.client_secret)
    if secret is None or not is_secret(secret, stored):
        refuse_client("invalid client_secret", scheme)


def refuse_client(description: str, scheme: str | None = None) -> NoReturn:
    """Refuse a client; with the scheme that it used, if it used one.

    Raises:
        OAuthError: 401 with a challenge, or 400.
    """
    if scheme is None:
        raise OAuthError("invalid_client", description)
    headers = {"www-authenticate": scheme}
    raise OAuthError("invalid_client", description, status=401, headers=headers)
