"""Google: OpenID Connect with endpoints that are known beforehand."""

from dataclasses import dataclass, field, replace
from typing import Any

from authward.oauth.errors import ProviderError
from authward.oauth.id_token import IdTokenVerifier, stored_claims
from authward.oauth.provider import (
    AccountInfo,
    AuthorizationRequest,
    Profile,
    SocialProvider,
    Tokens,
)
from authward.text import storable_text

_MAX_AGE = 3600


@dataclass(kw_only=True)
class Google(SocialProvider):
    """accounts.google.com.

    Args:
        hosted_domain: only people of this Google Workspace domain; `*` for those of any.
        access_type: `offline` asks for a refresh token.
    """

    hosted_domain: str | None = None
    access_type: str | None = None
    authorization_endpoint: str = "https://accounts.google.com/o/oauth2/v2/auth"
    token_endpoint: str = "https://oauth2.googleapis.com/token"  # noqa: S105
    jwks_url: str = "https://www.googleapis.com/oauth2/v3/certs"
    issuers: tuple[str, ...] = ("https://accounts.google.com", "accounts.google.com")
    _verifier: IdTokenVerifier = field(init=False, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._verifier = IdTokenVerifier(
            jwks_url=self.jwks_url,
            issuers=self.issuers,
            client_ids=self.client_ids,
            algorithms=("RS256",),
            max_age=_MAX_AGE,
        )

    @property
    def id(self) -> str:
        return "google"

    @property
    def supports_id_tokens(self) -> bool:
        return not self.disable_id_token_sign_in

    def authorization_url(self, request: AuthorizationRequest) -> str:
        defaults = () if self.disable_default_scope else ("email", "profile", "openid")
        scopes = [*defaults, *self.scope, *request.scopes]
        additional = {"include_granted_scopes": "true", **request.additional}
        return self._authorization_url(
            self.authorization_endpoint,
            replace(request, additional=additional),
            scopes,
            hd=self.hosted_domain,
            access_type=self.access_type,
        )

    async def exchange_code(
        self, code: str, *, code_verifier: str, redirect_uri: str, device_id: str | None = None
    ) -> Tokens:
        del device_id
        redirect_uri = self.redirect_uri or redirect_uri
        return await self._exchange_code(
            self.token_endpoint, code=code, code_verifier=code_verifier, redirect_uri=redirect_uri
        )

    async def profile(self, tokens: Tokens, *, nonce: str | None) -> Profile:
        claims = await self._verifier.verify_token_response(tokens, nonce=nonce)
        return self._read(claims)

    async def account_info(self, tokens: Tokens) -> AccountInfo:
        """Of the ID token that was verified when it came; by now its time may be over."""
        claims = stored_claims(tokens.id_token)
        if not self._is_allowed(storable_text(claims.get("hd"))):
            raise ProviderError("another hosted domain")
        user = {
            "name": claims.get("name"),
            "email": claims.get("email"),
            "image": claims.get("picture"),
            "emailVerified": claims.get("email_verified"),
        }
        return AccountInfo({n: v for n, v in user.items() if v is not None}, claims)

    @property
    def refresh_endpoint(self) -> str | None:
        return self.token_endpoint

    async def profile_from_id_token(self, sent: Tokens, *, nonce: str | None) -> Profile | None:
        return self._read(await self._verifier.verify_sent(sent, nonce=nonce))

    def _read(self, claims: dict[str, Any]) -> Profile:
        if not self._is_allowed(storable_text(claims.get("hd"))):
            raise ProviderError("another hosted domain")
        return Profile.from_claims(claims)

    def _is_allowed(self, domain: str | None) -> bool:
        if not self.hosted_domain or domain == self.hosted_domain:
            return True
        return self.hosted_domain == "*" and domain is not None
