"""The callback from a provider: code, tokens, profile."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from authward.endpoint_context import EndpointContext
from authward.oauth.account_store import Identity
from authward.oauth.errors import OAuthFlowError, ProviderError
from authward.oauth.provider import Profile, SocialProvider, Tokens
from authward.oauth.state import OAuthState


def redirect_uri(ctx: EndpointContext, provider_id: str) -> str:
    """Return the callback URL, as it is registered with the provider."""
    options = ctx.auth.options
    return f"{options.base_url}{options.base_path}/callback/{provider_id}"


async def find_provider(ctx: EndpointContext, provider_id: str) -> SocialProvider | None:
    """Return the provider of this name, if it is configured and its endpoints are known."""
    provider = ctx.auth.social_providers.get(provider_id)
    return provider if provider is not None and await provider.is_ready() else None


async def identify(ctx: EndpointContext, state: OAuthState) -> Identity:
    """Exchange the code in the query for tokens, and return the account they belong to.

    Raises:
        OAuthFlowError: the query, the provider or its tokens are invalid.
    """
    if not ctx.query.get("code"):
        raise OAuthFlowError("no_code")
    provider = await find_provider(ctx, ctx.path_params["provider"])
    if provider is None:
        raise OAuthFlowError("oauth_provider_not_found")
    _check_issuer(provider, ctx.query, state)
    tokens = replace(await _tokens(ctx, provider, state), user=_user(ctx.query.get("user")))
    return Identity(provider.id, await _profile(provider, tokens, state), tokens)


def _user(text: str | None) -> Any:
    """What Apple sends beside the code: JSON from the browser, of which only names are read."""
    try:
        return json.loads(text or "null")
    except (ValueError, RecursionError):
        return None


def _check_issuer(provider: SocialProvider, query: Mapping[str, Any], state: OAuthState) -> None:
    """Refuse the response of another provider (RFC 9207)."""
    if query.get("iss") and provider.issuer and query["iss"] != provider.issuer:
        raise OAuthFlowError("issuer_mismatch")
    if provider.requires_nonce and not state.nonce:
        raise OAuthFlowError("nonce_binding_missing")


async def _tokens(ctx: EndpointContext, provider: SocialProvider, state: OAuthState) -> Tokens:
    try:
        return await provider.exchange_code(
            ctx.query["code"],
            code_verifier=state.code_verifier,
            redirect_uri=redirect_uri(ctx, provider.id),
            device_id=ctx.query.get("device_id"),
        )
    except ProviderError as error:
        error.log(provider.id, "no tokens")
        raise OAuthFlowError("invalid_code") from None


async def _profile(provider: SocialProvider, tokens: Tokens, state: OAuthState) -> Profile:
    try:
        return await provider.profile(tokens, nonce=state.nonce)
    except ProviderError as error:
        error.log(provider.id, "no profile")
        raise OAuthFlowError("unable_to_get_user_info") from None
