"""Any OpenID Connect provider, known by its discovery document."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ada_url import URL

from authward.oauth.errors import ProviderError
from authward.oauth.http_client import get_json
from authward.oauth.id_token import IdTokenVerifier
from authward.oauth.provider import (
    AccountInfo,
    AuthorizationRequest,
    Profile,
    SocialProvider,
    Tokens,
    to_bool,
)
from authward.text import storable_text

_ASK_AGAIN_AFTER = 5.0


@dataclass(frozen=True, slots=True)
class _Metadata:
    """What the discovery document says (OpenID Connect Discovery 1.0, section 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str | None
    auth_method: str
    verifier: IdTokenVerifier


@dataclass(kw_only=True)
class OpenIDConnect(SocialProvider):
    """A provider with a discovery document, such as Keycloak, Auth0 or Okta.

    Args:
        provider_id: its name in paths, requests and the `account` table.
        discovery_url: where its `.well-known/openid-configuration` is.
    """

    provider_id: str
    discovery_url: str
    scope: tuple[str, ...] = ("openid", "email", "profile")
    _metadata: _Metadata | None = field(default=None, init=False, repr=False)
    _ask_not_before: float = field(default=0.0, init=False, repr=False)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, init=False, repr=False)

    @property
    def id(self) -> str:
        return self.provider_id

    @property
    def issuer(self) -> str | None:
        return self._known.issuer

    @property
    def requires_nonce(self) -> bool:
        return True

    @property
    def supports_id_tokens(self) -> bool:
        return not self.disable_id_token_sign_in

    async def is_ready(self) -> bool:
        """Whether the discovery document is here; asked for at most every five seconds."""
        async with self._lock:
            if self._metadata is None and time.monotonic() >= self._ask_not_before:
                try:
                    self._metadata = self._read_metadata(await get_json(self.discovery_url))
                except (ProviderError, ValueError) as error:
                    self._ask_not_before = time.monotonic() + _ASK_AGAIN_AFTER
                    ProviderError(str(error)).log(self.id, "cannot discover")
        return self._metadata is not None

    def authorization_url(self, request: AuthorizationRequest) -> str:
        scopes = [*request.scopes, *self.scope]
        if "openid" not in scopes:
            scopes.insert(0, "openid")
        return self._authorization_url(self._known.authorization_endpoint, request, scopes)

    async def exchange_code(
        self, code: str, *, code_verifier: str, redirect_uri: str, device_id: str | None = None
    ) -> Tokens:
        del device_id
        redirect_uri = self.redirect_uri or redirect_uri
        return await self._exchange_code(
            self._known.token_endpoint,
            self._known.auth_method,
            code=code,
            code_verifier=code_verifier,
            redirect_uri=redirect_uri,
        )

    async def profile(self, tokens: Tokens, *, nonce: str | None) -> Profile:
        claims = await self._known.verifier.verify_token_response(tokens, nonce=nonce)
        if storable_text(claims.get("email")) is None:
            claims = await self._userinfo(tokens, claims["sub"])
        return Profile.from_claims(claims)

    async def account_info(self, tokens: Tokens) -> AccountInfo:
        """As the original: the ID token where it has an address, else the user information."""
        claims: dict[str, Any] = {}
        if tokens.id_token is not None:
            claims = await self._known.verifier.verify(tokens.id_token, nonce=None)
        if claims.get("email"):
            described = {"id": claims["sub"], **_described(claims), **claims}
            return AccountInfo.from_claims(described)
        info = await self._userinfo(tokens, claims.get("sub"))
        named = {"email": info.get("email"), **_described(info), "name": info.get("name")}
        merged = {**info, **named}
        return AccountInfo.from_claims({n: v for n, v in merged.items() if v is not None})

    @property
    def refresh_endpoint(self) -> str | None:
        return self._known.token_endpoint

    @property
    def client_auth_method(self) -> str:
        return self._known.auth_method

    async def profile_from_id_token(self, sent: Tokens, *, nonce: str | None) -> Profile | None:
        claims = await self._known.verifier.verify_sent(sent, nonce=nonce)
        return Profile.from_claims(claims) if storable_text(claims.get("email")) else None

    @property
    def _known(self) -> _Metadata:
        if self._metadata is None:
            raise ProviderError("not discovered")
        return self._metadata

    async def _userinfo(self, tokens: Tokens, subject: str | None) -> dict[str, Any]:
        """Another subject's would be a substituted access token (OpenID Connect Core 5.3.2)."""
        if self._known.userinfo_endpoint is None:
            raise ProviderError("no userinfo endpoint")
        endpoint = self._known.userinfo_endpoint
        info = await get_json(endpoint, access_token=tokens.access_token)
        if not isinstance(info, dict) or subject not in (None, info.get("sub")):
            raise ProviderError("another subject")
        return info

    def _read_metadata(self, document: Any) -> _Metadata:
        if not isinstance(document, dict):
            raise ProviderError("no discovery document")
        issuer = storable_text(document.get("issuer"))
        if issuer is None:
            raise ProviderError("no issuer")
        verifier = IdTokenVerifier(
            jwks_url=self._endpoint(document, "jwks_uri"),
            issuers=[issuer],
            client_ids=self.client_ids,
            algorithms=_strings(document.get("id_token_signing_alg_values_supported")) or ["RS256"],
        )
        return _Metadata(
            issuer=issuer,
            authorization_endpoint=self._endpoint(document, "authorization_endpoint"),
            token_endpoint=self._endpoint(document, "token_endpoint"),
            userinfo_endpoint=self._optional_endpoint(document, "userinfo_endpoint"),
            auth_method=_auth_method(document),
            verifier=verifier,
        )

    def _optional_endpoint(self, document: Mapping[str, Any], name: str) -> str | None:
        return None if document.get(name) is None else self._endpoint(document, name)

    def _endpoint(self, document: Mapping[str, Any], name: str) -> str:
        """A document that came over TLS must not lead to a place without."""
        given = storable_text(document.get(name))
        if given is None:
            raise ProviderError(f"no {name}")
        url = URL(given, base=self.discovery_url)
        if url.protocol not in {"https:", URL(self.discovery_url).protocol}:
            raise ProviderError(f"{name} is not https")
        return str(url.href)


def _described(claims: Mapping[str, Any]) -> dict[str, Any]:
    picture = claims.get("picture")
    verified = {"emailVerified": to_bool(claims.get("email_verified"))}
    return verified | ({} if picture is None else {"image": picture})


def _auth_method(document: Mapping[str, Any]) -> str:
    """As the original: in the body, but for providers that say that they want it in a header."""
    supported = _strings(document.get("token_endpoint_auth_methods_supported"))
    wants_header = "client_secret_basic" in supported and "client_secret_post" not in supported
    return "client_secret_basic" if wants_header else "client_secret_post"


def _strings(value: Any) -> list[str]:
    return [entry for entry in value if isinstance(entry, str)] if isinstance(value, list) else []
