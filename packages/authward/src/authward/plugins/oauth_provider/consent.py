"""`/oauth2/consent` and `/oauth2/continue`: what the user decided on our pages."""

import json
from typing import Any

from ada_url import URLSearchParams

from authward.endpoint_context import EndpointContext
from authward.plugins.oauth_provider import claims
from authward.plugins.oauth_provider.authorization_query import (
    as_parameters,
    parse_prompt,
    without_prompt,
)
from authward.plugins.oauth_provider.authorize import authorize, consent_reference, find_consent
from authward.plugins.oauth_provider.clients import find_client
from authward.plugins.oauth_provider.errors import OAuthError
from authward.plugins.oauth_provider.provider import OAuthRequest, oauth_request, provider_of
from authward.plugins.oauth_provider.redirects import client_error_url
from authward.plugins.oauth_provider.rows import CONSENTS
from authward.plugins.oauth_provider.urls import find_redirect_uri
from authward.plugins.oauth_provider.validation import CheckedField
from authward.timestamps import now
from authward.validation import Field, Schema


def _wrong_claims(value: str) -> str | None:
    parsed = claims.parse_claims_request(value)
    return None if parsed is not None else "claims must be a valid Claims request object"


CONSENT = Schema(
    {
        "accept": Field("boolean", description="Whether the user allows it"),
        "scope": Field("string", required=False, description="Fewer scopes than were asked for"),
        "claims": CheckedField(required=False, check=_wrong_claims),
        "oauth_query": Field("string", required=False, description="The query of the page"),
    }
)
CONTINUE = Schema(
    {
        "selected": Field("boolean", required=False, description="An account was chosen"),
        "created": Field("boolean", required=False, description="The user signed up"),
        "postLogin": Field("boolean", required=False, description="The page after login is done"),
        "oauth_query": Field("string", required=False, description="The query of the page"),
    }
)


def _requested(ctx: EndpointContext) -> tuple[OAuthRequest, URLSearchParams]:
    request = oauth_request(ctx)
    if not request.query:
        raise OAuthError("invalid_request", "missing oauth query")
    request.as_json = True
    return request, URLSearchParams(request.query)


async def consent(ctx: EndpointContext) -> dict[str, Any]:
    """Allow or deny what a client asks for, and go on with its request."""
    request, query = _requested(ctx)
    if not query.get("client_id"):
        raise OAuthError("invalid_client", "client_id is required")
    scopes = _accepted_scopes(ctx, query)
    accepted = _accepted_claims(ctx, query)
    if ctx.body["accept"] is not True:
        return await _denied(ctx, query)
    must_sign_in = "login" in parse_prompt(query.get("prompt"))
    has_signed_in = must_sign_in and _is_fresh(ctx, request)
    if must_sign_in and not has_signed_in:
        return await authorize(ctx, as_parameters(query))
    await _require_usable_client(ctx, query)
    await _keep(ctx, query, scopes, accepted)
    if ctx.body.get("scope") is not None:
        query.set("scope", " ".join(scopes))
    if ctx.body.get("claims") is not None:
        _set_claims(query, accepted)
    query = without_prompt(query, "consent")
    if has_signed_in:
        query = without_prompt(query, "login")
        query.delete("max_age")
    return await authorize(ctx, as_parameters(query), is_past_login=_is_cleared(ctx, request))


async def continue_(ctx: EndpointContext) -> dict[str, Any]:
    """Go on with a client's request after a page before the consent."""
    body = ctx.body
    if body.get("selected") is True:
        _, query = _requested(ctx)
        return await authorize(ctx, as_parameters(without_prompt(query, "select_account")))
    if body.get("created") is True:
        _, query = _requested(ctx)
        return await authorize(ctx, as_parameters(without_prompt(query, "create")))
    if body.get("postLogin") is True:
        request, query = _requested(ctx)
        is_past = _is_cleared(ctx, request)
        return await authorize(ctx, as_parameters(query), is_past_login=is_past)
    raise OAuthError("invalid_request", "Missing parameters")


def _accepted_scopes(ctx: EndpointContext, query: URLSearchParams) -> list[str]:
    asked = (query.get("scope") or "").split(" ")
    given = ctx.body.get("scope")
    if given is None:
        return [scope for scope in asked if scope]
    accepted = given.split(" ")
    if any(scope not in asked for scope in accepted):
        raise OAuthError("invalid_request", "Scope not originally requested")
    return [scope for scope in accepted if scope]


def _accepted_claims(ctx: EndpointContext, query: URLSearchParams) -> list[str]:
    known = provider_of(ctx).claims_supported
    asked = claims.requested_user_info(query.get("claims"), known)
    if ctx.body.get("claims") is None:
        return asked
    accepted = claims.requested_user_info(ctx.body["claims"], known)
    if any(claim not in asked for claim in accepted):
        raise OAuthError("invalid_request", "Claim not originally requested")
    return accepted


async def _denied(ctx: EndpointContext, query: URLSearchParams) -> dict[str, Any]:
    parameters = as_parameters(query)
    client = await find_client(ctx, str(query.get("client_id")))
    redirect_uri = query.get("redirect_uri") or ""
    if client is None or not find_redirect_uri(client["redirectUris"], redirect_uri):
        raise OAuthError("invalid_client", "client no longer exists")
    told = "access_denied", "User denied access"
    return {"redirect": True, "url": client_error_url(ctx, parameters, *told)}


def _is_fresh(ctx: EndpointContext, request: OAuthRequest) -> bool:
    """Whether the user signed in after the page was asked for."""
    began = ctx.session.session.created_at.timestamp()
    return request.issued_at is not None and began >= request.issued_at


def _is_cleared(ctx: EndpointContext, request: OAuthRequest) -> bool:
    return request.cleared_for == ctx.session.session.id


async def _require_usable_client(ctx: EndpointContext, query: URLSearchParams) -> None:
    """A client may be gone since; nothing is kept for one that is not there."""
    client = await find_client(ctx, str(query.get("client_id")))
    if client is None or client["disabled"]:
        raise OAuthError("invalid_client", "client no longer exists")


async def _keep(
    ctx: EndpointContext, query: URLSearchParams, scopes: list[str], accepted: list[str]
) -> None:
    """Insert or change the user's consent; of several at once the last one holds.

    Resources that were allowed stay so where the request names none.
    """
    provider, session = provider_of(ctx), ctx.session
    client_id, user_id = str(query.get("client_id")), session.user.id
    reference = await consent_reference(provider, session, scopes)
    moment = now().replace(microsecond=0)
    values: dict[str, Any] = {
        "scopes": scopes,
        "requestedUserInfoClaims": accepted,
        "updatedAt": moment,
    }
    if resources := query.get_all("resource"):
        values["resources"] = resources
    async with ctx.transaction() as connection:
        await ctx.auth.users.lock(connection, user_id)
        known = await find_consent(ctx, client_id, user_id, reference)
        if known is not None:
            await CONSENTS.update(connection, values, id=known["id"])
            return
        ids = {"clientId": client_id, "userId": user_id, "referenceId": reference}
        await CONSENTS.insert(connection, {**ids, **values, "createdAt": moment})


def _set_claims(query: URLSearchParams, accepted: list[str]) -> None:
    left = claims.only_accepted(query.get("claims"), accepted)
    if left is None:
        query.delete("claims")
    else:
        query.set("claims", json.dumps(left, separators=(",", ":"), ensure_ascii=False))
