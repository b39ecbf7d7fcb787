"""`/oauth2/authorize`: who asks for what, and which page, code or error is the answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ada_url import URLSearchParams

from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.plugins.oauth_provider import claims
from authward.plugins.oauth_provider.authorization_query import (
    parse_prompt,
    parsed_query,
    serialized,
)
from authward.plugins.oauth_provider.clients import find_client, may_use_grant
from authward.plugins.oauth_provider.codes import code_url
from authward.plugins.oauth_provider.errors import OAuthError
from authward.plugins.oauth_provider.options import Authorization, Decision
from authward.plugins.oauth_provider.provider import OAuthProvider, oauth_request, provider_of
from authward.plugins.oauth_provider.redirects import client_error_url, page_error_url, send_to
from authward.plugins.oauth_provider.resources import resource_policy
from authward.plugins.oauth_provider.rows import CONSENTS, Row
from authward.plugins.oauth_provider.signed_query import sign_query
from authward.plugins.oauth_provider.urls import find_redirect_uri
from authward.storage.rows import SessionAndUser
from authward.timestamps import now

_ACR = "0"
_NO_CLIENT = "invalid_client", "client_id is required"


class Target(NamedTuple):
    """Where the browser goes: to a page of ours with the signed query, or to a URL."""

    url: str
    is_page: bool = False
    cleared_for: str = ""


@dataclass(slots=True)
class _Request:
    """An authorization request that is in order, so far."""

    query: dict[str, Any]
    client: Row
    scopes: list[str]
    resources: list[str]
    prompts: set[str]
    user_info: list[str] = field(default_factory=list)

    @property
    def is_silent(self) -> bool:
        """Whether no page may be shown."""
        return "none" in self.prompts


async def authorize(
    ctx: EndpointContext,
    given: Mapping[str, Any],
    *,
    begins: bool = False,
    is_past_login: bool = False,
) -> dict[str, Any]:
    """Answer an authorization request.

    Args:
        ctx: of whichever endpoint goes on with the request.
        given: its parameters, by name; one that is there several times is a list.
        begins: whether the client has just sent the browser here.
        is_past_login: whether the user has been on the page between login and consent.
    """
    target = await _target(ctx, given, begins=begins, is_past_login=is_past_login)
    if not target.is_page:
        return send_to(ctx, target.url)
    provider, query = provider_of(ctx), oauth_request(ctx).query or ""
    signed = sign_query(
        URLSearchParams(query),
        ctx.auth.options.secret,
        provider.options.code_expires_in,
        target.cleared_for,
    )
    return send_to(ctx, f"{target.url}?{signed}")


async def _target(
    ctx: EndpointContext, given: Mapping[str, Any], *, begins: bool, is_past_login: bool
) -> Target:
    provider = provider_of(ctx)
    if "authorization_code" not in provider.options.grant_types:
        raise APIError(404)
    await provider.seed()
    query, problem = parsed_query(given)
    if problem is not None:
        return await _refused(ctx, query, *problem)
    request = await _checked(ctx, provider, query)
    if isinstance(request, Target):
        return request
    session = await ctx.current_session()
    target = _sign_in_page(ctx, request, session)
    if target is None and session is not None:
        request.query.pop("max_age", None)
        pages = _pages(ctx, request, session, begins=begins, is_past_login=is_past_login)
        target = await pages or await _consent_or_code(ctx, provider, request, session)
    oauth_request(ctx).query = str(serialized(request.query))
    return target or Target(page_error_url(ctx, "server_error", "no session"))


async def _refused(
    ctx: EndpointContext, query: dict[str, Any], error: str, description: str
) -> Target:
    """Tell the client if it is known and its redirect URI is its own; else show our error page."""
    client_id, redirect_uri = query.get("client_id"), query.get("redirect_uri")
    if isinstance(client_id, str) and isinstance(redirect_uri, str) and client_id:
        client = await find_client(ctx, client_id)
        is_usable = client is not None and not client["disabled"]
        if client and is_usable and find_redirect_uri(client["redirectUris"], redirect_uri):
            return Target(client_error_url(ctx, query, error, description))
    return Target(page_error_url(ctx, error, description))


async def _checked(
    ctx: EndpointContext, provider: OAuthProvider, query: dict[str, Any]
) -> "_Request | Target":
    """Check the client and its redirect URI, then whatever the client may be told of."""
    prompts = parse_prompt(query.get("prompt"))
    if "select_account" in prompts and provider.options.select_account is None:
        return _on_page(ctx, "unsupported_prompt_select_account", "unsupported prompt type")
    client = await find_client(ctx, query["client_id"])
    problem = _problem_of(client, query)
    if client is None or problem is not None:
        return _on_page(ctx, *(problem or _NO_CLIENT))
    try:
        return await _checked_request(ctx, provider, query, client, prompts)
    except OAuthError as error:
        told = error.description or "requested resource invalid"
        return Target(client_error_url(ctx, query, error.error, told))


def _problem_of(client: Row | None, query: dict[str, Any]) -> tuple[str, str] | None:
    """Return why the browser may not be sent back to the client."""
    if client is None:
        return _NO_CLIENT
    if client["disabled"]:
        return "client_disabled", "client is disabled"
    if not may_use_grant(client, "authorization_code"):
        message = "client is not authorized to use the authorization_code grant"
        return "unauthorized_client", message
    if not find_redirect_uri(client["redirectUris"], query.get("redirect_uri") or ""):
        return "invalid_redirect", "invalid redirect uri"
    return None


def _on_page(ctx: EndpointContext, error: str, description: str) -> Target:
    return Target(page_error_url(ctx, error, description))


async def _checked_request(
    ctx: EndpointContext,
    provider: OAuthProvider,
    query: dict[str, Any],
    client: Row,
    prompts: set[str],
) -> _Request:
    """Check what is asked for.

    Raises:
        OAuthError: for the client.
    """
    allowed = client["scopes"] if client["scopes"] is not None else list(provider.options.scopes)
    scopes = [scope for scope in query.get("scope", "").split(" ") if scope]
    if wrong := [scope for scope in scopes if scope not in allowed]:
        message = f"The following scopes are invalid: {', '.join(wrong)}"
        raise OAuthError("invalid_scope", message)
    if "scope" not in query:
        scopes = list(allowed)
        query["scope"] = " ".join(scopes)
    resources = _resources(provider, query)
    request = _Request(query, client, scopes, resources, prompts)
    request.user_info = _requested_claims(provider, query, scopes)
    if "resource" in query:
        await resource_policy(provider, ctx.database, client["clientId"], resources, scopes)
    _check_pkce(client, query, scopes)
    return request


def _resources(provider: OAuthProvider, query: dict[str, Any]) -> list[str]:
    """Return the resources in the spelling that they are configured in."""
    given = query.get("resource", [])
    known = [provider.known_resource(r) for r in ([given] if isinstance(given, str) else given)]
    if known:
        query["resource"] = known[0] if isinstance(given, str) else known
    return known


def _requested_claims(
    provider: OAuthProvider, query: dict[str, Any], scopes: list[str]
) -> list[str]:
    asked = query.get("claims")
    if asked is None:
        return []
    if "openid" not in scopes:
        message = "openid scope must be requested when using the claims parameter"
        raise OAuthError("invalid_request", message)
    if claims.parse_claims_request(asked) is None:
        raise OAuthError("invalid_request", "claims must be a valid Claims request object")
    if not claims.can_satisfy_acr(asked, _ACR):
        raise OAuthError("access_denied", "essential acr requirement cannot be met")
    return claims.requested_user_info(asked, provider.claims_supported)


def pkce_reason(client: Row, scopes: list[str], nonce: Any) -> str | None:
    """Return why a client must use PKCE (RFC 7636); None if it may do without."""
    if client["tokenEndpointAuthMethod"] == "none":
        return "pkce is required for public clients"
    has_nonce = "openid" in scopes and isinstance(nonce, str) and bool(nonce)
    if "offline_access" in scopes and not has_nonce:
        return "pkce or OIDC nonce is required when requesting offline_access scope"
    required = client["requirePKCE"]
    return "pkce is required for this client" if required is None or required else None


def _check_pkce(client: Row, query: dict[str, Any], scopes: list[str]) -> None:
    challenge, method = query.get("code_challenge"), query.get("code_challenge_method")
    reason = pkce_reason(client, scopes, query.get("nonce"))
    if reason and not (challenge and method):
        raise OAuthError("invalid_request", reason)
    if bool(challenge) != bool(method):
        message = "code_challenge and code_challenge_method must both be provided"
        raise OAuthError("invalid_request", message)


def _sign_in_page(
    ctx: EndpointContext, request: _Request, session: SessionAndUser | None
) -> Target | None:
    """Return the page on which the user signs in or up, if that must be."""
    is_wanted = bool(request.prompts & {"login", "create"})
    if session is not None and _is_recent(request, session) and not is_wanted:
        return None
    options = provider_of(ctx).options
    page = options.login_page
    if "create" in request.prompts:
        page = options.signup.page or page
    told = "login_required", "authentication required"
    return _instead(ctx, request, Target(page, is_page=True), *told)


async def _pages(
    ctx: EndpointContext,
    request: _Request,
    session: SessionAndUser,
    *,
    begins: bool,
    is_past_login: bool,
) -> Target | None:
    """Return the page that the user must see before the consent, if there is one."""
    options = provider_of(ctx).options
    asked = Authorization(session.user, session.session, tuple(request.scopes))
    select, signup, past = options.select_account, options.signup, options.post_login
    if begins and select is not None:
        page = Target(select.page, is_page=True)
        if "select_account" in request.prompts:
            return page
        if await _says_yes(select.should_redirect, asked):
            told = "End-User account selection is required"
            return _instead(ctx, request, page, "account_selection_required", told)
    interaction = "interaction_required", "End-User interaction is required"
    if await _says_yes(signup.should_redirect, asked):
        page = Target(signup.page or options.login_page, is_page=True)
        return _instead(ctx, request, page, *interaction)
    if past is not None and not is_past_login and await _says_yes(past.should_redirect, asked):
        return _instead(ctx, request, Target(past.page, is_page=True), *interaction)
    return None


async def _says_yes(decision: Decision | None, asked: Authorization) -> bool:
    return decision is not None and await decision(asked)


def _is_recent(request: _Request, session: SessionAndUser) -> bool:
    """Whether the user has signed in recently enough for `max_age`."""
    limit = request.query.get("max_age")
    if limit is None:
        return True
    age = (now() - session.session.created_at).total_seconds()
    return bool(limit != 0 and age <= limit)


def _instead(
    ctx: EndpointContext, request: _Request, page: Target, error: str, description: str
) -> Target:
    if request.is_silent:
        return Target(client_error_url(ctx, request.query, error, description))
    return page


async def _consent_or_code(
    ctx: EndpointContext, provider: OAuthProvider, request: _Request, session: SessionAndUser
) -> Target:
    options = provider.options
    cleared_for = session.session.id if options.post_login is not None else ""
    page = Target(options.consent_page, is_page=True, cleared_for=cleared_for)
    if "consent" in request.prompts:
        return page
    reference = await consent_reference(provider, session, request.scopes)
    if not request.client["skipConsent"]:
        consent = await find_consent(ctx, request.client["clientId"], session.user.id, reference)
        if consent is None or not _covers(consent, request):
            told = "consent_required", "End-User consent is required"
            return _instead(ctx, request, page, *told)
    return Target(await code_url(ctx, request.query, request.resources, session, reference))


def _covers(consent: Row, request: _Request) -> bool:
    """Whether a consent allows all of what is asked for."""
    asked = (
        (request.scopes, consent["scopes"]),
        (request.user_info, consent["requestedUserInfoClaims"]),
        (request.resources, consent["resources"]),
    )
    return all(set(wanted) <= set(allowed or ()) for wanted, allowed in asked)


async def consent_reference(
    provider: OAuthProvider, session: SessionAndUser, scopes: list[str]
) -> str | None:
    """Return what the user chose between login and consent, where there is such a page."""
    past = provider.options.post_login
    if past is None or past.consent_reference_id is None:
        return None
    return await past.consent_reference_id(
        Authorization(session.user, session.session, tuple(scopes))
    )


async def find_consent(
    ctx: EndpointContext, client_id: str, user_id: str, reference: str | None
) -> Row | None:
    """Return the consent of a user to a client."""
    where = {"clientId": client_id, "userId": user_id}
    if reference:
        where["referenceId"] = reference
    return await CONSENTS.find(ctx.database, **where)
