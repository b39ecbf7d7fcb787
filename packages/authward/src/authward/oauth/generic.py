"""Any OAuth 2 or OpenID Connect provider, with a discovery document or without."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from inspect import isawaitable
from typing import Any

from authward.oauth.discovery import Endpoints, discover, given_endpoints
from authward.oauth.errors import ProviderError
from authward.oauth.exchange import code_challenge, request_tokens, to_profile
from authward.oauth.generic_config import GenericOAuthConfig, TokenRequest
from authward.oauth.http_client import basic_credentials, read_json, send
from authward.oauth.id_token import unverified_claims
from authward.oauth.provider import (
    AccountInfo,
    AuthorizationRequest,
    Profile,
    SocialProvider,
    Tokens,
    to_bool,
    with_parameters,
)
from authward.timestamps import now

_ASK_AGAIN_AFTER = 5.0


class GenericOAuth(SocialProvider):
    """The provider that a `GenericOAuthConfig` describes."""

    def __init__(self, config: GenericOAuthConfig) -> None:
        super().__init__(
            client_id=config.client_id,
            client_secret=config.client_secret,
            scope=config.scopes,
            disable_sign_up=config.disable_sign_up,
            disable_implicit_sign_up=config.disable_implicit_sign_up,
            override_user_info_on_sign_in=config.override_user_info,
            prompt=config.prompt,
            redirect_uri=config.redirect_uri,
        )
        self.config = config
        self._endpoints = None if config.discovery_url else given_endpoints(config)
        self._ask_not_before = 0.0
        self._lock = asyncio.Lock()

    @property
    def id(self) -> str:
        return self.config.provider_id

    @property
    def issuer(self) -> str | None:
        return self._known.issuer

    @property
    def requires_nonce(self) -> bool:
        return self.supports_id_tokens and not self.config.disable_id_token_nonce_binding

    @property
    def supports_id_tokens(self) -> bool:
        return self._known.verifier is not None

    async def is_ready(self) -> bool:
        """Whether its endpoints are known; the document is asked for at most every five seconds."""
        async with self._lock:
            if self._endpoints is None and time.monotonic() >= self._ask_not_before:
                try:
                    self._endpoints = await discover(self.config)
                except ProviderError as error:
                    self._ask_not_before = time.monotonic() + _ASK_AGAIN_AFTER
                    error.log(self.id, "cannot discover")
        return self._endpoints is not None

    def authorization_url(self, request: AuthorizationRequest) -> str:
        config, known = self.config, self._known
        scopes = [*request.scopes, *config.scopes]
        if known.is_oidc and "openid" not in scopes:
            scopes.insert(0, "openid")
        additional = {**config.authorization_url_params, **request.additional}
        parameters = {
            "response_type": config.response_type or "code",
            "client_id": config.client_id,
            "state": request.state,
            "scope": " ".join(scopes),
            "redirect_uri": self.redirect_uri or request.redirect_uri,
            "login_hint": request.login_hint,
            "nonce": request.nonce,
            "prompt": self.prompt,
            "access_type": config.access_type,
            "response_mode": config.response_mode,
            **(code_challenge(request.code_verifier) if config.pkce else {}),
        }
        return with_parameters(known.authorization, parameters, additional)

    async def exchange_code(
        self, code: str, *, code_verifier: str, redirect_uri: str, device_id: str | None = None
    ) -> Tokens:
        del device_id
        config, redirect_uri = self.config, self.redirect_uri or redirect_uri
        if config.get_token is not None:
            asked = TokenRequest(code=code, code_verifier=code_verifier, redirect_uri=redirect_uri)
            return self._with_expiry(await config.get_token(asked))
        if self._known.token is None:
            raise ProviderError("no token endpoint")
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        form |= {"code_verifier": code_verifier} if config.pkce else {}
        return await self._tokens(self._known.token, {**config.token_url_params, **form})

    @property
    def refresh_endpoint(self) -> str | None:
        return self._known.token

    async def refresh(self, refresh_token: str) -> Tokens:
        if self._known.token is None:
            return await super().refresh(refresh_token)
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return await self._tokens(self._known.token, form)

    async def profile(self, tokens: Tokens, *, nonce: str | None) -> Profile:
        claims = None
        if tokens.id_token and self._known.verifier is not None:
            claims = await self._known.verifier.verify_token_response(tokens, nonce=nonce)
        elif self.config.require_id_token_verification:
            raise ProviderError("no ID token")
        found = await self._read(tokens, claims)
        if found is None:
            raise ProviderError("no user")
        return found

    async def account_info(self, tokens: Tokens) -> AccountInfo:
        claims = None
        if tokens.id_token and self._known.verifier is not None:
            claims = await self._known.verifier.verify(tokens.id_token, nonce=None)
        found = await self._info(tokens, claims)
        if found is None:
            raise ProviderError("no user")
        return AccountInfo.of(*found)

    async def profile_from_id_token(self, sent: Tokens, *, nonce: str | None) -> Profile | None:
        if self._known.verifier is None:
            raise ProviderError("ID tokens are not supported")
        claims = await self._known.verifier.verify_sent(sent, nonce=nonce)
        return await self._read(Tokens(id_token=sent.id_token), claims)

    @property
    def _known(self) -> Endpoints:
        if self._endpoints is None:
            raise ProviderError("not discovered")
        return self._endpoints

    async def _tokens(self, endpoint: str, form: Mapping[str, str]) -> Tokens:
        """Ask with client id and secret in a header, or in the form."""
        config, headers = self.config, dict(self.config.authorization_headers)
        if self._known.authenticates_by_header:
            headers |= basic_credentials(config.client_id, config.client_secret)
        else:
            secret = {"client_secret": self.client_secret} if self.client_secret else {}
            form = {**form, "client_id": config.client_id, **secret}
        return self._with_expiry(await request_tokens(endpoint, form, headers))

    def _with_expiry(self, tokens: Tokens) -> Tokens:
        seconds = self.config.access_token_expires_in
        if tokens.access_token_expires_at is not None or seconds is None:
            return tokens
        return replace(tokens, access_token_expires_at=now() + timedelta(seconds=seconds))

    async def _read(self, tokens: Tokens, claims: Mapping[str, Any] | None) -> Profile | None:
        found = await self._info(tokens, claims)
        if found is None:
            return None
        user, raw = found
        return to_profile(self._subject(tokens, raw, claims), user, raw)

    async def _info(
        self, tokens: Tokens, claims: Mapping[str, Any] | None
    ) -> tuple[dict[str, Any], Mapping[str, Any]] | None:
        """Return the user's fields and the profile; None for nobody.

        Another subject's would be a substituted access token (OpenID Connect Core 5.3.2)."""
        config = self.config
        own = config.get_user_info
        raw = await (own(tokens) if own else self._user_info(tokens, claims))
        if raw is None:
            return None
        must_match = own is None or raw.get("sub") is not None
        if claims is not None and must_match and str(raw.get("sub")) != claims["sub"]:
            return None
        user = {name: raw.get(name) for name in ("email", "emailVerified", "image", "name")}
        if config.map_profile_to_user is not None:
            mapped = config.map_profile_to_user(dict(raw))
            user |= await mapped if isawaitable(mapped) else mapped
        return user, raw

    async def _user_info(
        self, tokens: Tokens, claims: Mapping[str, Any] | None
    ) -> Mapping[str, Any] | None:
        told = claims or (unverified_claims(tokens.id_token) if tokens.id_token else None)
        if told and told.get("sub") and told.get("email"):
            return {"id": told["sub"], **_described(told), **told}
        if self._known.user_info is None or not tokens.access_token:
            return None
        info = read_json(await send("GET", self._known.user_info, access_token=tokens.access_token))
        if not isinstance(info, dict):
            return None
        named = {name: info[name] for name in ("email", "name") if info.get(name) is not None}
        return {**info, **_described(info), **named}

    def _subject(
        self, tokens: Tokens, raw: Mapping[str, Any], claims: Mapping[str, Any] | None
    ) -> Any:
        if self.config.account_subject is not None:
            return self.config.account_subject(tokens, raw)
        if not self._known.is_oidc:
            return raw.get("id")
        return raw.get("sub") if claims is None else claims["sub"]


def _described(claims: Mapping[str, Any]) -> dict[str, Any]:
    """What users' fields have under other names than the standard claims of OpenID Connect."""
    verified, picture = to_bool(claims.get("email_verified")), claims.get("picture")
    return {"emailVerified": verified, **({} if picture is None else {"image": picture})}
