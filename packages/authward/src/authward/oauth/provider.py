"""`SocialProvider`: the base class of providers, with their requests and responses."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self

from ada_url import URLSearchParams

from authward.oauth.errors import ProviderError
from authward.oauth.query import append_query
from authward.text import storable_text, to_well_formed
from authward.timestamps import now

RESERVED_PARAMETERS = (
    "state",
    "client_id",
    "redirect_uri",
    "response_type",
    "code_challenge",
    "code_challenge_method",
    "nonce",
    "scope",
)
_TEN_YEARS = 315_360_000


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """The parameters of one authorization request (RFC 6749, section 4.1.1)."""

    state: str
    code_verifier: str = field(repr=False)
    redirect_uri: str
    nonce: str | None = None
    scopes: Sequence[str] = ()
    login_hint: str | None = None
    additional: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tokens:
    """The response of the token endpoint; times are in UTC. `scopes` is None where unknown."""

    access_token: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    id_token: str | None = field(default=None, repr=False)
    access_token_expires_at: datetime | None = None
    refresh_token_expires_at: datetime | None = None
    scopes: tuple[str, ...] | None = None
    user: Any = field(default=None, repr=False)
    """What the provider sent of the user beside the code, as Apple does; it is not signed."""
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The whole response."""

    @classmethod
    def from_response(cls, data: Mapping[str, Any]) -> Self:
        """Parse the response of a token endpoint.

        Raises:
            ValueError: it has no access token.
        """
        access_token = storable_text(data.get("access_token"))
        if access_token is None:
            raise ValueError("no access token")
        return cls(
            access_token=access_token,
            refresh_token=storable_text(data.get("refresh_token")),
            id_token=storable_text(data.get("id_token")),
            access_token_expires_at=_expires_at(data.get("expires_in")),
            refresh_token_expires_at=_expires_at(data.get("refresh_token_expires_in")),
            scopes=_scopes(data.get("scope")),
            raw=data,
        )


@dataclass(frozen=True, slots=True)
class Profile:
    """The user's profile at the provider; only `account_id` never changes."""

    account_id: str
    email: str | None
    email_verified: bool
    name: str
    image: str | None
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Of the fields that the application has added to users, those that are mapped."""
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The provider's own profile, as it came."""


@dataclass(frozen=True, slots=True)
class AccountInfo:
    """What `/account-info` tells: the user as we read it, and the provider's own `data`."""

    user: dict[str, Any]
    data: dict[str, Any]

    @classmethod
    def of(cls, user: Mapping[str, Any], data: Mapping[str, Any]) -> Self:
        """Leave out of the user what is not known."""
        return cls({name: value for name, value in user.items() if value is not None}, dict(data))


@dataclass(kw_only=True)
class SocialProvider(ABC):
    """A provider, configured with Better Auth's options.

    Args:
        client_id: as registered with the provider; of several, which all may be the audience of
            ID tokens, the first one is that of the authorization requests.
        client_secret: as registered with the provider.
        scope: scopes beside the default ones.
        disable_default_scope: request only `scope`.
        disable_sign_up: only existing users may sign in.
        disable_implicit_sign_up: the same, unless the client sends `requestSignUp`.
        disable_id_token_sign_in: refuse ID tokens that the client got itself.
        override_user_info_on_sign_in: name, image and e-mail follow the provider's.
        prompt: OpenID Connect's parameter of this name.
        redirect_uri: the callback URL, if it is not the server's own.
    """

    client_id: str | tuple[str, ...]
    client_secret: str = field(repr=False)
    scope: tuple[str, ...] = ()
    disable_default_scope: bool = False
    disable_sign_up: bool = False
    disable_implicit_sign_up: bool = False
    disable_id_token_sign_in: bool = False
    override_user_info_on_sign_in: bool = False
    prompt: str | None = None
    redirect_uri: str | None = None

    def __post_init__(self) -> None:
        from authward.oauth.http_client import get_ready  # noqa: PLC0415

        get_ready()  # TLS is loaded at start, not during the first request

    @property
    @abstractmethod
    def id(self) -> str:
        """The provider's name in paths, requests and the `account` table."""

    @property
    def client_ids(self) -> tuple[str, ...]:
        """All client ids."""
        return (self.client_id,) if isinstance(self.client_id, str) else tuple(self.client_id)

    @property
    def issuer(self) -> str | None:
        """The `iss` parameter of its authorization responses (RFC 9207), None if it sends none."""
        return None

    @property
    def requires_nonce(self) -> bool:
        """Whether ID tokens must have the nonce of the authorization request."""
        return False

    @property
    def supports_id_tokens(self) -> bool:
        """Whether a client may sign in with an ID token that it obtained itself."""
        return False

    def allows_sign_up(self, *, requested: bool) -> bool:
        """Whether a new person becomes a user; `requested`: the client sent `requestSignUp`."""
        return not self.disable_sign_up and (requested or not self.disable_implicit_sign_up)

    async def is_ready(self) -> bool:
        """Whether its endpoints are known; may fetch the discovery document."""
        return True

    @abstractmethod
    def authorization_url(self, request: AuthorizationRequest) -> str:
        """Return the authorization URL."""

    @abstractmethod
    async def exchange_code(
        self, code: str, *, code_verifier: str, redirect_uri: str, device_id: str | None = None
    ) -> Tokens:
        """Exchange a code for tokens; `device_id` came with the code, from VK.

        Raises:
            ProviderError: the token endpoint returned none.
        """

    @abstractmethod
    async def profile(self, tokens: Tokens, *, nonce: str | None) -> Profile:
        """Return the profile of the user who signed in.

        Raises:
            ProviderError: there is none, or it is not valid.
        """

    async def account_info(self, tokens: Tokens) -> AccountInfo:
        """Return what the provider says of the owner of tokens out of our own table.

        Raises:
            ProviderError: it says nothing, or the tokens are not valid any more.
        """
        del tokens
        raise ProviderError("there is no user information")

    @property
    def refresh_endpoint(self) -> str | None:
        """Where a refresh token is exchanged; None for a provider without them."""
        return None

    async def refresh(self, refresh_token: str) -> Tokens:
        """Exchange a refresh token for an access token (RFC 6749, section 6).

        Raises:
            ProviderError: the token endpoint returned none.
        """
        del refresh_token
        raise ProviderError("tokens cannot be refreshed")

    async def profile_from_id_token(self, sent: Tokens, *, nonce: str | None) -> Profile | None:
        """Verify the ID token that a client sent; None if it is valid but has no profile.

        Raises:
            ProviderError: it is not valid.
        """
        del sent, nonce
        raise ProviderError("ID tokens are not supported")


def with_parameters(
    endpoint: str, parameters: Mapping[str, str | None], additional: Mapping[str, str]
) -> str:
    """Return the endpoint with parameters; the additional ones replace no reserved one."""
    search = URLSearchParams("")
    for name, value in parameters.items():
        if value:
            search.set(name, to_well_formed(value))
    for name, value in additional.items():
        if name not in RESERVED_PARAMETERS:
            search.set(to_well_formed(name), to_well_formed(value))
    return append_query(endpoint, search, replacing=True)


def to_bool(value: Any) -> bool:
    """Return whether the claim is true; some providers send a string."""
    return value is True or value == "true"


def _expires_at(seconds: Any) -> datetime | None:
    try:
        wanted = float(seconds)
    except (TypeError, ValueError):
        return None
    return now() + timedelta(seconds=wanted) if 0 < wanted < _TEN_YEARS else None


def _scopes(value: Any) -> tuple[str, ...]:
    parts = value.split() if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(part for part in map(storable_text, parts) if part)
