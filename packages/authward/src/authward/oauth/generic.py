"""Any OAuth 2 or OpenID Connect provider, with a discovery document or without."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from inspect import isawaitable
from typing import Any, Literal, TypeAlias

from ada_url import URL

from authward.errors import ConfigurationError
from authward.oauth.errors import ProviderError
from authward.oauth.http_client import basic_credentials, read_json, send
from authward.oauth.id_token import IdTokenVerifier, unverified_claims
from authward.oauth.known_provider import MapProfile, to_profile, to_tokens
from authward.oauth.provider import AuthorizationRequest, Profile, SocialProvider, Tokens, to_bool
from authward.text import storable_text
from authward.timestamps import now

_ASK_AGAIN_AFTER = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """What an own `get_token` is given: the code, its verifier, and the callback URL."""

    code: str
    code_verifier: str = field(repr=False)
    redirect_uri: str


GetToken: TypeAlias = Callable[[TokenRequest], Awaitable[Tokens]]
GetProfile: TypeAlias = Callable[[Tokens], Awaitable[Mapping[str, Any] | None]]
AccountSubject: TypeAlias = Callable[[Tokens, Mapping[str, Any]], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class GenericOAuthConfig:
    """One provider of the plugin `generic_oauth`, with the original's options.

    Args:
        provider_id: its name in paths, requests and the `account` table.
        client_id, client_secret: as registered with it; a public client has no secret.
        discovery_url: where its discovery document is; URLs given here take precedence over it.
        discovery_headers: of the request for the document.
        authorization_url, token_url, user_info_url: its endpoints.
        scopes: those that are requested.
        redirect_uri: the callback URL, if it is not the server's own.
        pkce: whether codes are bound to a verifier (RFC 7636).
        prompt, access_type, response_type, response_mode: parameters of the authorization request.
        authorization_url_params, token_url_params: more parameters of both requests.
        authorization_headers: more headers of the token request.
        authentication: whether client id and secret are in the form or in a header.
        get_token: exchanges the code in the place of the token endpoint.
        get_user_info: returns the profile in the place of the user-info endpoint.
        map_profile_to_user: returns fields of the user, in the API's spelling, for a profile.
        account_subject: returns the account's id; otherwise it is `sub` at providers that sign ID
            tokens, and `id` at others.
        disable_sign_up, disable_implicit_sign_up: as for every provider.
        override_user_info: name, image and e-mail follow the provider's at each sign-in.
        require_id_token_verification: do without the provider while it has no keys.
        disable_id_token_nonce_binding: ID tokens need no nonce.
        access_token_expires_in: in seconds, where the provider does not tell.
    """

    provider_id: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    discovery_url: str | None = None
    discovery_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    authorization_url: str | None = None
    token_url: str | None = None
    user_info_url: str | None = None
    scopes: tuple[str, ...] = ()
    redirect_uri: str | None = None
    pkce: bool = True
    prompt: str | None = None
    access_type: str | None = None
    response_type: str | None = None
    response_mode: Literal["query", "form_post"] | None = None
    authorization_url_params: Mapping[str, str] = field(default_factory=dict)
    token_url_params: Mapping[str, str] = field(default_factory=dict)
    authorization_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    authentication: Literal["basic", "post"] | None = None
    get_token: GetToken | None = None
    get_user_info: GetProfile | None = None
    map_profile_to_user: MapProfile | None = None
    account_subject: AccountSubject | None = None
    disable_sign_up: bool = False
    disable_implicit_sign_up: bool = False
    override_user_info: bool = False
    require_id_token_verification: bool = False
    disable_id_token_nonce_binding: bool = False
    access_token_expires_in: int | None = None

    def __post_init__(self) -> None:
        """Refuse what could not work.

        Raises:
            ConfigurationError: an option is missing, or contradicts another.
        """
        name = f"generic_oauth: {self.provider_id}"
        if not self.provider_id or not self.client_id:
            raise ConfigurationError("generic_oauth: provider_id and client_id are needed")
        if self.authentication == "basic" and not self.client_secret:
            raise ConfigurationError(f"{name}: authentication 'basic' needs client_secret")
        if self.require_id_token_verification and not self.discovery_url:
            raise ConfigurationError(f"{name}: require_id_token_verification needs discovery_url")
        if not self.discovery_url and not self.authorization_url:
            raise ConfigurationError(f"{name}: discovery_url or authorization_url is needed")
        if not (self.discovery_url or self.token_url or self.get_token):
            raise ConfigurationError(f"{name}: discovery_url, token_url or get_token is needed")


@dataclass(frozen=True, slots=True)
class _Endpoints:
    authorization: str
    token: str | None
    user_info: str | None
    issuer: str | None = None
    is_oidc: bool = False
    verifier: IdTokenVerifier | None = None


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
        self._endpoints = None if config.discovery_url else _given(config)
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
                    self._endpoints = await _discover(self.config)
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
        return self._authorization_url(
            known.authorization,
            replace(request, additional=additional),
            scopes,
            pkce=config.pkce,
            access_type=config.access_type,
            response_mode=config.response_mode,
            **({"response_type": config.response_type} if config.response_type else {}),
        )

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
        basic = config.authentication == "basic"
        fields = {} if basic else self._posted()
        headers = basic_credentials(config.client_id, config.client_secret) if basic else {}
        data = {**config.token_url_params, **form, **fields}
        headers = {**config.authorization_headers, **headers}
        answer = await send("POST", self._known.token, data=data, headers=headers)
        return self._with_expiry(to_tokens(read_json(answer)))

    async def profile(self, tokens: Tokens, *, nonce: str | None) -> Profile:
        claims = None
        if tokens.id_token and self._known.verifier is not None:
            claims = await self._known.verifier.verify_token_response(tokens, nonce=nonce)
        found = await self._read(tokens, claims)
        if found is None:
            raise ProviderError("no user")
        return found

    async def profile_from_id_token(self, sent: Tokens, *, nonce: str | None) -> Profile | None:
        if self._known.verifier is None:
            raise ProviderError("ID tokens are not supported")
        claims = await self._known.verifier.verify_sent(sent, nonce=nonce)
        return await self._read(Tokens(id_token=sent.id_token), claims)

    @property
    def _known(self) -> _Endpoints:
        if self._endpoints is None:
            raise ProviderError("not discovered")
        return self._endpoints

    def _posted(self) -> dict[str, str]:
        secret = {"client_secret": self.client_secret} if self.client_secret else {}
        return {"client_id": self.client_ids[0], **secret}

    def _with_expiry(self, tokens: Tokens) -> Tokens:
        seconds = self.config.access_token_expires_in
        if tokens.access_token_expires_at is not None or seconds is None:
            return tokens
        return replace(tokens, access_token_expires_at=now() + timedelta(seconds=seconds))

    async def _read(self, tokens: Tokens, claims: Mapping[str, Any] | None) -> Profile | None:
        """Another subject's would be a substituted access token (OpenID Connect Core 5.3.2)."""
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
        return to_profile(self._subject(tokens, raw, claims), user)

    async def _user_info(
        self, tokens: Tokens, claims: Mapping[str, Any] | None
    ) -> Mapping[str, Any] | None:
        told = claims or (unverified_claims(tokens.id_token) if tokens.id_token else None)
        if told and told.get("sub") and told.get("email"):
            return {"id": told["sub"], **_standard(told)}
        if self._known.user_info is None or not tokens.access_token:
            return None
        info = read_json(await send("GET", self._known.user_info, access_token=tokens.access_token))
        return _standard(info) if isinstance(info, dict) else None

    def _subject(
        self, tokens: Tokens, raw: Mapping[str, Any], claims: Mapping[str, Any] | None
    ) -> Any:
        if self.config.account_subject is not None:
            return self.config.account_subject(tokens, raw)
        if not self._known.is_oidc:
            return raw.get("id")
        return raw.get("sub") if claims is None else claims["sub"]


def _standard(claims: Mapping[str, Any]) -> dict[str, Any]:
    """The standard claims of OpenID Connect under the names that users' fields have."""
    verified = to_bool(claims.get("email_verified"))
    return {**claims, "emailVerified": verified, "image": claims.get("picture")}


def _given(config: GenericOAuthConfig) -> _Endpoints:
    return _Endpoints(config.authorization_url or "", config.token_url, config.user_info_url)


async def _discover(config: GenericOAuthConfig) -> _Endpoints:
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
    return _Endpoints(
        authorization=authorization,
        token=token,
        user_info=config.user_info_url or _url(document, "userinfo_endpoint", url),
        issuer=storable_text(document.get("issuer")),
        is_oidc=bool(_algorithms(document)),
        verifier=verifier,
    )


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
    listed = document.get("id_token_signing_alg_values_supported")
    return [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []


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
