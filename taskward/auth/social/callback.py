"""A browser that is back from a provider: who it is."""

from collections.abc import Mapping
from typing import Any

from taskward.auth.exchange import Exchange
from taskward.auth.social.account_store import Identity
from taskward.auth.social.errors import ProviderError
from taskward.auth.social.provider import Profile, SocialProvider, Tokens
from taskward.auth.social.redirects import RefusedError
from taskward.auth.social.state import State


def redirect_uri(exchange: Exchange, provider_id: str) -> str:
    """Return where the provider sends the browser back to; it knows this URL beforehand."""
    options = exchange.auth.options
    return f"{options.base_url}{options.base_path}/callback/{provider_id}"


async def find_provider(exchange: Exchange, provider_id: str) -> SocialProvider | None:
    """Return the provider of this name, if it is configured and its endpoints are known."""
    provider = exchange.auth.social_providers.get(provider_id)
    return provider if provider is not None and await provider.is_ready() else None


async def identify(exchange: Exchange, begun: State) -> Identity:
    """Exchange the code in the query for tokens and ask the provider whose they are.

    Raises:
        RefusedError: the query, the provider or its tokens are not as they should be.
    """
    if not exchange.query.get("code"):
        raise RefusedError("no_code")
    provider = await find_provider(exchange, exchange.parameters["provider"])
    if provider is None:
        raise RefusedError("oauth_provider_not_found")
    _check_answer(provider, exchange.query, begun)
    tokens = await _tokens(exchange, provider, begun)
    return Identity(provider.id, await _profile(provider, tokens, begun), tokens)


def _check_answer(provider: SocialProvider, query: Mapping[str, Any], begun: State) -> None:
    """The answer of another provider must not be taken for this one's (RFC 9207)."""
    if query.get("iss") and provider.issuer and query["iss"] != provider.issuer:
        raise RefusedError("issuer_mismatch")
    if provider.requires_nonce and not begun.nonce:
        raise RefusedError("nonce_binding_missing")


async def _tokens(exchange: Exchange, provider: SocialProvider, begun: State) -> Tokens:
    try:
        return await provider.exchange_code(
            exchange.query["code"],
            code_verifier=begun.code_verifier,
            redirect_uri=redirect_uri(exchange, provider.id),
        )
    except ProviderError as error:
        error.log(provider.id, "no tokens")
        raise RefusedError("invalid_code") from None


async def _profile(provider: SocialProvider, tokens: Tokens, begun: State) -> Profile:
    try:
        return await provider.profile(tokens, nonce=begun.nonce)
    except ProviderError as error:
        error.log(provider.id, "no profile")
        raise RefusedError("unable_to_get_user_info") from None
