"""What is said of one provider of the plugin `generic_oauth`."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from authward.errors import ConfigurationError
from authward.oauth.known_provider import MapProfile
from authward.oauth.provider import Tokens


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
        require_id_token_verification: do without the provider while it has no keys, and without
            whoever comes with no ID token.
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
