"""GitHub: OAuth 2 without OpenID Connect."""

from dataclasses import dataclass
from typing import Any

from authward.oauth.errors import ProviderError
from authward.oauth.http_client import get_json
from authward.oauth.provider import (
    AccountInfo,
    AuthorizationRequest,
    Profile,
    SocialProvider,
    Tokens,
)
from authward.text import storable_text


@dataclass(kw_only=True)
class GitHub(SocialProvider):
    """github.com; the endpoints are options for GitHub Enterprise."""

    authorization_endpoint: str = "https://github.com/login/oauth/authorize"
    token_endpoint: str = "https://github.com/login/oauth/access_token"  # noqa: S105
    user_endpoint: str = "https://api.github.com/user"

    @property
    def id(self) -> str:
        return "github"

    def authorization_url(self, request: AuthorizationRequest) -> str:
        defaults = () if self.disable_default_scope else ("read:user", "user:email")
        scopes = [*defaults, *self.scope, *request.scopes]
        return self._authorization_url(self.authorization_endpoint, request, scopes)

    async def exchange_code(
        self, code: str, *, code_verifier: str, redirect_uri: str, device_id: str | None = None
    ) -> Tokens:
        del device_id
        redirect_uri = self.redirect_uri or redirect_uri
        return await self._exchange_code(
            self.token_endpoint, code=code, code_verifier=code_verifier, redirect_uri=redirect_uri
        )

    async def profile(self, tokens: Tokens, *, nonce: str | None) -> Profile:
        del nonce
        user = await get_json(self.user_endpoint, access_token=tokens.access_token)
        emails = await self._emails(tokens)
        if not isinstance(user, dict) or not _is_id(user.get("id")):
            raise ProviderError("no user")
        email = storable_text(user.get("email")) or _primary(emails)
        return Profile(
            account_id=str(user["id"]),
            email=email,
            email_verified=any(e["email"] == email and e.get("verified") is True for e in emails),
            name=storable_text(user.get("name")) or storable_text(user.get("login")) or "",
            image=storable_text(user.get("avatar_url")),
        )

    async def account_info(self, tokens: Tokens) -> AccountInfo:
        profile = await self.profile(tokens, nonce=None)
        data = await get_json(self.user_endpoint, access_token=tokens.access_token)
        user = {
            "name": profile.name,
            "email": profile.email,
            "image": profile.image,
            "emailVerified": profile.email_verified,
        }
        return AccountInfo(user, {**data, "email": profile.email})

    @property
    def refresh_endpoint(self) -> str | None:
        return self.token_endpoint

    async def _emails(self, tokens: Tokens) -> list[dict[str, Any]]:
        """Without the scope there is no list, and then no address counts as verified."""
        try:
            found = await get_json(f"{self.user_endpoint}/emails", access_token=tokens.access_token)
        except ProviderError:
            return []
        entries = found if isinstance(found, list) else []
        return [e for e in entries if isinstance(e, dict) and storable_text(e.get("email"))]


def _is_id(value: Any) -> bool:
    return isinstance(value, int | str) and not isinstance(value, bool) and bool(value)


def _primary(emails: list[dict[str, Any]]) -> str | None:
    chosen = [email for email in emails if email.get("primary") is True] or emails
    return storable_text(chosen[0]["email"]) if chosen else None
