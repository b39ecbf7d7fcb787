"""The endpoints of a provider: as they are given, or as its discovery document says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ada_url import URL

from authward.oauth.errors import ProviderError
from authward.oauth.generic_config import GenericOAuthConfig
from authward.oauth.http_client import read_json, send
from authward.oauth.id_token import IdTokenVerifier
from authward.text import storable_text


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where a provider is asked, and how."""

    authorization: str
    token: str | None
    user_info: str | None
    issuer: str | None = None
    is_oidc: bool = False
    verifier: IdTokenVerifier | None = None
    authenticates_by_header: bool = False


def given_endpoints(config: GenericOAuthConfig) -> Endpoints:
    """Return those of a provider without a discovery document."""
    return Endpoints(
        config.authorization_url or "",
        config.token_url,
        config.user_info_url,
        authenticates_by_header=config.authentication == "basic",
    )


async def discover(config: GenericOAuthConfig) -> Endpoints:
    """Fetch the discovery document.

    Raises:
        ProviderError: there is none, or it lacks what is needed.
    """
    url = config.discovery_url or ""
    document = read_json(await send("GET", url, headers=dict(config.discovery_headers)))
    if not isinstance(document, dict):
        raise ProviderError("no discovery document")
    authorization = config.authorization_url or _url(document, "authorization_endpoint", url)
    token = config.token_url or _url(document, "token_endpoint", url)
    verifier = _verifier(config, document)
    if authorization is None or (token is None and config.get_token is None):
        raise ProviderError("no authorization or token endpoint")
    if config.require_id_token_verification and verifier is None:
        raise ProviderError("no keys for ID tokens")
    return Endpoints(
        authorization=authorization,
        token=token,
        user_info=config.user_info_url or _url(document, "userinfo_endpoint", url),
        issuer=storable_text(document.get("issuer")),
        is_oidc=bool(_algorithms(document)),
        verifier=verifier,
        authenticates_by_header=_wants_header(config, document),
    )


def _wants_header(config: GenericOAuthConfig, document: Mapping[str, Any]) -> bool:
    """In the form, unless the provider says that it takes nothing but a header."""
    if config.authentication is not None or not config.client_secret:
        return config.authentication == "basic"
    named = _texts(document, "token_endpoint_auth_methods_supported")
    return "client_secret_basic" in named and "client_secret_post" not in named


def _verifier(config: GenericOAuthConfig, document: Mapping[str, Any]) -> IdTokenVerifier | None:
    keys = _url(document, "jwks_uri", config.discovery_url or "")
    issuer = storable_text(document.get("issuer"))
    if keys is None or issuer is None:
        return None
    return IdTokenVerifier(
        jwks_url=keys,
        issuers=[issuer],
        client_ids=(config.client_id,),
        algorithms=_algorithms(document) or ["RS256"],
    )


def _algorithms(document: Mapping[str, Any]) -> list[str]:
    return _texts(document, "id_token_signing_alg_values_supported")


def _texts(document: Mapping[str, Any], name: str) -> list[str]:
    listed = document.get(name)
    return [each for each in listed if isinstance(each, str)] if isinstance(listed, list) else []


def _url(document: Mapping[str, Any], name: str, base: str) -> str | None:
    """A document that came over TLS must not lead to a place without."""
    given = storable_text(document.get(name))
    if given is None:
        return None
    try:
        url = URL(given, base=base)
    except ValueError:
        raise ProviderError(f"{name} is no URL") from None
    if url.protocol not in {"https:", URL(base).protocol}:
        raise ProviderError(f"{name} is not https")
    return str(url.href)
